import { Buffer } from "node:buffer";
import { ByteQueue } from "../../core/byte-queue.js";
import { DRAIN_ABOVE_BYTES } from "../../session/transport-port.js";
import { MAX_BLOCK_HEADER_BYTES, writeBlockHeader } from "../../session/wire/block-frames.js";
import {
  LONG_POLL_MS,
  POLLING_IDLE_MS,
  POLLING_LINGER_MS,
  type ReadHttpRequest,
} from "../../session/wire/http-request.js";
import { MAX_VARINT_BYTES, writeVarint } from "../../session/wire/varint.js";
import { nowMs } from "../clock.js";
import { laterDrain } from "../connection/drain-notice.js";
import { beginTurn, endOfTurn, endTurn } from "../connection/turn.js";
import { nodeHost } from "../node-host.js";
import { limitUnreadAnswer } from "../server/limit-unread-answer.js";
import { type AnswerResult, BAD_BLOCKS, HttpTransport, type PolledAnswer } from "./http-transport.js";

/** One answer after another: `long-polling`, where it waits until there is something to say, and `polling` (§2.4.3). */
export class PolledTransport extends HttpTransport {
  readonly name: "long-polling" | "polling";
  /** The blocks behind their lengths that no answer has taken yet, copied together: one may be of four bytes. */
  #waiting: ByteQueue | undefined = undefined;
  /** The answer that waits for something to say. */
  #open: PolledAnswer | undefined = undefined;
  #openUntilMs = 0;
  /** The number of the last answer with blocks. */
  #answered = 0;
  /** The highest `got` of a request. */
  #got = 0;
  #heardAtMs = nowMs();
  #endedAtMs = 0;
  #isDirty = false;
  #isLate = false;
  #owesDrained = false;

  constructor(name: "long-polling" | "polling") {
    super();
    this.name = name;
    this.wakeAt(this.#heardAtMs + POLLING_IDLE_MS);
  }

  get bufferedBytes(): number {
    return this.#waiting?.byteLength ?? 0;
  }

  override take(request: ReadHttpRequest, body: Uint8Array): boolean {
    this.#heardAtMs = nowMs();
    return super.take(request, body);
  }

  answer(request: ReadHttpRequest, body: Uint8Array, response: PolledAnswer): AnswerResult {
    const { got } = request;
    this.#heardAtMs = nowMs();
    if (got > this.#answered) {
      this.drop("it was given no such answer");
      return 400;
    }
    if (got < this.#got) {
      this.#write(response, NO_BLOCKS); // it came late, behind a newer one
      return "answered";
    }
    this.#got = got;
    this.#answerOpen(NO_BLOCKS);
    response.on("close", () => {
      if (this.#open === response) this.#open = undefined;
    });
    response.on("error", ignore); // `close` follows
    // What the session says to its loss, or to these blocks, belongs into this answer.
    this.#open = response;
    beginTurn();
    if (got < this.#answered) this.#lose();
    const isRight = this.takeBlocks(request, body);
    endTurn();
    if (!isRight) {
      this.#open = undefined;
      this.drop(BAD_BLOCKS);
      return 400;
    }
    if (this.#open !== response) return "answered"; // already
    if (this.name === "polling" || this.#waiting !== undefined || this.isEnded) {
      this.#answerWaiting();
    } else {
      this.#openUntilMs = this.#heardAtMs + LONG_POLL_MS;
      this.wakeAt(this.#openUntilMs);
    }
    return "answered";
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.isEnded) return;
    this.#waiting ??= new ByteQueue(nodeHost);
    this.#waiting.append(header, 0, writeBlockHeader(header, 0, end - start));
    this.#waiting.append(bytes, start, end);
    if (this.bufferedBytes > DRAIN_ABOVE_BYTES) this.#owesDrained = true;
    if (this.#open !== undefined) this.#flushLater();
  }

  /** @internal Part of `Flushable`: all that was sent in a turn is in one answer. */
  flush(): void {
    if (this.#isLate) {
      // Once more behind the others: what sessions still write in this turn goes into the same answer.
      this.#isLate = false;
      endOfTurn(this);
      return;
    }
    this.#isDirty = false;
    if (this.#waiting !== undefined || this.isEnded) this.#answerWaiting();
  }

  /** @internal Part of `Drainable`. */
  drained(): void {
    if (!this.#owesDrained || this.isEnded || this.bufferedBytes > DRAIN_ABOVE_BYTES) return;
    this.#owesDrained = false;
    this.receiver.drained();
  }

  /** @internal Part of `TimerWheelEntry`. */
  onDeadline(timeMs: number): number {
    if (this.#open !== undefined) {
      if (timeMs < this.#openUntilMs) return this.#openUntilMs;
      this.#heardAtMs = timeMs; // it was there all the time
      this.#answerOpen(NO_BLOCKS);
    }
    const endMs = this.isEnded ? this.#endedAtMs + POLLING_LINGER_MS : this.#heardAtMs + POLLING_IDLE_MS;
    if (timeMs < endMs) return endMs;
    this.drop("nobody asked any more");
    return Infinity;
  }

  override drop(reason: string): void {
    this.#waiting = undefined;
    super.drop(reason);
    this.#answerOpen(NO_BLOCKS);
  }

  protected finish(): void {
    this.#endedAtMs = nowMs();
    if (this.#open !== undefined) this.#flushLater();
    else this.wakeAt(this.#endedAtMs + POLLING_LINGER_MS);
  }

  /** The last answer did not arrive. What waits comes behind it: the session sends both again, in their order. */
  #lose(): void {
    if (this.isEnded) return;
    this.#waiting = undefined;
    this.receiver.lost();
    if (this.#owesDrained) laterDrain(this);
  }

  #flushLater(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#isLate = true;
    endOfTurn(this);
  }

  #answerWaiting(): void {
    if (this.#open === undefined) return;
    const blocks = this.#waiting?.concat() ?? NO_BLOCKS;
    this.#waiting = undefined;
    this.#answerOpen(blocks);
    if (this.isEnded) this.forget();
    else if (this.#owesDrained) laterDrain(this);
  }

  #answerOpen(blocks: Uint8Array): void {
    const response = this.#open;
    if (response === undefined) return;
    this.#open = undefined;
    this.#write(response, blocks);
    if (!this.isEnded) this.wakeAt(this.#heardAtMs + POLLING_IDLE_MS);
  }

  #write(response: PolledAnswer, blocks: Uint8Array): void {
    const number = Buffer.allocUnsafe(MAX_VARINT_BYTES);
    const end = writeVarint(number, 0, blocks.length === 0 ? 0 : ++this.#answered);
    const body = Buffer.concat([number.subarray(0, end), blocks]);
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": body.length });
    response.end(body);
    limitUnreadAnswer(response, POLLING_IDLE_MS);
  }
}

const NO_BLOCKS = new Uint8Array(0);
/** What stands before a block, until it is copied. */
const header = new Uint8Array(MAX_BLOCK_HEADER_BYTES);

function ignore(): void {}
