/** What became of a message; the output holds what was decoded up to the problem. */
export interface ReferenceInflated {
  readonly output: Buffer;
  readonly verdict: "ok" | "invalid" | "too-big";
  /** It is too big, and soon behind that it is invalid: which is noticed first is a matter of buffers. */
  readonly alsoInvalid: boolean;
  /** It refers back further than the window that was agreed on: it may be refused, but need not be. */
  readonly leavesWindow: boolean;
  /** It has a block with BFINAL (RFC 7692 §7.2.3.4) before its end. */
  readonly hasFinalBlock: boolean;
  /**
   * It was cut, and some bits of the tail end its last block: what is left of the tail is no whole block, and whether that is a fault
   * nobody says.
   */
  readonly endsInTail: boolean;
  /** It was cut, and the fault is in what is appended: whoever appends something else may find it too big before. */
  readonly failsInTail: boolean;
}

/** RFC 7692 §7.2.2: what is appended to a message; and an empty last block, behind which nothing may be left. */
const TAIL_AND_END: Buffer = Buffer.from([0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff]);
/** Of them, those that are appended (RFC 7692 §7.2.2). */
const TAIL_BYTES = 4;
/** How many blocks with BFINAL a message may go on after. */
const MAX_FINAL_BLOCKS = 32;
/** How far behind the limit it is looked for further problems. */
const LOOK_BEYOND_BYTES = 65_536;
const LARGEST_WINDOW = 32_768;

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
  6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** The bits are not DEFLATE data, or end too early. */
class Invalid extends Error {}
/** There is more output than anybody wants to see. */
class Enough extends Error {}

/**
 * Inflates a message of permessage-deflate (RFC 1951, RFC 7692 §7.2.2), written for clarity from the RFC and sharing
 * nothing with zlib. `history` is what was inflated before it, as far as it may refer to that.
 */
export function referenceInflate(
  message: Uint8Array,
  history: Buffer,
  windowBits: number,
  maxOutputBytes: number,
): ReferenceInflated {
  const decoder = new Decoder(Buffer.concat([message, TAIL_AND_END]), history, windowBits, maxOutputBytes);
  let verdict: ReferenceInflated["verdict"] = "ok";
  let alsoInvalid = false;
  let failsInTail = false;
  try {
    decoder.message(message.length);
  } catch (error) {
    failsInTail = error instanceof Invalid && decoder.isInTail(message.length);
    if (error instanceof Invalid) verdict = "invalid";
    else if (!(error instanceof Enough)) throw error;
  }
  if (decoder.produced > maxOutputBytes || decoder.tooManyEnds) {
    alsoInvalid = verdict === "invalid";
    verdict = "too-big";
  }
  const output = decoder.output().subarray(0, maxOutputBytes);
  const { leavesWindow, hasFinalBlock, endsInTail } = decoder;
  return { output, verdict, alsoInvalid, leavesWindow, hasFinalBlock, endsInTail, failsInTail };
}

/** A canonical Huffman code (RFC 1951 §3.2.2). */
interface Code {
  readonly counts: readonly number[];
  readonly symbols: readonly number[];
}

class Decoder {
  tooManyEnds = false;
  leavesWindow = false;
  hasFinalBlock = false;
  endsInTail = false;
  produced = 0;
  readonly #input: Buffer;
  readonly #window: number;
  readonly #limit: number;
  readonly #historyLength: number;
  #bytes: Buffer;
  #bit = 0;

