import { MAX_CONTROL_BYTES } from "./opcode.js";

/** The payload of a control frame that arrives in pieces: 125 bytes at most (RFC 6455 §5.5). */
export class ControlAssembler {
  readonly bytes: Uint8Array = new Uint8Array(MAX_CONTROL_BYTES);
  length = 0;

  /** Adds a piece. */
  append(bytes: Uint8Array, start: number, end: number): void {
    this.bytes.set(bytes.subarray(start, end), this.length);
    this.length += end - start;
  }
}
