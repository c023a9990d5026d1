import { cannotBe } from "../../core/cannot-be.js";
import { UsageError } from "../../core/hawser-error.js";
import type { ClientHost, HostChange } from "../client-host-port.js";
import { checkEnd } from "../machine/check-end.js";
import { WORKED_AFTER_MS } from "../machine/client-machine.js";
import {
  DEFAULT_RECONNECT_DELAYS,
  DEFAULT_SESSION_DEADLINES,
  DEFAULT_SESSION_LIMITS,
  type ReconnectDelays,
  type SessionDeadlines,
  type SessionLimits,
} from "../machine/session-config.js";
import type {
  ChannelOptions,
  Peer,
  PeerChannel,
  PeerReceiver,
  SendStatus,
  SessionEnd,
} from "../peer-port.js";
import type { Dialing, TransportDialer } from "../transport-port.js";
import { actionOf, CLOSED_CODE, UNAUTHORIZED_CODE } from "../wire/session-code.js";
import { ASK_FOR_CREDENTIALS_SIGNAL, CREDENTIALS_SIGNAL } from "../wire/session-signal.js";
import { type ClientPeer, clientPeer, type PeerOwner } from "./client-peer.js";
import { eachOf, listen } from "./listen.js";
import type { SessionOptions } from "./session-options.js";
import type { SessionState } from "./session-state.js";

const NO_BYTES: Uint8Array = new Uint8Array(0);
/** A function that has no credentials after so long, in ms, has failed: it is asked again. */
const CREDENTIALS_TIMEOUT_MS = 30_000;
/** What `open` has room for. */
const MAX_CREDENTIALS_BYTES = 8_192;
/** A longer piece does not fit into a block together with what stands before it. */
const MAX_PIECE_BYTES = 32_768;
const DEFAULTS: Readonly<SessionLimits & SessionDeadlines & ReconnectDelays> = {
  ...DEFAULT_SESSION_LIMITS,
  ...DEFAULT_SESSION_DEADLINES,
  ...DEFAULT_RECONNECT_DELAYS,
};

/**
 * A client's session: an ordered stream of messages in each direction, which outlives its connections. It connects by itself and
 * comes back by itself; what is sent meanwhile waits, and nothing is lost or doubled. When the server no longer has it
 * (it was restarted, or away for too long), a new one begins, and the application is told by `reset`.
 */
export class Session {
  readonly #options: SessionOptions<Session>;
  readonly #host: ClientHost;
  readonly #config: Parameters<typeof clientPeer>[0];
  readonly #dialer: TransportDialer;
  readonly #stopWatching: () => void;
  readonly #stateListeners = new Set<(state: SessionState) => void>();
  readonly #peerListeners = new Set<(peer: Peer) => void>();
  readonly #receivers = new Map<string, PeerReceiver>();
  #state: SessionState = { status: "connecting" };
  #peer!: ClientPeer;
  #dialing: Dialing | undefined;
  #credentials!: Uint8Array;
  /** How often new credentials were asked for, and which of these are known. */
  #asked = 0;
  #known = 0;
  /** Why it is not live. */
  #lostBecause!: string;
  /** How many sessions in a row came to nothing, or to little. */
  #failedSessions = 0;
  /** Since when there is a session that was live; NaN if it was not yet. */
  #liveAtMs!: number;
  /** The application has closed it: no other session follows, whatever becomes of this one. */
  #isClosing = false;
  #timer: unknown;