  constructor(input: Buffer, history: Buffer, windowBits: number, maxOutputBytes: number) {
    this.#input = input;
    this.#window = 2 ** windowBits;
    this.#limit = maxOutputBytes + LOOK_BEYOND_BYTES;
    this.#historyLength = Math.min(history.length, LARGEST_WINDOW);
    this.#bytes = Buffer.alloc(this.#historyLength + 1024);
    history.copy(this.#bytes, 0, history.length - this.#historyLength);
  }

  output(): Buffer {
    return this.#bytes.subarray(this.#historyLength, this.#historyLength + this.produced);
  }

  /** Whether all of a message so long was read, and more. */
  isInTail(messageLength: number): boolean {
    return this.#bit > 8 * messageLength;
  }

  message(messageLength: number): void {
    let ends = 0;
    for (;;) {
      const isFinal = this.#bits(1) === 1;
      if (isFinal && this.#bit <= messageLength * 8) this.hasFinalBlock = true;
      this.#block();
      const ofTail = this.#bit - 8 * messageLength;
      if (ofTail > 0 && ofTail < 8 * TAIL_BYTES) this.endsInTail = true;
      if (!isFinal) continue;
      // §7.2.3.4: another block may follow at the next byte, with the same window.
      this.#bit = (this.#bit + 7) & ~7;
      const at = this.#bit / 8;
      if (at === messageLength || at === this.#input.length) return;
      if (++ends > MAX_FINAL_BLOCKS) {
        this.tooManyEnds = true;
        throw new Enough();
      }
    }
  }

  #block(): void {
    switch (this.#bits(2)) {
      case 0:
        this.#stored();
        break;
      case 1:
        this.#compressed(FIXED_LITERALS, FIXED_DISTANCES);
        break;
      case 2:
        this.#dynamic();
        break;
      default:
        throw new Invalid("block type 3");
    }
  }

  #bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.#bit++) {
      const byte = this.#input[this.#bit >>> 3];
      if (byte === undefined) throw new Invalid("the data ends early");
      value |= ((byte >>> (this.#bit & 7)) & 1) << i;
    }
    return value;
  }

  #stored(): void {
    this.#bit = (this.#bit + 7) & ~7;
    const length = this.#bits(16);
    if (this.#bits(16) !== (~length & 0xffff)) throw new Invalid("LEN and NLEN");
    for (let i = 0; i < length; i++) this.#put(this.#bits(8));
  }

  #dynamic(): void {
    const literals = this.#bits(5) + 257;
    const distances = this.#bits(5) + 1;
    const lengths = this.#bits(4) + 4;
    if (literals > 286 || distances > 30) throw new Invalid("too many symbols");
    const codeLengths = new Array<number>(19).fill(0);
    for (let i = 0; i < lengths; i++) codeLengths[CODE_LENGTH_ORDER[i]!] = this.#bits(3);
    const code = canonicalCode(codeLengths, false);
    const all: number[] = [];
    while (all.length < literals + distances) {
      const symbol = this.#symbol(code);
      if (symbol < 16) {
        all.push(symbol);
        continue;
      }
      const previous = all.at(-1);
      if (symbol === 16 && previous === undefined) throw new Invalid("nothing to repeat");
      const times =
        symbol === 16 ? 3 + this.#bits(2) : symbol === 17 ? 3 + this.#bits(3) : 11 + this.#bits(7);
      for (let i = 0; i < times; i++) all.push(symbol === 16 ? previous! : 0);
    }
    if (all.length > literals + distances) throw new Invalid("repeats too many");
    if (all[256] === 0) throw new Invalid("no end of block");
    this.#compressed(canonicalCode(all.slice(0, literals), true), canonicalCode(all.slice(literals), true));
  }

  #compressed(literals: Code, distances: Code): void {
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        this.#put(symbol);
        continue;
      }
      const base = LENGTH_BASE[symbol - 257];
      if (base === undefined) throw new Invalid("length symbol");
      const length = base + this.#bits(LENGTH_EXTRA[symbol - 257]!);
      const distanceSymbol = this.#symbol(distances);
      const distanceBase = DISTANCE_BASE[distanceSymbol];
      if (distanceBase === undefined) throw new Invalid("distance symbol");
      const distance = distanceBase + this.#bits(DISTANCE_EXTRA[distanceSymbol]!);
      if (distance > this.#historyLength + this.produced) throw new Invalid("before the beginning");
      if (distance > this.#window) this.leavesWindow = true;
      for (let i = 0; i < length; i++) {
        this.#put(this.#bytes[this.#historyLength + this.produced - distance]!);
      }
    }
  }

  #symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= 15; length++) {
      code |= this.#bits(1);
      const count = counts[length]!;
      if (code - count < first) return symbols[index + (code - first)]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new Invalid("no such code");
  }

  #put(byte: number): void {
    if (this.produced >= this.#limit) throw new Enough();
    const at = this.#historyLength + this.produced++;
    if (at === this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    this.#bytes[at] = byte;
  }
}

/** A set that leaves codes unused is wrong, except a single code of one bit, or none at all (as zlib has it). */
function canonicalCode(lengths: readonly number[], mayHaveOne: boolean): Code {
  const counts = new Array<number>(16).fill(0);
  for (const length of lengths) counts[length]!++;
  const used = lengths.length - counts[0]!;
  counts[0] = 0;
  let left = 1;
  for (let length = 1; length <= 15; length++) {
    left = left * 2 - counts[length]!;
    if (left < 0) throw new Invalid("more codes than there are");
  }
  if (left > 0 && !(mayHaveOne && (used === 0 || (used === 1 && counts[1] === 1)))) {
    throw new Invalid("codes left unused");
  }
  const symbols = [...lengths.keys()].filter((i) => lengths[i] !== 0);
  symbols.sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  return { counts, symbols };
}

const FIXED_LITERALS: Code = canonicalCode(
  Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
  true,
);
const FIXED_DISTANCES: Code = canonicalCode(new Array<number>(32).fill(5), true);
