import { ConnectionError } from "../../core/hawser-error.js";
import { MAX_HEADER_BYTES } from "../../protocol/frame-header.js";
import { COPY_UP_TO_BYTES } from "../../protocol/frame-writer.js";
import { type MessageOpcode, Opcode } from "../../protocol/opcode.js";
import { PreparedMessage } from "../../protocol/prepared-message.js";
import { violation } from "../../protocol/violation.js";
import { ConnectionCore } from "./connection-core.js";
import { DeferredMessages } from "./deferred-messages.js";
import { lookForTracers } from "./diagnostics.js";
import { laterDrain } from "./drain-notice.js";
import { MessageWriter } from "./message-writer.js";
import { OutputBuffer } from "./output-buffer.js";
import { type BinaryData, bytesOf, controlPayload } from "./payload.js";
import type { SendOptions } from "./send-options.js";
import type { SendStatus } from "./send-status.js";

/** Less than this in the stream is not counted: it is part of what each connection costs, and mostly gone in a moment. */
export const SMALL_OUTPUT_BYTES = 1_024;

/** Above the high-water mark: `drain` is to be called. */
const ABOVE_MARK = 1;
/** Somebody waits for {@link SendingConnection.ready}. */
const AWAITED = 2;
const NOTHING: Uint8Array = new Uint8Array(0);

/** What goes out: messages and what they wait for, the output of a turn, and how much of it the peer has not taken. */
export abstract class SendingConnection<Data, Socket> extends ConnectionCore<Data, Socket> {
  /** What is sent in this turn; an idle connection has none. */
  #output: OutputBuffer | undefined = undefined;
  #pendingPongs = 0;
  /** What room is looked for: {@link ABOVE_MARK}, {@link AWAITED}. */
  #lookout = 0;

  /** How many bytes wait to be sent, frame headers included. */
  get bufferedBytes(): number {
    return this.leavingBytes() + (this.extras?.deferred?.byteLength ?? 0);
  }

  /**
   * Sends a message. All that is sent within one turn of the event loop leaves in one write.
   * Bytes above 16 KiB are not copied: do not change them before {@link ready}, called behind this, resolves.
   * @throws {@link UsageError} `INVALID_PAYLOAD` for anything but strings, bytes and prepared messages.
   */
  send(data: string | BinaryData | PreparedMessage, options?: SendOptions): SendStatus {
    if (!this.engine.isOpen) return "closed";
    let payload: string | Uint8Array;
    let opcode: MessageOpcode;
    if (typeof data === "string") {
      payload = data;
      opcode = options?.binary === true ? Opcode.binary : Opcode.text;
    } else if (!(data instanceof Uint8Array) && data instanceof PreparedMessage) {
      return this.sendPrepared(data, options);
    } else {
      payload = bytesOf(data);
      opcode = options?.binary === false ? Opcode.text : Opcode.binary;
    }
    const buffered = this.bufferedBytes;
    const byteLength = payload.length;
    if (!this.admits(buffered, byteLength)) return "dropped";
    if (!this.engine.isSendingMessage) this.engine.send(payload, opcode, options?.compress);
    else if (!this.defer(payload, byteLength, opcode, options)) return "dropped";
    return this.sent(buffered, byteLength);
  }

  /** @internal As {@link send}. */
  sendPrepared(message: PreparedMessage, options: SendOptions | undefined): SendStatus {
    const engine = this.engine;
    if (!engine.isOpen) return "closed";
    const buffered = this.bufferedBytes;
    const byteLength = message.payload.length;
    if (!this.admits(buffered, byteLength)) return "dropped";
    if (!engine.isSendingMessage) engine.sendPrepared(message);
    else if (!this.defer(message, byteLength, message.opcode, options)) return "dropped";
    return this.sent(buffered, byteLength);
  }

  private admits(buffered: number, byteLength: number): boolean {
    const { settings } = this.context;
    if (buffered === 0 || buffered + byteLength <= settings.maxBufferedBytes) return true;
    if (settings.overflow === "disconnect") this.overflow();
    return false;
  }

