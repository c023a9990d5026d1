import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

/** What a sync flush ends with, and RFC 7692 §7.2.1 takes off. */
const TAIL: Buffer = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** No case sends or receives more. */
const MAX_INFLATED_BYTES = 256 * 1024 * 1024;

/** Compresses messages as RFC 7692 §7.2.1 says, with or without the context of those before. */
export class MessageDeflater {
  readonly #windowBits: number;
  readonly #keepsContext: boolean;
  #history: Buffer = Buffer.alloc(0);

  constructor(windowBits: number, keepsContext: boolean) {
    this.#windowBits = windowBits;
    this.#keepsContext = keepsContext;
  }

  deflate(message: Buffer): Buffer {
    // zlib has no raw deflate with 256 bytes; without references back any window is large enough.
    const isTiny = this.#windowBits === 8;
    const bytes = deflateRawSync(message, {
      windowBits: Math.max(this.#windowBits, 9),
      finishFlush: constants.Z_SYNC_FLUSH,
      strategy: isTiny ? constants.Z_HUFFMAN_ONLY : constants.Z_DEFAULT_STRATEGY,
      ...(this.#history.length > 0 && !isTiny ? { dictionary: this.#history } : {}),
    });
    if (this.#keepsContext) this.#history = lastBytes(this.#history, message, 1 << this.#windowBits);
    // An empty message is flushed to nothing; §7.2.3.6 has it as one byte.
    if (bytes.length <= TAIL.length) return Buffer.from([0x00]);
    return bytes.subarray(0, bytes.length - TAIL.length);
  }
}

/** Decompresses messages as RFC 7692 §7.2.2 says. */
export class MessageInflater {
  readonly #windowBytes: number;
  readonly #keepsContext: boolean;
  #history: Buffer = Buffer.alloc(0);

  constructor(windowBits: number, keepsContext: boolean) {
    this.#windowBytes = 1 << windowBits;
    this.#keepsContext = keepsContext;
  }

  /** Throws zlib's error for data that is not DEFLATE, or needs a context that was not agreed on. */
  inflate(data: Buffer): Buffer {
    const message = inflateRawSync(Buffer.concat([data, TAIL]), {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: MAX_INFLATED_BYTES,
      ...(this.#history.length > 0 ? { dictionary: this.#history } : {}),
    });
    if (this.#keepsContext) this.#history = lastBytes(this.#history, message, this.#windowBytes);
    return message;
  }
}

function lastBytes(history: Buffer, message: Buffer, count: number): Buffer {
  if (message.length >= count) return Buffer.from(message.subarray(message.length - count));
  const both = Buffer.concat([history, message]);
  return both.subarray(Math.max(0, both.length - count));
}
