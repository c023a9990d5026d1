import { Buffer } from "node:buffer";
import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { dictionaryBlock, hasDictionaries } from "./zlib-dictionary.js";

/** What Node's own synchronous zlib functions use underneath. Not documented, so it is looked for before it is used. */
interface Handle {
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
}

interface SyncStream {
  readonly _handle: Handle;
  /** After each write: the room left in the output, the input left. */
  readonly _writeState: Uint32Array;
  close(): void;
}

/** How a {@link SyncZlib} is made. */
export interface SyncZlibOptions {
  readonly windowBits: number;
  /** Only for deflating, as the two below. */
  readonly level?: number;
  readonly memLevel?: number;
  readonly strategy?: number;
  /** What the data may refer back to. Default: nothing. */
  readonly dictionary?: Buffer;
}

/** What a write came to. */
export interface SyncZlibStep {
  /** A copy, the caller's to keep. */
  readonly output: Buffer;
  /** Less than was given only if a block with BFINAL was reached before the input was used up, or with `Z_BLOCK`. */
  readonly consumed: number;
}

/** Where zlib writes to; copied out before anybody else can write. */
const scratch: Buffer = Buffer.allocUnsafeSlow(65_536);

/** A raw DEFLATE stream of zlib that is kept open and works at once, in the calling thread. */
export class SyncZlib {
  readonly #stream: SyncStream;
  #hasFailed = false;
  /** How many bytes the latest {@link writeTo} read. */
  consumed = 0;

  /** @throws TypeError where this Node has no such thing; see {@link hasSyncZlib}. */
  constructor(direction: "deflate" | "inflate", options: SyncZlibOptions) {
    const { dictionary, ...rest } = options;
    const settings = dictionary === undefined || dictionary.length === 0 ? rest : { ...rest, dictionary };
    const stream = direction === "deflate" ? createDeflateRaw(settings) : createInflateRaw(settings);
    if (!isSync(stream)) throw new TypeError("this Node has no synchronous zlib handle");
    stream._handle.onerror = () => {
      this.#hasFailed = true;
    };
    this.#stream = stream;
    // Deflating without a dictionary makes more bytes, and right ones.
    if (direction === "inflate" && "dictionary" in settings && !hasDictionaries) {
      this.write(dictionaryBlock(settings.dictionary));
    }
  }

  /**
   * Takes all of `input`, and gives out all that comes of it, up to `maxBytes`.
   * @param flush `Z_BLOCK` stops inflating at the end of a block.
   */
  write(
    input: Uint8Array,
    maxBytes: number = Infinity,
    flush: number = constants.Z_SYNC_FLUSH,
  ): SyncZlibStep | "too-big" | "invalid" {
    const outputs: Buffer[] = [];
    let total = 0;
    let consumed = 0;
    for (;;) {
      const produced = this.writeTo(input, consumed, flush, scratch, 0);
      if (produced < 0) return "invalid";
      consumed += this.consumed;
      total += produced;
      if (total > maxBytes) return "too-big";
      // Room left in the output means that the input is used up, or that the stream has ended.
      const isDone = produced < scratch.length;
      const output = produced === 0 && !isDone ? undefined : Buffer.from(scratch.subarray(0, produced));
      if (isDone && outputs.length === 0) return { output: output!, consumed };
      if (output !== undefined) outputs.push(output);
      if (isDone) return { output: Buffer.concat(outputs, total), consumed };
    }
  }

  /**
   * Takes `input` from `start` on, and writes into `output` from `at` on, until one of them is used up or the stream has
   * ended. Returns how many bytes were written, or -1 where the input is no DEFLATE data; {@link consumed} is how many were
   * read.
   */
  writeTo(input: Uint8Array, start: number, flush: number, output: Uint8Array, at: number): number {
    const { _handle: handle, _writeState: state } = this.#stream;
    const length = input.length - start;
    const room = output.length - at;
    handle.writeSync(flush, input, start, length, output, at, room);
    if (this.#hasFailed) return -1;
    this.consumed = length - state[1]!;
    return room - state[0]!;
  }

  /** Frees the memory of zlib. */
  close(): void {
    this.#stream.close();
  }
}

function isSync(stream: unknown): stream is SyncStream {
  const { _handle: handle, _writeState: state } = stream as Partial<SyncStream>;
  return typeof handle?.writeSync === "function" && state instanceof Uint32Array;
}

/**
 * Whether this Node can do it, found out by doing it. The environment variable is for the tests of the other way, and for
 * doubts.
 */
export const hasSyncZlib: boolean = process.env["HAWSER_PLAIN_IO"] === undefined && isRoundTripRight();

function isRoundTripRight(): boolean {
  try {
    const text = Buffer.from("abcabcabcabc");
    const deflate = new SyncZlib("deflate", { windowBits: 15 });
    const inflate = new SyncZlib("inflate", { windowBits: 15 });
    const there = deflate.write(text);
    const back = typeof there === "object" ? inflate.write(there.output) : there;
    deflate.close();
    inflate.close();
    return typeof back === "object" && back.output.equals(text);
  } catch {
    return false;
  }
}
