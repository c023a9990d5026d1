import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import type { ByteStream } from "./byte-stream.js";
import { receiveBuffer } from "./connection/receive-buffer.js";
import { type StreamBinding, type SystemHandle, streamBinding, type WriteRequest } from "./stream-binding.js";
import type { StreamOwner } from "./stream-owner.js";

/** From here on a write says that it needs a drain: what Node's own streams have. */
const HIGH_WATER_MARK_BYTES = 16_384;
/** The end of the peer's direction, as libuv says it. */
const UV_EOF = -4095;
const ENOTCONN = -constants.errno.ENOTCONN;

/** Finds the socket of a handle. */
const SOCKET = Symbol("hawser socket");

/** How many sockets there are of some kind. */
export interface SocketCount {
  sockets: number;
}

/** A write that goes on after the call. */
interface PendingWrite extends WriteRequest {
  socket?: RawSocket;
  /** Kept alive until it has left. */
  bytes?: Uint8Array | readonly Uint8Array[];
  byteLength?: number;
  onLeft?: (() => void)[] | undefined;
}

/** Written at once, a request is not used, and good for the next write. */
let spareWrite: PendingWrite | undefined;

/**
 * A socket of the system without Node's stream around it, which costs more than all that a WebSocket does: what is read
 * lies in {@link receiveBuffer} and goes to the owner, what is written goes to the system in the same call. It stands in
 * for a `Duplex` (see {@link ByteStream}), which everything that is no plain socket keeps on being.
 */
export class RawSocket implements ByteStream {
  /** Who is told; set before anything is read. */
  owner!: StreamOwner;
  /** The peer's IP address; empty of a Unix socket. */
  readonly remoteAddress: string;
  readonly #handle: SystemHandle;
  readonly #count: SocketCount;
  /** What waits behind the write that goes on. */
  #queue: Uint8Array[] | undefined = undefined;
  #queueOnLeft: (() => void)[] | undefined = undefined;
  #onFinished: (() => void) | undefined = undefined;
  #isReading = false;
  #isWriting = false;
  #isCorked = false;
  allowHalfOpen = true;
  destroyed = false;
  closed = false;
  readableEnded = false;
  writableEnded = false;
  writableFinished = false;
  writableLength = 0;
  writableNeedDrain = false;

  /**
   * @param handle as Node's server accepted it, and nobody else's from now on.
   * @param count is told when this comes and goes.
   */
  constructor(handle: SystemHandle, remoteAddress: string, count: SocketCount) {
    this.#handle = handle;
    this.remoteAddress = remoteAddress;
    this.#count = count;
    count.sockets++;
    handle[SOCKET] = this;
    handle.onread = onRead;
    handle.useUserBuffer(receiveBuffer);
  }

  get readableLength(): number {
    return 0;
  }

  get writableHighWaterMark(): number {
    return HIGH_WATER_MARK_BYTES;
  }

  get writable(): boolean {
    return !this.destroyed && !this.writableEnded;
  }

  read(): null {
    return null;
  }

