import type { UsageError } from "../../core/hawser-error.js";
import type { PeerChannel, SessionEnd } from "../peer-port.js";
import type { SessionLink } from "./link.js";
import type { ReconnectDelays, SessionDeadlines, SessionLimits } from "./session-config.js";
import type { SessionHost } from "./session-host.js";

/** A channel that the other side sends on, as whoever takes its messages sees it. */
export interface ClientIncoming {
  readonly name: string;
  /** Whether it was refused: what still comes is skipped. */
  isRefused: boolean;
  /** What waits for the receiver of the messages: the receiver's. */
  turns: unknown;
  /** A message for which the handler returned false is done with: its length in bytes. */
  taken(byteLength: number): void;
  /** Takes nothing more of what comes on it; the sender is told. */
  refuse(code: number): void;
}

/** What a client's session tells whoever has it. */
export interface ClientHandler {
  /**
   * A message came: `bytes[start, end)`, valid during the call only. True if it is done with; else the channel's `taken` is to be
   * called.
   */
  message(
    channel: ClientIncoming,
    isText: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: Uint8Array | undefined,
  ): boolean;
  channelOpened(channel: ClientIncoming): void;
  channelClosed(channel: ClientIncoming): void;
  /** The other side does not take what is sent on a channel. */
  channelRefused(channel: PeerChannel, code: number): void;
  /** A message was dropped on a channel. */
  dropped?(channel: PeerChannel): void;
  /** There is room again on a channel whose sender was told that there is none. */
  ready?(channel: PeerChannel): void;
  signal(code: number, bytes: Uint8Array, start: number, end: number): void;
  /** A transport carries the session. */
  live(link: SessionLink, isResumed: boolean): void;
  /** None does any more. */
  suspended(code: number, reason: string): void;
  /** The session is over. Nothing is told behind that. */
  ended(end: SessionEnd): void;
  /** A transport is wanted: `attach` it, or say `dialFailed`. `isFirst` until one has carried the session. */
  dial(isFirst: boolean): void;
  /** Waits so many ms before it dials again. */
  waiting(delayMs: number): void;
  /** A transport that did not carry the session is gone. */
  linkLost(link: SessionLink, code: number, reason: string, notBeforeMs: number): void;
  /** A message that was taken is lost. */
  report(error: UsageError): void;
  /** Who this is, for `open`. */
  credentials(): Uint8Array;
}

/** What a client's session needs from where it runs: there, text is encoded before it is put anywhere. */
export interface ClientMachineHost extends Omit<SessionHost, "utf8Write"> {
  /** Text as UTF-8. */
  utf8Encode(text: string): Uint8Array;
  /**
   * Calls `call` once, after so many ms, or sooner where the platform has no timer that is so long. Returns what {@link clearTimer}
   * takes.
   */
  setTimer(call: () => void, delayMs: number): unknown;
  clearTimer(timer: unknown): void;
  /** Calls `call` when what runs now has returned: all that is sent until then leaves together. */
  afterTurn(call: () => void): void;
}

/** What a client's session goes by. */
export interface ClientConfig extends SessionLimits, SessionDeadlines, ReconnectDelays {
  readonly host: ClientMachineHost;
  readonly handler: ClientHandler;
}
