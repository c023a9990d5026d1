/**
 * What the engine needs from the machine it runs on: text encoding, time, chance and DEFLATE. Given from outside,
 * so that the engine itself runs anywhere and a schedule can be replayed. `portableHost` supplies the text part.
 */
export interface EngineHost {
  /** Bytes of the kind that the host's output likes best: a `Buffer` on Node. They need not be zeroed: all are written, or given to nobody. */
  allocate(byteLength: number): Uint8Array;
  /** Whether `bytes[start, end)` is UTF-8. Called for text that is not ASCII. */
  isUtf8(bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * Whether `bytes[start, end)` is ASCII, as nearly all text of programs is: it needs no other check, and is decoded in less
   * time. Only where that is much quicker than {@link isUtf8}.
   */
  isAscii?(bytes: Uint8Array, start: number, end: number): boolean;
  /** How many bytes `text` takes in UTF-8. */
  utf8ByteLength(text: string): number;
  /** Writes `text` as UTF-8 at `position` and returns the number of bytes. The room is there. */
  utf8Write(text: string, bytes: Uint8Array, position: number): number;
  /** Reads bytes that were checked to be UTF-8. */
  utf8Decode(bytes: Uint8Array, start: number, end: number): string;
  /** 32 bits that nobody can predict, for masking keys (RFC 6455 §5.3, §10.3). */
  randomMask(): number;
  /** A monotonic clock in ms, with fractions. */
  nowMs(): number;
  /** A DEFLATE compressor. Without it, permessage-deflate must not be negotiated. */
  createDeflate?(windowBits: number): DeflateContext;
  /** A DEFLATE decompressor. */
  createInflate?(windowBits: number): InflateContext;
}

/** One direction of permessage-deflate that is sent (RFC 7692 §7.2.1). May free what it holds whenever it likes. */
export interface DeflateContext {
  /** How many bytes it keeps now, for budgets of memory; 0 where it is left out. */
  readonly heldBytes?: number;
  /** Compresses and flushes to a byte boundary: the result ends with 00 00 FF FF. */
  deflate(bytes: Uint8Array): Uint8Array;
  /** The same of a text, which it may encode where it needs it; undefined where it is to be given as bytes. */
  deflateText?(text: string): Uint8Array | undefined;
  /** Frees what is only kept for speed: asked for where memory is short. The window stays. */
  letGo?(): void;
  /** Forgets the window: the next message refers to nothing before it. */
  reset(): void;
  /** Frees what is held. */
  dispose(): void;
}

/** Why inflating failed: above the limit that was given, or not DEFLATE data. */
export type InflateFailure = "too-big" | "invalid";

/** One direction of permessage-deflate that is received (RFC 7692 §7.2.2). */
export interface InflateContext {
  /** How many bytes it keeps now, for budgets of memory; 0 where it is left out. */
  readonly heldBytes?: number;
  /**
   * Whether the latest output was made for the caller alone, who may keep it. Where it is left out, it is only valid until
   * the next call.
   */
  readonly isOutputFresh?: boolean;
  /** Whether a message may be inflated in pieces that end anywhere. If not, `last` is always true. */
  readonly isIncremental: boolean;
  /**
   * Inflates a piece of a message; `last` ends the message, for which 00 00 FF FF is to be appended. The output
   * never grows beyond `maxOutputBytes`, at no time, and is valid until the next call of the same context, or for
   * ever: see {@link isOutputFresh}.
   */
  inflate(bytes: Uint8Array, last: boolean, maxOutputBytes: number): Uint8Array | InflateFailure;
  /** Frees what is only kept for speed: asked for where memory is short. The window stays. */
  letGo?(): void;
  /** Forgets the window. */
  reset(): void;
  /** Frees what is held. */
  dispose(): void;
}
