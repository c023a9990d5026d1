// biome-ignore-all lint/suspicious/noExplicitAny: programs typed with @types/ws rely on its `any`.
import type { Buffer } from "node:buffer";

/** What `send` takes: all that `Buffer.from` takes, and blobs. */
export type BufferLike =
  | string
  | Buffer
  | DataView
  | number
  | ArrayBufferView
  | Uint8Array
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  | readonly any[]
  | readonly number[]
  | { valueOf(): ArrayBuffer }
  | { valueOf(): SharedArrayBuffer }
  | { valueOf(): Uint8Array }
  | { valueOf(): readonly number[] }
  | { valueOf(): string }
  | { [Symbol.toPrimitive](hint: string): string };
/** A message as listeners of `message` get it. */
export type RawData = Buffer | ArrayBuffer | Buffer[];
/** A message as an event has it. */
export type Data = string | Buffer | ArrayBuffer | Buffer[];
