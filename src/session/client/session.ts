import type { ClientHost } from "../client-host-port.js";
import type {
  ChannelOptions,
  Peer,
  PeerChannel,
  PeerReceiver,
  SendStatus,
  SessionEnd,
} from "../peer-port.js";
import type { TransportDialer } from "../transport-port.js";
import { type ClientSession, clientSession } from "./client-session.js";
import type { SessionOptions } from "./session-options.js";
import type { SessionState } from "./session-state.js";

/**
 * A client's session: an ordered stream of messages in each direction, which outlives its connections. It connects by itself and
 * comes back by itself; what is sent meanwhile waits, and nothing is lost or doubled. When the server no longer has it
 * (it was restarted, or away for too long), a new one begins, and the application is told by `reset`.
 */
export class Session {
  readonly #parts: ClientSession;

  /** @internal Use `connect`. */
  constructor(dialer: TransportDialer, host: ClientHost, options: SessionOptions<Session>) {
    this.#parts = clientSession(this, dialer, host, options);
  }

  /** What it is doing. The same object as long as it does; see {@link subscribe}. */
  get state(): SessionState {
    return this.#parts.state();
  }

  /** The id of the session, 32 hexadecimal digits: another one behind a reset. Not secret. */
  get id(): string {
    return this.#parts.peer().id;
  }

  /** The smoothed round-trip time in ms; undefined before the first round trip. */
  get roundTripMs(): number | undefined {
    return this.#parts.peer().roundTripMs;
  }

  /** How many bytes are not confirmed yet, each message counting 64 more: what would be lost if the session were. */
  get unconfirmedBytes(): number {
    return this.#parts.peer().machine.outboxBytes();
  }

  /**
   * Sends a message: strings are text, bytes binary. Connected or not: it waits until it can go, up to `maxOutboxBytes`.
   * Bytes above 16 KiB are not copied: do not change them.
   * @throws `UsageError` `INVALID_PAYLOAD` for anything but strings and bytes.
   */
  send(data: string | Uint8Array): SendStatus {
    return this.#parts.peer().machine.main.send(data);
  }

  /** Resolves with true when there is room for more, with false if the session ends. */
  ready(): Promise<boolean> {
    return this.#parts.peer().machine.main.ready();
  }

  /**
   * The channel of this name, for sending: what is sent on one does not hold up the others. The options count when it is opened.
   * A channel belongs to one session: behind a reset, ask for it again.
   * @throws `UsageError` `INVALID_OPTION` for options that cannot be, and a name of more than 256 bytes.
   */
  channel(name: string, options?: ChannelOptions): PeerChannel {
    return this.#parts.peer().channel(name, options);
  }

  /**
   * Who takes the messages of a channel, in this session and in those behind a reset; `"*"` for all others. Returns what ends that, unless
   * another one has taken them meanwhile.
   * @throws `UsageError` `INVALID_OPTION` for what has no function `message`.
   */
  receive(name: string, receiver: PeerReceiver | undefined): () => void {
    return this.#parts.receive(name, receiver);
  }

  /** Calls `listener` when the state changes, for user interfaces. Returns what ends that. */
  subscribe(listener: (state: SessionState) => void): () => void {
    return this.#parts.subscribe(listener);
  }

  /**
   * Calls `listener` with the session there is, and with each that follows a reset, before anything of it arrives: for what is
   * built on sessions. Returns what ends that.
   */
  onPeer(listener: (peer: Peer) => void): () => void {
    return this.#parts.onPeer(listener);
  }

  /** Gives the server new credentials within the session: before a token expires, say. */
  authenticate(): Promise<void> {
    return this.#parts.authenticate();
  }

  /**
   * Does not wait any longer, where it waits before it tries again, also if the server asked it to stay away; and where it lives on a
   * lesser transport, looks for a better one now. For whoever knows that the network has changed.
   */
  reconnect(): void {
    this.#parts.reconnect();
  }

  /**
   * Ends the session when everything was confirmed, or after `closeTimeoutMs`. Resolves when it has ended.
   * @param code 4400 by default; see `SessionCode`. Free for applications: 4500 to 4599.
   * @param reason in a few words, for people; at most 96 bytes, what is longer is not sent.
   * @throws `UsageError` `CLOSE_CODE_NOT_ALLOWED` for a code that is not from 4400 to 4599, `INVALID_OPTION` for a reason that is no
   * text.
   */
  close(code?: number, reason?: string): Promise<SessionEnd> {
    return this.#parts.close(code, reason);
  }
}
