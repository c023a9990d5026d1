import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { ByteQueue } from "../../core/byte-queue.js";
import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { MAX_HTTP_REQUEST_BYTES } from "../../session/wire/http-request.js";
import { asBuffer } from "../as-buffer.js";
import { nowMs, schedule, unschedule } from "../clock.js";
import { nodeHost } from "../node-host.js";

/** What the bodies of a server may hold that are not there as a whole. */
export interface BodyBudget {
  heldBytes: number;
  readonly maxBytes: number;
}

/** A body, or the status to refuse its request with. */
export type BodyResult = Buffer | 408 | 413 | 503;

/** How long a body may take, in ms: the greatest one at 26 KB a second. */
const BODY_TIMEOUT_MS = 10_000;
/** What a request takes beside its body: the objects of Node, of HTTP/1.1 or of a stream of HTTP/2, and ours. */
export const REQUEST_BYTES = 8_192;

/** Reads the body of a request, as a whole, within bounds of size, time and memory. */
export class RequestBody implements TimerWheelEntry {
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  readonly #budget: BodyBudget;
  readonly #done: (result: BodyResult) => void;
  /** What came first, where it may be all of it. */
  #first: Buffer | undefined = undefined;
  /** All of it, copied together, once there is more: a piece may be of one byte, and takes four hundred. */
  #pieces: ByteQueue | undefined = undefined;
  /** What of it is in the budget. */
  #heldBytes = 0;
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
    this.#count(REQUEST_BYTES);
  }

  /** @internal Part of `TimerWheelEntry`. */
  onDeadline(): number {
    this.#end(408);
    return Infinity;
  }

  #take(piece: Buffer): void {
    if (this.#isDone) return; // refused already: read and thrown away
    // With HTTP/2 a piece is a part of what was read, and would keep the whole of it.
    if (
      this.#first === undefined &&
      this.#pieces === undefined &&
      2 * piece.length >= piece.buffer.byteLength
    ) {
      this.#first = piece;
    } else {
      this.#pieces ??= this.#begun();
      this.#pieces.append(piece, 0, piece.length);
    }
    if ((this.#pieces?.byteLength ?? piece.length) > MAX_HTTP_REQUEST_BYTES) this.#end(413);
    else this.#count(REQUEST_BYTES + (this.#pieces?.heldBytes ?? piece.length));
  }

  /** What there is, with room for more. */
  #begun(): ByteQueue {
    const pieces = new ByteQueue(nodeHost);
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) pieces.append(first, 0, first.length);
    return pieces;
  }

  #whole(): Buffer {
    return this.#pieces === undefined ? (this.#first ?? Buffer.alloc(0)) : asBuffer(this.#pieces.concat());
  }

  /** So much is held now. */
  #count(heldBytes: number): void {
    const budget = this.#budget;
    budget.heldBytes += heldBytes - this.#heldBytes;
    this.#heldBytes = heldBytes;
    if (budget.heldBytes > budget.maxBytes) this.#end(503);
  }

  #end(result: BodyResult): void {
    if (this.#isDone) return;
    this.#forget();
    this.#done(result);
  }

  #forget(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    unschedule(this);
    this.#budget.heldBytes -= this.#heldBytes;
    this.#first = this.#pieces = undefined;
  }
}

/** A body that a framework has read already, as `express.raw()` does. */
export function parsedBody(incoming: IncomingMessage): Buffer | undefined {
  const { body } = incoming as IncomingMessage & { readonly body?: unknown };
  return incoming.readableEnded && Buffer.isBuffer(body) && body.length <= MAX_HTTP_REQUEST_BYTES
    ? body
    : undefined;
}
