import { UsageError } from "../../core/hawser-error.js";
import type { ClientHost, HostChange } from "../client-host-port.js";
import { ClientMachine } from "../machine/client-machine.js";
import {
  DEFAULT_RECONNECT_DELAYS,
  DEFAULT_SESSION_DEADLINES,
  DEFAULT_SESSION_LIMITS,
  type ReconnectDelays,
  type SessionConfig,
  sessionConfig,
} from "../machine/session-config.js";
import type { ClientHandler } from "../machine/session-handler.js";
import type {
  ChannelOptions,
  Peer,
  PeerChannel,
  PeerReceiver,
  SendStatus,
  SessionEnd,
} from "../peer-port.js";
import type { TransportDialer } from "../transport-port.js";
import { actionOf, SessionCode } from "../wire/session-code.js";
import { SessionSignal } from "../wire/session-signal.js";
import { ClientPeer } from "./client-peer.js";
import type { SessionOptions } from "./session-options.js";
import type { SessionState } from "./session-state.js";
import { TransportRace } from "./transport-race.js";

const NO_BYTES: Uint8Array = new Uint8Array(0);
/** Timers of platforms take no more: 2^31 - 1 ms. */
const MAX_TIMER_MS = 2_147_483_647;
/** A function that has no credentials after so long, in ms, has failed: it is asked again. */
const CREDENTIALS_TIMEOUT_MS = 30_000;
/** What `open` has room for. */
const MAX_CREDENTIALS_BYTES = 8_192;
/** A longer piece does not fit into a block together with what stands before it. */
const MAX_PIECE_BYTES = 32_768;

/**
 * A client's session: an ordered stream of messages in each direction, which outlives its connections. It connects by itself and
 * comes back by itself; what is sent meanwhile waits, and nothing is lost or doubled. When the server no longer has it
 * (it was restarted, or away for too long), a new one begins, and the application is told by `reset`.
 */
export class Session {
  readonly #options: SessionOptions<Session>;
  readonly #host: ClientHost;
  readonly #config: SessionConfig<ClientHandler<Session>>;
  readonly #delays: ReconnectDelays;
  readonly #race: TransportRace;
  readonly #stopWatching: () => void;
  readonly #stateListeners = new Set<(state: SessionState) => void>();
  readonly #peerListeners = new Set<(peer: Peer) => void>();
  readonly #receivers = new Map<string, PeerReceiver>();
  #state: SessionState = { status: "connecting" };
  #machine!: ClientMachine<Session>;
  #peer!: ClientPeer;
  #credentials: Uint8Array | undefined = undefined;
  /** Why it is not live. */
  #lostBecause = "";
  /** How many sessions in a row came to nothing. */
  #failedSessions = 0;
  /** The application has closed it: no other session follows, whatever becomes of this one. */
  #isClosing = false;
  #timer: unknown = undefined;
  #timerAtMs = Infinity;

