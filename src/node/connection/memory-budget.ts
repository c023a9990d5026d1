import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { nowMs, schedule } from "../clock.js";

/**
 * What an open connection costs before it holds anything: an idle one takes 3.3 to 4.8 KB of RSS, by what is below it
 * (docs/performance.md), rounded up for what is too little to be counted each time.
 */
export const CONNECTION_BASE_BYTES = 5_120;
/** How often all holders are looked at, at the most: or who stays at the limit makes us do nothing else. */
const SWEEP_INTERVAL_MS = 100;

/** A connection that holds something, as far as its budget is concerned. */
export interface MemoryHolder {
  /** @internal What it held when it was counted last, above {@link CONNECTION_BASE_BYTES}. */
  readonly heldBytes: number;
  /** @internal Counts it again, and tells the budget of the difference. */
  recount(): void;
  /** @internal Frees what it keeps only for speed, and counts again. */
  letGo(): void;
  /** @internal Ends it, and frees what it holds. */
  endForMemory(message: string): void;
}

/**
 * The memory of all connections of a server, as they count it themselves. Above the limit, those that hold the most are
 * ended, until the rest is within it. Connections that hold nothing are not looked at, and never ended.
 */
export class MemoryBudget implements TimerWheelEntry {
  readonly #maxBytes: number;
  readonly #holders = new Set<MemoryHolder>();
  #bytes = 0;
  #recountedAtMs = -Infinity;
  #isSweeping = false;
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What is held now, counted again. */
  get bytes(): number {
    this.#recount();
    return this.#bytes;
  }

  /** Counts one more connection, unless there is no room for it. */
  open(): boolean {
    if (!this.#hasRoom && nowMs() >= this.#recountedAtMs + SWEEP_INTERVAL_MS) this.#makeRoom();
    if (!this.#hasRoom) return false;
    this.#bytes += CONNECTION_BASE_BYTES;
    return true;
  }

  /** A connection is gone; what it held it gave back before. */
  close(): void {
    this.#bytes -= CONNECTION_BASE_BYTES;
  }

  /** A holder holds so many bytes more, or less, than before. */
  moved(holder: MemoryHolder, byBytes: number): void {
    this.#bytes += byBytes;
    if (holder.heldBytes === 0) this.#holders.delete(holder);
    else this.#holders.add(holder);
    if (this.#bytes <= this.#maxBytes || this.#isSweeping || this.timerSlot >= 0) return;
    const dueMs = this.#recountedAtMs + SWEEP_INTERVAL_MS;
    if (nowMs() >= dueMs) this.#sweep();
    else schedule(this, dueMs);
  }

  /** Part of `TimerWheelEntry`. */
  onDeadline(): number {
    this.#sweep();
    return Infinity;
  }

  get #hasRoom(): boolean {
    return this.#bytes + CONNECTION_BASE_BYTES <= this.#maxBytes;
  }

  #sweep(): void {
    this.#makeRoom();
    if (this.#bytes <= this.#maxBytes) return;
    const message = `the connections of the server hold more than ${this.#maxBytes} bytes, this one the most`;
    const holders = [...this.#holders].sort((a, b) => b.heldBytes - a.heldBytes);
    this.#isSweeping = true;
    for (const holder of holders) {
      if (this.#bytes <= this.#maxBytes) break;
      holder.endForMemory(message);
    }
    this.#isSweeping = false;
  }

  /** Counts again, and has what is kept only for speed freed as far as needed, before anybody is ended or refused. */
  #makeRoom(): void {
    this.#recount();
    this.#isSweeping = true;
    for (const holder of this.#holders) {
      if (this.#hasRoom) break;
      holder.letGo();
    }
    this.#isSweeping = false;
  }

  #recount(): void {
    this.#recountedAtMs = nowMs();
    this.#isSweeping = true;
    for (const holder of this.#holders) holder.recount();
    this.#isSweeping = false;
  }
}