  /** @internal Use `connect`. */
  constructor(dialer: TransportDialer, host: ClientHost, options: SessionOptions<Session>) {
    this.#options = options;
    this.#host = host;
    this.#dialer = dialer;
    const numbers: Record<string, number> = { ...DEFAULTS };
    for (const name in numbers) {
      const value = (options as Readonly<Record<string, unknown>>)[name];
      if (value === undefined) continue;
      const most = name === "pieceBytes" ? MAX_PIECE_BYTES : Number.MAX_SAFE_INTEGER;
      if (typeof value !== "number" || !(value > 0 && value <= most))
        throw cannotBe("INVALID_OPTION", name, typeof value === "number" ? value : typeof value);
      numbers[name] = Math.ceil(value);
    }
    for (const name of ["message", "state", "reset", "error"] as const) {
      const handler = options[name];
      if (handler !== undefined && typeof handler !== "function")
        throw cannotBe("INVALID_OPTION", name, typeof handler);
    }
    this.#config = { ...(numbers as unknown as typeof DEFAULTS), host };
    this.#stopWatching = host.watch((change) => this.#hostChanged(change));
    if (options.message !== undefined) {
      this.#receivers.set("", { message: (data) => options.message!(this, data) });
    }
    this.#begin();
  }

  /** What it is doing. The same object as long as it does; see {@link subscribe}. */
  get state(): SessionState {
    return this.#state;
  }

  /** The id of the session, 32 hexadecimal digits: another one behind a reset. Not secret. */
  get id(): string {
    return this.#peer.id;
  }

  /** The smoothed round-trip time in ms; undefined before the first round trip. */
  get roundTripMs(): number | undefined {
    return this.#peer.roundTripMs;
  }

  /** How many bytes are not confirmed yet, each message counting 64 more: what would be lost if the session were. */
  get unconfirmedBytes(): number {
    return this.#peer.machine.outboxBytes();
  }

  /**
   * Sends a message: strings are text, bytes binary. Connected or not: it waits until it can go, up to `maxOutboxBytes`.
   * Bytes above 16 KiB are not copied: do not change them.
   * @throws `UsageError` `INVALID_PAYLOAD` for anything but strings and bytes.
   */
  send(data: string | Uint8Array): SendStatus {
    return this.#peer.machine.main.send(data);
  }

  /** Resolves with true when there is room for more, with false if the session ends. */
  ready(): Promise<boolean> {
    return this.#peer.machine.main.ready();
  }

  /**
   * The channel of this name, for sending: what is sent on one does not hold up the others. The options count when it is opened.
   * A channel belongs to one session: behind a reset, ask for it again.
   * @throws `UsageError` `INVALID_OPTION` for options that cannot be, and a name of more than 256 bytes.
   */
  channel(name: string, options?: ChannelOptions): PeerChannel {
    return this.#peer.channel(name, options);
  }

