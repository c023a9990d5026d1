import { Buffer } from "node:buffer";
import type { ReadableStream, WritableStream } from "node:stream/web";
import { UsageError } from "../../core/hawser-error.js";
import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { CloseCode } from "../../protocol/close-code.js";
import type { CloseResult } from "../../protocol/closing-handshake.js";
import type { EngineHandler } from "../../protocol/engine-handler.js";
import { type MessageOpcode, Opcode } from "../../protocol/opcode.js";
import { violation } from "../../protocol/violation.js";
import { asBuffer } from "../as-buffer.js";
import { schedule, unschedule } from "../clock.js";
import { dropStream } from "../drop-stream.js";
import { latin1Decode } from "../latin1-decode.js";
import { ownStream } from "../own-stream.js";
import type { StreamOwner } from "../stream-owner.js";
import type { SharedContext } from "./connection-core.js";
import { diagnostics } from "./diagnostics.js";
import { MeasuredConnection } from "./measured-connection.js";
import { type Message, MessageQueue } from "./message-queue.js";
import { ownBytes } from "./own-bytes.js";
import { ownMessage } from "./own-message.js";
import { beginTurn, endTurn } from "./turn.js";
import { readableOf, writableOf } from "./web-streams.js";

/** What all connections of an endpoint share; made once. */
export type ConnectionContext = SharedContext<Connection<unknown>>;

/**
 * One open WebSocket over a socket of Node: what is common to server and client. Using it after it was closed never
 * throws; `send` says `closed`.
 *
 * @typeParam Data what the application keeps with the connection.
 */
