import type { HawserError } from "../../core/hawser-error.js";
import type { OptionalOf } from "../../core/optional-of.js";
import type { CloseResult } from "../../protocol/closing-handshake.js";
import type { Deadlines, ReceiveLimits } from "../../protocol/engine-config.js";

/** Limits on what one connection may make us hold for sending. All are finite by default. */
export interface SendLimits {
  /**
   * Above this many buffered bytes `send()` answers `queued`, and `drain` is called once they are below again.
   * Default 64 KiB: enough to keep a fast link busy, little enough to be worth waiting for. At least the buffer of
   * Node's socket (16 KiB on Node 20), below which it does not report.
   */
  highWaterMarkBytes: number;
  /**
   * The most bytes that may be buffered for a peer that does not read; what happens then is said by `overflow`.
   * Default 16 MiB: a burst for a slow phone fits, ten thousand dead readers are noticed. A single message into an
   * empty buffer always passes, since it is in memory anyway.
   */
  maxBufferedBytes: number;
  /**
   * How many pongs may wait in the buffer of a peer that sends pings and does not read; the connection is failed
   * with 1008 above it. Default 64: far more than a peer with a purpose sends before it reads an answer.
   */
  maxPendingPongs: number;
  /**
   * Above this many received bytes that nobody took from the iterator or the readable stream, the TCP socket is
   * paused. Default 64 KiB: enough to go on with while more is on its way. Does not apply where a `message` handler takes them at once.
   */
  receiveHighWaterMarkBytes: number;
}

/**
 * How fast the peer of one connection may send. A frame is a message, a ping, a pong or a close frame; a message in
 * fragments is as many frames. Charged when a chunk was read (64 KiB at most), so that what it holds is still handled.
 */
export interface RateLimits {
  /**
   * Frames a second, above zero. Default Infinity, no limit: how much a client has to say is known to the application
   * only, and a peer that is not read slows down by itself. Set it where each message costs you much.
   */
  maxReceivedFramesPerSecond: number;
  /** Bytes a second, frame headers included, above zero. Default Infinity, no limit, for the same reason. */
  maxReceivedBytesPerSecond: number;
  /**
   * How much may come at once: what both rates allow in so many ms. Default 1 s: an honest client is uneven, and its
   * first second brings the most. With `overRate: "disconnect"` it must be above the largest message.
   */
  rateBurstMs: number;
}

/** Limits on the memory of one connection, objects and not only payload. */
export interface MemoryLimits {
  /**
   * The most bytes one connection may make us hold, all in all: 5,120 for itself, a message that is not complete, what
   * nobody took, what waits to be sent, the windows of permessage-deflate, and the objects around them. Above it the
   * connection is dropped. Default 64 MiB, or twice `maxMessageBytes` and `maxBufferedBytes` together where that is
   * more: the other limits keep an honest peer within half of it. A single message to send must fit as well.
   */
  maxConnectionMemoryBytes: number;
}

/** How a connection treats messages. */
export interface MessageOptions {
  /**
   * What happens to a message that does not fit within `maxBufferedBytes`: `disconnect` ends the connection, so that
   * nothing is missing in the middle of a stream; `drop` leaves that message out and says so. Default `disconnect`.
   */
  overflow: "disconnect" | "drop";
  /**
   * What happens to a peer above a rate: `delay` reads nothing until it is within the rate again, so that its sending
   * backs up and nothing is lost; `disconnect` fails the connection with 1008. Default `delay`: it harms nobody honest.
   */
  overRate: "delay" | "disconnect";
  /**
   * Messages below this many bytes are sent uncompressed where permessage-deflate is in use. Default 1024: below,
   * the gain rarely pays the time.
   */
  compressFromBytes: number;
  /**
   * Hand text to handlers as a `Buffer` that is not decoded, for relays that do not read it. Default `string`: most
   * handlers read it.
   */
  textAs: "string" | "buffer";
  /** Answer pings with pongs (RFC 6455 §5.5.2). Default true: the RFC demands it; switch it off only to answer in `ping` yourself. */
  autoPong: boolean;
}

/** Everything that can be set for a connection, on a server and on a client alike. */
export interface ConnectionOptions
  extends OptionalOf<ReceiveLimits & RateLimits & Deadlines & SendLimits & MemoryLimits & MessageOptions> {}

/**
 * What an application does with the events of its connections. One object serves all connections of an endpoint.
 * A handler may be async; if it throws or its promise is rejected, `error` is told and the connection is closed
 * with 1011: the process goes on.
 */
export interface ConnectionHandlers<Socket> {
  /** The opening handshake is done. */
  open?(socket: Socket): void | Promise<void>;
  /**
   * A message came: text as a string, binary as a `Buffer` that is yours to keep. With neither this nor
   * `messageChunk`, messages wait to be taken by `for await` or from `readable`.
   */
  message?(socket: Socket, data: string | Buffer, isBinary: boolean): void | Promise<void>;
  /**
   * Instead of `message`: the pieces of each message as they come, so that no message is whole in memory. Text is
   * checked, but may be cut inside a character. `isLast` ends the message; its piece may be empty.
   */
  messageChunk?(socket: Socket, data: Buffer, isBinary: boolean, isLast: boolean): void | Promise<void>;
  /** A ping came. It is answered when this returns, unless `autoPong` is off. */
  ping?(socket: Socket, data: Buffer): void | Promise<void>;
  /** A pong came; `roundTripMs` is undefined if it answers none of our pings. */
  pong?(socket: Socket, data: Buffer, roundTripMs: number | undefined): void | Promise<void>;
  /** The buffer, which was above `highWaterMarkBytes`, is below it again. */
  drain?(socket: Socket): void | Promise<void>;
  /** The connection is gone. The last call for this socket. */
  close?(socket: Socket, result: CloseResult): void | Promise<void>;
  /** Something went wrong: a rule broken by the peer, a deadline, a lost transport, a handler that threw. */
  error?(socket: Socket, error: HawserError): void | Promise<void>;
}

/** The handlers of what stands on connections within Hawser. */
export interface InternalHandlers<Socket> extends ConnectionHandlers<Socket> {
  /** Instead of `message`: `bytes[start, end)` is valid during the call only. */
  messageBytes?(socket: Socket, bytes: Uint8Array, start: number, end: number, isBinary: boolean): void;
}
