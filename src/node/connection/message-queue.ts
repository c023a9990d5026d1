/** A message: text is a string, binary is a Buffer. */
export type Message = string | Buffer;

/** What an empty message costs us all the same. */
const MESSAGE_OVERHEAD_BYTES = 64;

/**
 * The messages that nobody took yet, for `for await` and streams. When more than a mark waits, the source is
 * paused; when half of it is taken, it goes on: so a reader that does not read stops its peer and costs no memory.
 */
export class MessageQueue {
  readonly #highWaterMarkBytes: number;
  readonly #source: { pause(): void; resume(): void };
  readonly #messages: Message[] = [];
  #first = 0;
  #queuedBytes = 0;
  #isPausing = false;
  #isEnded = false;
  readonly #takers: ((message: Message | undefined) => void)[] = [];

  constructor(highWaterMarkBytes: number, source: { pause(): void; resume(): void }) {
    this.#highWaterMarkBytes = highWaterMarkBytes;
    this.#source = source;
  }

  /**
   * How much memory that keeps: twice what was counted against the mark, since a character may take two bytes, and a
   * Buffer is two objects.
   */
  get heldBytes(): number {
    return 2 * this.#queuedBytes;
  }

  /** Adds a message, or hands it to who waits for one. */
  push(message: Message): void {
    if (this.#isEnded) return;
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker(message);
      return;
    }
    this.#messages.push(typeof message === "string" ? message : ownBytes(message));
    this.#queuedBytes += costOf(message);
    if (!this.#isPausing && this.#queuedBytes > this.#highWaterMarkBytes) {
      this.#isPausing = true;
      this.#source.pause();
    }
  }

  /** The next message, as soon as there is one; undefined once the connection has ended and all are taken. */
  take(): Promise<Message | undefined> {
    if (this.#first < this.#messages.length) return Promise.resolve(this.#shift());
    if (this.#isEnded) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Nothing comes any more. What waits can still be taken. */
  end(): void {
    this.#isEnded = true;
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #shift(): Message {
    const message = this.#messages[this.#first++]!;
    this.#queuedBytes -= costOf(message);
    // Shifting an array moves all of it: done once in a while, for many at a time.
    if (this.#first === this.#messages.length || this.#first === 1024) {
      this.#messages.splice(0, this.#first);
      this.#first = 0;
    }
    if (this.#isPausing && this.#queuedBytes <= this.#highWaterMarkBytes / 2) {
      this.#isPausing = false;
      this.#source.resume();
    }
    return message;
  }
}

/**
 * A message that waits must not keep alive a chunk of more than twice its size: a peer chooses what lies around it. Not
 * with `Buffer.from(message)`, which takes a part of a block that many share, 64 KiB on Node 26.
 */
function ownBytes(message: Buffer): Buffer {
  return message.buffer.byteLength > 2 * message.length
    ? Buffer.from(new Uint8Array(message).buffer)
    : message;
}

function costOf(message: Message): number {
  return message.length + MESSAGE_OVERHEAD_BYTES;
}
