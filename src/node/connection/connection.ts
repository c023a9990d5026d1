import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { ReadableStream, WritableStream } from "node:stream/web";
import { ConnectionError, type HawserError, UsageError } from "../../core/hawser-error.js";
import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { CloseCode } from "../../protocol/close-code.js";
import type { CloseResult } from "../../protocol/closing-handshake.js";
import { Engine } from "../../protocol/engine.js";
import type { EngineConfig } from "../../protocol/engine-config.js";
import type { EngineHandler } from "../../protocol/engine-handler.js";
import type { DeflateParameters } from "../../protocol/extensions/deflate-negotiation.js";
import { MAX_HEADER_BYTES } from "../../protocol/frame-header.js";
import { type MessageOpcode, Opcode } from "../../protocol/opcode.js";
import { PreparedMessage } from "../../protocol/prepared-message.js";
import { violation } from "../../protocol/violation.js";
import { asBuffer } from "../as-buffer.js";
import type { ByteStream } from "../byte-stream.js";
import { nowMs, schedule, unschedule } from "../clock.js";
import { dropStream, isClosedStream } from "../drop-stream.js";
import { latin1Decode } from "../latin1-decode.js";
import { ownerOf, ownStream, readData } from "../own-stream.js";
import type { StreamOwner } from "../stream-owner.js";
import { thrownText, warnOf } from "../thrown-text.js";
import type { InternalHandlers } from "./connection-options.js";
import type { ConnectionSettings } from "./connection-settings.js";
import { DeferredMessages } from "./deferred-messages.js";
import { diagnostics, lookForTracers } from "./diagnostics.js";
import { laterDrain } from "./drain-notice.js";
import { HeldBytes } from "./held-bytes.js";
import { CONNECTION_BASE_BYTES, type MemoryBudget, type MemoryHolder } from "./memory-budget.js";
import { type Message, MessageQueue } from "./message-queue.js";
import { MessageWriter } from "./message-writer.js";
import { OutputBuffer } from "./output-buffer.js";
import { ownBytes, ownReceived } from "./own-bytes.js";
import { type BinaryData, bytesOf, controlPayload } from "./payload.js";
import { readInto, receiveBuffer } from "./receive-buffer.js";
import { ReceiveRate } from "./receive-rate.js";
import type { SendStatus } from "./send-status.js";
import { beginTurn, endTurn } from "./turn.js";
import { watchRejection } from "./watch-rejection.js";
import { readableOf, writableOf } from "./web-streams.js";

/** What all connections of an endpoint share; made once. */
export interface ConnectionContext {
  readonly config: EngineConfig<Connection<unknown>>;
  readonly settings: ConnectionSettings;
  readonly handlers: InternalHandlers<Connection<unknown>>;
  /** The budget of all connections of a server. */
  readonly memory: MemoryBudget | undefined;
}

/** How a message is sent. */
export interface SendOptions {
  /**
   * Send as binary, or as text. By default strings are text and bytes binary, which is what they nearly always are. Text
   * given as bytes must be UTF-8.
   */
  readonly binary?: boolean | undefined;
  /**
   * Compress it, or do not, where permessage-deflate is in use. By default if it is at least `compressFromBytes` long: below,
   * the gain rarely pays the time.
   */
  readonly compress?: boolean | undefined;
}

/** Above this, what comes while reading is paused is left to TCP to hold. */
const HOLD_UP_TO_BYTES = 65_536;

/** Less than this in the stream is not counted: it is part of what each connection costs, and mostly gone in a moment. */
const SMALL_OUTPUT_BYTES = 1_024;
/** What a piece that waits in the stream costs beside its bytes: 154 measured on Node 20. */
const PIECE_OVERHEAD_BYTES = 160;

/** What few connections use, so that the others do not pay for it. */
interface Extras {
  closed?: Promise<CloseResult>;
  resolveClosed?: (result: CloseResult) => void;
  result?: CloseResult;
  readyWaiters?: ((isOpen: boolean) => void)[] | undefined;
  queue?: MessageQueue;
  readable?: ReadableStream<Message>;
  writable?: WritableStream<Message>;
  deferred?: DeferredMessages | undefined;
  /** Received while something else was being handled. */
  late?: HeldBytes | undefined;
  rate?: ReceiveRate;
  /** How many pieces wait in the stream behind others. */
  waitingPieces?: number;
  onPieceLeft?: () => void;
}

