import type { QueuedMessage } from "./queued-message.js";

/** From how many empty places at the front on they are given back, once they are as many as those that are taken. */
const MIN_GAP = 32;

/** What waits on a channel, for whoever looks at it. */
export interface WaitingMessages extends Iterable<QueuedMessage> {
  readonly length: number;
}

/**
 * What waits on a channel of a server, in its order. An array would move all that waits whenever the first one leaves, and at the
 * limit of `drop-oldest` that is for each message: ten thousand wait there.
 */
export class MessageQueue implements WaitingMessages {
  readonly #places: (QueuedMessage | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#places.length - this.#head;
  }

  /** The one that leaves next. There has to be one. */
  get first(): QueuedMessage {
    return this.#places[this.#head]!;
  }

  push(message: QueuedMessage): void {
    this.#places.push(message);
  }

  /** Takes out the first one. There has to be one. */
  shift(): QueuedMessage {
    const places = this.#places;
    const message = places[this.#head]!;
    places[this.#head++] = undefined;
    if (this.#head >= MIN_GAP && this.#head * 2 >= places.length) {
      places.splice(0, this.#head);
      this.#head = 0;
    }
    return message;
  }

  /** Takes out the one behind the first, which has begun to leave. There have to be two. */
  shiftSecond(): QueuedMessage {
    const first = this.shift();
    const second = this.first;
    this.#places[this.#head] = first;
    return second;
  }

  *[Symbol.iterator](): IterableIterator<QueuedMessage> {
    for (let at = this.#head; at < this.#places.length; at++) yield this.#places[at]!;
  }
}