  /** @internal Use `connect`. */
  constructor(
    dialers: readonly TransportDialer[],
    host: ClientHost,
    key: string,
    options: SessionOptions<Session>,
  ) {
    this.#options = options;
    this.#host = host;
    const delays: Record<string, number> = { ...DEFAULT_RECONNECT_DELAYS };
    const numbers = options as Readonly<Record<string, unknown>>;
    for (const name in { ...delays, ...DEFAULT_SESSION_DEADLINES, ...DEFAULT_SESSION_LIMITS }) {
      const value = numbers[name];
      if (value === undefined) continue;
      const most = name === "pieceBytes" ? MAX_PIECE_BYTES : Number.MAX_SAFE_INTEGER;
      if (typeof value !== "number" || !(value > 0 && value <= most))
        throw new UsageError("INVALID_OPTION", `${name} cannot be ${String(value)}`);
      if (name in delays) delays[name] = value;
    }
    this.#delays = delays as unknown as ReconnectDelays;
    this.#config = sessionConfig({ ...options, host, handler: Session.#handler });
    this.#race = new TransportRace(
      dialers,
      host,
      {
        sessionId: () => this.#peer.id,
        attach: (transport, isProbe) => this.#machine.attach(transport, isProbe),
        use: (link) => this.#machine.use(link),
        allFailed: (code, reason, notBeforeMs) => this.#dialFailed(code, reason, notBeforeMs),
      },
      key,
    );
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
    return this.#machine.roundTripMs;
  }

  /** How many bytes are not confirmed yet, each message counting 64 more: what would be lost if the session were. */
  get unconfirmedBytes(): number {
    return this.#machine.outboxBytes;
  }

  /**
   * Sends a message: strings are text, bytes binary. Connected or not: it waits until it can go, up to `maxOutboxBytes`.
   * Bytes above 16 KiB are not copied: do not change them.
   */
  send(data: string | Uint8Array): SendStatus {
    return this.#peer.send(data);
  }

  /** Resolves with true when there is room for more, with false if the session ends. */
  ready(): Promise<boolean> {
    return this.#peer.channel("").ready();
  }

  /**
   * The channel of this name, for sending: what is sent on one does not hold up the others. The options count when it is opened.
   * A channel belongs to one session: behind a reset, ask for it again.
   */
  channel(name: string, options: ChannelOptions = {}): PeerChannel {
    return this.#peer.channel(name, options);
  }

  /** Who takes the messages of a channel, in this session and in those behind a reset; `"*"` for all others. */
  receive(name: string, receiver: PeerReceiver | undefined): void {
    if (receiver === undefined) this.#receivers.delete(name);
    else this.#receivers.set(name, receiver);
    this.#peer.receive(name, receiver);
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
    const machine = this.#machine;
    this.#credentials = await this.#fetchCredentials();
    // Whoever comes while another session begins is asked there.
    if (machine === this.#machine) machine.signal(SessionSignal.credentials, this.#credentials);
  }

  /**
   * Does not wait any longer, where it waits before it tries again; and where it lives on a lesser transport, looks for a better
   * one now. For whoever knows that the network has changed.
   */
  reconnect(): void {
    if (this.#machine.active !== undefined) this.#race.networkChanged();
    this.#machine.retryNow();
  }

  /**
   * Ends the session when everything was confirmed, or after `closeTimeoutMs`. Resolves when it has ended.
   * @param code 4400 by default; see `SessionCode`. Free for applications: 4500 to 4599.
   * @param reason in a few words, for people; at most 96 bytes, what is longer is not sent.
   * @throws `UsageError` `CLOSE_CODE_NOT_ALLOWED` for a code that is not from 4400 to 4599.
   */
  close(code: number = SessionCode.closed, reason = ""): Promise<SessionEnd> {
    if (actionOf(code) !== "stop")
      throw new UsageError("CLOSE_CODE_NOT_ALLOWED", `a session is not closed with ${code}`);
    this.#isClosing = true;
    return this.#peer.close(code, reason);
  }

  #begin(): void {
    const { reconnectDelayMs, maxReconnectDelayMs } = this.#delays;
    const machine = new ClientMachine<Session>(this.#config, this.#delays, this);
    this.#machine = machine;
    this.#peer = new ClientPeer(machine as never, (error) => this.#report(error));
    this.#credentials = undefined;
    for (const [name, receiver] of this.#receivers) this.#peer.receive(name, receiver);
    for (const listener of this.#peerListeners) this.#guard(() => listener(this.#peer));
    const failures = this.#failedSessions++;
    if (failures === 0) machine.start();
    else {
      // A server that resets each session gets time.
      const mostMs = Math.min(maxReconnectDelayMs, reconnectDelayMs * 2 ** failures);
      machine.dialFailed(0, "", this.#host.random() * mostMs);
    }
  }

  async #fetchCredentials(): Promise<Uint8Array> {
    const { credentials } = this.#options;
    const given = typeof credentials === "function" ? await this.#inTime(credentials()) : credentials;
    let bytes = given ?? NO_BYTES;
    if (typeof bytes === "string") {
      const room = new Uint8Array(3 * bytes.length);
      bytes = room.subarray(0, this.#host.utf8Write(bytes, room, 0));
    }
    if (!(bytes.length <= MAX_CREDENTIALS_BYTES))
      throw new UsageError("INVALID_OPTION", "credentials are text or bytes, 8,192 bytes at most");
    return bytes;
  }

  /** As the promise, unless it takes too long. */
  #inTime<T>(promise: T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#host.setTimer(
        () => reject(new Error("they took too long")),
        CREDENTIALS_TIMEOUT_MS,
      );
      Promise.resolve(promise)
        .then(resolve, reject)
        .finally(() => this.#host.clearTimer(timer));
    });
  }

  #dial(): void {
    const machine = this.#machine;
    const isFirst = machine.phase === "connecting";
    this.#setState(isFirst ? { status: "connecting" } : { status: "recovering", reason: this.#lostBecause });
    // Whoever is known is not asked again who it is. Before that, a token may grow too old while nothing gets through.
    if (!isFirst) {
      this.#race.run();
      return;
    }
    this.#fetchCredentials().then(
      (credentials) => {
        if (machine !== this.#machine || machine.isEnded) return;
        this.#credentials = credentials;
        this.#race.run();
      },
      (error: unknown) => {
        if (machine !== this.#machine || machine.isEnded) return;
        this.#report(error);
        // What cannot be sent now could not be sent the next time.
        if (error instanceof UsageError) machine.end(SessionCode.unauthorized, error.message);
        else this.#dialFailed(0, `no credentials: ${String(error)}`, 0);
      },
    );
  }

  #dialFailed(code: number, reason: string, notBeforeMs: number): void {
    this.#lostBecause = reason;
    // Without a network it is tried now and then all the same: what hosts say about it is not always true.
    const offlineMs = this.#host.isOffline() ? this.#delays.maxReconnectDelayMs : 0;
    this.#machine.dialFailed(code, reason, Math.max(notBeforeMs, offlineMs));
  }

  #ended(end: SessionEnd): void {
    this.#race.stop();
    this.#clearTimer();
    const goesOn = end.isReset && actionOf(end.code) !== "stop" && !this.#isClosing;
    this.#peer.onEnded(end);
    if (goesOn) {
      this.#begin();
    } else {
      this.#stopWatching();
      this.#setState({ status: "closed", code: end.code, reason: end.reason });
    }
    if (end.isReset) this.#guard(() => this.#options.reset?.(this, end));
  }

  #signalled(code: number): void {
    if (code === SessionSignal.askForCredentials)
      this.authenticate().catch((error: unknown) => this.#report(error));
  }

  #hostChanged(change: HostChange): void {
    const machine = this.#machine;
    if (change === "unload") {
      machine.end(SessionCode.closed, "the page was left");
      return;
    }
    machine.probe();
    if (change === "offline") return;
    if (change === "online" && machine.active !== undefined) this.#race.networkChanged();
    machine.retryNow();
  }

  #setState(state: SessionState): void {
    const before = this.#state;
    if (state.status === before.status && state.status === "connecting") return;
    this.#state = state;
    this.#guard(() => this.#options.state?.(this, state));
    for (const listener of this.#stateListeners) this.#guard(() => listener(state));
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    if (this.#options.error !== undefined) {
      try {
        this.#options.error(this, error);
        return;
      } catch {
        // Its own error says less than the one that it was told.
      }
    }
    this.#host.report(error);
  }

  // --- Time ----------------------------------------------------------------------------------------------------

  #arm(): void {
    const { deadlineMs } = this.#machine;
    if (deadlineMs >= this.#timerAtMs) return;
    this.#clearTimer();
    this.#timerAtMs = deadlineMs;
    this.#timer = this.#host.setTimer(
      () => {
        this.#timerAtMs = Infinity;
        this.#machine.handleTimeout();
        this.#arm();
      },
      Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(deadlineMs - this.#host.nowMs()))),
    );
  }

  #clearTimer(): void {
    this.#host.clearTimer(this.#timer);
    this.#timerAtMs = Infinity;
  }

  /** One for all sessions of a program. */
  static readonly #handler: ClientHandler<Session> = {
    wantsFlush: (session) => session.#host.afterTurn(() => session.#machine.flush()),
    deadlineChanged: (session) => session.#arm(),
    message: (session, channel, isText, bytes, start, end, id) =>
      session.#peer.onMessage(channel, isText, bytes, start, end, id),
    channelOpened: (session, channel) => session.#peer.onChannelOpened(channel),
    channelClosed: (session, channel) => session.#peer.onChannelClosed(channel),
    channelRefused: (session, channel) => session.#peer.onChannelRefused(channel),
    dropped: () => {},
    ready: (session, channel) => session.#peer.onReady(channel),
    signal: (session, code) => session.#signalled(code),
    live(session, { transport }) {
      session.#race.won(transport.name);
      session.#failedSessions = 0;
      session.#setState({ status: "live", transport: transport.name });
      session.#peer.onStateChanged();
    },
    suspended(session, _code, reason) {
      session.#race.stop();
      session.#lostBecause = reason;
      session.#peer.onStateChanged();
    },
    ended: (session, end) => session.#ended(end),
    dial: (session) => session.#dial(),
    waiting: (session, untilMs) =>
      session.#setState({
        status: "waiting",
        untilMs: session.#host.dateMs(untilMs),
        reason: session.#lostBecause,
      }),
    healthy: (session, link) => session.#race.healthy(link),
    linkLost: (session, link, code, reason, notBeforeMs) =>
      session.#race.lost(link, code, reason, notBeforeMs),
    credentials: (session) => session.#credentials ?? NO_BYTES,
  };
}

/** Adds a listener, also one that listens already. Returns what takes it away. */
function listen<T>(listeners: Set<(value: T) => void>, listener: (value: T) => void): () => void {
  const entry = (value: T): void => listener(value);
  listeners.add(entry);
  return () => void listeners.delete(entry);
}
