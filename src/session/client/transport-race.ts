import type { ClientHost, TransportMemory } from "../client-host-port.js";
import type {
  DialFailed,
  Transport,
  TransportDialer,
  TransportName,
  TransportOpened,
} from "../transport-port.js";

/**
 * A transport that has not proved itself after so long gets company, in ms. Where one had, twice as long each time: a server to which all
 * of its clients come back at once is slow, and must not have each of them come over every way.
 */
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
  giveUp: (() => void) | undefined;
  transport: Transport | undefined;
}

/**
 * Chooses the transport of a session. The best one is dialled first; while it has not proved itself within some time, or when it
 * fails, the next is dialled beside it, and the first healthy one wins. What worked is remembered, and begins next
 * time. While a session lives on a lesser transport, a better one is tried now and then.
 * @param dialers the best first; at least one.
 */
export function transportRace(
  dialers: readonly TransportDialer[],
  host: ClientHost,
  memory: TransportMemory,
): TransportDialer {
  /** Who is told what was opened, and for which session it is. */
  let tellOpened: TransportOpened;
  let tellFailed: DialFailed;
  let sessionId: string;
  let order: TransportDialer[] = [];
  let entrants: Entrant[] = [];
  let timer: unknown;
  let nextAfterMs: number;
  /** What carries the session, or did last. */
  let carrying: TransportName | undefined;
  /** Since when it does; NaN while nothing does. */
  let wonAtMs = Number.NaN;
  /** What it was moved from, unless it has lived for long enough. */
  let movedFrom: TransportName | undefined;
  let shortLives = 0;
  /** What lived too short is tried last, until something lives again. */
  let avoided: TransportName | undefined;
  let probeAfterMs = PROBE_AFTER_MS;
  let isProbing = false;
  /** What to say if all of them fail: what each of them says, if it is not the same; of codes the highest. */
  let failure: { code: number; readonly reasons: Set<string>; notBeforeMs: number };

  /** Looks for a transport. */
  const dial = (opened: TransportOpened, failed: DialFailed, id: string): (() => void) => {
    stop();
    tellOpened = opened;
    tellFailed = failed;
    sessionId = id;
    const first = movedFrom ?? remembered();
    const rank = (name: TransportName): number => (name === avoided ? 1 : name === first ? -1 : 0);
    order = [...dialers].sort((a, b) => rank(a.name) - rank(b.name));
    failure = { code: 0, reasons: new Set(), notBeforeMs: 0 };
    dialNext();
    return gone;
  };

  /** Gives up what it is doing. */
  const stop = (): void => {
    host.clearTimer(timer);
    const given = entrants;
    entrants = [];
    order = [];
    isProbing = false;
    nextAfterMs = NEXT_AFTER_MS;
    for (const { giveUp } of given) giveUp?.();
  };

  /** This one carries the session: the race is over, until a better one is worth a try. */
  const won = (name: TransportName): void => {
    stop();
    // Where there was no choice, nothing was learned.
    if (dialers.length > 1) memory.remember(`${name} ${host.dateMs()}`);
    movedFrom = wonAtMs >= 0 ? carrying : undefined;
    avoided = undefined;
    carrying = name;
    wonAtMs = host.nowMs();
    probeLater();
  };

  /** One that needs no answer, if there is one. */
  const farewell = (id: string): Transport | undefined =>
    dialers.find((dialer) => dialer.farewell)?.farewell?.(id);

  /** The network is another one while the session lives: what did not work before may work now. */
  const networkChanged = (): void => {
    probeAfterMs = PROBE_AFTER_MS;
    if (!isProbing) probe();
  };

  /** A transport is gone that did not carry the session. */
  const lost = (transport: Transport, code: number, reason: string, notBeforeMs: number): void => {
    const entrant = entrants.find((one) => one.transport === transport);
    if (entrant) fail(entrant, code, reason, notBeforeMs);
  };

  /** What carried the session is gone, or what was dialled is given up. */
  const gone = (): void => {
    stop();
    const livedMs = host.nowMs() - wonAtMs;
    wonAtMs = Number.NaN;
    if (livedMs >= STABLE_AFTER_MS) {
      shortLives = 0;
      movedFrom = undefined;
      probeAfterMs = PROBE_AFTER_MS;
    } else if (livedMs >= 0 && (movedFrom !== undefined || ++shortLives >= MAX_SHORT_LIVES)) {
      // Once is enough where another one worked; else it may have been chance.
      shortLives = 0;
      avoided = carrying;
    }
  };

  const probe = (): void => {
    stop();
    order = better();
    isProbing = order.length > 0;
    if (isProbing) dialNext();
  };

  const probeLater = (): void => {
    if (better().length === 0) return;
    timer = host.setTimer(probe, probeAfterMs);
    probeAfterMs = Math.min(2 * probeAfterMs, MAX_PROBE_AFTER_MS);
  };

  /** The transports that would be better than the one that carries the session. */
  const better = (): TransportDialer[] => {
    const place = dialers.findIndex(({ name }) => name === carrying);
    return dialers.slice(0, Math.max(0, place));
  };

  const dialNext = (): void => {
    host.clearTimer(timer);
    const dialer = order.shift();
    if (!dialer) {
      if (entrants.length === 0) end();
      return;
    }
    const entrant: Entrant = { dialer, giveUp: undefined, transport: undefined };
    entrants.push(entrant);
    entrant.giveUp = dialer.dial(
      (transport) => {
        const isFirst = !isProbing && entrants.every((one) => !one.transport);
        entrant.transport = transport;
        tellOpened(transport, !isFirst);
      },
      (...why) => fail(entrant, ...why),
      sessionId,
    );
    if (order.length > 0) timer = host.setTimer(dialNext, nextAfterMs);
    if (carrying) nextAfterMs *= 2;
  };

  const fail = (entrant: Entrant, code: number, reason: string, notBeforeMs: number): void => {
    const index = entrants.indexOf(entrant);
    if (index < 0) return;
    entrants.splice(index, 1);
    // Whoever asks to stay away is at the end of the other ways, too.
    if (notBeforeMs > 0) order = [];
    failure.code = Math.max(code, failure.code);
    if (reason !== "") failure.reasons.add(reason);
    failure.notBeforeMs = Math.max(notBeforeMs, failure.notBeforeMs);
    nextAfterMs = NEXT_AFTER_MS;
    dialNext();
  };

  const end = (): void => {
    if (isProbing) {
      isProbing = false;
      probeLater(); // none is better just now: the one that carries the session does on
    } else {
      const { code, reasons, notBeforeMs } = failure;
      tellFailed(code, [...reasons].join("; "), notBeforeMs);
    }
  };

  const remembered = (): string | undefined => {
    const [name, atMs] = memory.recall()?.split(" ") ?? [];
    const ageMs = host.dateMs() - Number(atMs);
    return ageMs >= 0 && ageMs < REMEMBER_MS ? name : undefined;
  };

  return { name: dialers[0]!.name, dial, won, farewell, networkChanged, lost };
}
