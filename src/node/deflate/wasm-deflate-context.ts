import type { DeflateContext } from "../../protocol/engine-host.js";
import { ZlibDeflateContext } from "./deflate-context.js";
import { SLOT_BYTES } from "./deflate-memory.js";
import { KeptStreams, type RepeatedKeeper } from "./kept-streams.js";
import { NOTHING_DEFLATED } from "./nothing-deflated.js";
import { SlidingWindow } from "./sliding-window.js";
import { MAX_WASM_STREAMS, WasmDeflate } from "./wasm-deflate.js";

const kept = new KeptStreams(MAX_WASM_STREAMS);

/**
 * Deflates what one direction of a connection sends (RFC 7692 §7.2.1). While messages follow each other closely a stream
 * is kept; otherwise only the window is held between two, 32 KiB at most.
 */
export class WasmDeflateContext implements DeflateContext, RepeatedKeeper {
  readonly #windowBits: number;
  /** Empty while there is a stream, which has it. */
  readonly #window: SlidingWindow;
  #stream: WasmDeflate | undefined = undefined;
  hasBeenUsed = false;
  isInUse = false;

  constructor(windowBits: number) {
    this.#windowBits = windowBits;
    this.#window = new SlidingWindow(windowBits);
  }

  get heldBytes(): number {
    return this.#stream === undefined ? this.#window.capacity : SLOT_BYTES;
  }

  deflate(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return NOTHING_DEFLATED;
    const stream = this.#stream ?? this.#openStream();
    if (stream !== undefined) {
      this.isInUse = true;
      return stream.write(bytes);
    }
    const window = this.#window.bytes;
    const deflated =
      WasmDeflate.once(this.#windowBits, window, bytes) ?? deflateAlone(this.#windowBits, bytes);
    this.#window.append(bytes);
    return deflated;
  }

  deflateText(text: string): Uint8Array | undefined {
    const stream = this.#stream;
    if (stream === undefined) return undefined;
    this.isInUse = true;
    return stream.writeText(text);
  }

  reset(): void {
    this.#stream?.clear();
    this.#window.clear();
  }

  dispose(): void {
    this.reset();
    this.letGo();
  }

  letGo(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    kept.remove(this);
    this.#window.append(stream.window);
    stream.close();
    this.#stream = undefined;
    this.hasBeenUsed = false;
  }

  #openStream(): WasmDeflate | undefined {
    if (!kept.admitRepeated(this)) return undefined;
    this.#stream = WasmDeflate.open(this.#windowBits, this.#window.bytes);
    if (this.#stream === undefined) kept.remove(this);
    else this.#window.clear();
    return this.#stream;
  }
}

/** Where there is no memory for the module any more. It refers to nothing before, which is always right. */
function deflateAlone(windowBits: number, bytes: Uint8Array): Uint8Array {
  const zlib = new ZlibDeflateContext(windowBits);
  const deflated = zlib.deflate(bytes);
  zlib.dispose();
  return deflated;
}
