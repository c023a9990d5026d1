import type { Deadlines } from "./engine-config.js";

/** What a deadline that has passed asks for. */
export type DueAction = "ping" | "pong-timeout" | "idle-timeout" | "phase-timeout" | "lifetime-end";

/** Times are whole and never 0: engines keep small integers in the object itself, and box everything else. */
const NEVER = 0;

/**
 * The deadlines of one connection (RFC 6455 leaves them to us, §5.5.2, §7.1.1). Receiving a byte sets one flag and
 * reads no clock; the times are settled when a deadline is looked at. So silence is noticed late, by up to the
 * time between two looks: the ping interval, or the idle timeout itself where there are no pings.
 */
export class Liveness {
  readonly #deadlines: Deadlines;
  #endsAtMs: number;
  /** When to ping, or, while a pong is awaited, by when it must be there. */
  #keepaliveAtMs: number;
  #idleAtMs: number;
  /** By when the message being received, or the closing handshake, must be complete. Below 0: suspended, and what is left. */
  #phaseByMs = NEVER;
  #isAwaitingPong = false;
  #hasHeard = false;
  /** Whether anything came since the deadline of the pong was set, as far as was looked at. */
  #hasHeardSincePing = false;

  constructor(deadlines: Deadlines, nowMs: number) {
    this.#deadlines = deadlines;
    this.#keepaliveAtMs = after(nowMs, deadlines.pingIntervalMs);
    this.#idleAtMs = after(nowMs, deadlines.idleTimeoutMs);
    this.#endsAtMs = after(nowMs, deadlines.maxLifetimeMs);
  }

  /** The earliest time at which there is something to do. */
  get deadlineMs(): number {
    const earliest = earlier(
      earlier(this.#keepaliveAtMs, this.#idleAtMs),
      earlier(Math.max(this.#phaseByMs, NEVER), this.#endsAtMs),
    );
    return earliest === NEVER ? Infinity : earliest;
  }

  /** Bytes came from the peer. */
  heard(): void {
    this.#hasHeard = true;
  }

  /** The pong that was awaited is there. */
  ponged(nowMs: number): void {
    this.#isAwaitingPong = false;
    this.#keepaliveAtMs = after(nowMs, this.#deadlines.pingIntervalMs);
  }

  /** A phase that may not last forever begins: a message that is not complete, or the closing handshake. */
  beginPhase(nowMs: number, timeoutMs: number): void {
    this.#phaseByMs = after(nowMs, timeoutMs);
  }

  /** The time of the phase does not run. */
  suspendPhase(nowMs: number): void {
    if (this.#phaseByMs > NEVER) this.#phaseByMs = -Math.max(1, Math.ceil(this.#phaseByMs - nowMs));
  }

  /** It runs again, with what was left. */
  resumePhase(nowMs: number): void {
    if (this.#phaseByMs < NEVER) this.#phaseByMs = after(nowMs, -this.#phaseByMs);
  }

  /** The phase is over. */
  endPhase(): void {
    this.#phaseByMs = NEVER;
  }

  /** Closing began: of all deadlines only that of the phase is left. */
  stopKeepalive(): void {
    this.#keepaliveAtMs = NEVER;
    this.#idleAtMs = NEVER;
    this.#endsAtMs = NEVER;
  }

  /** What is due at `nowMs`, one thing at a time, and undefined when nothing is left. */
  due(nowMs: number): DueAction | undefined {
    const { idleTimeoutMs, pongTimeoutMs, pingIntervalMs } = this.#deadlines;
    if (this.#hasHeard) {
      this.#hasHeard = false;
      this.#hasHeardSincePing = true;
      if (this.#idleAtMs !== NEVER) this.#idleAtMs = after(nowMs, idleTimeoutMs);
    }
    if (hasCome(this.#phaseByMs, nowMs)) {
      this.#phaseByMs = NEVER;
      return "phase-timeout";
    }
    if (hasCome(this.#endsAtMs, nowMs)) return "lifetime-end";
    if (hasCome(this.#idleAtMs, nowMs)) return "idle-timeout";
    if (!hasCome(this.#keepaliveAtMs, nowMs)) return undefined;
    // A pong may be stuck behind a long message that is still coming: who sends is alive, and asked again.
    if (this.#isAwaitingPong && !this.#hasHeardSincePing) return "pong-timeout";
    this.#hasHeardSincePing = false;
    this.#isAwaitingPong = pongTimeoutMs > 0;
    this.#keepaliveAtMs = after(nowMs, this.#isAwaitingPong ? pongTimeoutMs : pingIntervalMs);
    return "ping";
  }
}

/** 0 switches a deadline off. */
function after(nowMs: number, timeoutMs: number): number {
  return timeoutMs > 0 && timeoutMs !== Infinity ? Math.ceil(nowMs + timeoutMs) : NEVER;
}

function hasCome(atMs: number, nowMs: number): boolean {
  return atMs > NEVER && nowMs >= atMs;
}

function earlier(a: number, b: number): number {
  if (a === NEVER) return b;
  return b === NEVER ? a : Math.min(a, b);
}
