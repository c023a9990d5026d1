import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import { DRAIN_ABOVE_BYTES, type TransportName } from "../../session/transport-port.js";
import { type ReadHttpRequest, STREAM_BEAT_MS } from "../../session/wire/http-request.js";
import { nowMs } from "../clock.js";
import { laterDrain } from "../connection/drain-notice.js";
import { endOfTurn } from "../connection/turn.js";
import { type AnswerResult, BAD_BLOCKS, HttpTransport } from "./http-transport.js";
import type { StreamEncoding } from "./stream-encoding.js";

/** Down in an answer that does not end, up in requests: `stream` and `sse` (§2.4.2). */
export class StreamedTransport extends HttpTransport {
  readonly name: TransportName;
  readonly #encoding: StreamEncoding;
  #response: ServerResponse | undefined = undefined;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #isDirty = false;
  #owesDrained = false;
  #wroteAtMs = 0;
  #hasBroken = false;

  constructor(encoding: StreamEncoding) {
    super();
    this.name = encoding.name;
    this.#encoding = encoding;
  }

  get bufferedBytes(): number {
    return this.#pendingBytes + (this.#response?.writableLength ?? 0);
  }

  /** Only the first request has an answer here; a browser that repeats it got nothing of what the first one was told. */
  answer(request: ReadHttpRequest, body: Uint8Array, response: ServerResponse): AnswerResult {
    if (this.#response !== undefined) {
      this.drop("its first request was repeated");
      return 410;
    }
    this.#response = response;
    response.on("close", this.#onClose);
    response.on("drain", this.#onDrain);
    response.on("error", ignore); // `close` follows
    response.writeHead(200, { "content-type": this.#encoding.contentType, "x-accel-buffering": "no" });
    response.write(this.#encoding.filler);
    this.#wroteAtMs = nowMs();
    this.wakeAt(this.#wroteAtMs + STREAM_BEAT_MS);
    if (!this.takeBlocks(request, body)) this.drop(BAD_BLOCKS); // the status is on its way already
    return "answered";
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.isEnded) return;
    const encoded = this.#encoding.encode(bytes, start, end);
    this.#pending.push(encoded);
    this.#pendingBytes += encoded.length;
    if (this.bufferedBytes > DRAIN_ABOVE_BYTES) this.#owesDrained = true;
    if (this.#isDirty) return;
    this.#isDirty = true;
    endOfTurn(this);
  }

  /** @internal Part of `Flushable`: what was sent in one turn leaves in one write. */
  flush(): void {
    this.#isDirty = false;
    const response = this.#response;
    if (this.#pendingBytes === 0 || response === undefined || response.destroyed) return;
    const [first] = this.#pending;
    const bytes = this.#pending.length === 1 ? first! : Buffer.concat(this.#pending, this.#pendingBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
    response.write(bytes);
    this.#wroteAtMs = nowMs();
    if (this.#owesDrained && this.bufferedBytes <= DRAIN_ABOVE_BYTES) laterDrain(this);
  }

  /** @internal Part of `Drainable`. */
  drained(): void {
    if (!this.#owesDrained || this.isEnded || this.bufferedBytes > DRAIN_ABOVE_BYTES) return;
    this.#owesDrained = false;
    this.receiver.drained();
  }

  /** @internal Part of `TimerWheelEntry`: an answer that is silent for long is ended by somebody on the way. */
  onDeadline(timeMs: number): number {
    if (this.isEnded) {
      this.#response?.destroy();
      return Infinity;
    }
    if (this.#hasBroken) {
      this.drop("the answer broke off");
      return Infinity;
    }
    const dueMs = this.#wroteAtMs + STREAM_BEAT_MS;
    if (timeMs < dueMs) return dueMs;
    const response = this.#response!;
    // One who does not read gets no more of them.
    if (response.writableLength === 0) response.write(this.#encoding.beat);
    this.#wroteAtMs = timeMs;
    return timeMs + STREAM_BEAT_MS;
  }

  protected finish(): void {
    this.flush();
    this.#response?.end();
    this.forget();
    this.wakeAt(nowMs() + LINGER_MS); // who does not read it to its end must not keep it
  }

  readonly #onClose = (): void => {
    if (this.isEnded) {
      this.drop("the answer broke off");
      return;
    }
    // What a page says when it is left may come behind the end of the answer, which its browser breaks off.
    this.#hasBroken = true;
    this.wakeAt(nowMs() + LAST_WORD_MS);
  };

  readonly #onDrain = (): void => {
    if (this.#owesDrained) laterDrain(this);
  };

  override drop(reason: string): void {
    super.drop(reason);
    this.#response?.destroy();
  }
}

/** For so long, in ms, requests of kind up are still taken when the answer has broken off. */
const LAST_WORD_MS = 1_000;
/** How long an answer that has ended may take to be read. */
const LINGER_MS = 5_000;

function ignore(): void {}