  /** Whether the message waits; if not, it was so much that the connection has been ended for it. */
  private defer(
    payload: string | Uint8Array | PreparedMessage,
    byteLength: number,
    opcode: MessageOpcode,
    options: SendOptions | undefined,
  ): boolean {
    const extras = this.needExtras();
    extras.deferred ??= new DeferredMessages();
    extras.deferred.add(payload, byteLength, opcode, options?.compress);
    this.recount();
    return this.engine.isOpen;
  }

  private sent(buffered: number, byteLength: number): SendStatus {
    // At most three bytes a character of text, and a header: what is below the mark even so need not be looked at.
    const isBelow = buffered + 3 * byteLength + MAX_HEADER_BYTES <= this.context.settings.highWaterMarkBytes;
    return isBelow && (this.#lookout & ABOVE_MARK) === 0 ? "sent" : this.statusAfterSend();
  }

  /**
   * Begins a message that is sent piece by piece. Its size need not be known; pieces leave as they are written.
   * @param options `binary` is true by default. A message is compressed unless `compress` is false.
   * @throws {@link UsageError} `MESSAGE_IN_PROGRESS` while another one is not finished.
   */
  startMessage(options?: SendOptions): MessageWriter {
    const isText = options?.binary === false;
    return new MessageWriter(
      {
        engine: this.engine,
        admit: (byteLength) => {
          const isAdmitted = this.hasRoomFor(byteLength);
          if (!isAdmitted) this.overflow();
          return isAdmitted;
        },
        statusAfterSend: () => this.statusAfterSend(),
        messageFinished: () => this.sendDeferred(),
      },
      isText ? Opcode.text : Opcode.binary,
      options?.compress,
      isText,
    );
  }

  /**
   * Resolves with true as soon as there is room below the high-water mark and what was sent by reference has left, with
   * false if the connection ends.
   */
  ready(): Promise<boolean> {
    if (!this.engine.isOpen) return Promise.resolve(false);
    if ((this.#lookout & ABOVE_MARK) === 0 && !this.mayRefer()) return Promise.resolve(true);
    const extras = this.needExtras();
    return new Promise((resolve) => {
      extras.readyWaiters ??= [];
      extras.readyWaiters.push(resolve);
      this.#lookout |= AWAITED;
      if (this.#output === undefined) this.hearWhenLeft();
    });
  }

  /**
   * Sends a ping. Resolves with the round-trip time in ms, or with undefined if the connection ends before. Rejects
   * with {@link UsageError} `CONTROL_PAYLOAD_TOO_LONG`, `INVALID_PAYLOAD`.
   * @param payload at most 125 bytes; by default four random ones.
   */
  ping(payload?: string | BinaryData): Promise<number | undefined> {
    return new Promise((resolve) => {
      this.engine.ping(payload === undefined ? undefined : controlPayload(payload), resolve);
    });
  }

  /**
   * Sends a pong that nobody asked for, as a heartbeat in one direction (RFC 6455 §5.5.3).
   * @throws {@link UsageError} `CONTROL_PAYLOAD_TOO_LONG`, `INVALID_PAYLOAD`.
   */
  pong(payload?: string | BinaryData): void {
    this.engine.pong(payload === undefined ? undefined : controlPayload(payload));
  }

  /** @internal The output of this turn. */
  protected openOutput(): OutputBuffer {
    if (this.#output === undefined) {
      lookForTracers();
      this.#output = OutputBuffer.open(this.stream, this);
    }
    return this.#output;
  }

  /** @internal Called by the output buffer. */
  onFlushed(output: OutputBuffer): boolean {
    // A stream that is no socket may hand on what it is given at once, and be answered already.
    const isDropped = this.#output === output && output.pendingBytes === 0;
    if (isDropped) this.#output = undefined;
    if (this.heldBytes > 0 || this.engine.hasDeflate || this.stream.writableLength >= SMALL_OUTPUT_BYTES)
      this.recount();
    this.noticeRoom();
    return isDropped;
  }

  /** @internal Called by the output buffer. */
  piecesWait(count: number): () => void {
    const extras = this.needExtras();
    extras.waitingPieces = (extras.waitingPieces ?? 0) + count;
    extras.onPieceLeft ??= () => {
      extras.waitingPieces!--;
    };
    return extras.onPieceLeft;
  }

  /** @internal Part of `StreamOwner`. */
  onDrain(): void {
    if (this.heldBytes > 0) this.recount();
    this.noticeRoom();
  }

  /** @internal Whether a ping may be answered, by the pongs that wait; if not, the connection is failed. */
  protected admitsPong(): boolean {
    const { settings } = this.context;
    if (!this.stream.writableNeedDrain) {
      this.#pendingPongs = 0;
    } else if (++this.#pendingPongs > settings.maxPendingPongs) {
      this.engine.fail(violation("TOO_MANY_PENDING_PONGS"));
      return false;
    }
    return true;
  }

  /** @internal Hands over what was sent, so that the stream can be ended behind it. */
  protected flushOutput(): void {
    this.#output?.flush();
  }

  /** @internal What was sent in this turn is not to leave. */
  protected discardOutput(): void {
    this.#output?.discard();
  }

  /**
   * @internal
   * What leaves as soon as the peer reads. Messages deferred behind one that is sent piece by piece are not in it: they
   * go when that ends, so its sender must not wait for them.
   */
  protected leavingBytes(): number {
    return this.#output === undefined ? this.stream.writableLength : this.#output.waitingBytes;
  }

  /** Below the mark of the stream we would never hear that there is room again: it tells only what was above its own. */
  private highWaterMarkBytes(): number {
    return Math.max(this.context.settings.highWaterMarkBytes, this.stream.writableHighWaterMark);
  }

  private statusAfterSend(): SendStatus {
    if ((this.#lookout & ABOVE_MARK) === 0) {
      if (this.bufferedBytes <= this.highWaterMarkBytes()) return "sent";
      this.#lookout |= ABOVE_MARK;
    }
    // It was so much that the connection has been ended for it.
    return this.engine.isOpen ? "queued" : "dropped";
  }

  private hasRoomFor(byteLength: number): boolean {
    const buffered = this.bufferedBytes;
    return buffered === 0 || buffered + byteLength <= this.context.settings.maxBufferedBytes;
  }

  private overflow(): void {
    const { maxBufferedBytes } = this.context.settings;
    const message = `more than ${maxBufferedBytes} bytes wait for a peer that does not read`;
    this.engine.terminate(new ConnectionError("BUFFER_OVERFLOW", message));
  }

  private sendDeferred(): void {
    this.extras?.deferred?.sendAll(this.engine);
  }

  private noticeRoom(): void {
    // Not at once: a handler that fills the buffer again would keep the event loop from ever going on.
    if (this.#lookout !== 0 && this.leavingBytes() <= this.highWaterMarkBytes()) laterDrain(this);
  }

  /** @internal Below the high-water mark again. */
  drained(): void {
    if (this.#lookout === 0 || this.isGone) return;
    if (this.leavingBytes() > this.highWaterMarkBytes()) return;
    const wasAbove = (this.#lookout & ABOVE_MARK) !== 0;
    this.#lookout &= AWAITED;
    if (wasAbove) this.#pendingPongs = 0;
    if (this.#lookout === AWAITED) {
      if (this.mayRefer()) {
        if (this.#output === undefined) this.hearWhenLeft();
      } else {
        this.#lookout = 0;
        this.resolveReady(true);
      }
    }
    if (wasAbove) this.guard(() => this.context.handlers.drain?.(this.socket));
  }

  /** Whether what has not left may be bytes of the application: less than is sent by reference cannot. */
  private mayRefer(): boolean {
    return this.leavingBytes() > COPY_UP_TO_BYTES;
  }

  /** Below its own mark, from Node 22 on above that of {@link mayRefer}, a stream does not tell when it has room. */
  private hearWhenLeft(): void {
    const { stream } = this;
    const extras = this.needExtras();
    if (extras.hearsWhenLeft === true || stream.writableNeedDrain || !stream.writable) return;
    extras.hearsWhenLeft = true;
    stream.write(NOTHING, () => {
      extras.hearsWhenLeft = false;
      this.noticeRoom();
    });
  }

  /** @internal Tells those who wait for {@link ready}. */
  protected resolveReady(isOpen: boolean): void {
    const waiters = this.extras?.readyWaiters;
    if (waiters === undefined) return;
    this.extras!.readyWaiters = undefined;
    for (const waiter of waiters) waiter(isOpen);
  }
}
