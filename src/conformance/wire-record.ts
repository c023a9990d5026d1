import type { ReceivedFrame } from "./frame-reader.js";
import { FrameReader } from "./frame-reader.js";
import { frameWords, headerWords } from "./frame-words.js";

/** What went over the wire at one time, or an event of the transport. */
export interface WireEntry {
  /** Milliseconds since the case began. */
  readonly atMs: number;
  /** `sent` by the suite, `received` by it, or an `event`: the transport opened or ended. */
  readonly direction: "sent" | "received" | "event";
  readonly byteLength: number;
  /** The first bytes of frames. Empty for an HTTP head, which the words have. */
  readonly hex: string;
  /** What the bytes mean: a line for each frame or line of an HTTP head. */
  readonly words: readonly string[];
}

/** How a connection begins and how it ends tell more than what is between. */
const FIRST_ENTRIES = 16;
const LAST_ENTRIES = 8;
/** What is short is shown whole; of what is long, the header and a little of the payload. */
const MAX_WHOLE_BYTES = 64;
const FIRST_BYTES_OF_MORE = 24;
const MAX_WORDS = 12;
const MAX_WORD_LENGTH = 200;
/** How much of a payload is enough to describe it. */
const DESCRIBED_BYTES = 64;

/** Keeps what a case sends and receives, up to a cap, for its report. */
export class WireRecord {
  readonly #startMs: number = performance.now();
  readonly #first: WireEntry[] = [];
  readonly #last: WireEntry[] = [];
  readonly #readers: Record<"sent" | "received", FrameDescriber> = {
    sent: new FrameDescriber(),
    received: new FrameDescriber(),
  };
  #leftOut = 0;

  /** Records bytes of frames. */
  frames(direction: "sent" | "received", bytes: Buffer): void {
    const words = this.#readers[direction].describe(bytes);
    const shown = bytes.length > MAX_WHOLE_BYTES ? bytes.subarray(0, FIRST_BYTES_OF_MORE) : bytes;
    this.#add({ direction, byteLength: bytes.length, hex: shown.toString("hex"), words });
  }

  /** Records bytes that are no frames. */
  text(direction: "sent" | "received", bytes: Buffer): void {
    const lines = bytes
      .subarray(0, 4_096)
      .toString("latin1")
      .split(/\r\n|\n/);
    const words = lines.filter((line) => line !== "").map((line) => JSON.stringify(line).slice(1, -1));
    this.#add({ direction, byteLength: bytes.length, hex: "", words });
  }

  /** Records what happened to the transport. */
  event(words: string): void {
    this.#add({ direction: "event", byteLength: 0, hex: "", words: [words] });
  }

  /** What was recorded. */
  get entries(): readonly WireEntry[] {
    const [next] = this.#last;
    if (this.#leftOut === 0 || next === undefined) return [...this.#first, ...this.#last];
    const words = [`${this.#leftOut} more reads and writes`];
    const gap = { atMs: next.atMs, direction: "event", byteLength: 0, hex: "", words } as const;
    return [...this.#first, gap, ...this.#last];
  }

  #add(entry: Omit<WireEntry, "atMs">): void {
    const words = entry.words.slice(0, MAX_WORDS).map((word) => word.slice(0, MAX_WORD_LENGTH));
    if (entry.words.length > MAX_WORDS) words.push(`… and ${entry.words.length - MAX_WORDS} more`);
    const entries = this.#first.length < FIRST_ENTRIES ? this.#first : this.#last;
    entries.push({ atMs: this.#now(), ...entry, words });
    if (this.#last.length > LAST_ENTRIES) {
      this.#last.shift();
      this.#leftOut++;
    }
  }

  #now(): number {
    return Math.round((performance.now() - this.#startMs) * 10) / 10;
  }
}

/** Puts frames into words, however they are cut. */
class FrameDescriber {
  #words: string[] = [];
  #count = 0;
  readonly #reader = new FrameReader((frame: ReceivedFrame) => {
    this.#count++;
    if (this.#words.length < MAX_WORDS) this.#words.push(frameWords(frame));
  }, DESCRIBED_BYTES);

  describe(bytes: Buffer): string[] {
    this.#words = [];
    this.#count = 0;
    this.#reader.push(bytes);
    const words = this.#words;
    if (this.#count > words.length) words.push(`… and ${this.#count - words.length} more frames`);
    const { incomplete, pendingHeaderBytes } = this.#reader;
    if (incomplete !== undefined) {
      words.push(`part of: ${headerWords(incomplete.frame)}; ${incomplete.missingBytes} to come`);
    } else if (pendingHeaderBytes > 0) {
      words.push(`part of a header: ${pendingHeaderBytes} of its bytes`);
    }
    return words;
  }
}
