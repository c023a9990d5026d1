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
  /** The first bytes. */
  readonly hex: string;
  /** What the bytes mean: a line for each frame or line of an HTTP head. */
  readonly words: readonly string[];
}

const MAX_ENTRIES = 40;
const MAX_HEX_BYTES = 64;
const MAX_WORDS = 12;
const MAX_WORD_LENGTH = 200;
/** How much of a payload is enough to describe it. */
const DESCRIBED_BYTES = 64;

/** Keeps what a case sends and receives, up to a cap, for its report. */
export class WireRecord {
  readonly #startMs: number = performance.now();
  readonly #entries: WireEntry[] = [];
  readonly #readers: Record<"sent" | "received", FrameDescriber> = {
    sent: new FrameDescriber(),
    received: new FrameDescriber(),
  };
  #leftOut = 0;

  /** Records bytes of frames. */
  frames(direction: "sent" | "received", bytes: Buffer): void {
    const words = this.#readers[direction].describe(bytes);
    this.#add(direction, bytes, words);
  }

  /** Records bytes that are no frames. */
  text(direction: "sent" | "received", bytes: Buffer): void {
    const lines = bytes
      .subarray(0, 4_096)
      .toString("latin1")
      .split(/\r\n|\n/);
    this.#add(
      direction,
      bytes,
      lines.filter((line) => line !== "").map((line) => JSON.stringify(line).slice(1, -1)),
    );
  }

  /** Records what happened to the transport. */
  event(words: string): void {
    this.#add("event", Buffer.alloc(0), [words]);
  }

  /** What was recorded. */
  get entries(): readonly WireEntry[] {
    if (this.#leftOut === 0) return this.#entries;
    const words = [`${this.#leftOut} more reads and writes are not shown`];
    return [...this.#entries, { atMs: this.#now(), direction: "event", byteLength: 0, hex: "", words }];
  }

  #add(direction: WireEntry["direction"], bytes: Buffer, words: readonly string[]): void {
    // The end of a connection is worth more than another write.
    if (this.#entries.length >= (direction === "event" ? MAX_ENTRIES + 4 : MAX_ENTRIES)) {
      this.#leftOut++;
      return;
    }
    const shown = words.slice(0, MAX_WORDS).map((word) => word.slice(0, MAX_WORD_LENGTH));
    if (words.length > MAX_WORDS) shown.push(`… and ${words.length - MAX_WORDS} more`);
    this.#entries.push({
      atMs: this.#now(),
      direction,
      byteLength: bytes.length,
      hex: bytes.subarray(0, MAX_HEX_BYTES).toString("hex"),
      words: shown,
    });
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
