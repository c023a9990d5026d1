import type { ChannelOptions, MessageOptions, SendStatus, SessionEnd } from "../peer-port.js";
import type { Transport } from "../transport-port.js";
import type { OpenPacket } from "../wire/open-packet.js";
import type { IncomingChannel } from "./incoming-channel.js";
import type { Link } from "./link.js";
import type { OutgoingChannel } from "./outgoing-channel.js";
import type { ReconnectDelays, ServerDeadlines, SessionConfig } from "./session-config.js";
import type { ClientHandler, SessionHandler } from "./session-handler.js";

/**
 * One side of a session, without I/O: what is common to client and server. Blocks come in through its links, calls of the
 * handler and of the transports go out. It has no timer: call {@link handleTimeout} at {@link deadlineMs}. Bytes from the
 * other side never make it throw: what breaks a rule drops the transport, or ends the session, with a code.
 */
export declare abstract class SessionMachine<Owner, Handler extends SessionHandler<Owner>> {
  /** What all sessions of an endpoint share. */
  readonly config: SessionConfig<Handler>;
  /** What the handler is told this session belongs to. */
  readonly owner: Owner;
  /** The id, 16 bytes. */
  readonly id: Uint8Array;
  /** The secret, 16 bytes. */
  readonly token: Uint8Array;
  /** The channel that every session has, for sending. */
  readonly channel: OutgoingChannel;
  /** The link that carries the session; undefined while suspended. */
  get active(): Link | undefined;
  /** Whether the session has ended. */
  get isEnded(): boolean;
  /** The smoothed round-trip time in ms; undefined before the first round trip. */
  get roundTripMs(): number | undefined;
  /** How much is kept of what was sent and is not confirmed, in bytes. */
  get outboxBytes(): number;
  /** When {@link handleTimeout} is to be called, on the clock of the host; Infinity for never. */
  get deadlineMs(): number;

  /** Opens a channel for sending. A name that is open already gives a second channel of that name. */
  openChannel(name: string, options?: ChannelOptions): OutgoingChannel;
  /** Nothing more is sent on a channel; what waits is sent before. */
  closeChannel(channel: OutgoingChannel): void;
  /** Takes nothing more of what comes on a channel; the sender is told. */
  refuseChannel(channel: IncomingChannel, code: number): void;
  /** Sends a message: strings are text, bytes binary. Bytes above `pieceBytes` are not copied. */
  send(channel: OutgoingChannel, data: string | Uint8Array, options?: MessageOptions): SendStatus;
  /** Says something to the layer above on the other side, in order with the messages. At most 8,192 bytes. */
  signal(code: number, bytes: Uint8Array): void;
  /** A message for which the handler returned false is done with: its length in bytes. */
  taken(channel: IncomingChannel, byteLength: number): void;

  /** Writes what is to be sent. To be called when the handler was told `wantsFlush`. */
  flush(): void;
  /** The time is now: does what is due. */
  handleTimeout(): void;
  /** Asks the other side for a sign of life at once: the network has changed, the page was thawed. */
  probe(): void;
  /** Lets go of a link; if it was the active one, the session is suspended. */
  detach(link: Link, code: number, reason: string): void;
  /** Closes the session in order: the other side is told behind all that was sent. `handler.ended` follows. */
  close(code?: number, reason?: string): void;
  /** Ends the session at once; the other side is told if it can be. `handler.ended` is called before this returns. */
  end(code: number, reason: string, notBeforeMs?: number, spreadMs?: number): void;
}

/** The client's side: it begins, chooses the transports, and comes back. */
export declare class ClientMachine<Owner> extends SessionMachine<Owner, ClientHandler<Owner>> {
  constructor(config: SessionConfig<ClientHandler<Owner>>, delays: ReconnectDelays, owner: Owner);
  /** `connecting` before the first welcome; `waiting` until {@link waitingUntilMs}. */
  get phase(): "connecting" | "live" | "recovering" | "waiting" | "ended";
  /** Begins: `handler.dial` is called. */
  start(): void;
  /**
   * Attaches a transport that is open, and sends `open` on it. Without `isProbe` it takes the session over at once from
   * whatever carried it; with it, `handler.healthy` is called after the round trip.
   */
  attach(transport: Transport, isProbe: boolean): Link;
  /** Has a healthy link carry the session; all others are dropped. */
  use(link: Link): void;
  /** All that was dialled has failed. `code` and `notBeforeMs` as a `TransportDialer` told; 0 if it did not. */
  dialFailed(code: number, reason: string, notBeforeMs: number): void;
  /** Does not wait any longer; does nothing while a transport is there or is being opened. */
  retryNow(): void;
}

/** The server's side. The layer above reads the first block of a transport, finds or makes the session, and attaches it. */
export declare class ServerMachine<Owner> extends SessionMachine<Owner, SessionHandler<Owner>> {
  /**
   * @param open the first packet of the client: `readOpen`. It is attached with {@link attach}, as every later one.
   * @param ownerName what the client is to say in its next `open` (`OpenPacket.owner`): which node and process this is.
   */
  constructor(
    config: SessionConfig<SessionHandler<Owner>>,
    deadlines: ServerDeadlines,
    owner: Owner,
    open: OpenPacket,
    ownerName: Uint8Array,
  );
  /** Whether the token of an `open` is that of this session; in constant time. */
  admits(open: OpenPacket): boolean;
  /**
   * Attaches a transport whose `open` was admitted, and answers it. Undefined if it came too late: a newer one carries the
   * session, and this one was closed.
   */
  attach(transport: Transport, open: OpenPacket): Link | undefined;
  /**
   * Drops the active transport, with the wish that the client come back at a random time in a window: a server that goes down
   * for a moment, or has too much to do.
   */
  sendAway(code: number, reason: string, notBeforeMs: number, spreadMs: number): void;
}

/** How a session ended. */
export type { SessionEnd };
