import { constants, createInflateRaw, type InflateRaw } from "node:zlib";

/** How much is inflated at a time. */
const STEP_BYTES = 16_384;

/** What Node's own synchronous zlib functions use underneath. Not documented, so it is looked for before it is used. */
interface SyncZlib extends InflateRaw {
  readonly _handle: {
    writeSync(
      flush: number,
      input: Uint8Array,
      inputOffset: number,
      inputLength: number,
      output: Uint8Array,
      outputOffset: number,
      outputLength: number,
    ): void;
    onerror: (message: string, errno: number, code: string) => void;
  };
  /** After each write: the room left in the output, the input left. */
  readonly _writeState: Uint32Array;
}

/** What a step came to. `ended` means that a block with BFINAL was reached before the input was used up. */
export interface InflateStep {
  readonly output: Buffer;
  readonly consumed: number;
}

/**
 * Inflates a raw DEFLATE stream that arrives in pieces, synchronously: for messages that are handed out piece by piece.
 * Where Node no longer has what it takes ({@link canInflateIncrementally}), messages are inflated whole.
 */
export class IncrementalInflate {
  readonly #zlib: SyncZlib;
  #hasFailed = false;

  constructor(windowBits: number, dictionary: Buffer) {
    const zlib = createInflateRaw({ windowBits, ...(dictionary.length > 0 && { dictionary }) });
    if (!isSync(zlib)) throw new TypeError("this Node has no synchronous zlib handle");
    zlib._handle.onerror = () => {
      this.#hasFailed = true;
    };
    this.#zlib = zlib;
  }

  /** Inflates as much of `input` as it can; undefined if it is not DEFLATE data or would exceed `maxBytes`. */
  push(input: Uint8Array, maxBytes: number): InflateStep | "too-big" | "invalid" {
    const outputs: Buffer[] = [];
    let total = 0;
    let consumed = 0;
    for (;;) {
      const output = Buffer.allocUnsafe(STEP_BYTES);
      const left = input.length - consumed;
      this.#zlib._handle.writeSync(constants.Z_SYNC_FLUSH, input, consumed, left, output, 0, STEP_BYTES);
      if (this.#hasFailed) return "invalid";
      const [outputRoom = 0, inputLeft = 0] = this.#zlib._writeState;
      const produced = STEP_BYTES - outputRoom;
      consumed = input.length - inputLeft;
      total += produced;
      if (total > maxBytes) return "too-big";
      if (produced > 0) outputs.push(output.subarray(0, produced));
      // Room left in the output means that the input is used up, or that the stream has ended.
      if (outputRoom > 0) break;
    }
    return { output: outputs.length === 1 ? outputs[0]! : Buffer.concat(outputs, total), consumed };
  }

  /** Frees the memory of zlib. */
  close(): void {
    this.#zlib.close();
  }
}

function isSync(zlib: InflateRaw): zlib is SyncZlib {
  const { _handle: handle, _writeState: state } = zlib as Partial<SyncZlib>;
  return typeof handle?.writeSync === "function" && state instanceof Uint32Array;
}

/** Whether this Node can do it, found out by doing it. */
export const canInflateIncrementally: boolean = inflatesTestData();

function inflatesTestData(): boolean {
  try {
    const inflate = new IncrementalInflate(15, Buffer.alloc(0));
    const step = inflate.push(Buffer.from([0x4b, 0x4c, 0x4a, 0x06, 0x00]), 16);
    inflate.close();
    return typeof step === "object" && step.output.toString() === "abc";
  } catch {
    return false;
  }
}
