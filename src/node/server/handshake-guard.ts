import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import type { ByteStream } from "../byte-stream.js";
import { nowMs, schedule, unschedule } from "../clock.js";
import { HeldBytes } from "../connection/held-bytes.js";
import type { MemoryBudget, MemoryHolder } from "../connection/memory-budget.js";
import { receiveBuffer } from "../connection/receive-buffer.js";
import { dropStream } from "../drop-stream.js";
import { ownStream } from "../own-stream.js";
import type { StreamOwner } from "../stream-owner.js";

/** As much of what comes early is held before no more is read. */
const HOLD_UP_TO_BYTES = 65_536;

/**
 * Owns a stream while its opening handshake is not done: an error does not end the process, a peer that takes too long
 * is dropped. In place before anything is awaited. Ends when somebody else takes the stream, or when that is closed.
 */
export class HandshakeGuard implements StreamOwner, TimerWheelEntry, MemoryHolder {
  readonly stream: ByteStream;
  #deadlineMs = Infinity;
  /** What came early, where it is to be held. */
  #early: HeldBytes | undefined = undefined;
  /** Told of that. */
  #memory: MemoryBudget | undefined = undefined;
  /** Part of `MemoryHolder`. */
  heldBytes = 0;
  /** Told when the stream is closed. */
  onGone: (() => void) | undefined = undefined;
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;

  constructor(stream: ByteStream, timeoutMs: number) {
    this.stream = stream;
    ownStream(stream, this);
    this.allow(timeoutMs);
  }

  /** So much time from now on; 0 for no limit. */
  allow(timeoutMs: number): void {
    this.#deadlineMs = timeoutMs === 0 ? Infinity : nowMs() + timeoutMs;
    schedule(this, this.#deadlineMs);
  }

  /**
   * Holds `firstBytes` and what comes behind them until it is {@link taken}. Of a `RawSocket`, which must be read on, or
   * nobody would notice that the peer is gone; a stream of Node that is paused does the same by itself.
   */
  hold(firstBytes: Uint8Array, memory: MemoryBudget): void {
    this.#early = new HeldBytes(firstBytes, 0, firstBytes.length);
    this.#memory = memory;
    this.recount();
  }

  /** What was held; no more is. */
  taken(): Uint8Array | undefined {
    let taken: Uint8Array | undefined;
    this.#early?.give((bytes, start, end) => {
      taken = bytes.subarray(start, end);
      return end;
    });
    this.#forget();
    return taken;
  }

  /** Part of `MemoryHolder`. */
  recount(): void {
    const before = this.heldBytes;
    this.heldBytes = this.#early?.capacity ?? 0;
    if (this.heldBytes !== before) this.#memory?.moved(this, this.heldBytes - before);
  }

  /** Part of `MemoryHolder`: nothing is kept only for speed. */
  letGo(): void {}

  /** Part of `MemoryHolder`. */
  endForMemory(): void {
    dropStream(this.stream);
    this.#forget();
  }

  #forget(): void {
    this.#early = undefined;
    this.recount();
  }

  /** The handshake is over, one way or the other. Until somebody else takes the stream, errors are still caught here. */
  release(): void {
    this.#forget();
    unschedule(this);
    this.onGone = undefined;
  }

  /** Part of `TimerWheelEntry`. */
  onDeadline(timeMs: number): number {
    if (timeMs < this.#deadlineMs) return this.#deadlineMs;
    this.onTimeout();
    return Infinity;
  }

  /** It took too long. */
  protected onTimeout(): void {
    dropStream(this.stream);
  }

  /** Nothing is expected: what comes is thrown away. */
  onData(_chunk: Buffer): void {}

  onReceived(byteLength: number): void {
    if (this.#early === undefined) return;
    this.#early.append(receiveBuffer, 0, byteLength);
    this.recount();
    if (this.#early === undefined) return; // it was too much
    if (this.#early.byteLength >= HOLD_UP_TO_BYTES) this.stream.pause();
  }

  onEnd(): void {}

  /** An error is followed by `close`, which is what counts. */
  onError(_error: unknown): void {}

  onClose(): void {
    const { onGone } = this;
    this.release();
    onGone?.();
  }

  onDrain(): void {}
}