export class Connection<Data = undefined>
  extends MeasuredConnection<Data, Connection<unknown>>
  implements StreamOwner, TimerWheelEntry, AsyncIterable<Message>
{
  #transportError: unknown = undefined;
  /** @internal */
  timerNext: TimerWheelEntry | null = null;
  /** @internal */
  timerPrevious: TimerWheelEntry | null = null;
  /** @internal */
  timerSlot = -1;

  /** Resolves when the connection is gone, with how it ended. Never rejects. */
  get closed(): Promise<CloseResult> {
    const extras = this.needExtras();
    extras.closed ??= new Promise((resolve) => {
      if (extras.result !== undefined) resolve(extras.result);
      else extras.resolveClosed = resolve;
    });
    return extras.closed;
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
    this.engine.close(code, reason);
    this.#stopConsuming();
    return this.closed;
  }

  /** @internal As {@link close}, with a close frame that is empty: the peer reports 1005. */
  closeWithoutCode(): Promise<CloseResult> {
    this.engine.close();
    this.#stopConsuming();
    return this.closed;
  }

  /** @internal As {@link close}, but what the peer sent before its own close frame is still taken. */
  closeWriting(code: number): Promise<CloseResult> {
    this.engine.close(code);
    return this.closed;
  }

  /** Drops the connection without a closing handshake: the peer reports 1006, and so do we. */
  terminate(): void {
    if (!this.isGone) this.engine.terminate();
  }

  // --- Receiving -----------------------------------------------------------------------------------------------

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
    const extras = this.needExtras();
    extras.readable ??= readableOf(
      this.#pullQueue(),
      () => this.closed,
      () => void this.close(),
    );
    return extras.readable;
  }

  /**
   * A stream to send messages, that waits while the peer reads too slowly. Closing it closes the connection. It fails with
   * the error of `closed` if that was not closed properly.
   */
  get writable(): WritableStream<Message> {
    const extras = this.needExtras();
    extras.writable ??= writableOf(this);
    return extras.writable;
  }

  // --- For server and client -----------------------------------------------------------------------------------

  /**
   * @internal Begins: `firstBytes` came behind the opening handshake, `head` is sent before everything else.
   * @param begun called before the handlers are.
   */
  start(head: string | undefined, firstBytes: Uint8Array, begun?: () => void): void {
    const stream = this.stream;
    // Before it is ours: `read` tells the owner, too.
    const ahead: Buffer | null = stream.readableLength > 0 ? stream.read() : null;
    const received = ahead === null ? firstBytes : Buffer.concat([firstBytes, ahead]);
    ownStream(stream, this);
    stream.allowHalfOpen = true; // we end it ourselves, behind what is held back; Node would at once
    this.readStream();
    beginTurn();
    if (head !== undefined) {
      const output = this.openOutput();
      const { bytes, position } = output.reserve(head.length);
      output.commit(position + asBuffer(bytes).write(head, position, "latin1"));
    }
    this.reschedule();
    begun?.();
    this.callOpen(received);
    endTurn();
    stream.resume();
  }

  /** @internal Tells what to do once the connection is gone, besides the handlers. */
  onGone: ((connection: Connection<unknown>) => void) | undefined = undefined;

  /** @internal Part of `TimerWheelEntry`. */
  onDeadline(nowMs: number): number {
    this.endDelay(nowMs);
    const wasOpen = this.engine.isOpen;
    beginTurn();
    this.engine.handleTimeout(nowMs);
    endTurn();
    if (wasOpen && !this.engine.isOpen) this.#stopConsuming();
    return this.isGone ? Infinity : this.#deadlineMs();
  }

  /** @internal What the engine calls: one object for all connections. */
  static readonly engineHandler: EngineHandler<Connection<unknown>> = {
    reserve: (connection, byteLength) => connection.openOutput().reserve(byteLength),
    commit: (connection, end) => connection.openOutput().commit(end),
    write: (connection, bytes) => connection.openOutput().write(bytes),
    message: (connection, opcode, bytes, start, end, isAscii, isFresh) =>
      connection.#onMessage(opcode, bytes, start, end, isAscii, isFresh),
    messageChunk: (connection, opcode, bytes, start, end, last, isFresh) =>
      connection.guard(() =>
        connection.context.handlers.messageChunk?.(
          connection,
          ownMessage(bytes, start, end, isFresh),
          opcode === Opcode.binary,
          last,
        ),
      ),
    ping: (connection, bytes, start, end) => connection.#onPing(bytes, start, end),
    pong: (connection, bytes, start, end, roundTripMs) => {
      const { handlers } = connection.context;
      if (handlers.pong === undefined) return;
      connection.guard(() => handlers.pong?.(connection, ownBytes(bytes, start, end), roundTripMs));
    },
    closing: (connection) => connection.#stopConsuming(),
    disconnect: (connection, how) => connection.#disconnect(how),
    deadlineChanged: (connection) => connection.reschedule(),
  };

  #onMessage(
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    isAscii: boolean,
    isFresh: boolean,
  ): void {
    const { handlers, settings } = this.context;
    const isBinary = opcode === Opcode.binary;
    if (handlers.messageBytes !== undefined) {
      handlers.messageBytes(this, bytes, start, end, isBinary);
      return;
    }
    let data: string | Buffer;
    if (isBinary || settings.textAs === "buffer") {
      data = ownMessage(bytes, start, end, isFresh);
    } else {
      try {
        data = isAscii ? latin1Decode(bytes, start, end) : asBuffer(bytes).toString("utf8", start, end);
      } catch {
        // Within `maxMessageBytes`, but above what a string of V8 can hold: half a GiB.
        this.engine.fail(violation("MESSAGE_TOO_BIG"));
        return;
      }
    }
    if (handlers.message === undefined) {
      this.#pullQueue().push(data);
      return;
    }
    try {
      const result = handlers.message(this, data, isBinary);
      if (result !== undefined) this.watch(result);
    } catch (error) {
      this.handlerFailed(error);
    }
  }

  #onPing(bytes: Uint8Array, start: number, end: number): boolean {
    const { handlers, settings } = this.context;
    if (handlers.ping !== undefined) {
      this.guard(() => handlers.ping?.(this, ownBytes(bytes, start, end)));
    }
    return settings.autoPong && this.admitsPong();
  }

  #disconnect(how: "end" | "destroy"): void {
    const stream = this.stream;
    if (how === "destroy") {
      this.discardOutput();
      dropStream(stream);
      return;
    }
    this.flushOutput();
    if (!stream.writableEnded) stream.end();
    stream.resume(); // what still comes is discarded, but the peer's end must be seen
  }

  #onTransportClosed(): void {
    if (this.isGone) return;
    this.transportGone();
    unschedule(this);
    this.discardOutput();
    this.forgetHeld();
    this.recount();
    beginTurn();
    const result = this.engine.transportClosed(this.#transportError);
    this.onGone?.(this);
    const extras = this.needExtras();
    extras.result = result;
    extras.deferred = undefined;
    this.resolveReady(false);
    extras.queue?.end();
    if (result.error !== undefined) this.reportError(result.error);
    this.guard(() => this.context.handlers.close?.(this, result));
    extras.isOver = true;
    extras.resolveClosed?.(result);
    if (diagnostics.close.hasSubscribers) diagnostics.close.publish({ socket: this, result });
    endTurn();
  }

  #pullQueue(): MessageQueue {
    const { settings } = this.context;
    if (!this.isPulled) {
      throw new UsageError(
        "INVALID_OPTION",
        "messages go to the message handler; leave it out to take them yourself",
      );
    }
    const extras = this.needExtras();
    if (extras.queue === undefined) {
      extras.queue = new MessageQueue(settings.receiveHighWaterMarkBytes, this);
      if (this.isGone) extras.queue.end();
    }
    return extras.queue;
  }

  /** Closing began: nobody needs to take messages any more for the close frame behind them to be seen. */
  #stopConsuming(): void {
    if (this.isPulled) this.#pullQueue().end();
    this.resume();
  }

  /** When the engine has something to do, or the delay for a rate is over. */
  #deadlineMs(): number {
    const delayedUntilMs = this.extras?.rate?.delayedUntilMs ?? 0;
    return delayedUntilMs > 0 ? Math.min(delayedUntilMs, this.engine.deadlineMs) : this.engine.deadlineMs;
  }

  /** @internal */
  protected override reschedule(): void {
    if (!this.isGone) schedule(this, this.#deadlineMs());
  }

  /** @internal Part of `StreamOwner`. */
  onError(error: unknown): void {
    this.#transportError ??= error;
  }

  /** @internal Part of `StreamOwner`. */
  onClose(): void {
    this.#onTransportClosed();
  }
}
