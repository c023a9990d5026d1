import type { ProtocolError } from "../core/hawser-error.js";
import type { CloseFrame } from "./closing-handshake.js";
import type { MessageOpcode } from "./opcode.js";

/** A place in a buffer to which the engine may write. */
export interface WritePosition {
  /** The buffer. */
  bytes: Uint8Array;
  /** Where to begin. */
  position: number;
}

/**
 * What the engine tells its host, in order. One handler serves all connections of a server: `owner` is what the
 * engine was made with, and a call costs no allocation. Byte ranges are valid during the call only, but for those that are `isFresh`:
 * these were made for this call, and nobody else has them or writes to them afterwards.
 */
export interface EngineHandler<Owner> {
  /** Room for `byteLength` bytes that will be sent; the engine writes there and then calls {@link commit}. */
  reserve(owner: Owner, byteLength: number): WritePosition;
  /** What lies between the reserved position and `end` is to be sent behind everything before it. */
  commit(owner: Owner, end: number): void;
  /** Bytes to be sent behind everything before them, by reference: they will not change. */
  write(owner: Owner, bytes: Uint8Array): void;
  /** A message is complete. Text was checked to be UTF-8; `isAscii` may be false for ASCII too. */
  message(
    owner: Owner,
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    isAscii: boolean,
    isFresh: boolean,
  ): void;
  /** A piece of a message, where `streaming` is configured. Text is checked, but may be cut inside a character. */
  messageChunk(
    owner: Owner,
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    last: boolean,
    isFresh: boolean,
  ): void;
  /** A ping came. True answers it with a pong of the same payload (RFC 6455 §5.5.2). */
  ping(owner: Owner, bytes: Uint8Array, start: number, end: number): boolean;
  /** A pong came. `roundTripMs` is undefined if it answers none of our pings (RFC 6455 §5.5.3). */
  pong(owner: Owner, bytes: Uint8Array, start: number, end: number, roundTripMs: number | undefined): void;
  /** The closing handshake began or went on: a close frame was received. */
  closing(owner: Owner, received: CloseFrame): void;
  /** A rule was broken, and the connection is being failed for it: what was wrong. Left out, the result tells. */
  failed?(owner: Owner, error: ProtocolError): void;
  /**
   * The transport is to be ended: `end` finishes writing and ends our direction, `destroy` drops everything now.
   * May be called more than once. When it is gone, the host calls `transportClosed`.
   */
  disconnect(owner: Owner, how: "end" | "destroy"): void;
  /** The engine's `deadlineMs` is now earlier than it was. */
  deadlineChanged(owner: Owner): void;
}

/** Sees every frame, for tracing. Asked only while `isEnabled`. */
export interface FrameTrace<Owner> {
  /** Whether anybody looks. */
  readonly isEnabled: boolean;
  /** A frame was received (its header, before its payload) or is being sent. */
  frame(
    owner: Owner,
    direction: "received" | "sent",
    firstByte: number,
    masked: boolean,
    payloadLength: number,
  ): void;
}
