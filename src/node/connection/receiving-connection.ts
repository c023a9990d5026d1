import type { Duplex } from "node:stream";
import { violation } from "../../protocol/violation.js";
import { nowMs } from "../clock.js";
import { isClosedStream } from "../drop-stream.js";
import { nextTick } from "../next-tick.js";
import { ownerOf, readData } from "../own-stream.js";
import { lookForTracers } from "./diagnostics.js";
import { HeldBytes } from "./held-bytes.js";
import { readInto, receiveBuffer } from "./receive-buffer.js";
import { ReceiveRate } from "./receive-rate.js";
import { SendingConnection } from "./sending-connection.js";
import { beginTurn, endTurn } from "./turn.js";

/** Above this, what comes while reading is paused is left to TCP to hold. */
const HOLD_UP_TO_BYTES = 65_536;

/** What comes in: chunks on their way to the engine, what is held back while reading is paused, and the rates of a peer. */
export abstract class ReceivingConnection<Data, Socket> extends SendingConnection<Data, Socket> {
  /** Received bytes that wait, since reading was paused in the middle of a chunk. */
  #held: HeldBytes | undefined = undefined;
  #isReceiving = false;

  /** Whether reading is paused, by `pause()` or since nobody takes the messages; a limit on the rate is not told here. */
  get isPaused(): boolean {
    const rate = this.extras?.rate;
    return rate !== undefined && rate.delayedUntilMs > 0 ? rate.isPausedByUser : this.engine.isPaused;
  }

  /**
   * Stops handing out, from the next message on. Some 64 KiB more are read, so that the end of a peer that is gone is
   * noticed; then the TCP socket is paused, and the peer's sending backs up. Meanwhile no deadline holds for what the peer
   * sends, pongs included, so that a peer that dies without a word is noticed only after `resume()`.
   */
  pause(): void {
    if (this.isGone) return;
    const rate = this.extras?.rate;
    if (rate !== undefined) rate.isPausedByUser = true;
    this.engine.pause();
  }