  pause(): void {
    if (!this.#isReading || this.destroyed) return;
    this.#isReading = false;
    this.#handle.readStop();
  }

  resume(): void {
    if (this.#isReading || this.destroyed || this.readableEnded) return;
    this.#isReading = true;
    const status = this.#handle.readStart();
    if (status < 0) this.#fail(status, "read");
  }

  write(bytes: Uint8Array, onLeft?: () => void): boolean {
    if (this.destroyed || this.writableEnded) return false;
    if (this.#isWriting || this.#isCorked) {
      this.#queue ??= [];
      this.#queue.push(bytes);
      this.writableLength += bytes.length;
      if (onLeft !== undefined) {
        this.#queueOnLeft ??= [];
        this.#queueOnLeft.push(onLeft);
      }
      // While corked, nothing tells how much of it will wait: `uncork` sees.
      return this.#isCorked || this.#isBelowMark();
    }
    const request: PendingWrite = spareWrite ?? newWrite();
    spareWrite = undefined;
    const status = this.#handle.writeBuffer(request, bytes);
    if (status === 0 && !wasAsync()) {
      spareWrite = request;
      onLeft?.();
      return true;
    }
    this.writableLength += bytes.length;
    this.#wrote(status, request, bytes, bytes.length, onLeft && [onLeft]);
    return this.#isBelowMark();
  }

  cork(): void {
    this.#isCorked = true;
  }

  uncork(): void {
    this.#isCorked = false;
    this.#writeQueue();
    this.#isBelowMark();
  }

  end(bytes?: Uint8Array, onFinished?: () => void): void {
    if (this.destroyed || this.writableEnded) return;
    if (bytes !== undefined && bytes.length > 0) this.write(bytes);
    this.writableEnded = true;
    this.#onFinished = onFinished;
    if (!this.#isWriting) this.#shutdown();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#queue = undefined;
    this.#queueOnLeft = undefined;
    this.#handle.close(onClosed);
  }

  /** Gives the handle away, to somebody who knows nothing of us. Nothing may have been written. */
  release(): SystemHandle {
    this.pause();
    this.destroyed = true;
    this.#count.sockets--;
    this.#handle[SOCKET] = undefined;
    return this.#handle;
  }

  /** @internal Called by the handle. */
  onRead(nread: number): void {
    if (nread > 0) {
      this.owner.onReceived(nread);
    } else if (nread === UV_EOF) {
      this.readableEnded = true;
      this.#isReading = false;
      this.owner.onEnd();
      if (this.writableFinished) this.destroy();
    } else if (nread < 0) {
      this.#fail(nread, "read");
    }
  }

  /** @internal Called by the handle. */
  onWritten(write: PendingWrite, status: number): void {
    this.#isWriting = false;
    if (this.destroyed) return;
    if (status < 0) {
      this.#fail(status, "write");
      return;
    }
    this.writableLength -= write.byteLength!;
    if (write.onLeft !== undefined) for (const onLeft of write.onLeft) onLeft();
    this.#writeQueue();
    if (this.#isWriting || this.destroyed) return;
    if (this.writableEnded) this.#shutdown();
    if (!this.writableNeedDrain || this.writableLength > 0) return;
    this.writableNeedDrain = false;
    this.owner.onDrain();
  }

  /** @internal Called by the handle. */
  onShutdown(status: number): void {
    if (this.destroyed) return;
    if (status < 0 && status !== ENOTCONN) this.#fail(status, "shutdown");
    else this.#finish();
  }

  /** @internal Called by the handle. */
  onClosed(): void {
    this.closed = true;
    this.#count.sockets--;
    this.owner.onClose();
  }

  #writeQueue(): void {
    const pieces = this.#queue;
    if (pieces === undefined || this.#isWriting || this.destroyed) return;
    const onLeft = this.#queueOnLeft;
    this.#queue = undefined;
    this.#queueOnLeft = undefined;
    const request: PendingWrite = spareWrite ?? newWrite();
    spareWrite = undefined;
    const isOne = pieces.length === 1;
    const status = isOne
      ? this.#handle.writeBuffer(request, pieces[0]!)
      : this.#handle.writev(request, pieces, true);
    this.#wrote(status, request, isOne ? pieces[0]! : pieces, this.writableLength, onLeft);
  }

  /** What of {@link writableLength} was given to the system: all of it has left, or does while `request` goes on. */
  #wrote(
    status: number,
    request: PendingWrite,
    bytes: Uint8Array | readonly Uint8Array[],
    byteLength: number,
    onLeft: (() => void)[] | undefined,
  ): void {
    if (status !== 0) {
      this.#fail(status, "write");
    } else if (wasAsync()) {
      this.#isWriting = true;
      request.socket = this;
      request.bytes = bytes;
      request.byteLength = byteLength;
      request.onLeft = onLeft;
    } else {
      spareWrite = request;
      this.writableLength -= byteLength;
      if (onLeft !== undefined) for (const call of onLeft) call();
    }
  }

  #isBelowMark(): boolean {
    if (this.writableLength < HIGH_WATER_MARK_BYTES) return true;
    this.writableNeedDrain = true;
    return false;
  }

  #shutdown(): void {
    const request: PendingWrite = new binding.ShutdownWrap();
    request.socket = this;
    request.oncomplete = onShutdown;
    const status = this.#handle.shutdown(request);
    // 1: done in the call, of handles that can do that.
    if (status !== 0) this.onShutdown(Math.min(status, 0));
  }

  #finish(): void {
    this.writableFinished = true;
    const onFinished = this.#onFinished;
    this.#onFinished = undefined;
    onFinished?.();
    if (this.readableEnded) this.destroy();
  }

  #fail(status: number, call: string): void {
    this.owner.onError(systemError(status, call));
    this.destroy();
  }
}

/** Only used where there is one. */
const binding = streamBinding as StreamBinding;

function newWrite(): PendingWrite {
  const request: PendingWrite = new binding.WriteWrap();
  request.oncomplete = onWritten;
  return request;
}

function wasAsync(): boolean {
  return binding.state[binding.lastWriteWasAsync] !== 0;
}

function onRead(this: SystemHandle): void {
  (this[SOCKET] as RawSocket).onRead(binding.state[binding.nread]!);
}

function onWritten(this: PendingWrite, status: number): void {
  this.socket!.onWritten(this, status);
}

function onShutdown(this: PendingWrite, status: number): void {
  this.socket!.onShutdown(status);
}

function onClosed(this: SystemHandle): void {
  const socket = this[SOCKET] as RawSocket;
  // Newer versions of V8 find out that nobody has a handle any more only when they look through the whole heap.
  this[SOCKET] = undefined;
  socket.onClosed();
}

function systemError(status: number, call: string): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`${call} ${code}`), { code, errno: status, syscall: call });
}
