import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { ProtocolError } from "../../core/hawser-error.js";
import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { asBuffer } from "../../node/as-buffer.js";
import { schedule, unschedule } from "../../node/clock.js";
import { HeldBytes } from "../../node/connection/held-bytes.js";
import { OutputBuffer } from "../../node/connection/output-buffer.js";
import { ownBytes, ownReceived } from "../../node/connection/own-bytes.js";
import { readInto, receiveBuffer } from "../../node/connection/receive-buffer.js";
import { beginTurn, endTurn, flushTurn } from "../../node/connection/turn.js";
import { ownerOf, ownStream, readData } from "../../node/own-stream.js";
import type { StreamOwner } from "../../node/stream-owner.js";
import { Engine } from "../../protocol/engine.js";
import type { EngineConfig } from "../../protocol/engine-config.js";
import type { EngineHandler } from "../../protocol/engine-handler.js";
import type { DeflateParameters } from "../../protocol/extensions/deflate-negotiation.js";
import { COPY_UP_TO_BYTES, writeFrame, writeTextFrame } from "../../protocol/frame-writer.js";
import { Opcode } from "../../protocol/opcode.js";
import { LinkConfigs, type LinkOptions } from "./link-config.js";
import type { SentCallback } from "./sent-callback.js";

/** Whom a link tells what happens. What these throw becomes an uncaught exception, as with any listener. */
export interface LinkUser {
  linkMessage(data: Buffer, isBinary: boolean): void;
  linkPing(data: Buffer): void;
  linkPong(data: Buffer): void;
  /** The peer's close frame; ours has left, or leaves now. */
  linkConcluded(code: number, reason: string): void;
  /** The peer broke a rule; a close frame leaves. */
  linkFailed(error: ProtocolError): void;
  /** The peer ended its direction, or the stream failed: there will be no more sending. */
  linkEnding(): void;
  /** What was held up was handed out: reading may go on. */
  linkDrained(): void;
  /** The stream is gone, and everything that came before was told. */
  linkClosed(): void;
}

/** Above this, what waits to be handed out is left to TCP to hold. */
const HOLD_UP_TO_BYTES = 65_536;
const NOTHING: Buffer = Buffer.alloc(0);

/** One WebSocket over a stream: the engine, what it reads from and what it writes to. */
export class Link implements StreamOwner, TimerWheelEntry {
  readonly #user: LinkUser;
  readonly #stream: Duplex;
  readonly #engine: Engine<Link>;
  #config: EngineConfig<Link>;
  #output: OutputBuffer | undefined = undefined;
  /** Of the frames in the output. */
  #callbacks: SentCallback[] | undefined = undefined;
  /** Received and not handed out: one event a tick, or a listener threw. */
  #held: HeldBytes | undefined = undefined;
  readonly #isOneEventATick: boolean;
  #isReceiving = false;
  #hasEnded = false;
  #hasClosed = false;
  #isGone = false;
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;

  /**
   * @param isOneEventATick whether messages, pings and pongs are each told in an event-loop iteration of their own.
   * @param deflate what was agreed on, if it was.
   */
  constructor(
    user: LinkUser,
    stream: Duplex,
    options: LinkOptions,
    isOneEventATick: boolean,
    deflate: DeflateParameters | undefined,
  ) {
    flushOnExit();
    this.#user = user;
    this.#stream = stream;
    this.#isOneEventATick = isOneEventATick;
    this.#config = configs.of(options);
    this.#engine = new Engine(this.#config, this, deflate);
  }

  /** Whether a stream is a WebSocket already. */
  static has(stream: Duplex): boolean {
    return ownerOf(stream) instanceof Link;
  }

  /** The engine's configuration, for who compresses by it. */
  get config(): EngineConfig<Link> {
    return this.#config;
  }

  /** How many bytes wait to be sent, frame headers included. */
  get bufferedBytes(): number {
    return this.#output === undefined ? this.#stream.writableLength : this.#output.waitingBytes;
  }

  /** Whether so much waits to be handed out that reading stopped. */
  get isHeldUp(): boolean {
    return this.#held !== undefined && this.#held.byteLength >= HOLD_UP_TO_BYTES;
  }

