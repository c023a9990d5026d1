import { ByteQueue } from "../core/byte-queue.js";
import { Utf8Validator } from "../core/utf8-validator.js";
import { FRAGMENT_OVERHEAD_BYTES } from "./engine-config.js";
import type { EngineHost } from "./engine-host.js";
import { type MessageOpcode, Opcode } from "./opcode.js";

/** This object with its queue and the check of its text. */
const ASSEMBLER_BYTES = 512;

/** A message of which not all has arrived: its kind, what there is of it, and the check of its text. */
export class MessageAssembler {
  readonly opcode: MessageOpcode;
  readonly isCompressed: boolean;
  readonly #queue: ByteQueue;
  readonly #utf8: Utf8Validator | undefined;
  #isAscii = true;
  #fragments = 0;
  #isLengthKnown = false;
  /** The payload that the headers of its frames announced so far, arrived or not. */
  announcedBytes = 0;
  /** The bytes handed out or collected after inflating, where the message is inflated piece by piece. */
  inflatedBytes = 0;

  /** @param checksText whether text is checked to be UTF-8. */
  constructor(opcode: MessageOpcode, isCompressed: boolean, host: EngineHost, checksText = true) {
    this.opcode = opcode;
    this.isCompressed = isCompressed;
    this.#queue = new ByteQueue(host);
    this.#utf8 = opcode === Opcode.text && checksText ? new Utf8Validator(host.isUtf8) : undefined;
  }

  /** What its fragments cost us beyond their payload. */
  get overheadBytes(): number {
    return this.#fragments * FRAGMENT_OVERHEAD_BYTES;
  }

  /** How much memory it keeps, objects included. */
  get heldBytes(): number {
    return ASSEMBLER_BYTES + this.#queue.heldBytes;
  }

  /** Whether it is text, and all of it so far is ASCII. */
  get isAscii(): boolean {
    return this.#utf8 !== undefined && this.#isAscii;
  }

  /** Whether the message may end here: its text has no half character at the end. */
  get isTextComplete(): boolean {
    return this.#utf8 === undefined || this.#utf8.isComplete;
  }

  /** Another frame of it begins; `isLast` is its FIN. */
  addFrame(payloadLength: number, isLast: boolean): void {
    this.#fragments++;
    this.announcedBytes += payloadLength;
    this.#isLengthKnown = isLast;
  }

  /** Checks the next piece of text. Binary always passes. */
  checkText(bytes: Uint8Array, start: number, end: number, isAscii: boolean): boolean {
    if (this.#utf8 === undefined) return true;
    if (isAscii && this.#utf8.isComplete) return true;
    this.#isAscii = false;
    return this.#utf8.push(bytes, start, end);
  }

  /** Keeps a copy of a piece. */
  append(bytes: Uint8Array, start: number, end: number): void {
    // What is announced is all of it only with the last frame. Before, room for just that would be made anew with each.
    this.#queue.append(bytes, start, end, this.#isLengthKnown ? this.announcedBytes : 0);
  }

  /** All that was kept, as one array. */
  concat(): Uint8Array {
    return this.#queue.concat();
  }
}
