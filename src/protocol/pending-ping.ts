/** A ping that was not answered yet. */
export interface PendingPing {
  readonly payload: Uint8Array;
  readonly sentAtMs: number;
  readonly done: ((roundTripMs: number | undefined) => void) | undefined;
}

/**
 * Takes out the ping that a pong with this payload answers, and all before it: a peer may answer only the latest
 * (RFC 6455 §5.5.3). Empty if it answers none.
 */
export function takePong(pings: PendingPing[], bytes: Uint8Array, start: number, end: number): PendingPing[] {
  for (let i = pings.length - 1; i >= 0; i--) {
    if (isSame(pings[i]!.payload, bytes, start, end)) return pings.splice(0, i + 1);
  }
  return [];
}

function isSame(payload: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (payload.length !== end - start) return false;
  for (let i = 0; i < payload.length; i++) {
    if (payload[i] !== bytes[start + i]) return false;
  }
  return true;
}
