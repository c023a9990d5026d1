import { constants, deflateRawSync } from "node:zlib";
import type { Random } from "../random.js";

/** Writes bits as RFC 1951 §3.1.1 packs them. */
class BitWriter {
  readonly #bytes: number[] = [];
  #bit = 0;

  bits(value: number, count: number): void {
    for (let i = 0; i < count; i++, this.#bit++) {
      if ((this.#bit & 7) === 0) this.#bytes.push(0);
      this.#bytes[this.#bytes.length - 1]! |= ((value >>> i) & 1) << (this.#bit & 7);
    }
  }

  /** A Huffman code, whose first bit is its highest. */
  code(value: number, count: number): void {
    for (let i = count - 1; i >= 0; i--) this.bits((value >>> i) & 1, 1);
  }

  align(): void {
    this.#bit = (this.#bit + 7) & ~7;
  }

  bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }
}

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** Makes messages of permessage-deflate that go on from each other: well-formed, odd but legal, and broken ones. */
export class DeflateWriter {
  readonly #random: Random;
  readonly #windowBits: number;
  readonly #takeover: boolean;
  #history: Buffer = Buffer.alloc(0);

  constructor(random: Random, { windowBits, takeover }: { windowBits: number; takeover: boolean }) {
    this.#random = random;
    this.#windowBits = windowBits;
    this.#takeover = takeover;
  }

  /** The payload of a message that inflates to `data`, or to nothing sensible. */
  message(data: Buffer): Buffer {
    const random = this.#random;
    const kind = random.below(20);
    if (kind < 9) return this.#compressed(data);
    if (kind < 11) return this.#blocks(data);
    if (kind < 15) return oddBlocks(random);
    if (kind < 16) return random.bytes(random.below(30));
    if (kind < 17) return bomb(random);
    const good = this.#compressed(data);
    if (kind < 18) return good.subarray(0, random.below(good.length + 1));
    if (kind < 19) return Buffer.concat([good, random.pick([TAIL, Buffer.alloc(1), random.bytes(3)])]);
    const at = random.below(good.length);
    good[at] = good[at]! ^ (1 << random.below(8));
    return good;
  }

  #compressed(data: Buffer): Buffer {
    const random = this.#random;
    const windowBits = Math.max(9, this.#windowBits);
    const dictionary = this.#history.subarray(-(2 ** this.#windowBits));
    const isFinished = random.chance(20);
    const deflated = deflateRawSync(data, {
      windowBits,
      level: random.pick([0, 1, 6, 9]),
      strategy: random.pick([constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY]),
      finishFlush: isFinished ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
      ...(dictionary.length > 0 && { dictionary }),
    });
    this.#remember(data);
    // Ended with BFINAL: RFC 7692 §7.2.3.4 has an empty stored block without its tail appended.
    if (isFinished) return random.chance(70) ? Buffer.concat([deflated, Buffer.of(0)]) : deflated;
    return deflated.subarray(0, deflated.length - 4);
  }

  /** Stored blocks, some of them empty, some with BFINAL. */
  #blocks(data: Buffer): Buffer {
    const random = this.#random;
    const writer = new BitWriter();
    for (let at = 0; at < data.length; ) {
      const length = Math.min(65_535, random.below(data.length - at + 1));
      writer.bits(random.chance(20) ? 1 : 0, 3);
      stored(writer, data.subarray(at, at + length));
      at += length;
    }
    this.#remember(data);
    writer.bits(0, 3);
    return writer.bytes();
  }

  #remember(data: Buffer): void {
    if (this.#takeover) this.#history = Buffer.concat([this.#history, data]).subarray(-32_768);
  }
}

function stored(writer: BitWriter, data: Buffer): void {
  writer.align();
  writer.bits(data.length, 16);
  writer.bits(~data.length & 0xffff, 16);
  for (const byte of data) writer.bits(byte, 8);
}

/** Blocks written by hand: references to anywhere, codes that are not there, headers of any content. */
function oddBlocks(random: Random): Buffer {
  const writer = new BitWriter();
  for (let i = random.pick([1, 1, 2, 3, 40]); i > 0; i--) {
    writer.bits(random.chance(30) ? 1 : 0, 1);
    switch (random.below(8)) {
      case 0:
        writer.bits(0, 2);
        stored(writer, random.bytes(random.below(9)));
        break;
      case 1:
        writer.bits(0, 2);
        writer.align();
        writer.bits(random.uint32(), random.pick([0, 16, 32]));
        break;
      case 2:
        writer.bits(2, 2);
        dynamicHeader(random, writer);
        break;
      case 3:
        writer.bits(random.pick([2, 3]), 2);
        break;
      default:
        writer.bits(1, 2);
        fixedTokens(random, writer);
    }
    if (random.chance(20)) writer.align();
  }
  if (random.chance(70)) writer.bits(0, 3);
  return writer.bytes();
}

function fixedTokens(random: Random, writer: BitWriter): void {
  for (let i = random.below(8); i > 0; i--) {
    if (random.chance(60)) {
      writer.code(0x30 + random.between(32, 127), 8);
      continue;
    }
    const length = random.between(1, 29);
    if (length <= 23) writer.code(length, 7);
    else writer.code(0xc0 + (length - 24), 8);
    writer.bits(random.uint32(), length >= 9 && length < 29 ? Math.floor((length - 5) / 4) : 0);
    const distance = random.pick([0, 1, 2, 3, random.below(32), 15, 29, 30]);
    writer.code(distance, 5);
    writer.bits(
      random.uint32() >>> random.below(16),
      distance >= 4 && distance < 30 ? (distance >> 1) - 1 : 0,
    );
  }
  if (random.chance(95)) writer.code(0, 7);
}

function dynamicHeader(random: Random, writer: BitWriter): void {
  writer.bits(random.pick([0, 0, 1, random.below(32)]), 5);
  writer.bits(random.pick([0, 0, 1, random.below(32)]), 5);
  const lengths = random.pick([14, 15, random.below(16)]);
  writer.bits(lengths, 4);
  // Complete sets of codes come up often enough to get further than this.
  const shape = random.pick([
    [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
    [0, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0],
    [2, 2, 2, 2],
    [1],
    [],
  ]);
  for (let i = 0; i < lengths + 4; i++) {
    writer.bits(random.chance(3) ? random.below(8) : (shape[i] ?? 0), 3);
  }
  for (let i = random.below(60); i > 0; i--) writer.bits(random.uint32(), random.pick([1, 8, 16]));
}

const bombs = new Map<number, Buffer>();

/** Much from little: runs of one byte, up to some hundred times the largest limit that is tried. */
function bomb(random: Random): Buffer {
  const length = random.pick([2000, 20_000, 200_000, 1_000_000]);
  let bytes = bombs.get(length);
  if (bytes === undefined) {
    const deflated = deflateRawSync(Buffer.alloc(length, 0x61), { finishFlush: constants.Z_SYNC_FLUSH });
    bytes = deflated.subarray(0, deflated.length - 4);
    bombs.set(length, bytes);
  }
  return Buffer.from(bytes);
}
