import { xorMask } from "./frame.js";

/** A frame as it came. Nothing about it is checked. */
export interface ReceivedFrame {
  readonly fin: boolean;
  /** The three reserved bits as a number: 4 is RSV1. */
  readonly rsv: number;
  readonly opcode: number;
  readonly isMasked: boolean;
  /** How many bits carried the length. */
  readonly lengthBits: 7 | 16 | 64;
  readonly declaredBytes: bigint;
  /** Unmasked; at most as much as the reader keeps. */
  readonly payload: Buffer;
}

/** Reads frames from bytes that come in any pieces, and judges none of them. */
export class FrameReader {
  readonly #onFrame: (frame: ReceivedFrame) => void;
  readonly #keepBytes: number;
  readonly #header: Buffer = Buffer.alloc(14);
  #headerBytes = 0;
  #frame: Omit<ReceivedFrame, "payload"> | undefined;
  #mask: Buffer | undefined;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #missingBytes = 0n;

  /** Without `keepBytes` the whole payload is kept. */
  constructor(onFrame: (frame: ReceivedFrame) => void, keepBytes: number = Number.POSITIVE_INFINITY) {
    this.#onFrame = onFrame;
    this.#keepBytes = keepBytes;
  }

  /** The frame whose payload is not complete, and how much of it is missing. */
  get incomplete(): { frame: Omit<ReceivedFrame, "payload">; missingBytes: bigint } | undefined {
    return this.#frame && { frame: this.#frame, missingBytes: this.#missingBytes };
  }

  /** How many bytes of a header that is not complete have come. */
  get pendingHeaderBytes(): number {
    return this.#frame === undefined ? this.#headerBytes : 0;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      rest = this.#frame === undefined ? this.#readHeader(rest) : this.#readPayload(rest);
      if (this.#frame !== undefined && this.#missingBytes === 0n) this.#finish();
    }
  }

  #readHeader(chunk: Buffer): Buffer {
    let taken = 0;
    while (taken < chunk.length) {
      this.#header[this.#headerBytes++] = chunk[taken++]!;
      if (this.#headerBytes >= 2 && this.#headerBytes === this.#headerLength()) {
        this.#startFrame();
        break;
      }
    }
    return chunk.subarray(taken);
  }

  #headerLength(): number {
    const second = this.#header[1]!;
    const short = second & 0x7f;
    return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second >= 0x80 ? 4 : 0);
  }

  #startFrame(): void {
    const header = this.#header;
    const [first, second] = [header[0]!, header[1]!];
    const short = second & 0x7f;
    const declaredBytes =
      short === 126
        ? BigInt(header.readUInt16BE(2))
        : short === 127
          ? header.readBigUInt64BE(2)
          : BigInt(short);
    this.#mask =
      second >= 0x80 ? Buffer.from(header.subarray(this.#headerBytes - 4, this.#headerBytes)) : undefined;
    this.#frame = {
      fin: first >= 0x80,
      rsv: (first >> 4) & 7,
      opcode: first & 15,
      isMasked: second >= 0x80,
      lengthBits: short === 126 ? 16 : short === 127 ? 64 : 7,
      declaredBytes,
    };
    this.#missingBytes = declaredBytes;
    this.#headerBytes = 0;
  }

  #readPayload(chunk: Buffer): Buffer {
    const taken = this.#missingBytes < BigInt(chunk.length) ? Number(this.#missingBytes) : chunk.length;
    const wanted = Math.min(taken, this.#keepBytes - this.#keptBytes);
    if (wanted > 0) {
      this.#kept.push(chunk.subarray(0, wanted));
      this.#keptBytes += wanted;
    }
    this.#missingBytes -= BigInt(taken);
    return chunk.subarray(taken);
  }

  #finish(): void {
    const payload = Buffer.concat(this.#kept, this.#keptBytes);
    if (this.#mask !== undefined) xorMask(payload, this.#mask);
    const frame = { ...this.#frame!, payload };
    this.#frame = undefined;
    this.#kept = [];
    this.#keptBytes = 0;
    this.#onFrame(frame);
  }
}
