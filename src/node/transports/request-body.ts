import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { MAX_HTTP_REQUEST_BYTES } from "../../session/wire/http-request.js";
import { nowMs, schedule, unschedule } from "../clock.js";

/** What the bodies of a server may hold that are not there as a whole. */
export interface BodyBudget {
  heldBytes: number;
  readonly maxBytes: number;
}

/** A body, or the status to refuse its request with. */
export type BodyResult = Buffer | 408 | 413 | 503;

/** How long a body may take, in ms: the greatest one at 26 KB a second. */
const BODY_TIMEOUT_MS = 10_000;

/** Reads the body of a request, as a whole, within bounds of size, time and memory. */
export class RequestBody implements TimerWheelEntry {
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  readonly #budget: BodyBudget;
  readonly #done: (result: BodyResult) => void;
  #pieces: Buffer[] = [];
  #byteLength = 0;
  #isDone = false;

  /** @param done called once, unless the client goes before. */
  constructor(incoming: IncomingMessage, budget: BodyBudget, done: (result: BodyResult) => void) {
    this.#budget = budget;
    this.#done = done;
    if (Number(incoming.headers["content-length"] ?? 0) > MAX_HTTP_REQUEST_BYTES) {
      this.#end(413);
      return;
    }
    schedule(this, nowMs() + BODY_TIMEOUT_MS);
    incoming.on("data", (piece: Buffer) => this.#take(piece));
    incoming.on("end", () => this.#end(this.#whole()));
    incoming.on("close", () => this.#forget()); // behind `end`, or instead of it
    incoming.on("error", () => {}); // `close` follows
  }

  /** @internal Part of `TimerWheelEntry`. */
  onDeadline(): number {
    this.#end(408);
    return Infinity;
  }

  #take(piece: Buffer): void {
    if (this.#isDone) return; // refused already: read and thrown away
    this.#pieces.push(piece);
    this.#byteLength += piece.length;
    this.#budget.heldBytes += piece.length;
    if (this.#byteLength > MAX_HTTP_REQUEST_BYTES) this.#end(413);
    else if (this.#budget.heldBytes > this.#budget.maxBytes) this.#end(503);
  }

  #whole(): Buffer {
    const [first] = this.#pieces;
    return this.#pieces.length === 1 ? first! : Buffer.concat(this.#pieces, this.#byteLength);
  }

  #end(result: BodyResult): void {
    if (this.#isDone) return;
    this.#forget();
    this.#done(result);
  }

  #forget(): void {
    this.#isDone = true;
    unschedule(this);
    this.#budget.heldBytes -= this.#byteLength;
    this.#byteLength = 0;
    this.#pieces = [];
  }
}

/** A body that a framework has read already, as `express.raw()` does. */
export function parsedBody(incoming: IncomingMessage): Buffer | undefined {
  const { body } = incoming as IncomingMessage & { readonly body?: unknown };
  return incoming.readableEnded && Buffer.isBuffer(body) && body.length <= MAX_HTTP_REQUEST_BYTES
    ? body
    : undefined;
}
