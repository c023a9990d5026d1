import { constants, createDeflateRaw } from "node:zlib";
import { documentTexts, jsonText } from "./json-text.js";
import { loadFrame, OPCODE } from "./load-frame.js";
import { seededRandom } from "./seeded-random.js";
import { maskedRecords, messageRecord } from "./session-record.js";

/** What is sent. */
export interface MessageCycleOptions {
  /** The sizes of the messages in bytes, in the order in which they are sent, over and over. */
  readonly sizes: readonly number[];
  /** How many are sent at once: the next so many follow when all of these are answered. */
  readonly window: number;
  /**
   * `binary` is the same bytes each time, `json` another text each time, `document` the same text with one value changed;
   * a text of our own is sent as it is.
   */
  readonly content: "binary" | "json" | "document" | { readonly text: string };
  /** Whether frames are masked, as those of a client. */
  readonly isMasked: boolean;
  /** Whether messages are compressed; with `kept`, in the window of those before (RFC 7692 §7.2.3.2). */
  readonly compression: "none" | "fresh" | "kept";
  /** Whether windows are made of records of sessions, masked, and not of frames. Default: false. */
  readonly isOfRecords?: boolean;
}

/** The different texts that compression gets to see: enough that none is found again in a window of 32 KiB. */
const JSON_CYCLE_BYTES = 128 * 1024;
const MAX_JSON_MESSAGES = 1_024;
/** What a flush ends with and a message does not carry (RFC 7692 §7.2.1). */
const FLUSH_TAIL_BYTES = 4;

/** The messages of a load with their frames, all built beforehand: sent in windows, in a circle. */
export class MessageCycle {
  readonly window: number;
  /** What each message holds, in order; an echo has the same. */
  readonly payloads: readonly Buffer[];
  /** The lengths of `payloads`. */
  readonly lengths: Int32Array;
  readonly opcode: number;
  /** A write for each window, for the first time round. */
  readonly first: readonly Buffer[];
  /** The same for all further times; it differs where a compressor remembers the end of the circle. */
  readonly again: readonly Buffer[];

  private constructor(
    options: MessageCycleOptions,
    payloads: readonly Buffer[],
    bodies: readonly Uint8Array[],
  ) {
    this.window = options.window;
    this.payloads = payloads;
    this.lengths = Int32Array.from(payloads, ({ length }) => length);
    this.opcode = options.content === "binary" ? OPCODE.binary : OPCODE.text;
    const { isOfRecords = false } = options;
    const isCompressed = options.compression !== "none";
    const distinct = new Map<Uint8Array, Buffer>();
    const frameOf = (payload: Uint8Array): Buffer => {
      const known = distinct.get(payload);
      if (known !== undefined) return known;
      const frame = isOfRecords
        ? messageRecord(payload, this.opcode)
        : loadFrame({ opcode: this.opcode, payload, isMasked: options.isMasked, isCompressed });
      distinct.set(payload, frame);
      return frame;
    };
    const writes = Array.from({ length: bodies.length / options.window }, (_, index) => {
      const start = index * options.window;
      const parts = bodies.slice(start, start + options.window).map(frameOf);
      return isOfRecords ? maskedRecords(parts) : Buffer.concat(parts);
    });
    const half = payloads.length / options.window;
    this.first = writes.slice(0, half);
    this.again = bodies.length === payloads.length ? this.first : writes.slice(half);
  }

  static async build(options: MessageCycleOptions): Promise<MessageCycle> {
    const payloads = payloadsOf(options);
    if (options.compression === "none") return new MessageCycle(options, payloads, payloads);
    // Twice round: the second time each message meets the window that it meets from then on.
    const all = options.compression === "kept" ? [...payloads, ...payloads] : payloads;
    return new MessageCycle(options, payloads, await deflated(all, options.compression === "kept"));
  }

  /** How many bytes all messages of the circle hold, uncompressed. */
  get totalBytes(): number {
    return this.lengths.reduce((sum, length) => sum + length, 0);
  }
}

/** As many as fill whole windows. */
function payloadsOf({ sizes, window, content, compression }: MessageCycleOptions): Buffer[] {
  const random = seededRandom(sizes.length);
  const atLeast =
    content === "json" || content === "document" || compression !== "none"
      ? Math.min(MAX_JSON_MESSAGES, Math.ceil(JSON_CYCLE_BYTES / Math.max(...sizes, 1)))
      : 1;
  const rounds = Math.ceil(Math.max(atLeast, sizes.length) / sizes.length);
  const count = leastCommonMultiple(rounds * sizes.length, window);
  const known = new Map<number, Buffer>();
  const documents = new Map<number, Buffer[]>();
  return Array.from({ length: count }, (_, index) => {
    const bytes = sizes[index % sizes.length]!;
    if (content === "json") return jsonText(bytes, random);
    if (content === "document") {
      const texts = documents.get(bytes) ?? documentTexts(bytes, count, random);
      documents.set(bytes, texts);
      return texts[index]!;
    }
    const made = known.get(bytes) ?? sameBytes(bytes, content);
    known.set(bytes, made);
    return made;
  });
}

function sameBytes(bytes: number, content: "binary" | { readonly text: string }): Buffer {
  return content === "binary" ? Buffer.alloc(bytes, "hawser bench ") : Buffer.from(content.text);
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}

/** The messages compressed, each on its own or in the window of those before. */
async function deflated(payloads: readonly Buffer[], isWindowKept: boolean): Promise<Buffer[]> {
  const compressor = createDeflateRaw({ windowBits: 15, flush: constants.Z_SYNC_FLUSH });
  let parts: Buffer[] = [];
  compressor.on("data", (part: Buffer) => parts.push(part));
  const bodies: Buffer[] = [];
  for (const payload of payloads) {
    parts = [];
    if (!isWindowKept) compressor.reset();
    await new Promise<void>((resolve) => compressor.write(payload, () => resolve()));
    bodies.push(Buffer.concat(parts).subarray(0, -FLUSH_TAIL_BYTES));
  }
  compressor.destroy();
  return bodies;
}
