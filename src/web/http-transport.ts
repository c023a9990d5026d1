import { DRAIN_ABOVE_BYTES, type Transport, type TransportName } from "../session/transport-port.js";
import { BlockSplitter } from "../session/wire/block-frames.js";
import { bodyOf } from "../session/wire/encode-fields.js";
import {
  HTTP_DOWN,
  HTTP_UP,
  MAX_HTTP_REQUEST_BYTES,
  MAX_HTTP_REQUEST_HEAD_BYTES,
  TRANSPORT_ID_BYTES,
} from "../session/wire/http-request.js";
import { LEAVE_PACKET } from "../session/wire/packet-type.js";
import { at, readFrom, readVarint } from "../session/wire/read-fields.js";
import { TRY_AGAIN_LATER_CODE } from "../session/wire/session-code.js";

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
 * @param isFarewell whether what is sent before it is closed goes out although nothing was answered.
 */
export function httpTransport(
  name: TransportName,
  url: string,
  credentials: RequestCredentials,
  isFarewell?: boolean,
): Transport {
  const id: Uint8Array = crypto.getRandomValues(new Uint8Array(TRANSPORT_ID_BYTES));
  const abort = new AbortController();
  /** Of the answer that is being read. */
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Blocks that wait for their request, each behind its length. */
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  /** Of the request with blocks that is on its way. */
  let goingBytes = 0;
  let mostBytes = FIRST_REQUEST_BYTES;
  let number = 0;
  let got = 0;
  let failures = 0;
  let pollAfterMs = POLL_AFTER_MS;
  /** When the last request of kind down was made. */
  let askedMs = 0;
  let pollTimer: ReturnType<typeof setTimeout> | undefined;
  /** A request of kind down is on its way, or waits to be made again. */
  let isAsking = false;
  let isEnded = false;
  let owesDrain = false;

  const send = (bytes: Uint8Array, start: number, end: number): void => {
    if (isEnded) return;
    // Copied first: the bytes may lie where fields are written.
    const block = bodyOf([end - start, new Uint8Array(bytes.subarray(start, end))]);
    waiting.push(block);
    waitingBytes += block.length;
    if (transport.bufferedBytes > DRAIN_ABOVE_BYTES) owesDrain = true;
    // What follows in this turn goes into the same request.
    queueMicrotask(go);
  };

  const close = (): void => {
    if (isEnded) return;
    isEnded = true;
    // What was sent before goes out all the same, and a page that is left is no reason to drop it. Where there is no room for all of
    // it, or it might overtake what is on its way, the last block alone says that this is the end.
    const isFirst = number === 0;
    if (waiting.length > 0 && (isFarewell || !isFirst)) {
      const isFree = goingBytes === 0 && waitingBytes < MAX_LAST_BYTES;
      const kind = isFirst ? HTTP_DOWN : HTTP_UP;
      void post(kind, isFree ? waiting : waiting.slice(-1), true)
        .then(({ body }) => body?.cancel())
        .catch(() => {});
    }
    queueMicrotask(() => finish("closed"));
  };

  /** Makes the requests that are to be made. */
  const go = (): void => {
    if (isEnded) return;
    const hasBlocks = goingBytes === 0 && waiting.length > 0;
    if (name === "polling" || number === 0) {
      if (hasBlocks && !isAsking) void request(true);
    } else {
      if (hasBlocks) void request(false);
      if (name === "long-polling" && !isAsking && pollAfterMs === POLL_AFTER_MS) void request(true);
    }
  };

  /** One request: of kind down, whose answer has blocks, or up. The first one is both. */
  const request = async (isDown: boolean): Promise<void> => {
    const isFirst = number === 0;
    const startMs = performance.now();
    const blocks = !isDown || isFirst || name === "polling" ? takeWaiting() : [];
    if (isDown) {
      clearTimeout(pollTimer);
      isAsking = true;
      askedMs = startMs;
    }
    let status = 0;
    let isAnswered = false;
    try {
      const response = await post(isDown ? HTTP_DOWN : HTTP_UP, blocks);
      ({ status } = response);
      isAnswered = isDown ? status === 200 && (await read(response)) : status === 204;
      if (!isAnswered) {
        if (isFirst) sentAway(response.headers.get("retry-after"));
        await response.body?.cancel(); // on Node, what is not read keeps its connection
      }
    } catch {
      // Whether it arrived nobody knows.
    }
    if (isEnded) return;
    if (isAnswered) {
      failures = 0;
      const tookMs = performance.now() - startMs;
      if (blocks.length > 0 && tookMs < QUICK_MS) mostBytes = Math.min(2 * mostBytes, MAX_HTTP_REQUEST_BYTES);
      else if (blocks.length > 0 && tookMs > SLOW_MS) mostBytes /= 2;
    } else {
      const isRefused = status >= 400 && status < 500 && status !== 408 && status !== 429;
      if (isFirst || isRefused || ++failures >= MAX_FAILURES) {
        finish(status === 0 ? "no answer" : `status ${status}`);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS * 2 ** (failures - 1)));
      if (isEnded) return;
    }
    if (isDown) isAsking = false;
    if (blocks.length > 0) {
      goingBytes = 0;
      if (!isAnswered) {
        // What waits behind them goes as well: the session sends all of it again, in order.
        waiting = [];
        waitingBytes = 0;
        transport.receiver.lost();
      }
    }
    if (owesDrain && transport.bufferedBytes <= DRAIN_ABOVE_BYTES / 2) {
      owesDrain = false;
      transport.receiver.drained();
    }
    go();
    if (isDown && !isAsking && !isEnded) pollTimer = setTimeout(() => void request(true), pollAfterMs);
  };

  /** Takes what an answer says. False if it did not come whole, or breaks the rules. */
  const read = async (response: Response): Promise<boolean> => {
    const isStream = name === "stream";
    const goesOn = isStream || name === "sse";
    const splitter = blockSplitter(true);
    const decoder = new TextDecoder();
    const pieces: Uint8Array[] = [];
    let byteLength = 0;
    let text = "";
    const answer = (reader = response.body!.getReader());
    if (goesOn) {
      // From now on blocks go up while this one goes on.
      goingBytes = 0;
      go();
    }
    for (;;) {
      const { value } = await answer.read();
      if (isEnded) {
        cancel();
        return true;
      }
      if (value === undefined) break;
      if (isStream) {
        if (!splitter.push(value, 0, value.length)) break;
      } else if (goesOn) {
        const lines = (text + decoder.decode(value, { stream: true })).split("\n");
        text = lines.pop()!;
        if (text.length > MAX_ANSWER_BYTES || !lines.every(takeLine)) break;
      } else {
        pieces.push(value);
        byteLength += value.length;
        if (byteLength > MAX_ANSWER_BYTES) return false;
      }
    }
    if (!goesOn) return polled(new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer()));
    finish("the answer ended");
    return true;
  };

  /** An answer to a poll is there. Throws where it has no number. */
  const polled = (bytes: Uint8Array): boolean => {
    if (isEnded) return true;
    readFrom(bytes, 0, bytes.length);
    const answered = readVarint();
    const isNew = answered > got;
    pollAfterMs =
      isNew || performance.now() - askedMs > SLOW_MS
        ? POLL_AFTER_MS
        : Math.min(2 * pollAfterMs, MAX_POLL_AFTER_MS);
    if (!isNew) return true;
    got = answered;
    const splitter = blockSplitter(false);
    return at < bytes.length && splitter.push(bytes, at, bytes.length) && splitter.isBetweenBlocks;
  };

  /** A line of an event stream. */
  const takeLine = (line: string): boolean => {
    if (!line.startsWith("data: ")) return true;
    try {
      const bytes = Uint8Array.from(atob(line.slice(6)), (character) => character.charCodeAt(0));
      if (!isEnded) transport.receiver.block(bytes, 0, bytes.length);
      return true;
    } catch {
      return false;
    }
  };

  const blockSplitter = (hasFiller: boolean): BlockSplitter => {
    return new BlockSplitter((bytes, start, end) => {
      if (!isEnded) transport.receiver.block(bytes, start, end);
      return !isEnded;
    }, hasFiller);
  };

  const takeWaiting = (): Uint8Array[] => {
    const taken: Uint8Array[] = [];
    let room = mostBytes - MAX_HTTP_REQUEST_HEAD_BYTES;
    // A block that is longer goes alone, and so does the first one.
    while (waiting.length > 0 && (taken.length === 0 || (number > 0 && waiting[0]!.length <= room))) {
      const block = waiting.shift()!;
      room -= block.length;
      waitingBytes -= block.length;
      goingBytes += block.length;
      taken.push(block);
    }
    return taken;
  };

  /** The last one goes on when the page is left, and when this is at its end. */
  const post = (kind: number, blocks: readonly Uint8Array[], isLast = false): Promise<Response> => {
    const isNumbered = blocks.length > 0;
    const head = bodyOf([kind, id, isNumbered ? ++number : 0, kind === HTTP_DOWN ? got : 0]);
    return fetch(url, {
      method: "POST",
      // Spares pages of other origins a question beforehand.
      headers: { "content-type": "text/plain" },
      body: new Blob([head, ...blocks] as BlobPart[]),
      credentials,
      cache: "no-store",
      // The secret of the session goes nowhere else.
      redirect: "error",
      keepalive: isLast,
      signal: isLast ? AbortSignal.timeout?.(LAST_REQUEST_MS) : abort.signal,
    });
  };

  /** The server has no room just now, and says when to come back. */
  const sentAway = (retryAfter: string | null): void => {
    const afterMs = 1_000 * Number(retryAfter);
    if (!(afterMs > 0) || isEnded) return;
    const body = bodyOf([TRY_AGAIN_LATER_CODE, Math.min(Math.round(afterMs), MAX_RETRY_AFTER_MS), 0]);
    const block = bodyOf([LEAVE_PACKET, body.length, body]);
    transport.receiver.block(block, 0, block.length);
  };

  const finish = (reason: string): void => {
    if (abort.signal.aborted) return;
    isEnded = true;
    abort.abort();
    cancel();
    clearTimeout(pollTimer);
    waiting = [];
    transport.receiver.closed(0, reason);
  };

  /** Ends the answer. To abort it is not enough on Node 20: now and then one goes on, unread, for as long as its connection. */
  const cancel = (): void => {
    void reader?.cancel().catch(() => {});
  };

  const transport: Transport = {
    name,
    receiver: undefined as never, // whoever it was opened for sets it at once
    get bufferedBytes() {
      return waitingBytes + goingBytes;
    },
    send,
    close,
  };
  return transport;
}
