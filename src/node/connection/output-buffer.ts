import type { Buffer } from "node:buffer";
import { Socket } from "node:net";
import type { SharedPieces } from "../../core/shared-pieces.js";
import type { WritePosition } from "../../protocol/engine-handler.js";
import { allocateBytes } from "../allocate-bytes.js";
import type { ByteStream } from "../byte-stream.js";
import { RawSocket } from "../raw-socket.js";
import { sharedBytes } from "../shared-bytes.js";
import { endOfTurn, firstShared } from "./turn.js";

/** Where the frames of all connections are written before they leave; replaced when full. */
const SLAB_BYTES = 65_536;
/** Above this a frame gets a buffer of its own. */
const MAX_SLAB_FRAME_BYTES = SLAB_BYTES / 2;
/** From this much on, what waits is handed over at once and not at the end of the turn. */
const FLUSH_FROM_BYTES = 131_072;
/** Up to this many bytes, pieces are copied together: one plain write costs less than a gathering one. */
const JOIN_UP_TO_BYTES = MAX_SLAB_FRAME_BYTES;

let slab: Buffer = sharedBytes(SLAB_BYTES);
let slabUsed = 0;
/** The one object that every reservation is answered with. */
const cursor: WritePosition & { bytes: Buffer } = { bytes: slab, position: 0 };

/** Dropped ones, for those who come next. */
const spareOutputs: OutputBuffer[] = [];
/** As many as a broadcast to some hundred connections needs at a time; each is some 100 bytes. */
const MAX_SPARE_OUTPUTS = 1_024;
/** Whose a spare one is: it must not keep alive what is gone. */
const NOBODY = undefined as never;

/** Whose output it is. */
interface OutputOwner {
  /** Told after every flush, to look at how much is left. Answers whether this was its output, and is no longer. */
  onFlushed(output: OutputBuffer): boolean;
  /** So many pieces go behind others that wait in the stream. Answers what is to be called when one has left. */
  piecesWait(count: number): () => void;
}

/**
 * The output of one connection, taken when it has some and dropped when that has been handed over: the frames of one
 * turn of the event loop leave in one write. Small frames are written into a slab shared by all connections, large
 * payloads are passed on by reference.
 */
export class OutputBuffer {
  #stream: ByteStream;
  #owner: OutputOwner;
  /** What a finished write frees may be used again: only of a plain TCP socket is it known that it keeps nothing. */
  #isPlain: boolean;
  /** All that there is, while all of it was given by reference. */
  #shared: SharedPieces | undefined = undefined;
  /** What lies before the range that is being extended. */
  #pieces: Uint8Array[] | undefined = undefined;
  /** The range being extended: `#bytes[#start, #end)`. */
  #bytes: Buffer | undefined = undefined;
  #start = 0;
  #end = 0;
  #pendingBytes = 0;
  /** What the stream held when this was made. It can only be less by now. */
  #streamBytes: number;
  #isDirty = false;

  private constructor(stream: ByteStream, owner: OutputOwner) {
    this.#stream = stream;
    this.#owner = owner;
    this.#streamBytes = stream.writableLength;
    this.#isPlain = isPlain(stream);
  }

  /** For a connection that has none. */
  static open(stream: ByteStream, owner: OutputOwner): OutputBuffer {
    const output = spareOutputs.pop();
    if (output === undefined) return new OutputBuffer(stream, owner);
    output.#stream = stream;
    output.#owner = owner;
    output.#streamBytes = stream.writableLength;
    output.#isPlain = isPlain(stream);
    return output;
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
      cursor.bytes = allocateBytes(byteLength);
      cursor.position = 0;
      return cursor;
    }
    if (slabUsed + byteLength > SLAB_BYTES) {
      slab = sharedBytes(SLAB_BYTES);
      slabUsed = 0;
    }
    cursor.bytes = slab;
    cursor.position = slabUsed;
    return cursor;
  }

  /** What was written between the reserved position and `end` is output. */
  commit(end: number): void {
    const { bytes, position } = cursor;
    if (bytes === slab) slabUsed = end;
    if (this.#shared !== undefined) this.#closeShared();
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
    if (this.#pendingBytes === 0 && bytes.length <= JOIN_UP_TO_BYTES) {
      this.#shared = firstShared(bytes);
    } else if (this.#shared !== undefined) {
      this.#shared = this.#shared.with(bytes);
    } else {
      this.#closeRange();
      this.#pieces ??= [];
      this.#pieces.push(bytes);
    }
    this.#grow(bytes.length);
  }

  /** Hands everything to the stream, now. */
  flush(): void {
    this.#isDirty = false;
    if (this.#pendingBytes === 0) return;
    const stream = this.#stream;
    const owner = this.#owner; // a stream that answers at once may have it flushed again, and be a spare one by then
    if (stream.destroyed || stream.writableEnded) {
      this.discard();
      return;
    }
    const isSmall = this.#pendingBytes <= JOIN_UP_TO_BYTES;
    const shared = this.#shared;
    if (shared !== undefined && (isSmall || shared.count === 1)) {
      this.discard();
      stream.write(shared.joined, this.#onLeft(1));
    } else {
      if (shared !== undefined) this.#closeShared();
      else if (isSmall && this.#pieces !== undefined) this.#join();
      if (this.#pieces === undefined) this.#writeRange();
      else this.#writePieces();
    }
    if (owner.onFlushed(this) && spareOutputs.length < MAX_SPARE_OUTPUTS) {
      this.#stream = NOBODY;
      this.#owner = NOBODY;
      spareOutputs.push(this);
    }
  }

  /** Forgets what has not been handed over. */
  discard(): void {
    this.#shared = undefined;
    this.#pieces = undefined;
    this.#bytes = undefined;
    this.#pendingBytes = 0;
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

  #writeRange(): void {
    const stream = this.#stream;
    const bytes = this.#bytes!;
    const start = this.#start;
    const end = this.#end;
    const canReclaim = this.#isPlain && bytes === slab;
    this.discard();
    stream.write(partOf(bytes, start, end), this.#onLeft(1));
    // The operating system took all of it at once: the room in the slab is free again.
    if (canReclaim && bytes === slab && end === slabUsed && stream.writableLength === 0) slabUsed = start;
  }

  #writePieces(): void {
    this.#closeRange();
    const pieces = this.#pieces!;
    const stream = this.#stream;
    this.discard();
    const onLeft = this.#onLeft(pieces.length);
    stream.cork();
    for (const piece of pieces) stream.write(piece, onLeft);
    stream.uncork();
  }

  /** Pieces are counted only where others wait already: an object each, whatever its size, they are what tiny messages cost. */
  #onLeft(pieces: number): (() => void) | undefined {
    return this.#stream.writableLength > 0 ? this.#owner.piecesWait(pieces) : undefined;
  }

  #closeShared(): void {
    this.#pieces = this.#shared!.pieces;
    this.#shared = undefined;
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
}

function isPlain(stream: ByteStream): boolean {
  return stream instanceof RawSocket || Object.getPrototypeOf(stream) === Socket.prototype;
}

function partOf(bytes: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