  /**
   * Who takes the messages of a channel, in this session and in those behind a reset; `"*"` for all others. Returns what ends that, unless
   * another one has taken them meanwhile.
   * @throws `UsageError` `INVALID_OPTION` for what has no function `message`.
   */
  receive(name: string, receiver: PeerReceiver | undefined): () => void {
    if (receiver === undefined) this.#receivers.delete(name);
    else if (typeof receiver?.message !== "function")
      throw cannotBe("INVALID_OPTION", "a receiver", "without message()");
    else this.#receivers.set(name, receiver);
    this.#peer.receive(name, receiver);
    return () => {
      if (this.#receivers.get(name) === receiver) this.receive(name, undefined);
    };
  }

  /** Calls `listener` when the state changes, for user interfaces. Returns what ends that. */
  subscribe(listener: (state: SessionState) => void): () => void {
    return listen(this.#stateListeners, listener);
  }

  /**
   * Calls `listener` with the session there is, and with each that follows a reset, before anything of it arrives: for what is
   * built on sessions. Returns what ends that.
   */
  onPeer(listener: (peer: Peer) => void): () => void {
    if (this.#peer.state !== "closed") listener(this.#peer);
    return listen(this.#peerListeners, listener);
  }

  /** Gives the server new credentials within the session: before a token expires, say. */
  async authenticate(): Promise<void> {
    const peer = this.#peer;
    if (await this.#fetchCredentials(peer)) peer.machine.signal(CREDENTIALS_SIGNAL, this.#credentials);
  }

  /**
   * Does not wait any longer, where it waits before it tries again, also if the server asked it to stay away; and where it lives on a
   * lesser transport, looks for a better one now. For whoever knows that the network has changed.
   */
  reconnect(): void {
    this.#retry(true);
  }

  /**
   * Ends the session when everything was confirmed, or after `closeTimeoutMs`. Resolves when it has ended.
   * @param code 4400 by default; see `SessionCode`. Free for applications: 4500 to 4599.
   * @param reason in a few words, for people; at most 96 bytes, what is longer is not sent.
   * @throws `UsageError` `CLOSE_CODE_NOT_ALLOWED` for a code that is not from 4400 to 4599, `INVALID_OPTION` for a reason that is no
   * text.
   */
  close(code: number = CLOSED_CODE, reason = ""): Promise<SessionEnd> {
    checkEnd(code, reason, CLOSED_CODE);
    this.#isClosing = true;
    return this.#peer.close(code, reason);
  }

  #retry(isAsked?: boolean): void {
    const { machine } = this.#peer;
    if (machine.active() !== undefined) this.#dialer.networkChanged?.();
    machine.retryNow(isAsked);
  }

  #begin(): void {
    const failures = this.#failedSessions++;
    const peer = clientPeer(this.#config, failures, this.#owner, this.#receivers);
    this.#peer = peer;
    this.#credentials = NO_BYTES;
    this.#liveAtMs = Number.NaN;
    eachOf(this.#peerListeners, (listener) => this.#guard(() => listener(peer)));
    // A server that resets each session gets time.
    if (failures > 0) peer.machine.dialFailed(0, "", 0);
    else void this.#dial();
  }

  /** Has new credentials; false for none any more: newer ones are there already, of this session or of the next. */
  async #fetchCredentials(peer: ClientPeer): Promise<boolean> {
    const { credentials } = this.#options;
    const asked = ++this.#asked;
    let timer: unknown;
    const given =
      typeof credentials !== "function"
        ? credentials
        : await Promise.race([
            credentials(),
            peer.ended.then(() => NO_BYTES),
            new Promise<never>((_resolve, reject) => {
              timer = this.#host.setTimer(
                () => reject(new Error("they took too long")),
                CREDENTIALS_TIMEOUT_MS,
              );
            }),
          ]).finally(() => this.#host.clearTimer(timer));
    const bytes = typeof given === "string" ? this.#host.utf8Encode(given) : (given ?? NO_BYTES);
    if (!(bytes instanceof Uint8Array && bytes.length <= MAX_CREDENTIALS_BYTES))
      throw new UsageError("INVALID_OPTION", "credentials are text or bytes, 8,192 bytes at most");
    // What was asked for later is newer, also if it was there sooner.
    if (asked < this.#known) return false;
    this.#known = asked;
    this.#credentials = bytes;
    return true;
  }

  async #dial(): Promise<void> {
    const peer = this.#peer;
    const { machine } = peer;
    const isFirst = !machine.wasLive();
    this.#setState(isFirst ? { status: "connecting" } : { status: "recovering", reason: this.#lostBecause });
    // Whoever is known is not asked again who it is. Before that, a token may grow too old while nothing gets through.
    if (isFirst) {
      try {
        await this.#fetchCredentials(peer);
        if (machine.isEnded()) return;
      } catch (error) {
        if (machine.isEnded()) return;
        this.#report(error);
        // What cannot be sent now could not be sent the next time.
        if (error instanceof UsageError) machine.end(UNAUTHORIZED_CODE, error.message);
        else this.#dialFailed(0, `no credentials: ${String(error)}`, 0);
        return;
      }
    }
    this.#dialing?.abort();
    this.#dialing = this.#dialer.dial(
      {
        opened: (transport, isProbe) => void machine.attach(transport, isProbe),
        failed: (code, reason, notBeforeMs) => this.#dialFailed(code, reason, notBeforeMs),
      },
      peer.id,
    );
  }

  #lost(code: number, reason: string): void {
    this.#lostBecause = reason || `closed with ${code}`;
  }

  #dialFailed(code: number, reason: string, notBeforeMs: number): void {
    this.#lost(code, reason);
    // Without a network it is tried now and then all the same: what hosts say about it is not always true.
    const offlineMs = this.#host.isOffline() ? this.#config.maxReconnectDelayMs : 0;
    this.#peer.machine.dialFailed(code, reason, notBeforeMs, offlineMs);
  }

  #hostChanged(change: HostChange): void {
    const { machine } = this.#peer;
    if (change === "unload") {
      // Firefox ends the connections of a page before it tells it that it is left.
      if (machine.wasLive() && machine.active() === undefined) {
        const transport = this.#dialer.farewell?.(this.#peer.id);
        if (transport !== undefined) machine.attach(transport);
      }
      machine.end(CLOSED_CODE, "the page was left");
      return;
    }
    machine.probe();
    if (change === "offline") return;
    if (change === "online") this.#retry();
    else machine.retryNow();
  }

