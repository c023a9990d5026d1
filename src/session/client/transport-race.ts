import type { ClientHost, TransportMemory } from "../client-host-port.js";
import type { Dialing, DialListener, Transport, TransportDialer, TransportName } from "../transport-port.js";

/** A transport that has not proved itself after so long gets company, in ms. */
const NEXT_AFTER_MS = 1_500;
/** How long it is remembered which transport worked, in ms: a network that blocks WebSockets blocks them tomorrow, too. */
const REMEMBER_MS = 600_000;
/** After so long a better transport is tried, in ms; twice as long each time, up to the second. */
const PROBE_AFTER_MS = 15_000;
const MAX_PROBE_AFTER_MS = 300_000;
/** One that carried the session for less than this, in ms, did not get through, whatever it seemed to be. */
const STABLE_AFTER_MS = 5_000;
/** After so many such times in a row the others are tried first: there are networks that let WebSockets begin, and no more. */
const MAX_SHORT_LIVES = 3;

/** One that was dialled, until it won or failed. */
interface Entrant {
  readonly dialer: TransportDialer;
  dialing: Dialing | undefined;
  transport: Transport | undefined;
}

/**
 * Chooses the transport of a session. The best one is dialled first; while it has not proved itself within some time, or when it
 * fails, the next is dialled beside it, and the first healthy one wins. What worked is remembered, and begins next
 * time. While a session lives on a lesser transport, a better one is tried now and then.
 */
export class TransportRace implements TransportDialer {
  readonly name: TransportName;
  /** The best first. */
  readonly #dialers: readonly TransportDialer[];
  readonly #host: ClientHost;
  readonly #memory: TransportMemory;
  /** Who is told what was opened, and for which session it is. */
  #listener!: DialListener;
  #sessionId!: string;
  #order: TransportDialer[] = [];
  #entrants: Entrant[] = [];
  #timer: unknown;
  /** What carries the session, or did last. */
  #carrying: TransportName | undefined;
  /** Since when it does; NaN while nothing does. */
  #wonAtMs = Number.NaN;
  /** What it was moved from, unless it has lived for long enough. */
  #movedFrom: TransportName | undefined;
  #shortLives = 0;
  /** What lived too short is tried last, until something lives again. */
  #avoided: TransportName | undefined;
  #probeAfterMs = PROBE_AFTER_MS;
  #isProbing = false;
  /** What to say if all of them fail: what each of them says, if it is not the same; of codes the highest. */
  #failure!: { code: number; readonly reasons: Set<string>; notBeforeMs: number };

  /** @param dialers the best first; at least one. */
  constructor(dialers: readonly TransportDialer[], host: ClientHost, memory: TransportMemory) {
    this.name = dialers[0]!.name;
    this.#dialers = dialers;
    this.#host = host;
    this.#memory = memory;
  }

