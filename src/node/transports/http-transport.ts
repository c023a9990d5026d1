import type { ServerResponse } from "node:http";
import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import type { Transport, TransportName, TransportReceiver } from "../../session/transport-port.js";
import { BlockSplitter } from "../../session/wire/block-frames.js";
import type { ReadHttpRequest } from "../../session/wire/http-request.js";
import { schedule, unschedule } from "../clock.js";
import { beginTurn, endTurn } from "../connection/turn.js";
import { nextTick } from "../next-tick.js";

/** What became of a request of kind down: the transport answers it, or with which status it is to be refused. */
export type AnswerResult = "answered" | 400 | 410;

/** What a polled transport needs of the answer to a request: a `ServerResponse`, or one that another node gives. */
export interface PolledAnswer {
  on(event: "close" | "error", listener: () => void): unknown;
  writeHead(status: number, fields: { "content-type": string; "content-length": number }): unknown;
  end(body: Uint8Array): unknown;
}

/** Why a transport is dropped whose client does not keep to the rules of requests. */
export const BAD_BLOCKS = "a request without whole blocks";

/** Receives nothing: the receiver before the first one, and behind the end. */
export const NOBODY: TransportReceiver = { block() {}, drained() {}, lost() {}, closed() {} };

/**
 * A transport over HTTP requests: what all four kinds have in common (`docs/wire/session-v1.md` §2.4). It takes requests that
 * were read whole, hands on their blocks, and keeps what goes down until there is an answer for it.
 */
export abstract class HttpTransport implements Transport, TimerWheelEntry {
  abstract readonly name: TransportName;
  abstract readonly bufferedBytes: number;
  receiver: TransportReceiver = NOBODY;
  /** Told once, when it is at its end, but for what waits to be fetched. */
  onOver: (() => void) | undefined = undefined;
  /** Told once, when no request can find this transport any more. */
  onForgotten: (() => void) | undefined = undefined;
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  /** Whether it is at its end: the session has closed it, or it broke. */
  protected isEnded = false;
  #lastNumber = 0;

  /** Whether nothing more goes over it, but for what waits to be fetched. */
  get isOver(): boolean {
    return this.isEnded;
  }

  abstract send(bytes: Uint8Array, start: number, end: number): void;
  abstract onDeadline(nowMs: number): number;
  /** Takes the blocks of a request of kind down, such as the first one, and answers it. */
  abstract answer(request: ReadHttpRequest, body: Uint8Array, response: ServerResponse): AnswerResult;
  /** Ends behind what was sent. */
  protected abstract finish(): void;

  /** Takes the blocks of a request of kind up. False if they break the rules: the transport is gone then. */
  take(request: ReadHttpRequest, body: Uint8Array): boolean {
    if (this.takeBlocks(request, body)) return true;
    this.drop(BAD_BLOCKS);
    return false;
  }

  /** Takes the blocks of a request, once, whoever repeats it. False if they break the rules. */
  protected takeBlocks({ number, blocksAt }: ReadHttpRequest, body: Uint8Array): boolean {
    if (number <= this.#lastNumber) return true;
    this.#lastNumber = number;
    const splitter = new BlockSplitter((bytes, start, end) => {
      this.receiver.block(bytes, start, end);
      return !this.isEnded;
    });
    beginTurn();
    try {
      const isRight = splitter.push(body, blocksAt, body.length) && splitter.isBetweenBlocks;
      return isRight || this.isEnded;
    } finally {
      endTurn();
    }
  }

  close(code: number, reason: string): void {
    if (this.isEnded) return;
    this.isEnded = true;
    const { receiver } = this;
    nextTick(() => receiver.closed(code, reason));
    this.receiver = NOBODY;
    this.onOver?.();
    this.finish();
  }

  /** It broke: nothing more arrives either way. */
  drop(reason: string): void {
    if (!this.isEnded) {
      this.isEnded = true;
      const { receiver } = this;
      this.receiver = NOBODY;
      receiver.closed(0, reason);
    }
    this.forget();
  }

  /** Nobody finds it any more. */
  protected forget(): void {
    unschedule(this);
    this.onOver = undefined;
    const { onForgotten } = this;
    this.onForgotten = undefined;
    onForgotten?.();
  }

  protected wakeAt(timeMs: number): void {
    schedule(this, timeMs);
  }
}