  #setState(state: SessionState): void {
    const before = this.#state;
    if (state.status === before.status && state.status === "connecting") return;
    this.#state = state;
    this.#tell(() => this.#options.state?.(this, state));
    // One of them may have brought about another one.
    eachOf(this.#stateListeners, (listener) => this.#state === state && this.#tell(() => listener(state)));
  }

  /** Tells the application something; what it returns is not waited for. */
  #tell(call: () => unknown): void {
    Promise.resolve(this.#guard(call)).catch((error) => this.#report(error));
  }

  #guard<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  #report(error: unknown): void {
    if (this.#options.error !== undefined) {
      try {
        Promise.resolve(this.#options.error(this, error) as unknown).catch((failure) =>
          this.#host.report(failure),
        );
        return;
      } catch {
        // Its own error says less than the one that it was told.
      }
    }
    this.#host.report(error);
  }

  /** What its sessions tell, one after the other. */
  readonly #owner: PeerOwner = {
    signal: (code) => {
      if (code === ASK_FOR_CREDENTIALS_SIGNAL)
        this.authenticate().catch((error: unknown) => this.#report(error));
    },
    live: ({ transport: { name } }, isResumed) => {
      this.#dialer.won?.(name);
      if (!isResumed) this.#liveAtMs = this.#host.nowMs();
      this.#setState({ status: "live", transport: name });
      this.#peer.tellState();
    },
    suspended: (code, reason) => {
      this.#dialing?.abort();
      this.#lost(code, reason);
      this.#peer.tellState();
    },
    ended: (end) => {
      const peer = this.#peer;
      this.#dialing?.abort();
      this.#timer = this.#host.setTimer(() => peer.finish(end, true), this.#config.closeTimeoutMs);
      peer.finish(end);
    },
    finished: (end) => {
      this.#host.clearTimer(this.#timer);
      const { code, reason, isReset } = end;
      const goesOn = isReset && actionOf(code) !== "stop" && !this.#isClosing;
      if (this.#host.nowMs() - this.#liveAtMs >= WORKED_AFTER_MS) this.#failedSessions = 0;
      this.#lost(code, reason);
      if (goesOn) this.#begin();
      else {
        this.#stopWatching();
        this.#setState({ status: "closed", code, reason });
      }
      if (isReset) this.#tell(() => this.#options.reset?.(this, end));
    },
    dial: () => void this.#dial(),
    waiting: (delayMs) =>
      this.#setState({
        status: "waiting",
        untilMs: this.#host.dateMs(this.#host.nowMs() + delayMs),
        reason: this.#lostBecause,
      }),
    linkLost: ({ transport }, code, reason, notBeforeMs) => {
      if (this.#dialer.lost === undefined) this.#dialFailed(code, reason, notBeforeMs);
      else this.#dialer.lost(transport, code, reason, notBeforeMs);
    },
    credentials: () => this.#credentials,
    guard: (call) => this.#guard(call),
    tell: (call) => this.#tell(call),
    report: (error) => this.#report(error),
  };
}
