import {
  DRAIN_ABOVE_BYTES,
  type Transport,
  type TransportName,
  type TransportReceiver,
} from "../session/transport-port.js";
import { BlockSplitter, writeBlockHeader } from "../session/wire/block-frames.js";
import { endBlock } from "../session/wire/end-packet.js";
import {
  HttpRequestKind,
  MAX_HTTP_REQUEST_BYTES,
  MAX_HTTP_REQUEST_HEAD_BYTES,
  TRANSPORT_ID_BYTES,
  writeHttpRequestHead,
} from "../session/wire/http-request.js";
import { PacketType } from "../session/wire/packet-type.js";
import { at, readFrom, readVarint } from "../session/wire/read-fields.js";
import { SessionCode } from "../session/wire/session-code.js";

/** How long to wait before a failed request is followed by another one, in ms; twice as long each time. */
const RETRY_AFTER_MS = 250;
/** So many requests in a row that fail end the transport. */
const MAX_FAILURES = 4;
/**
 * How long to wait behind an answer without new blocks, in ms, at first and at most: with plain polling, and where a long poll did not
 * wait.
 */
const POLL_AFTER_MS = 100;
const MAX_POLL_AFTER_MS = 2_000;
/**
 * A request with blocks is to take about a second: what comes behind it, such as a ping, waits for its answer. So it begins with
 * this many bytes, and more go into the next one if it was quick, fewer if it was slow.
 */
const FIRST_REQUEST_BYTES = 32_768;
const QUICK_MS = 500;
const SLOW_MS = 2_000;
/** An answer to a poll, or what stands before the end of a line, is not longer, in bytes. */
const MAX_ANSWER_BYTES = 1_048_576;
/** How long the last request may take, in ms: a process does not end before. */
const LAST_REQUEST_MS = 10_000;
/** What browsers let a page send while it is left is 64 KiB, all requests together. */
const MAX_LAST_BYTES = 61_440;
/** The server asks to stay away for longer than this, in ms, in vain. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * A transport that is a row of POSTs (`docs/wire/session-v1.md` §2.4). What comes down is one answer that goes on, or one answer
 * after another; what goes up are requests, of which one is on its way at a time. It has no deadlines: that nothing comes any
 * more the session notices, whatever the reason.
 */
export class HttpTransport implements Transport {
  readonly name: TransportName;
  receiver!: TransportReceiver;
  readonly #url: string;
  readonly #credentials: RequestCredentials;
  readonly #isFarewell: boolean;
  readonly #id: Uint8Array = crypto.getRandomValues(new Uint8Array(TRANSPORT_ID_BYTES));
  readonly #abort = new AbortController();
  /** Of the answer that is being read. */
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Blocks that wait for their request, each behind its length. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Of the request with blocks that is on its way. */
  #goingBytes = 0;
  #mostBytes = FIRST_REQUEST_BYTES;
  #number = 0;
  #got = 0;
  #failures = 0;
  #pollAfterMs = POLL_AFTER_MS;
  /** When the last request of kind down was made. */
  #askedMs = 0;
  #pollTimer: ReturnType<typeof setTimeout> | undefined;
  /** A request of kind down is on its way, or waits to be made again. */
  #isAsking = false;
  #isEnded = false;
  #owesDrain = false;

  /** @param isFarewell whether what is sent before it is closed goes out although nothing was answered. */
  constructor(name: TransportName, url: string, credentials: RequestCredentials, isFarewell = false) {
    this.name = name;
    this.#url = url;
    this.#credentials = credentials;
    this.#isFarewell = isFarewell;
  }

