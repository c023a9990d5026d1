import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { accelerateMask } from "../../protocol/mask.js";
import type { ByteStream } from "../byte-stream.js";
import { isPlainIo } from "../plain-io.js";
import { maskedByWasm } from "../wasm-mask.js";

/** As much as is read at once: what Node itself asks for. */
const RECEIVE_BYTES = 65_536;

/**
 * What is read into. Node gives each read a new buffer and shrinks it afterwards; this one is kept, and shared by all
 * sockets of the process, since what is read is handled before anything else is read.
 */
export const receiveBuffer: Buffer = acceleratedBuffer() ?? Buffer.allocUnsafeSlow(RECEIVE_BYTES);

function acceleratedBuffer(): Buffer | undefined {
  const masked = isPlainIo ? undefined : maskedByWasm(RECEIVE_BYTES);
  if (masked !== undefined) accelerateMask(masked);
  return masked?.bytes;
}

/** Called with the stream as `this`: how many bytes are in {@link receiveBuffer}. */
export type OnReceived = (this: Duplex, byteLength: number) => boolean;

/** What the documented option `onread` of Node's sockets sets when they are made. */
interface ReadingSocket {
  [key: symbol]: unknown;
  readonly _handle?: ReadingHandle | null;
}

interface ReadingHandle {
  readonly useUserBuffer?: (buffer: Buffer) => void;
  /** Of TLS: the handle that it is over. */
  readonly _parent?: ReadingHandle | null;
}

/**
 * Has a socket of Node read into {@link receiveBuffer} from now on, instead of emitting `data`. False if it cannot: it is
 * no socket of the system, has read ahead, or this Node does it another way.
 *
 * `onread` is documented, but can only be given when a socket is made; for one that was accepted it is set afterwards,
 * by the names that Node keeps it under. They are looked for, and where they are not found all goes the documented way.
 */
export function readInto(stream: ByteStream, onReceived: OnReceived): boolean {
  if (keys === undefined || !(stream instanceof Socket) || stream.readableLength > 0) return false;
  const socket = stream as object as ReadingSocket;
  const handle = socket._handle;
  if (typeof handle?.useUserBuffer !== "function" || socket[keys.buffer] !== null) return false;
  if (!isOfSystem(handle)) return false;
  socket[keys.buffer] = receiveBuffer;
  socket[keys.callback] = onReceived;
  handle.useUserBuffer(receiveBuffer);
  return true;
}

/**
 * Has a socket of Node, made for a handle that was told to read into {@link receiveBuffer}, be a stream like any other: it
 * is given copies.
 */
export function readCopies(socket: Socket): void {
  if (keys === undefined) return;
  const fields = socket as object as ReadingSocket;
  fields[keys.buffer] = receiveBuffer;
  fields[keys.callback] = pushCopy;
}

function pushCopy(this: Socket, byteLength: number): boolean {
  return this.push(Buffer.from(receiveBuffer.subarray(0, byteLength)));
}

/**
 * Whether it is read by the event loop alone, and so never while something else is being handled. TLS over a stream of this
 * process is read when that stream says so, which may be in the middle of what we are doing.
 */
function isOfSystem(handle: ReadingHandle): boolean {
  let lowest = handle;
  for (let i = 0; i < MAX_LAYERS && lowest._parent; i++) lowest = lowest._parent;
  return SYSTEM_HANDLES.has(lowest.constructor.name);
}

/** More layers of TLS than anybody has. */
const MAX_LAYERS = 4;
const SYSTEM_HANDLES: ReadonlySet<string> = new Set(["TCP", "Pipe"]);

/** Where Node keeps `onread`. */
const keys: { readonly buffer: symbol; readonly callback: symbol } | undefined = isPlainIo
  ? undefined
  : findKeys();

/** Whether {@link readInto} and {@link readCopies} work here. */
export const canReadInto: boolean = keys !== undefined;

function findKeys(): typeof keys {
  const buffer = Buffer.alloc(1);
  const callback = (): boolean => true;
  const sample = new Socket({ onread: { buffer, callback } } as object);
  const keyOf = (value: unknown): symbol | undefined =>
    Object.getOwnPropertySymbols(sample).find((key) => (sample as object as ReadingSocket)[key] === value);
  const found = { buffer: keyOf(buffer), callback: keyOf(callback) };
  sample.destroy();
  const { buffer: bufferKey, callback: callbackKey } = found;
  // A socket without `onread` has the same fields, empty: then it reads them at each read, and not only at first.
  const other = new Socket();
  const isEmpty =
    bufferKey !== undefined &&
    callbackKey !== undefined &&
    (other as object as ReadingSocket)[bufferKey] === null;
  other.destroy();
  return isEmpty ? { buffer: bufferKey, callback: callbackKey } : undefined;
}
