import {
  DRAIN_ABOVE_BYTES,
  type Transport,
  type TransportName,
  type TransportReceiver,
} from "../session/transport-port.js";
import { BlockSplitter, writeBlockHeader } from "../session/wire/block-frames.js";
import {
  HttpRequestKind,
  LONG_POLL_MS,
  MAX_HTTP_REQUEST_BYTES,
  MAX_HTTP_REQUEST_HEAD_BYTES,
  TRANSPORT_ID_BYTES,
  writeHttpRequestHead,
} from "../session/wire/http-request.js";
import { WireReader } from "../session/wire/wire-reader.js";

/** How long a request may take that the server answers at once, in ms. */
const REQUEST_TIMEOUT_MS = 20_000;
/** How long to wait before a failed poll is asked again, in ms; twice as long each time. */
const RETRY_AFTER_MS = 250;
/** So many polls or requests in a row that fail end the transport. */
const MAX_FAILURES = 4;
/** With plain polling: how long to wait behind an answer without blocks, in ms, at first and at most. */
const POLL_AFTER_MS = 100;
const MAX_POLL_AFTER_MS = 2_000;

/**
 * A transport that is a row of POSTs (`docs/wire/session-v1.md` §2.4). What comes down is one answer that goes on, or one answer
 * after another; what goes up are requests, of which one is on its way at a time.
 */
export class HttpTransport implements Transport {
  readonly name: TransportName;
  receiver!: TransportReceiver;
  readonly #url: string;
  readonly #credentials: RequestCredentials;
  readonly #id: Uint8Array = crypto.getRandomValues(new Uint8Array(TRANSPORT_ID_BYTES));
  readonly #abort = new AbortController();
  /** Blocks that wait for their request, each behind its length. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Of the request with blocks that is on its way. */
  #goingBytes = 0;
  #number = 0;
  #got = 0;
  #failures = 0;
  #pollAfterMs = POLL_AFTER_MS;
  #pollTimer: ReturnType<typeof setTimeout> | undefined;
  #isPolling = false;
  #isEnded = false;
  #owesDrain = false;

  constructor(name: TransportName, url: string, credentials: RequestCredentials) {
    this.name = name;
    this.#url = url;
    this.#credentials = credentials;
  }