/**
 * One open WebSocket over a socket of Node: what is common to server and client. Using it after it was closed never
 * throws; `send` says `closed`.
 *
 * @typeParam Data what the application keeps with the connection.
 */
export class Connection<Data = undefined>
  implements StreamOwner, TimerWheelEntry, MemoryHolder, AsyncIterable<Message>
{
  /** Yours: what the application keeps with this connection. On a server, what the `upgrade` hook returned. */
  data: Data;
  /** The subprotocol that was agreed on; empty if none. */
  readonly protocol: string;
  /** The extensions that were agreed on, as in the header; empty if none. */
  readonly extensions: string;
  readonly #context: ConnectionContext;
  readonly #engine: Engine<Connection<unknown>>;
  readonly #stream: ByteStream;
  /** What is sent in this turn; an idle connection has none. */
  #output: OutputBuffer | undefined = undefined;
  /** Received bytes that wait, since reading was paused in the middle of a chunk. */
  #held: HeldBytes | undefined = undefined;
  #extras: Extras | undefined = undefined;
  #transportError: unknown = undefined;
  #pendingPongs = 0;
  #heldBytes = 0;
  #isAboveMark = false;
  #isReceiving = false;
  #isGone = false;
  /** @internal */
  timerNext: TimerWheelEntry | null = null;
  /** @internal */
  timerPrevious: TimerWheelEntry | null = null;
  /** @internal */
  timerSlot = -1;

  /** @internal Made by a server or by `connect()`. */
  constructor(context: ConnectionContext, stream: ByteStream, data: Data, agreed: Agreement) {
    this.#context = context;
    this.#stream = stream;
    this.data = data;
    this.protocol = agreed.protocol;
    this.extensions = agreed.extensions;
    this.#engine = new Engine(context.config, this, agreed.deflate);
  }

  /** `open`, then `closing` from the first close frame on, then `closed` when the transport is gone. */
  get state(): "open" | "closing" | "closed" {
    if (this.#isGone) return "closed";
    return this.#engine.isOpen ? "open" : "closing";
  }

  /** How many bytes wait to be sent, frame headers included. */
  get bufferedBytes(): number {
    return this.#leavingBytes() + (this.#extras?.deferred?.byteLength ?? 0);
  }

  /** The round-trip time of the last ping that was answered, in ms; undefined before the first. */
  get latencyMs(): number | undefined {
    return this.#engine.latencyMs;
  }

  /**
   * How much memory it takes, as far as it is counted for `maxConnectionMemoryBytes` and `maxMemoryBytes`: what it holds
   * for its peer, with the objects around that, and 5,120 bytes for itself. Not what the application keeps, nor TLS.
   */
  get memoryBytes(): number {
    return CONNECTION_BASE_BYTES + this.#measure();
  }

  /** Whether reading is paused, by `pause()` or since nobody takes the messages; a limit on the rate is not told here. */
  get isPaused(): boolean {
    const rate = this.#extras?.rate;
    return rate !== undefined && rate.delayedUntilMs > 0 ? rate.isPausedByUser : this.#engine.isPaused;
  }

  /** Resolves when the connection is gone, with how it ended. Never rejects. */
  get closed(): Promise<CloseResult> {
    const extras = (this.#extras ??= {});
    extras.closed ??= new Promise((resolve) => {
      if (extras.result !== undefined) resolve(extras.result);
      else extras.resolveClosed = resolve;
    });
    return extras.closed;
  }

  // --- Sending -------------------------------------------------------------------------------------------------

  /**
   * Sends a message. All that is sent within one turn of the event loop leaves in one write.
   * Bytes above 16 KiB are not copied: do not change them before {@link ready} resolves.
   * @throws {@link UsageError} `INVALID_PAYLOAD` for anything but strings, bytes and prepared messages.
   */
  send(data: string | BinaryData | PreparedMessage, options?: SendOptions): SendStatus {
    if (!this.#engine.isOpen) return "closed";
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
    if (!this.#admits(buffered, byteLength)) return "dropped";
    if (this.#engine.isSendingMessage) this.#defer(payload, byteLength, opcode, options);
    else this.#engine.send(payload, opcode, options?.compress);
    return this.#sent(buffered, byteLength);
  }

  /** @internal As {@link send}. */
  sendPrepared(message: PreparedMessage, options: SendOptions | undefined): SendStatus {
    const engine = this.#engine;
    if (!engine.isOpen) return "closed";
    const buffered = this.bufferedBytes;
    const byteLength = message.payload.length;
    if (!this.#admits(buffered, byteLength)) return "dropped";
    if (engine.isSendingMessage) this.#defer(message, byteLength, message.opcode, options);
    else engine.sendPrepared(message);
    return this.#sent(buffered, byteLength);
  }

  #admits(buffered: number, byteLength: number): boolean {
    const { settings } = this.#context;
    if (buffered === 0 || buffered + byteLength <= settings.maxBufferedBytes) return true;
    if (settings.overflow === "disconnect") this.#overflow();
    return false;
  }

  #defer(
    payload: string | Uint8Array | PreparedMessage,
    byteLength: number,
    opcode: MessageOpcode,
    options: SendOptions | undefined,
  ): void {
    const extras = (this.#extras ??= {});
    extras.deferred ??= new DeferredMessages();
    extras.deferred.add(payload, byteLength, opcode, options?.compress);
    this.recount();
  }

  #sent(buffered: number, byteLength: number): SendStatus {
    // At most three bytes a character of text, and a header: what is below the mark even so need not be looked at.
    const isBelow = buffered + 3 * byteLength + MAX_HEADER_BYTES <= this.#context.settings.highWaterMarkBytes;
    return isBelow && !this.#isAboveMark ? "sent" : this.#statusAfterSend();
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
        engine: this.#engine,
        admit: (byteLength) => {
          const isAdmitted = this.#hasRoomFor(byteLength);
          if (!isAdmitted) this.#overflow();
          return isAdmitted;
        },
        statusAfterSend: () => this.#statusAfterSend(),
        messageFinished: () => this.#sendDeferred(),
      },
      isText ? Opcode.text : Opcode.binary,
      options?.compress,
      isText,
    );
  }

  /** Resolves with true as soon as there is room below the high-water mark, with false if the connection ends. */
  ready(): Promise<boolean> {
    if (!this.#engine.isOpen) return Promise.resolve(false);
    if (!this.#isAboveMark) return Promise.resolve(true);
    const extras = (this.#extras ??= {});
    return new Promise((resolve) => {
      extras.readyWaiters ??= [];
      extras.readyWaiters.push(resolve);
    });
  }

  /**
   * Sends a ping. Resolves with the round-trip time in ms, or with undefined if the connection ends before. Rejects
   * with {@link UsageError} `CONTROL_PAYLOAD_TOO_LONG`, `INVALID_PAYLOAD`.
   * @param payload at most 125 bytes; by default four random ones.
   */
  ping(payload?: string | BinaryData): Promise<number | undefined> {
    return new Promise((resolve) => {
      this.#engine.ping(payload === undefined ? undefined : controlPayload(payload), resolve);
    });
  }

  /**
   * Sends a pong that nobody asked for, as a heartbeat in one direction (RFC 6455 §5.5.3).
   * @throws {@link UsageError} `CONTROL_PAYLOAD_TOO_LONG`, `INVALID_PAYLOAD`.
   */
  pong(payload?: string | BinaryData): void {
    this.#engine.pong(payload === undefined ? undefined : controlPayload(payload));
  }

  // --- Closing -------------------------------------------------------------------------------------------------

  /**
   * Begins the closing handshake; what was sent before still arrives, except what waits for the end of a message that is
   * sent piece by piece. Resolves when the connection is gone, with who
   * closed it and why. If the peer does not answer within `closeTimeoutMs`, the connection is dropped.
   * @param code 1000 by default; see `CloseCode`. An application may use 1000-1014 except 1004-1006, and 3000-4999.
   * @param reason at most 123 bytes in UTF-8.
   * @throws {@link UsageError} `CLOSE_CODE_NOT_ALLOWED`, `CLOSE_REASON_TOO_LONG`.
   */
  close(code: number = CloseCode.normal, reason = ""): Promise<CloseResult> {
    this.#engine.close(code, reason);
    this.#stopConsuming();
    return this.closed;
  }

  /** @internal As {@link close}, with a close frame that is empty: the peer reports 1005. */
  closeWithoutCode(): Promise<CloseResult> {
    this.#engine.close();
    this.#stopConsuming();
    return this.closed;
  }

  /** @internal As {@link close}, but what the peer sent before its own close frame is still taken. */
  closeWriting(code: number): Promise<CloseResult> {
    this.#engine.close(code);
    return this.closed;
  }

  /** Drops the connection without a closing handshake: the peer reports 1006, and so do we. */
  terminate(): void {
    if (!this.#isGone) this.#engine.terminate();
  }

  // --- Receiving -----------------------------------------------------------------------------------------------

  /**
   * Stops handing out, from the next message on. Some 64 KiB more are read, so that the end of a peer that is gone is
   * noticed; then the TCP socket is paused, and the peer's sending backs up. Meanwhile no deadline holds for what the peer
   * sends, pongs included, so that a peer that dies without a word is noticed only after `resume()`.
   */
  pause(): void {
    if (this.#isGone) return;
    const rate = this.#extras?.rate;
    if (rate !== undefined) rate.isPausedByUser = true;
    this.#engine.pause();
  }

  /** Reads again. Messages that wait in a received chunk are handed out before new ones are read. */
  resume(): void {
    if (this.#isGone || !this.#engine.isPaused) return;
    const rate = this.#extras?.rate;
    if (rate !== undefined) {
      rate.isPausedByUser = false;
      // While closing nothing is held back: the answer to our close frame must come within its deadline.
      if (rate.delayedUntilMs > 0 && this.#engine.isOpen) return;
      rate.delayedUntilMs = 0;
    }
    this.#engine.resume();
    process.nextTick(Connection.#readAgain, this);
  }

  /**
   * Takes the messages one by one: `for await (const message of socket)`. Text is a string, binary a Buffer. The loop
   * ends when the connection is gone, however that came: `closed` tells. Leaving it early leaves the connection open. Only
   * where the endpoint has no `message` handler. While nobody takes them, TCP is paused.
   */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    const queue = this.#pullQueue();
    return {
      async next() {
        const value = await queue.take();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
    };
  }

  /**
   * The messages as a stream that really pauses TCP while it is not read. It fails with the error of `closed` if the
   * connection was not closed properly. Cancelling closes the connection.
   */
  get readable(): ReadableStream<Message> {
    const extras = (this.#extras ??= {});
    extras.readable ??= readableOf(
      this.#pullQueue(),
      () => this.closed,
      () => void this.close(),
    );
    return extras.readable;
  }

  /** A stream to send messages, that waits while the peer reads too slowly. Closing it closes the connection. */
  get writable(): WritableStream<Message> {
    const extras = (this.#extras ??= {});
    extras.writable ??= writableOf(this);
    return extras.writable;
  }

  // --- For server and client -----------------------------------------------------------------------------------

  /** @internal Begins: `firstBytes` came behind the opening handshake, `head` is sent before everything else. */
  start(head: string | undefined, firstBytes: Uint8Array): void {
    const stream = this.#stream;
    // Before it is ours: `read` tells the owner, too.
    const ahead: Buffer | null = stream.readableLength > 0 ? stream.read() : null;
    const received = ahead === null ? firstBytes : Buffer.concat([firstBytes, ahead]);
    ownStream(stream, this);
    stream.allowHalfOpen = true; // we end it ourselves, behind what is held back; Node would at once
    if (!readInto(stream, Connection.#onReceived)) readData(stream);
    beginTurn();
    if (head !== undefined) {
      const output = this.#openOutput();
      const { bytes, position } = output.reserve(head.length);
      output.commit(position + asBuffer(bytes).write(head, position, "latin1"));
    }
    this.#reschedule();
    this.#isReceiving = true; // what comes meanwhile comes behind `received`
    this.#guard(() => this.#context.handlers.open?.(this));
    this.#isReceiving = false;
    if (received.length > 0 || this.#extras?.late !== undefined) this.#receive(received, received.length);
    endTurn();
    stream.resume();
  }

  /** @internal Tells what to do once the connection is gone, besides the handlers. */
  onGone: ((connection: Connection<unknown>) => void) | undefined = undefined;

  /** @internal Part of `TimerWheelEntry`. */
  onDeadline(nowMs: number): number {
    this.#endDelay(nowMs);
    const wasOpen = this.#engine.isOpen;
    beginTurn();
    this.#engine.handleTimeout(nowMs);
    endTurn();
    if (wasOpen && !this.#engine.isOpen) this.#stopConsuming();
    return this.#isGone ? Infinity : this.#deadlineMs();
  }

  /** @internal Called by the output buffer. */
  onFlushed(output: OutputBuffer): boolean {
    // A stream that is no socket may hand on what it is given at once, and be answered already.
    const isDropped = this.#output === output && output.pendingBytes === 0;
    if (isDropped) this.#output = undefined;
    if (this.#heldBytes > 0 || this.#engine.hasDeflate || this.#stream.writableLength >= SMALL_OUTPUT_BYTES)
      this.recount();
    this.#noticeRoom();
    return isDropped;
  }

  /** @internal Called by the output buffer. */
  piecesWait(count: number): () => void {
    const extras = (this.#extras ??= {});
    extras.waitingPieces = (extras.waitingPieces ?? 0) + count;
    extras.onPieceLeft ??= () => {
      extras.waitingPieces!--;
    };
    return extras.onPieceLeft;
  }

  /** @internal Part of `MemoryHolder`. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @internal Part of `MemoryHolder`. */
  recount(): void {
    const { memory, settings } = this.#context;
    const before = this.#heldBytes;
    this.#heldBytes = this.#isGone || this.#stream.destroyed ? 0 : this.#measure();
    // What is kept only for speed is no reason to end a connection.
    if (this.#isOverLimit() && this.#engine.hasDeflate) {
      this.#engine.letGo();
      this.#heldBytes = this.#measure();
    }
    if (this.#isOverLimit()) {
      this.#heldBytes = before;
      this.endForMemory(`the connection holds more than ${settings.maxConnectionMemoryBytes} bytes`);
    } else if (this.#heldBytes !== before) memory?.moved(this, this.#heldBytes - before);
  }

  #isOverLimit(): boolean {
    const { settings } = this.#context;
    // A single message may be larger than what may be buffered: it is in memory anyway, and not for the peer to judge.
    const ownBytes = Math.max(0, this.#leavingBytes() - settings.maxBufferedBytes);
    return this.#heldBytes - ownBytes + CONNECTION_BASE_BYTES > settings.maxConnectionMemoryBytes;
  }

  /** @internal Part of `MemoryHolder`. */
  letGo(): void {
    if (!this.#engine.hasDeflate) return;
    this.#engine.letGo();
    this.recount();
  }

  /** @internal Part of `MemoryHolder`. */
  endForMemory(message: string): void {
    this.#held = undefined;
    this.#engine.terminate(new ConnectionError("MEMORY_EXCEEDED", message));
    this.recount(); // the stream is destroyed
  }

  #measure(): number {
    const held = this.#held?.capacity ?? 0;
    const { waitingPieces = 0, queue, deferred } = this.#extras ?? {};
    const leaving = this.#leavingBytes();
    return (
      this.#engine.heldBytes +
      held +
      (leaving < SMALL_OUTPUT_BYTES ? 0 : leaving) +
      waitingPieces * PIECE_OVERHEAD_BYTES +
      (queue?.heldBytes ?? 0) +
      (deferred?.heldBytes ?? 0)
    );
  }

  #noticeRoom(): void {
    // Not at once: a handler that fills the buffer again would keep the event loop from ever going on.
    if (this.#isAboveMark && this.#leavingBytes() <= this.#highWaterMarkBytes()) laterDrain(this);
  }

  /** @internal Below the high-water mark again. */
  drained(): void {
    if (!this.#isAboveMark || this.#isGone) return;
    if (this.#leavingBytes() > this.#highWaterMarkBytes()) return;
    this.#isAboveMark = false;
    this.#pendingPongs = 0;
    this.#resolveReady(true);
    this.#guard(() => this.#context.handlers.drain?.(this));
  }

  /** @internal What the engine calls: one object for all connections. */
  static readonly engineHandler: EngineHandler<Connection<unknown>> = {
    reserve: (connection, byteLength) => connection.#openOutput().reserve(byteLength),
    commit: (connection, end) => connection.#openOutput().commit(end),
    write: (connection, bytes) => connection.#openOutput().write(bytes),
    message: (connection, opcode, bytes, start, end, isAscii) =>
      connection.#onMessage(opcode, bytes, start, end, isAscii),
    messageChunk: (connection, opcode, bytes, start, end, last) =>
      connection.#guard(() =>
        connection.#context.handlers.messageChunk?.(
          connection,
          own(bytes, start, end),
          opcode === Opcode.binary,
          last,
        ),
      ),
    ping: (connection, bytes, start, end) => connection.#onPing(bytes, start, end),
    pong: (connection, bytes, start, end, roundTripMs) => {
      const { handlers } = connection.#context;
      if (handlers.pong === undefined) return;
      connection.#guard(() => handlers.pong?.(connection, ownBytes(bytes, start, end), roundTripMs));
    },
    closing: (connection) => connection.#stopConsuming(),
    disconnect: (connection, how) => connection.#disconnect(how),
    deadlineChanged: (connection) => connection.#reschedule(),
  };

  #openOutput(): OutputBuffer {
    if (this.#output === undefined) {
      lookForTracers();
      this.#output = OutputBuffer.open(this.#stream, this);
    }
    return this.#output;
  }

  #receive(chunk: Uint8Array, byteLength: number): void {
    if (this.#isReceiving) {
      // A stream that is no socket may be answered in the middle of a write, and so of what a handler does.
      const extras = (this.#extras ??= {});
      if (extras.late === undefined) extras.late = new HeldBytes(chunk, 0, byteLength);
      else extras.late.append(chunk, 0, byteLength);
      return;
    }
    this.#isReceiving = true;
    try {
      this.#take(chunk, byteLength);
      for (let late = this.#extras?.late; late !== undefined; late = this.#extras?.late) {
        this.#extras!.late = undefined;
        late.give((bytes, start, end) => {
          this.#take(bytes.subarray(start, end), end - start);
          return end;
        });
      }
    } finally {
      this.#isReceiving = false;
    }
  }

  /** One after the other: see {@link #receive}. */
  #take(chunk: Uint8Array, byteLength: number): void {
    if (this.#held !== undefined) {
      this.#held.append(chunk, 0, byteLength);
      if (!this.#engine.isPaused) {
        this.#receiveHeld(this.#held);
      } else {
        this.#pauseAtMark(this.#held);
        this.recount();
      }
      return;
    }
    lookForTracers();
    beginTurn();
    try {
      const stoppedAt = this.#engine.receive(chunk, 0, byteLength);
      if (stoppedAt < byteLength) this.#held = new HeldBytes(chunk, stoppedAt, byteLength);
      if (this.#context.settings.isRateLimited) this.#chargeRate(stoppedAt);
    } finally {
      endTurn(); // whatever happens here, the output of others must not wait for ever
    }
    if (this.#held !== undefined) this.#pauseAtMark(this.#held);
    if (
      this.#heldBytes > 0 ||
      this.#engine.isHolding ||
      this.#held !== undefined ||
      this.#extras?.queue !== undefined
    )
      this.recount();
  }

  #receiveHeld(held: HeldBytes): void {
    beginTurn();
    try {
      const before = held.byteLength;
      held.give((bytes, start, end) => this.#engine.receive(bytes, start, end));
      if (held.byteLength === 0) this.#held = undefined;
      if (this.#context.settings.isRateLimited) this.#chargeRate(before - held.byteLength);
    } finally {
      endTurn();
    }
    this.recount();
  }

  #pauseAtMark(held: HeldBytes): void {
    if (held.byteLength >= HOLD_UP_TO_BYTES) this.#stream.pause();
  }

  /** Frames and bytes are charged when they were handled, and not when they came: what is held back is charged later. */
  #chargeRate(byteLength: number): void {
    if (!this.#engine.isOpen) return;
    const { settings } = this.#context;
    const now = nowMs();
    const extras = (this.#extras ??= {});
    extras.rate ??= new ReceiveRate(settings, this.#engine.isPaused, now);
    const delayMs = extras.rate.charge(byteLength, this.#engine.receivedFrames, now);
    if (delayMs === 0) return;
    if (settings.overRate === "disconnect") {
      this.#engine.fail(violation("RATE_EXCEEDED"));
      return;
    }
    extras.rate.delayedUntilMs = now + delayMs;
    this.#engine.pause();
    this.#reschedule();
  }

  #endDelay(nowMs: number): void {
    const rate = this.#extras?.rate;
    if (rate === undefined || rate.delayedUntilMs === 0 || nowMs < rate.delayedUntilMs) return;
    rate.delayedUntilMs = 0;
    if (!rate.isPausedByUser) this.resume();
  }

  #receiveEnd(): void {
    beginTurn();
    this.#engine.receiveEnd();
    endTurn();
  }

  #onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number, isAscii: boolean): void {
    const { handlers, settings } = this.#context;
    const isBinary = opcode === Opcode.binary;
    if (handlers.messageBytes !== undefined) {
      handlers.messageBytes(this, bytes, start, end, isBinary);
      return;
    }
    let data: string | Buffer;
    if (isBinary || settings.textAs === "buffer") {
      data = own(bytes, start, end);
    } else {
      try {
        data = isAscii ? latin1Decode(bytes, start, end) : asBuffer(bytes).toString("utf8", start, end);
      } catch {
        // Within `maxMessageBytes`, but above what a string of V8 can hold: half a GiB.
        this.#engine.fail(violation("MESSAGE_TOO_BIG"));
        return;
      }
    }
    if (handlers.message === undefined) {
      this.#pullQueue().push(data);
      return;
    }
    try {
      const result = handlers.message(this, data, isBinary);
      if (result !== undefined) this.#watch(result);
    } catch (error) {
      this.#handlerFailed(error);
    }
  }

  #onPing(bytes: Uint8Array, start: number, end: number): boolean {
    const { handlers, settings } = this.#context;
    if (handlers.ping !== undefined) {
      this.#guard(() => handlers.ping?.(this, ownBytes(bytes, start, end)));
    }
    if (!settings.autoPong) return false;
    if (!this.#stream.writableNeedDrain) {
      this.#pendingPongs = 0;
    } else if (++this.#pendingPongs > settings.maxPendingPongs) {
      this.#engine.fail(violation("TOO_MANY_PENDING_PONGS"));
      return false;
    }
    return true;
  }

  #disconnect(how: "end" | "destroy"): void {
    const stream = this.#stream;
    if (how === "destroy") {
      this.#output?.discard();
      dropStream(stream);
      return;
    }
    this.#output?.flush();
    if (!stream.writableEnded) stream.end();
    stream.resume(); // what still comes is discarded, but the peer's end must be seen
  }

  #onTransportClosed(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    unschedule(this);
    this.#output?.discard();
    this.#held = undefined;
    this.recount();
    beginTurn();
    const result = this.#engine.transportClosed(this.#transportError);
    this.onGone?.(this);
    const extras = (this.#extras ??= {});
    extras.result = result;
    extras.deferred = undefined;
    this.#resolveReady(false);
    extras.queue?.end();
    if (result.error !== undefined) this.#reportError(result.error);
    this.#guard(() => this.#context.handlers.close?.(this, result));
    extras.resolveClosed?.(result);
    if (diagnostics.close.hasSubscribers) diagnostics.close.publish({ socket: this, result });
    endTurn();
  }

  /**
   * What leaves as soon as the peer reads. Messages deferred behind one that is sent piece by piece are not in it: they
   * go when that ends, so its sender must not wait for them.
   */
  #leavingBytes(): number {
    return this.#output === undefined ? this.#stream.writableLength : this.#output.waitingBytes;
  }

  /** Below the mark of the stream we would never hear that there is room again: it tells only what was above its own. */
  #highWaterMarkBytes(): number {
    return Math.max(this.#context.settings.highWaterMarkBytes, this.#stream.writableHighWaterMark);
  }

  #statusAfterSend(): SendStatus {
    if (!this.#isAboveMark) {
      if (this.bufferedBytes <= this.#highWaterMarkBytes()) return "sent";
      this.#isAboveMark = true;
    }
    return "queued";
  }

  #hasRoomFor(byteLength: number): boolean {
    const buffered = this.bufferedBytes;
    return buffered === 0 || buffered + byteLength <= this.#context.settings.maxBufferedBytes;
  }

  #overflow(): void {
    const { maxBufferedBytes } = this.#context.settings;
    const message = `more than ${maxBufferedBytes} bytes wait for a peer that does not read`;
    this.#engine.terminate(new ConnectionError("BUFFER_OVERFLOW", message));
  }

  #sendDeferred(): void {
    this.#extras?.deferred?.sendAll(this.#engine);
  }

  /** Whether messages wait to be taken, since no handler takes them. */
  #isPulled(): boolean {
    const { handlers } = this.#context;
    return (
      handlers.message === undefined &&
      handlers.messageChunk === undefined &&
      handlers.messageBytes === undefined
    );
  }

  #pullQueue(): MessageQueue {
    const { settings } = this.#context;
    if (!this.#isPulled()) {
      throw new UsageError(
        "INVALID_OPTION",
        "messages go to the message handler; leave it out to take them yourself",
      );
    }
    const extras = (this.#extras ??= {});
    if (extras.queue === undefined) {
      extras.queue = new MessageQueue(settings.receiveHighWaterMarkBytes, this);
      if (this.#isGone) extras.queue.end();
    }
    return extras.queue;
  }

  /** Closing began: nobody needs to take messages any more for the close frame behind them to be seen. */
  #stopConsuming(): void {
    if (this.#isPulled()) this.#pullQueue().end();
    this.resume();
  }

  #resolveReady(isOpen: boolean): void {
    const waiters = this.#extras?.readyWaiters;
    if (waiters === undefined) return;
    this.#extras!.readyWaiters = undefined;
    for (const waiter of waiters) waiter(isOpen);
  }

  /** When the engine has something to do, or the delay for a rate is over. */
  #deadlineMs(): number {
    const delayedUntilMs = this.#extras?.rate?.delayedUntilMs ?? 0;
    return delayedUntilMs > 0 ? Math.min(delayedUntilMs, this.#engine.deadlineMs) : this.#engine.deadlineMs;
  }

  #reschedule(): void {
    if (!this.#isGone) schedule(this, this.#deadlineMs());
  }

  // --- Handlers that throw -------------------------------------------------------------------------------------

  #guard(call: () => void | Promise<void>): void {
    try {
      const result = call();
      if (result !== undefined) this.#watch(result);
    } catch (error) {
      this.#handlerFailed(error);
    }
  }

  #watch(result: Promise<void>): void {
    watchRejection(result, (error) => this.#handlerFailed(error));
  }

  #handlerFailed(cause: unknown): void {
    const error = new ConnectionError("HANDLER_ERROR", `a handler failed: ${thrownText(cause)}`, cause);
    if (this.#context.handlers.error === undefined) warnOf(cause);
    else this.#reportError(error);
    if (this.#engine.isOpen) void this.close(CloseCode.internalError, "internal error");
  }

  #reportError(error: HawserError): void {
    const { handlers } = this.#context;
    try {
      const result = handlers.error?.(this, error);
      if (result !== undefined) watchRejection(result, warnOf);
    } catch (failure) {
      warnOf(failure);
    }
  }

  // --- What happens on the stream ------------------------------------------------------------------------------

  static #readAgain(connection: Connection<unknown>): void {
    if (connection.#isGone || connection.#engine.isPaused) return;
    if (connection.#held !== undefined) connection.#receive(receiveBuffer, 0); // nothing new
    if (connection.#engine.isPaused) return;
    if (connection.#stream.readableEnded) connection.#receiveEnd();
    else connection.#stream.resume();
  }

  /** Called by Node where bytes are read into the buffer that all share. True goes on reading. */
  static #onReceived(this: Duplex, byteLength: number): boolean {
    (ownerOf(this) as Connection<unknown>).#receive(receiveBuffer, byteLength);
    return true;
  }

  /** @internal Part of `StreamOwner`. */
  onData(chunk: Buffer): void {
    this.#receive(chunk, chunk.length);
  }

  /** @internal Part of `StreamOwner`. */
  onReceived(byteLength: number): void {
    this.#receive(receiveBuffer, byteLength);
  }

  /** @internal Part of `StreamOwner`. */
  onEnd(): void {
    if (isClosedStream(this.#stream)) {
      this.#stream.destroy(); // Node may wait in vain for what was written to leave
      return;
    }
    if (!this.#engine.isPaused || this.#held === undefined) {
      this.#receiveEnd();
    } else if (this.#isPulled()) {
      // What is held back fits into the queue, one chunk at most: a peer that has gone must not wait for a reader.
      this.#engine.resume();
      Connection.#readAgain(this);
    }
    // Else the end comes behind what is held back, when it is read again.
  }

  /** @internal Part of `StreamOwner`. */
  onError(error: unknown): void {
    this.#transportError ??= error;
  }

  /** @internal Part of `StreamOwner`. */
  onClose(): void {
    this.#onTransportClosed();
  }

  /** @internal Part of `StreamOwner`. */
  onDrain(): void {
    if (this.#heldBytes > 0) this.recount();
    this.#noticeRoom();
  }
}

/** What the opening handshake agreed on. */
export interface Agreement {
  readonly protocol: string;
  readonly extensions: string;
  readonly deflate: DeflateParameters | undefined;
}

/**
 * The range as a Buffer that is the application's to keep. It is copied where it lies in the buffer that is read into
 * next, or would keep alive a chunk of more than twice its size.
 */
function own(bytes: Uint8Array, start: number, end: number): Buffer {
  // To ask for `buffer` takes longer than to copy a small message.
  if (bytes === receiveBuffer) return ownReceived(start, end);
  const { buffer } = bytes;
  if (buffer !== receiveBuffer.buffer && 2 * (end - start) >= buffer.byteLength)
    return asBuffer(bytes).subarray(start, end);
  return ownBytes(bytes, start, end);
}
