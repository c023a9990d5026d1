/** Called with the round-trip time in ms, or with undefined if the pong never came. */
export type PingDone = (roundTripMs: number | undefined) => void;

interface PendingPing {
  readonly payload: Uint8Array;
  readonly sentAtMs: number;
  readonly done: PingDone | undefined;
}

/** A peer that answers no ping at all makes us remember this many and no more. */
const MAX_PENDING = 64;

/** The pings that were not answered yet, and the time the last answer took. Made with the first ping. */
export class PingLedger {
  readonly #pending: PendingPing[] = [];
  /** The round-trip time of the last ping that was answered, in ms. */
  latencyMs: number | undefined = undefined;

  /** A ping goes out. */
  add(payload: Uint8Array, sentAtMs: number, done: PingDone | undefined): void {
    if (this.#pending.length === MAX_PENDING) this.#pending.shift()?.done?.(undefined);
    this.#pending.push({ payload, sentAtMs, done });
  }

  /**
   * A pong came. It answers the ping with its payload and all before that, since a peer may answer only the latest
   * (RFC 6455 §5.5.3). Returns the round-trip time, or undefined if it answers none.
   */
  answer(bytes: Uint8Array, start: number, end: number, nowMs: number): number | undefined {
    let i = this.#pending.length - 1;
    while (i >= 0 && !isSame(this.#pending[i]!.payload, bytes, start, end)) i--;
    if (i < 0) return undefined;
    this.latencyMs = nowMs - this.#pending[i]!.sentAtMs;
    for (const ping of this.#pending.splice(0, i + 1)) ping.done?.(nowMs - ping.sentAtMs);
    return this.latencyMs;
  }

  /** No more pongs will come. */
  abandon(): void {
    for (const ping of this.#pending.splice(0)) ping.done?.(undefined);
  }
}

function isSame(payload: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (payload.length !== end - start) return false;
  for (let i = 0; i < payload.length; i++) {
    if (payload[i] !== bytes[start + i]) return false;
  }
  return true;
}