  /** Reads again. Messages that wait in a received chunk are handed out before new ones are read. */
  resume(): void {
    if (this.isGone || !this.engine.isPaused) return;
    const rate = this.extras?.rate;
    if (rate !== undefined) {
      rate.isPausedByUser = false;
      // While closing nothing is held back: the answer to our close frame must come within its deadline.
      if (rate.delayedUntilMs > 0 && this.engine.isOpen) return;
      rate.delayedUntilMs = 0;
    }
    this.engine.resume();
    nextTick(ReceivingConnection.#readAgain, this);
  }

  /** @internal Whether messages wait to be taken, since no handler takes them. */
  protected get isPulled(): boolean {
    const { handlers } = this.context;
    return (
      handlers.message === undefined &&
      handlers.messageChunk === undefined &&
      handlers.messageBytes === undefined
    );
  }

  /** @internal How much memory is taken by what is held back. */
  protected get heldBackBytes(): number {
    return this.#held?.capacity ?? 0;
  }

  /** @internal What is held back is not to be handed out any more. */
  protected forgetHeld(): void {
    this.#held = undefined;
  }

  /** @internal Has this told of what comes, once the stream is resumed. */
  protected readStream(): void {
    if (!readInto(this.stream, ReceivingConnection.#onReceived)) readData(this.stream);
  }

  /** @internal Calls `open`, and then takes what came ahead of it. */
  protected callOpen(received: Uint8Array): void {
    this.#isReceiving = true; // what comes meanwhile comes behind `received`
    this.guard(() => this.context.handlers.open?.(this.socket));
    this.#isReceiving = false;
    if (received.length > 0 || this.extras?.late !== undefined) this.receive(received, received.length);
  }

  private receive(chunk: Uint8Array, byteLength: number): void {
    if (this.#isReceiving) {
      // A stream that is no socket may be answered in the middle of a write, and so of what a handler does.
      const extras = this.needExtras();
      if (extras.late === undefined) extras.late = new HeldBytes(chunk, 0, byteLength);
      else extras.late.append(chunk, 0, byteLength);
      return;
    }
    this.#isReceiving = true;
    try {
      this.take(chunk, byteLength);
      for (let late = this.extras?.late; late !== undefined; late = this.extras?.late) {
        this.extras!.late = undefined;
        late.give((bytes, start, end) => {
          this.take(bytes.subarray(start, end), end - start);
          return end;
        });
      }
    } finally {
      this.#isReceiving = false;
    }
  }

  /** One after the other: see {@link receive}. */
  private take(chunk: Uint8Array, byteLength: number): void {
    if (this.#held !== undefined) {
      this.#held.append(chunk, 0, byteLength);
      if (!this.engine.isPaused) {
        this.receiveHeld(this.#held);
      } else {
        this.pauseAtMark(this.#held);
        this.recount();
      }
      return;
    }
    lookForTracers();
    beginTurn();
    try {
      const stoppedAt = this.engine.receive(chunk, 0, byteLength);
      if (stoppedAt < byteLength) this.#held = new HeldBytes(chunk, stoppedAt, byteLength);
      if (this.context.settings.isRateLimited) this.chargeRate(stoppedAt);
    } finally {
      endTurn(); // whatever happens here, the output of others must not wait for ever
    }
    if (this.#held !== undefined) this.pauseAtMark(this.#held);
    if (
      this.heldBytes > 0 ||
      this.engine.isHolding ||
      this.#held !== undefined ||
      this.extras?.queue !== undefined
    )
      this.recount();
  }

  private receiveHeld(held: HeldBytes): void {
    beginTurn();
    try {
      const before = held.byteLength;
      held.give((bytes, start, end) => this.engine.receive(bytes, start, end));
      if (held.byteLength === 0) this.#held = undefined;
      if (this.context.settings.isRateLimited) this.chargeRate(before - held.byteLength);
    } finally {
      endTurn();
    }
    this.recount();
  }

  private pauseAtMark(held: HeldBytes): void {
    if (held.byteLength >= HOLD_UP_TO_BYTES) this.stream.pause();
  }

  /** Frames and bytes are charged when they were handled, and not when they came: what is held back is charged later. */
  private chargeRate(byteLength: number): void {
    if (!this.engine.isOpen) return;
    const { settings } = this.context;
    const now = nowMs();
    const extras = this.needExtras();
    extras.rate ??= new ReceiveRate(settings, this.engine.isPaused, now);
    const delayMs = extras.rate.charge(byteLength, this.engine.receivedFrames, now);
    if (delayMs === 0) return;
    if (settings.overRate === "disconnect") {
      this.engine.fail(violation("RATE_EXCEEDED"));
      return;
    }
    extras.rate.delayedUntilMs = now + delayMs;
    this.engine.pause();
    this.reschedule();
  }

  /** @internal Reads again if the delay for a rate is over. */
  protected endDelay(nowMs: number): void {
    const rate = this.extras?.rate;
    if (rate === undefined || rate.delayedUntilMs === 0 || nowMs < rate.delayedUntilMs) return;
    rate.delayedUntilMs = 0;
    if (!rate.isPausedByUser) this.resume();
  }

  private receiveEnd(): void {
    beginTurn();
    this.engine.receiveEnd();
    endTurn();
  }

  // --- What happens on the stream ------------------------------------------------------------------------------

  static #readAgain(connection: ReceivingConnection<unknown, unknown>): void {
    if (connection.isGone || connection.engine.isPaused) return;
    if (connection.#held !== undefined) connection.receive(receiveBuffer, 0); // nothing new
    if (connection.engine.isPaused) return;
    if (connection.stream.readableEnded) connection.receiveEnd();
    else connection.stream.resume();
  }

  /** Called by Node where bytes are read into the buffer that all share. True goes on reading. */
  static #onReceived(this: Duplex, byteLength: number): boolean {
    (ownerOf(this) as unknown as ReceivingConnection<unknown, unknown>).receive(receiveBuffer, byteLength);
    return true;
  }

  /** @internal Part of `StreamOwner`. */
  onData(chunk: Buffer): void {
    this.receive(chunk, chunk.length);
  }

  /** @internal Part of `StreamOwner`. */
  onReceived(byteLength: number): void {
    this.receive(receiveBuffer, byteLength);
  }

  /** @internal Part of `StreamOwner`. */
  onEnd(): void {
    if (isClosedStream(this.stream)) {
      this.stream.destroy(); // Node may wait in vain for what was written to leave
      return;
    }
    if (!this.engine.isPaused || this.#held === undefined) {
      this.receiveEnd();
    } else if (this.isPulled) {
      // What is held back fits into the queue, one chunk at most: a peer that has gone must not wait for a reader.
      this.engine.resume();
      ReceivingConnection.#readAgain(this);
    }
    // Else the end comes behind what is held back, when it is read again.
  }
}
