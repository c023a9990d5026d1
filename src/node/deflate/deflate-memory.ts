import { Buffer } from "node:buffer";
import { DEFLATE_MODULE } from "./deflate-module.js";

/** As much of WebAssembly as is used here; its types are those of browsers. */
interface Wasm {
  readonly Memory: new (descriptor: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: DeflateExports };
}

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What `wasm/deflate/index.ts` exports; all positions but `slot` and the result are in the slot. */
interface DeflateExports {
  begin(): void;
  prime(slot: number, from: number, until: number): void;
  slide(slot: number, from: number, length: number): void;
  deflate(
    slot: number,
    from: number,
    until: number,
    oldest: number,
    maxDistance: number,
    last: number,
  ): number;
}

/** A slot holds the window of a stream, and finds what is in it. */
export const SLOT_WINDOW_BYTES = 65_536;
/** The window, 16 KiB of hash table, and the latest distance. */
export const SLOT_BYTES: number = SLOT_WINDOW_BYTES + 16_384 + 64;
/** The most that one call deflates. */
export const MAX_BLOCK_BYTES = 32_768;
/** Where the module writes to, and where slots begin; see `wasm/deflate/layout.ts`. */
export const OUTPUT_AT = 0x13000;
const SLOTS_AT = 0x1c000;
const PAGE_BYTES = 65_536;
/** Slots are added by so many: memory that grows has to be looked at anew. */
const SLOTS_AT_A_TIME = 8;

/**
 * The memory of an instance of the module, with a slot for everybody and others to be taken. It grows and never shrinks,
 * but when all slots are given back it is forgotten as a whole.
 */
export class DeflateMemory {
  /** The slot for a single message: nothing in it outlives the call. */
  readonly sharedSlot: number = SLOTS_AT;
  readonly exports: DeflateExports;
  readonly #memory: WasmMemory;
  readonly #free: number[] = [];
  /** All of the memory. */
  bytes: Buffer;
  #slots = 1;
  #taken = 0;

  /** @throws whatever WebAssembly throws where there is none with SIMD, or no address space for it. */
  constructor(maxSlots: number) {
    const wasm = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly;
    compiled ??= new wasm.Module(Buffer.from(DEFLATE_MODULE, "base64"));
    this.#memory = new wasm.Memory({ initial: pagesFor(1), maximum: pagesFor(maxSlots + SLOTS_AT_A_TIME) });
    this.exports = new wasm.Instance(compiled, { env: { memory: this.#memory } }).exports;
    this.bytes = Buffer.from(this.#memory.buffer);
  }

  /** Whether nothing is left of it that anybody needs, but more than a new one would take. */
  get isAbandoned(): boolean {
    return this.#taken === 0 && this.#slots > 1;
  }

  /** A slot with anything in it; undefined where there is no memory for one. */
  takeSlot(): number | undefined {
    const slot = this.#free.pop() ?? this.#grow();
    if (slot !== undefined) this.#taken++;
    return slot;
  }

  giveBackSlot(slot: number): void {
    this.#taken--;
    this.#free.push(slot);
  }

  #grow(): number | undefined {
    const slots = this.#slots + SLOTS_AT_A_TIME;
    try {
      this.#memory.grow(pagesFor(slots) - pagesFor(this.#slots));
    } catch {
      return undefined;
    }
    this.bytes = Buffer.from(this.#memory.buffer);
    for (let i = slots - 1; i >= this.#slots; i--) this.#free.push(SLOTS_AT + i * SLOT_BYTES);
    this.#slots = slots;
    return this.#free.pop();
  }
}

let compiled: object | undefined;

function pagesFor(slots: number): number {
  return Math.ceil((SLOTS_AT + slots * SLOT_BYTES) / PAGE_BYTES);
}