  /** Looks for a transport. */
  dial(listener: DialListener, sessionId: string): Dialing {
    this.#stop();
    this.#listener = listener;
    this.#sessionId = sessionId;
    const first = this.#movedFrom ?? this.#remembered();
    const rank = (name: TransportName): number => (name === this.#avoided ? 1 : name === first ? -1 : 0);
    this.#order = [...this.#dialers].sort((a, b) => rank(a.name) - rank(b.name));
    this.#failure = { code: 0, reasons: new Set(), notBeforeMs: 0 };
    this.#dialNext();
    return { abort: () => this.#gone() };
  }

  /** Gives up what it is doing. */
  #stop(): void {
    this.#host.clearTimer(this.#timer);
    const entrants = this.#entrants;
    this.#entrants = [];
    this.#order = [];
    this.#isProbing = false;
    for (const { dialing } of entrants) dialing?.abort();
  }

  /** This one carries the session: the race is over, until a better one is worth a try. */
  won(name: TransportName): void {
    this.#stop();
    // Where there was no choice, nothing was learned.
    if (this.#dialers.length > 1) this.#memory.remember(`${name} ${this.#dateMs()}`);
    this.#movedFrom = this.#wonAtMs >= 0 ? this.#carrying : undefined;
    this.#avoided = undefined;
    this.#carrying = name;
    this.#wonAtMs = this.#host.nowMs();
    this.#probeLater();
  }

  /** One that needs no answer, if there is one. */
  farewell(sessionId: string): Transport | undefined {
    return this.#dialers.find(({ farewell }) => farewell)?.farewell?.(sessionId);
  }

  /** The network is another one while the session lives: what did not work before may work now. */
  networkChanged(): void {
    this.#probeAfterMs = PROBE_AFTER_MS;
    if (!this.#isProbing) this.#probe();
  }

  /** A transport is gone that did not carry the session. */
  lost(transport: Transport, code: number, reason: string, notBeforeMs: number): void {
    const entrant = this.#entrants.find((one) => one.transport === transport);
    if (entrant !== undefined) this.#fail(entrant, code, reason, notBeforeMs);
  }

  /** What carried the session is gone, or what was dialled is given up. */
  #gone(): void {
    this.#stop();
    const livedMs = this.#host.nowMs() - this.#wonAtMs;
    this.#wonAtMs = Number.NaN;
    if (livedMs >= STABLE_AFTER_MS) {
      this.#shortLives = 0;
      this.#movedFrom = undefined;
      this.#probeAfterMs = PROBE_AFTER_MS;
    } else if (livedMs >= 0 && (this.#movedFrom !== undefined || ++this.#shortLives >= MAX_SHORT_LIVES)) {
      // Once is enough where another one worked; else it may have been chance.
      this.#shortLives = 0;
      this.#avoided = this.#carrying;
    }
  }

  #probe(): void {
    this.#stop();
    this.#order = this.#better();
    this.#isProbing = this.#order.length > 0;
    if (this.#isProbing) this.#dialNext();
  }

  #probeLater(): void {
    if (this.#better().length === 0) return;
    this.#timer = this.#host.setTimer(() => this.#probe(), this.#probeAfterMs);
    this.#probeAfterMs = Math.min(2 * this.#probeAfterMs, MAX_PROBE_AFTER_MS);
  }

  /** The transports that would be better than the one that carries the session. */
  #better(): TransportDialer[] {
    const place = this.#dialers.findIndex(({ name }) => name === this.#carrying);
    return this.#dialers.slice(0, Math.max(0, place));
  }

  #dialNext(): void {
    this.#host.clearTimer(this.#timer);
    const dialer = this.#order.shift();
    if (dialer === undefined) {
      if (this.#entrants.length === 0) this.#end();
      return;
    }
    const entrant: Entrant = { dialer, dialing: undefined, transport: undefined };
    this.#entrants.push(entrant);
    const listener: DialListener = {
      opened: (transport) => this.#opened(entrant, transport),
      failed: (code, reason, notBeforeMs) => this.#fail(entrant, code, reason, notBeforeMs),
    };
    entrant.dialing = dialer.dial(listener, this.#sessionId);
    if (this.#order.length > 0) this.#timer = this.#host.setTimer(() => this.#dialNext(), NEXT_AFTER_MS);
  }

  #opened(entrant: Entrant, transport: Transport): void {
    const isFirst = !this.#isProbing && this.#entrants.every((one) => one.transport === undefined);
    entrant.transport = transport;
    this.#listener.opened(transport, !isFirst);
  }

  #fail(entrant: Entrant, code: number, reason: string, notBeforeMs: number): void {
    const index = this.#entrants.indexOf(entrant);
    if (index < 0) return;
    this.#entrants.splice(index, 1);
    // Whoever asks to stay away is at the end of the other ways, too.
    if (notBeforeMs > 0) this.#order = [];
    const failure = this.#failure;
    failure.code = Math.max(code, failure.code);
    if (reason !== "") failure.reasons.add(reason);
    failure.notBeforeMs = Math.max(notBeforeMs, failure.notBeforeMs);
    this.#dialNext();
  }

  #end(): void {
    if (this.#isProbing) {
      this.#isProbing = false;
      this.#probeLater(); // none is better just now: the one that carries the session does on
    } else {
      const { code, reasons, notBeforeMs } = this.#failure;
      this.#listener.failed(code, [...reasons].join("; "), notBeforeMs);
    }
  }

  #remembered(): string | undefined {
    const [name, atMs] = this.#memory.recall()?.split(" ") ?? [];
    const ageMs = this.#dateMs() - Number(atMs);
    return ageMs >= 0 && ageMs < REMEMBER_MS ? name : undefined;
  }

  #dateMs(): number {
    return Math.round(this.#host.dateMs(this.#host.nowMs()));
  }
}