  get bufferedBytes(): number {
    return this.#waitingBytes + this.#goingBytes;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isEnded) return;
    const block = new Uint8Array(3 + end - start);
    const at = writeBlockHeader(block, 0, end - start);
    block.set(bytes.subarray(start, end), at);
    this.#waiting.push(block.subarray(0, at + end - start));
    this.#waitingBytes += at + end - start;
    if (this.bufferedBytes > DRAIN_ABOVE_BYTES) this.#owesDrain = true;
    // What follows in this turn goes into the same request.
    queueMicrotask(() => this.#sendWaiting());
  }

  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    // What was sent before goes out all the same; a page that is left is no reason to drop it.
    if (this.#number > 0 && this.#waiting.length > 0 && this.#goingBytes === 0)
      void this.#fetch(HttpRequestKind.up, this.#takeWaiting(), true).catch(() => {});
    queueMicrotask(() => this.#finish("closed on this side"));
  }

  #sendWaiting(): void {
    if (this.#isEnded || this.#goingBytes > 0 || this.#waiting.length === 0) return;
    if (this.name === "polling" || this.#number === 0) {
      // While the first request is on its way, what follows waits for the way up.
      if (!this.#isPolling) void this.#poll();
    } else void this.#up();
  }

  /** A request with blocks, whose answer has none. */
  async #up(): Promise<void> {
    const blocks = this.#takeWaiting();
    let response: Response | undefined;
    try {
      response = await this.#fetch(HttpRequestKind.up, blocks, false);
    } catch {
      // Whether it arrived nobody knows.
    }
    if (this.#isEnded) return;
    if (response?.status === 204) this.#failures = 0;
    else if (!(await this.#recovers(response, true))) return;
    this.#goingBytes = 0;
    this.#drain();
    this.#sendWaiting();
  }

  /** A request whose answer has blocks: the first one, and each poll. */
  async #poll(): Promise<void> {
    clearTimeout(this.#pollTimer);
    this.#isPolling = true;
    const isFirst = this.#number === 0;
    const blocks = isFirst || this.name === "polling" ? this.#takeWaiting() : [];
    let isAnswered = false;
    let response: Response | undefined;
    try {
      response = await this.#fetch(HttpRequestKind.down, blocks, false);
      isAnswered = response.status === 200 && (await this.#take(response));
    } catch {
      // As if it had not been answered.
    }
    if (this.#isEnded) return;
    if (isAnswered) {
      this.#failures = 0;
    } else {
      if (isFirst) this.#finish(`no answer${response === undefined ? "" : `: status ${response.status}`}`);
      if (this.#isEnded || !(await this.#recovers(response, blocks.length > 0))) return;
    }
    this.#isPolling = false;
    if (blocks.length > 0) this.#goingBytes = 0;
    this.#drain();
    if (this.name === "long-polling" || this.#waiting.length > 0) void this.#poll();
    else this.#pollTimer = setTimeout(() => void this.#poll(), this.#pollAfterMs);
  }

  /** Takes what an answer says, while it comes. False if it did not come whole, or breaks the rules. */
  async #take(response: Response): Promise<boolean> {
    if (this.name === "stream" || this.name === "sse") {
      // From now on blocks go up while this one goes on.
      this.#goingBytes = 0;
      await this.#stream(response);
      this.#finish("the answer ended");
      return true;
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (this.#isEnded) return true;
    const reader = new WireReader(bytes, 0, bytes.length);
    const number = reader.varint();
    if (reader.isBad) return false;
    if (number === 0) {
      this.#pollAfterMs = Math.min(2 * this.#pollAfterMs, MAX_POLL_AFTER_MS);
      return true;
    }
    this.#pollAfterMs = POLL_AFTER_MS;
    if (number <= this.#got) return true;
    this.#got = number;
    const splitter = this.#splitter(false);
    return splitter.push(bytes, reader.at, bytes.length) && splitter.isBetweenBlocks;
  }

  async #stream(response: Response): Promise<void> {
    const splitter = this.#splitter(true);
    const decoder = new TextDecoder();
    let text = "";
    const reader = response.body!.getReader();
    this.#sendWaiting();
    for (;;) {
      const { value } = await reader.read();
      if (value === undefined || this.#isEnded) return;
      if (this.name === "stream") {
        if (!splitter.push(value, 0, value.length)) return;
        continue;
      }
      const lines = (text + decoder.decode(value, { stream: true })).split("\n");
      text = lines.pop()!;
      for (const line of lines) if (line.startsWith("data: ") && !this.#event(line.slice(6))) return;
    }
  }

  #event(base64: string): boolean {
    let binary: string;
    try {
      binary = atob(base64);
    } catch {
      return false;
    }
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    if (!this.#isEnded) this.receiver.block(bytes, 0, bytes.length);
    return true;
  }

  #splitter(hasFiller: boolean): BlockSplitter {
    return new BlockSplitter((bytes, start, end) => {
      if (!this.#isEnded) this.receiver.block(bytes, start, end);
      return !this.#isEnded;
    }, hasFiller);
  }

  #takeWaiting(): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let room = MAX_HTTP_REQUEST_BYTES - MAX_HTTP_REQUEST_HEAD_BYTES;
    // The first block is alone in its request.
    const most = this.#number === 0 ? 1 : Infinity;
    while (taken.length < most && this.#waiting.length > 0 && this.#waiting[0]!.length <= room) {
      const block = this.#waiting.shift()!;
      room -= block.length;
      this.#waitingBytes -= block.length;
      this.#goingBytes += block.length;
      taken.push(block);
    }
    return taken;
  }

  #fetch(kind: number, blocks: readonly Uint8Array[], keepalive: boolean): Promise<Response> {
    const head = new Uint8Array(MAX_HTTP_REQUEST_HEAD_BYTES);
    const number = blocks.length > 0 ? ++this.#number : 0;
    const isPoll = kind === HttpRequestKind.down && (this.name === "polling" || this.name === "long-polling");
    const at = writeHttpRequestHead(head, { kind, transport: this.#id, number, got: isPoll ? this.#got : 0 });
    const goesOn = kind === HttpRequestKind.down && !isPoll;
    const limitMs = REQUEST_TIMEOUT_MS + (this.name === "long-polling" ? LONG_POLL_MS : 0);
    const signals = keepalive ? [] : [this.#abort.signal];
    if (!goesOn) signals.push(AbortSignal.timeout(limitMs));
    return fetch(this.#url, {
      method: "POST",
      // Spares pages of other origins a question beforehand.
      headers: { "content-type": "text/plain" },
      body: new Blob([head.subarray(0, at), ...blocks] as BlobPart[]),
      credentials: this.#credentials,
      cache: "no-store",
      keepalive,
      signal: AbortSignal.any(signals),
    });
  }

  /**
   * A request failed. False ends the transport; else, after a moment, it goes on. If it had blocks, what waits behind them is
   * dropped as well: the session sends all of it again, in order.
   */
  async #recovers(response: Response | undefined, hadBlocks: boolean): Promise<boolean> {
    const status = response?.status ?? 0;
    const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 429;
    if (isRefused || ++this.#failures >= MAX_FAILURES) {
      this.#finish(status === 0 ? "requests fail" : `status ${status}`);
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS * 2 ** (this.#failures - 1)));
    if (this.#isEnded) return false;
    if (hadBlocks) {
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.receiver.lost();
    }
    return true;
  }

  #drain(): void {
    if (!this.#owesDrain || this.#isEnded || this.bufferedBytes > DRAIN_ABOVE_BYTES / 2) return;
    this.#owesDrain = false;
    this.receiver.drained();
  }

  #finish(reason: string): void {
    if (this.#abort.signal.aborted) return;
    this.#isEnded = true;
    this.#abort.abort();
    clearTimeout(this.#pollTimer);
    this.#waiting = [];
    this.receiver.closed(0, reason);
  }
}