  get bufferedBytes(): number {
    return this.#waitingBytes + this.#goingBytes;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isEnded) return;
    let block = new Uint8Array(3 + end - start);
    const at = writeBlockHeader(block, 0, end - start);
    block.set(bytes.subarray(start, end), at);
    block = block.subarray(0, at + end - start);
    this.#waiting.push(block);
    this.#waitingBytes += block.length;
    if (this.bufferedBytes > DRAIN_ABOVE_BYTES) this.#owesDrain = true;
    // What follows in this turn goes into the same request.
    queueMicrotask(() => this.#go());
  }

  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const waiting = this.#waiting;
    // What was sent before goes out all the same, and a page that is left is no reason to drop it. Where there is no room for all of
    // it, or it might overtake what is on its way, the last block alone says that this is the end.
    const isFirst = this.#number === 0;
    if (waiting.length > 0 && (this.#isFarewell || !isFirst)) {
      const isFree = this.#goingBytes === 0 && this.#waitingBytes < MAX_LAST_BYTES;
      const kind = isFirst ? HttpRequestKind.down : HttpRequestKind.up;
      void this.#fetch(kind, isFree ? waiting : waiting.slice(-1), true)
        .then(({ body }) => body?.cancel())
        .catch(() => {});
    }
    queueMicrotask(() => this.#finish("closed"));
  }

  /** Makes the requests that are to be made. */
  #go(): void {
    if (this.#isEnded) return;
    const { name } = this;
    const hasBlocks = this.#goingBytes === 0 && this.#waiting.length > 0;
    if (name === "polling" || this.#number === 0) {
      if (hasBlocks && !this.#isAsking) void this.#request(true);
    } else {
      if (hasBlocks) void this.#request(false);
      if (name === "long-polling" && !this.#isAsking && this.#pollAfterMs === POLL_AFTER_MS)
        void this.#request(true);
    }
  }

  /** One request: of kind down, whose answer has blocks, or up. The first one is both. */
  async #request(isDown: boolean): Promise<void> {
    const isFirst = this.#number === 0;
    const startMs = performance.now();
    const blocks = !isDown || isFirst || this.name === "polling" ? this.#takeWaiting() : [];
    if (isDown) {
      clearTimeout(this.#pollTimer);
      this.#isAsking = true;
      this.#askedMs = startMs;
    }
    let status = 0;
    let isAnswered = false;
    try {
      const response = await this.#fetch(isDown ? HttpRequestKind.down : HttpRequestKind.up, blocks);
      ({ status } = response);
      isAnswered = isDown ? status === 200 && (await this.#read(response)) : status === 204;
      if (!isAnswered) {
        if (isFirst) this.#sentAway(response.headers.get("retry-after"));
        await response.body?.cancel(); // on Node, what is not read keeps its connection
      }
    } catch {
      // Whether it arrived nobody knows.
    }
    if (this.#isEnded) return;
    if (isAnswered) {
      this.#failures = 0;
      const tookMs = performance.now() - startMs;
      if (blocks.length > 0 && tookMs < QUICK_MS)
        this.#mostBytes = Math.min(2 * this.#mostBytes, MAX_HTTP_REQUEST_BYTES);
      else if (blocks.length > 0 && tookMs > SLOW_MS) this.#mostBytes /= 2;
    } else {
      const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 429;
      if (isFirst || isRefused || ++this.#failures >= MAX_FAILURES) {
        this.#finish(status === 0 ? "no answer" : `status ${status}`);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS * 2 ** (this.#failures - 1)));
      if (this.#isEnded) return;
    }
    if (isDown) this.#isAsking = false;
    if (blocks.length > 0) {
      this.#goingBytes = 0;
      if (!isAnswered) {
        // What waits behind them goes as well: the session sends all of it again, in order.
        this.#waiting = [];
        this.#waitingBytes = 0;
        this.receiver.lost();
      }
    }
    if (this.#owesDrain && this.bufferedBytes <= DRAIN_ABOVE_BYTES / 2) {
      this.#owesDrain = false;
      this.receiver.drained();
    }
    this.#go();
    if (isDown && !this.#isAsking && !this.#isEnded)
      this.#pollTimer = setTimeout(() => void this.#request(true), this.#pollAfterMs);
  }

  /** Takes what an answer says. False if it did not come whole, or breaks the rules. */
  async #read(response: Response): Promise<boolean> {
    const isStream = this.name === "stream";
    const goesOn = isStream || this.name === "sse";
    const splitter = this.#splitter(true);
    const decoder = new TextDecoder();
    const pieces: Uint8Array[] = [];
    let byteLength = 0;
    let text = "";
    const reader = (this.#reader = response.body!.getReader());
    if (goesOn) {
      // From now on blocks go up while this one goes on.
      this.#goingBytes = 0;
      this.#go();
    }
    for (;;) {
      const { value } = await reader.read();
      if (this.#isEnded) {
        this.#cancel();
        return true;
      }
      if (value === undefined) break;
      if (isStream) {
        if (!splitter.push(value, 0, value.length)) break;
      } else if (goesOn) {
        const lines = (text + decoder.decode(value, { stream: true })).split("\n");
        text = lines.pop()!;
        if (text.length > MAX_ANSWER_BYTES || !lines.every((line) => this.#line(line))) break;
      } else {
        pieces.push(value);
        byteLength += value.length;
        if (byteLength > MAX_ANSWER_BYTES) return false;
      }
    }
    if (!goesOn) return this.#polled(new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer()));
    this.#finish("the answer ended");
    return true;
  }

  /** An answer to a poll is there. Throws where it has no number. */
  #polled(bytes: Uint8Array): boolean {
    if (this.#isEnded) return true;
    readFrom(bytes, 0, bytes.length);
    const number = readVarint();
    const isNew = number > this.#got;
    this.#pollAfterMs =
      isNew || performance.now() - this.#askedMs > SLOW_MS
        ? POLL_AFTER_MS
        : Math.min(2 * this.#pollAfterMs, MAX_POLL_AFTER_MS);
    if (!isNew) return true;
    this.#got = number;
    const splitter = this.#splitter(false);
    return at < bytes.length && splitter.push(bytes, at, bytes.length) && splitter.isBetweenBlocks;
  }

  /** A line of an event stream. */
  #line(line: string): boolean {
    if (!line.startsWith("data: ")) return true;
    try {
      const bytes = Uint8Array.from(atob(line.slice(6)), (character) => character.charCodeAt(0));
      if (!this.#isEnded) this.receiver.block(bytes, 0, bytes.length);
      return true;
    } catch {
      return false;
    }
  }

  #splitter(hasFiller: boolean): BlockSplitter {
    return new BlockSplitter((bytes, start, end) => {
      if (!this.#isEnded) this.receiver.block(bytes, start, end);
      return !this.#isEnded;
    }, hasFiller);
  }

  #takeWaiting(): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let room = this.#mostBytes - MAX_HTTP_REQUEST_HEAD_BYTES;
    // A block that is longer goes alone, and so does the first one.
    while (
      this.#waiting.length > 0 &&
      (taken.length === 0 || (this.#number > 0 && this.#waiting[0]!.length <= room))
    ) {
      const block = this.#waiting.shift()!;
      room -= block.length;
      this.#waitingBytes -= block.length;
      this.#goingBytes += block.length;
      taken.push(block);
    }
    return taken;
  }

  /** The last one goes on when the page is left, and when this is at its end. */
  #fetch(kind: number, blocks: readonly Uint8Array[], isLast = false): Promise<Response> {
    const head = new Uint8Array(MAX_HTTP_REQUEST_HEAD_BYTES);
    const number = blocks.length > 0 ? ++this.#number : 0;
    const got = kind === HttpRequestKind.down ? this.#got : 0;
    const at = writeHttpRequestHead(head, { kind, transport: this.#id, number, got });
    return fetch(this.#url, {
      method: "POST",
      // Spares pages of other origins a question beforehand.
      headers: { "content-type": "text/plain" },
      body: new Blob([head.subarray(0, at), ...blocks] as BlobPart[]),
      credentials: this.#credentials,
      cache: "no-store",
      // The secret of the session goes nowhere else.
      redirect: "error",
      keepalive: isLast,
      signal: isLast ? AbortSignal.timeout?.(LAST_REQUEST_MS) : this.#abort.signal,
    });
  }

  /** The server has no room just now, and says when to come back. */
  #sentAway(retryAfter: string | null): void {
    const afterMs = 1_000 * Number(retryAfter);
    if (!(afterMs > 0) || this.#isEnded) return;
    const block = endBlock(
      PacketType.leave,
      SessionCode.tryAgainLater,
      new Uint8Array(0),
      Math.min(Math.round(afterMs), MAX_RETRY_AFTER_MS),
    );
    this.receiver.block(block, 0, block.length);
  }

  #finish(reason: string): void {
    if (this.#abort.signal.aborted) return;
    this.#isEnded = true;
    this.#abort.abort();
    this.#cancel();
    clearTimeout(this.#pollTimer);
    this.#waiting = [];
    this.receiver.closed(0, reason);
  }

  /** Ends the answer. To abort it is not enough on Node 20: now and then one goes on, unread, for as long as its connection. */
  #cancel(): void {
    void this.#reader?.cancel().catch(() => {});
  }
}