  /** Begins to read. `head` came behind the opening handshake; it is told in the next tick, when listeners are there. */
  start(head: Buffer): void {
    const stream = this.#stream;
    ownStream(stream, this);
    if (!readInto(stream, Link.#onReceived)) readData(stream);
    if (head.length > 0) {
      this.#held = new HeldBytes(head, 0, head.length);
      process.nextTick(Link.#goOn, this);
    }
    stream.resume();
  }

  /** Other limits from now on. */
  limit(options: LinkOptions): void {
    this.#config = configs.of(options);
    this.#engine.reconfigure(this.#config);
  }

  /** Sends a frame; text is encoded straight into what leaves. */
  send(firstByte: number, payload: string | Uint8Array, callback: SentCallback | undefined): void {
    if (callback !== undefined) this.#whenSent(callback);
    if (typeof payload === "string") {
      writeTextFrame(this.#config, this, firstByte, payload);
      return;
    }
    writeFrame(this.#config, this, firstByte, payload);
    // Not copied, so it leaves at once, as with `ws`: its programs fill the same buffer again in the same turn.
    if (payload.length > COPY_UP_TO_BYTES && this.#config.role === "server") this.#output?.flush();
  }

  /** Sends frames that are complete already. */
  sendFrames(pieces: readonly (string | Buffer)[], callback: SentCallback | undefined): void {
    if (callback !== undefined) this.#whenSent(callback);
    const output = this.#openOutput();
    for (const piece of pieces) {
      const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
      if (bytes.length > 0) output.write(bytes);
    }
  }

  /** Begins the closing handshake. */
  close(code: number | undefined, reason: string): void {
    this.#engine.close(code, reason);
  }

  /** Ends our direction of the stream, behind what was sent. */
  end(): void {
    this.#output?.flush();
    if (!this.#stream.writableEnded) this.#stream.end();
    this.#stream.resume(); // what still comes is discarded, but the peer's end must be seen
  }

  /** Drops the stream, behind what was sent. */
  destroy(): void {
    this.#output?.flush();
    if (!this.#isGone) this.#engine.terminate();
    this.#stream.destroy();
  }

  #whenSent(callback: SentCallback): void {
    this.#callbacks ??= [];
    this.#callbacks.push(callback);
    this.#openOutput();
  }

  #openOutput(): OutputBuffer {
    this.#output ??= OutputBuffer.open(this.#stream, this);
    return this.#output;
  }

  /** Called by the output buffer. */
  onFlushed(output: OutputBuffer): boolean {
    const isDropped = this.#output === output && output.pendingBytes === 0;
    if (isDropped) this.#output = undefined;
    const callbacks = this.#callbacks;
    if (callbacks === undefined) return isDropped;
    this.#callbacks = undefined;
    // Nothing left in the stream: the operating system took it. Otherwise something empty behind it tells when it has.
    if (this.#stream.writableLength === 0) process.nextTick(callAll, callbacks, undefined);
    else this.#stream.write(NOTHING, (error) => callAll(callbacks, error ?? undefined));
    return isDropped;
  }

  /** Called by the output buffer. */
  piecesWait(): () => void {
    return nothing;
  }

  // --- Receiving -----------------------------------------------------------------------------------------------

  static readonly #handler: EngineHandler<Link> = {
    reserve: (link, byteLength) => link.#openOutput().reserve(byteLength),
    commit: (link, end) => link.#openOutput().commit(end),
    write: (link, bytes) => link.#openOutput().write(bytes),
    message: (link, opcode, bytes, start, end) =>
      link.#onMessage(bytes, start, end, opcode === Opcode.binary),
    messageChunk: nothing, // `streaming` is off
    ping: (link, bytes, start, end) => {
      const data = own(bytes, start, end);
      link.#tell(() => link.#user.linkPing(data));
      return false; // the user answers, and counts
    },
    pong: (link, bytes, start, end) => {
      const data = own(bytes, start, end);
      link.#tell(() => link.#user.linkPong(data));
    },
    closing: (link, { code, reason }) => {
      link.#user.linkConcluded(code, reason);
      link.end();
    },
    failed: (link, error) => link.#catching(() => link.#user.linkFailed(error)),
    disconnect: (link, how) => {
      if (how === "end") link.end();
      else {
        link.#output?.discard();
        link.#stream.destroy();
      }
    },
    deadlineChanged: (link) => {
      if (!link.#isGone) schedule(link, link.#engine.deadlineMs);
    },
  };

  /** @internal Shared with the configurations below, which need it before any link is there. */
  static get handler(): EngineHandler<Link> {
    return Link.#handler;
  }

  #onMessage(bytes: Uint8Array, start: number, end: number, isBinary: boolean): void {
    const data = own(bytes, start, end);
    if (this.#isOneEventATick) {
      this.#tell(() => this.#user.linkMessage(data, isBinary));
      return;
    }
    try {
      this.#user.linkMessage(data, isBinary);
    } catch (error) {
      this.#thrown(error);
    }
  }

  #tell(event: () => void): void {
    if (!this.#isOneEventATick) {
      this.#catching(event);
      return;
    }
    this.#engine.pause();
    setImmediate(() => {
      this.#catching(event);
      this.#engine.resume();
      this.#receiveHeld();
    });
  }

  #catching(event: () => void): void {
    try {
      event();
    } catch (error) {
      this.#thrown(error);
    }
  }

  /** A listener threw: the rest of the chunk must not be lost for it, nor be handed out before it is known. */
  #thrown(error: unknown): void {
    if (!this.#engine.isPaused) {
      this.#engine.pause();
      setImmediate(() => {
        this.#engine.resume();
        this.#receiveHeld();
      });
    }
    process.nextTick(() => {
      throw error;
    });
  }

  #receive(chunk: Uint8Array, byteLength: number): void {
    // A stream that is no socket may be answered in the middle of a write, and so of what a listener does.
    if (this.#isReceiving || this.#held !== undefined || this.#engine.isPaused) {
      if (this.#held === undefined) this.#held = new HeldBytes(chunk, 0, byteLength);
      else this.#held.append(chunk, 0, byteLength);
      if (this.isHeldUp) this.#stream.pause();
      return;
    }
    this.#isReceiving = true;
    beginTurn();
    try {
      const stoppedAt = this.#engine.receive(chunk, 0, byteLength);
      if (stoppedAt < byteLength) this.#hold(chunk, stoppedAt, byteLength);
    } finally {
      this.#isReceiving = false;
      endTurn();
    }
    if (this.#held !== undefined && !this.#engine.isPaused) this.#receiveHeld();
  }

  /** What came in the meantime is behind it. */
  #hold(chunk: Uint8Array, start: number, end: number): void {
    const late = this.#held;
    this.#held = new HeldBytes(chunk, start, end);
    late?.give((bytes, from, until) => {
      this.#held?.append(bytes, from, until);
      return until;
    });
  }

  #receiveHeld(): void {
    if (this.#isReceiving) return;
    const wasHeldUp = this.isHeldUp;
    while (this.#held !== undefined && !this.#engine.isPaused) {
      const held = this.#held;
      this.#isReceiving = true;
      beginTurn();
      try {
        held.give((bytes, start, end) => this.#engine.receive(bytes, start, end));
        if (held.byteLength === 0 && this.#held === held) this.#held = undefined;
      } finally {
        this.#isReceiving = false;
        endTurn();
      }
    }
    if (this.#held !== undefined || this.#engine.isPaused) return;
    if (wasHeldUp) this.#user.linkDrained();
    if (this.#hasEnded) this.#receiveEnd();
    if (this.#hasClosed) this.#finish();
  }

  #receiveEnd(): void {
    this.#hasEnded = false;
    this.#user.linkEnding();
    beginTurn();
    this.#engine.receiveEnd();
    endTurn();
  }

  #finish(): void {
    this.#hasClosed = false;
    this.#isGone = true;
    unschedule(this);
    this.#output?.discard();
    this.#engine.transportClosed();
    const callbacks = this.#callbacks;
    this.#callbacks = undefined;
    if (callbacks !== undefined)
      callAll(callbacks, new Error("The socket was closed before the data was sent"));
    this.#user.linkClosed();
  }

  get #isBehind(): boolean {
    return this.#held !== undefined || this.#engine.isPaused;
  }

  // --- What happens on the stream ------------------------------------------------------------------------------

  static #goOn(link: Link): void {
    link.#receiveHeld();
  }

  /** Called by Node where bytes are read into the buffer that all share. True goes on reading. */
  static #onReceived(this: Duplex, byteLength: number): boolean {
    (ownerOf(this) as Link).onReceived(byteLength);
    return true;
  }

  /** Part of `StreamOwner`. */
  onReceived(byteLength: number): void {
    this.#receive(receiveBuffer, byteLength);
  }

  /** Part of `StreamOwner`. */
  onData(chunk: Buffer): void {
    this.#receive(chunk, chunk.length);
  }

  /** Part of `StreamOwner`. */
  onEnd(): void {
    if (this.#isBehind) this.#hasEnded = true;
    else this.#receiveEnd();
  }

  /** Part of `StreamOwner`: `close` follows, which tells. */
  onError(): void {
    this.#user.linkEnding();
    this.#stream.destroy();
  }

  /** Part of `StreamOwner`. */
  onClose(): void {
    if (this.#isGone) return;
    this.#user.linkEnding();
    // Of a stream that was paused something may be left.
    const left: unknown = this.#stream.readableLength > 0 ? this.#stream.read() : null;
    if (Buffer.isBuffer(left)) this.#receive(left, left.length);
    if (this.#isBehind) this.#hasClosed = true;
    else this.#finish();
  }

  /** Part of `StreamOwner`. */
  onDrain(): void {
    // Nobody of `ws` is told: `bufferedAmount` and the callbacks of `send` tell.
  }

  /** Part of `TimerWheelEntry`. */
  onDeadline(nowMs: number): number {
    this.#engine.handleTimeout(nowMs);
    return this.#isGone ? Infinity : this.#engine.deadlineMs;
  }
}

const configs: LinkConfigs<Link> = new LinkConfigs(Link.handler);

let isFlushedOnExit = false;

/** `ws` hands each message to the system at once, and programs send a last one before `process.exit()`. */
function flushOnExit(): void {
  if (isFlushedOnExit) return;
  isFlushedOnExit = true;
  process.on("exit", flushTurn);
}

function nothing(): void {
  // Nothing to do.
}

function callAll(callbacks: readonly SentCallback[], error: Error | undefined): void {
  for (const callback of callbacks) {
    try {
      callback(error);
    } catch (thrown) {
      process.nextTick(() => {
        throw thrown;
      });
    }
  }
}

/**
 * The range as a Buffer that is the listener's to keep. It is copied where it lies in the buffer that is read into next,
 * or would keep alive a chunk of more than twice its size.
 */
function own(bytes: Uint8Array, start: number, end: number): Buffer {
  if (bytes === receiveBuffer) return ownReceived(start, end);
  if (2 * (end - start) >= bytes.buffer.byteLength) return asBuffer(bytes).subarray(start, end);
  return ownBytes(bytes, start, end);
}
