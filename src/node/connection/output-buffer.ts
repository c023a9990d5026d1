import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import type { WritePosition } from "../../protocol/engine-handler.js";
import { asBuffer } from "../as-buffer.js";
import type { ByteStream } from "../byte-stream.js";
import { RawSocket } from "../raw-socket.js";
import { endOfTurn } from "./turn.js";

/** Where the frames of all connections are written before they leave; replaced when full. */
const SLAB_BYTES = 65_536;
/** Above this a frame gets a buffer of its own. */
const MAX_SLAB_FRAME_BYTES = SLAB_BYTES / 2;
/** From this much on, what waits is handed over at once and not at the end of the turn. */
const FLUSH_FROM_BYTES = 131_072;
/** Up to this many bytes, pieces are copied together: one plain write costs less than a gathering one. */
const JOIN_UP_TO_BYTES = MAX_SLAB_FRAME_BYTES;

let slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
let slabUsed = 0;
/** The one object that every reservation is answered with. */
const cursor: WritePosition & { bytes: Buffer } = { bytes: slab, position: 0 };

/** Whose output it is. */
interface OutputOwner {
  /** Told after every flush, to drop the output and to look at how much is left. */
  onFlushed(): void;
  /** So many pieces go behind others that wait in the stream. Answers what is to be called when one has left. */
  piecesWait(count: number): () => void;
}

/**
 * The output of one connection, made when it has some and dropped when that has been handed over: the frames of one
 * turn of the event loop leave in one write. Small frames are written into a slab shared by all connections, large
 * payloads are passed on by reference.
 */
export class OutputBuffer {
  readonly #stream: ByteStream;
  readonly #owner: OutputOwner;
  /** What a finished write frees may be used again: only of a plain TCP socket is it known that it keeps nothing. */
  readonly #isPlain: boolean;
  /** What lies before the range that is being extended. */
  #pieces: Buffer[] | undefined = undefined;
  /** The range being extended: `#bytes[#start, #end)`. */
  #bytes: Buffer | undefined = undefined;
  #start = 0;
  #end = 0;
  #pendingBytes = 0;
  /** Whether all of it was given by reference, as the frames of a broadcast are. */
  #isByReference = true;
  /** What the stream held when this was made. It can only be less by now. */
  readonly #streamBytes: number;
  #isDirty = false;

  constructor(stream: ByteStream, owner: OutputOwner) {
    this.#stream = stream;
    this.#owner = owner;
    this.#streamBytes = stream.writableLength;
    this.#isPlain = stream instanceof RawSocket || Object.getPrototypeOf(stream) === Socket.prototype;
  }

  /** How much waits for the end of the turn. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** How much waits in all, here and in the stream. */
  get waitingBytes(): number {
    return this.#pendingBytes + this.#streamBytes;
  }

  /** Room for `byteLength` bytes, valid until the next call. */
  reserve(byteLength: number): WritePosition {
    if (byteLength > MAX_SLAB_FRAME_BYTES) {
      cursor.bytes = Buffer.allocUnsafeSlow(byteLength);
      cursor.position = 0;
      return cursor;
    }
    if (slabUsed + byteLength > SLAB_BYTES) {
      slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      slabUsed = 0;
    }
    cursor.bytes = slab;
    cursor.position = slabUsed;
    return cursor;
  }

  /** What was written between the reserved position and `end` is output. */
  commit(end: number): void {
    const { bytes, position } = cursor;
    this.#isByReference = false;
    if (bytes === slab) slabUsed = end;
    if (this.#bytes === bytes && this.#end === position) {
      this.#end = end;
    } else {
      this.#closeRange();
      this.#bytes = bytes;
      this.#start = position;
      this.#end = end;
    }
    this.#grow(end - position);
  }

  /** Output by reference: the bytes must not change until they have left. */
  write(bytes: Uint8Array): void {
    this.#closeRange();
    this.#bytes = asBuffer(bytes);
    this.#start = 0;
    this.#end = bytes.length;
    this.#grow(bytes.length);
  }

  /** Hands everything to the stream, now. */
  flush(): void {
    this.#isDirty = false;
    if (this.#pendingBytes === 0) return;
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) {
      this.discard();
      return;
    }
    if (this.#pieces !== undefined && this.#pendingBytes <= JOIN_UP_TO_BYTES) this.#join();
    const pieces = this.#pieces;
    const bytes = this.#bytes;
    const start = this.#start;
    const end = this.#end;
    this.discard();
    // Counted only where others wait already: an object each, whatever its size, they are what tiny messages cost.
    const count = (pieces?.length ?? 0) + (bytes === undefined ? 0 : 1);
    const onLeft = stream.writableLength > 0 ? this.#owner.piecesWait(count) : undefined;
    if (pieces === undefined) {
      stream.write(partOf(bytes!, start, end), onLeft);
      this.#reclaim(bytes!, start, end);
    } else {
      stream.cork();
      for (const piece of pieces) stream.write(piece, onLeft);
      if (bytes !== undefined) stream.write(partOf(bytes, start, end), onLeft);
      stream.uncork();
    }
    this.#owner.onFlushed();
  }

  /** Forgets what has not been handed over. */
  discard(): void {
    this.#pieces = undefined;
    this.#bytes = undefined;
    this.#pendingBytes = 0;
    this.#isByReference = true;
  }

  #grow(byteLength: number): void {
    this.#pendingBytes += byteLength;
    if (this.#pendingBytes >= FLUSH_FROM_BYTES) {
      this.flush();
    } else if (!this.#isDirty) {
      this.#isDirty = true;
      endOfTurn(this);
    }
  }

  #closeRange(): void {
    if (this.#bytes === undefined) return;
    this.#pieces ??= [];
    this.#pieces.push(partOf(this.#bytes, this.#start, this.#end));
    this.#bytes = undefined;
  }

  #join(): void {
    this.#closeRange();
    const pieces = this.#pieces!;
    this.#pieces = undefined;
    if (this.#isByReference) {
      this.#bytes = joinedOf(pieces);
      this.#start = 0;
      this.#end = this.#bytes.length;
      return;
    }
    const { bytes, position } = this.reserve(this.#pendingBytes);
    let at = position;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    slabUsed = at;
    this.#bytes = cursor.bytes;
    this.#start = position;
    this.#end = at;
  }

  /** The operating system took all of it at once: the room in the slab is free again. */
  #reclaim(bytes: Buffer, start: number, end: number): void {
    if (this.#isPlain && bytes === slab && end === slabUsed && this.#stream.writableLength === 0)
      slabUsed = start;
  }
}

let joinedPieces: readonly Buffer[] = [];
let joined: Buffer = Buffer.alloc(0);

/** All pieces as one. Who got the same frames in this turn, as after broadcasts, gets the same buffer. */
function joinedOf(pieces: readonly Buffer[]): Buffer {
  if (!isSameList(pieces, joinedPieces)) {
    joined = Buffer.concat(pieces);
    joinedPieces = pieces;
  }
  return joined;
}

function isSameList(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function partOf(bytes: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
