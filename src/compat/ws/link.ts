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
import { beginTurn, endTurn, flushFromNowOn } from "../../node/connection/turn.js";
import { nextTick } from "../../node/next-tick.js";
import { ownerOf, ownStream, readData } from "../../node/own-stream.js";
import type { StreamOwner } from "../../node/stream-owner.js";
import { Engine } from "../../protocol/engine.js";
import type { EngineConfig } from "../../protocol/engine-config.js";
import type { EngineHandler } from "../../protocol/engine-handler.js";
import type { DeflateParameters } from "../../protocol/extensions/deflate-negotiation.js";
import { COPY_UP_TO_BYTES, writeFrame, writeTextFrame } from "../../protocol/frame-writer.js";
import { Opcode } from "../../protocol/opcode.js";
import { LinkConfigs, type LinkOptions } from "./link-config.js";
import { callAll, PendingCallback } from "./pending-callback.js";
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
  #callbacks: PendingCallback[] | undefined = undefined;
  /** Received and not handed out: one event a tick, or a listener threw. */
  #held: HeldBytes | undefined = undefined;
  /** What came while the user paused, and behind the opening handshake. */
  #unread: HeldBytes | undefined = undefined;
  /** By the user. */
  #isPaused = false;
  /** So much waits that the rest was left to TCP. */
  #hasStopped = false;
  /** Whether the stream is read into {@link receiveBuffer}: it has no buffer of its own. */
  #isReadInto = false;
  readonly #isOneEventATick: boolean;
  #isReceiving = false;
  /** Whether nothing that still comes is handed out: there was a close frame, or a rule was broken. */
  #isOver = false;
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

  /** Begins to read. `head` came behind the opening handshake; it is told in the next tick, when listeners are there. */
  start(head: Buffer): void {
    const stream = this.#stream;
    ownStream(stream, this);
    // Whoever listens for `data` already is to be told as well.
    this.#isReadInto = stream.listenerCount("data") === 0 && readInto(stream, Link.#onReceived);
    if (!this.#isReadInto) readData(stream);
    if (head.length > 0) {
      this.#unread = new HeldBytes(head, 0, head.length);
      nextTick(Link.#readOn, this);
    }
    stream.resume();
  }

  /**
   * Hands out nothing that comes from now on. A stream without a buffer goes on being read until some of it waits: that the
   * peer is gone is seen by reading only.
   */
  pause(): void {
    this.#isPaused = true;
    if (!this.#isReadInto) this.#stream.pause();
  }

  /** Hands out again, from the next tick on. Where too much waits, reading goes on when that is done. */
  resume(): void {
    this.#isPaused = false;
    if (this.#unread !== undefined) nextTick(Link.#readOn, this);
    else if (!this.#isBehind) this.#hasStopped = false;
    if (!this.#hasStopped) this.#stream.resume();
  }

  /** Other limits from now on. */
  limit(options: LinkOptions): void {
    this.#config = configs.of(options);
    this.#engine.reconfigure(this.#config);
  }

  /** Sends a frame; text is encoded straight into what leaves. */
  send(firstByte: number, payload: string | Uint8Array, callback: SentCallback | undefined): void {
    if (typeof callback === "function") this.#whenSent(callback);
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
    if (typeof callback === "function") this.#whenSent(callback);
    const output = this.#openOutput();
    for (const piece of pieces) {
      const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
      if (bytes.length > 0) output.write(bytes);
    }
  }

  /** Hands what was sent to the stream, now. */
  flush(): void {
    this.#output?.flush();
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

  /** Drops the stream, behind what was sent. What was read already is still handed out. */
  destroy(): void {
    this.#output?.flush();
    this.#stream.destroy();
  }

  #whenSent(callback: SentCallback): void {
    this.#callbacks ??= [];
    this.#callbacks.push(new PendingCallback(callback));
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
    if (this.#stream.writableLength === 0) nextTick(callAll, callbacks, null);
    else this.#stream.write(NOTHING, (error) => callAll(callbacks, error ?? null));
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
      link.#isOver = true;
      link.#catching(() => link.#user.linkConcluded(code, reason));
      link.end();
    },
    failed: (link, error) => {
      link.#isOver = true;
      link.#catching(() => link.#user.linkFailed(error));
    },
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
    nextTick(() => {
      throw error;
    });
  }

  #come(chunk: Uint8Array, byteLength: number): void {
    // Nothing waits that nobody is to have: behind it the peer's end would not be seen.
    if ((!this.#isPaused || this.#isOver) && this.#unread === undefined) {
      this.#receive(chunk, 0, byteLength);
      return;
    }
    this.#unread = this.#wait(this.#unread, chunk, 0, byteLength);
  }

  #receiveUnread(): void {
    const unread = this.#unread;
    if (unread === undefined) return;
    this.#unread = undefined;
    unread.give((bytes, start, end) => {
      this.#receive(bytes, start, end);
      return end;
    });
    this.#caughtUp();
  }

  #receive(chunk: Uint8Array, start: number, end: number): void {
    // A stream that is no socket may be answered in the middle of a write, and so of what a listener does.
    if (this.#isReceiving || this.#held !== undefined || this.#engine.isPaused) {
      this.#held = this.#wait(this.#held, chunk, start, end);
      return;
    }
    this.#isReceiving = true;
    beginTurn();
    try {
      const stoppedAt = this.#engine.receive(chunk, start, end);
      if (stoppedAt < end) this.#hold(chunk, stoppedAt, end);
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
    this.#caughtUp();
  }

  /** Puts it behind what waits already. */
  #wait(waiting: HeldBytes | undefined, bytes: Uint8Array, start: number, end: number): HeldBytes {
    const all = waiting ?? new HeldBytes(bytes, start, end);
    if (waiting !== undefined) waiting.append(bytes, start, end);
    if (all.byteLength >= HOLD_UP_TO_BYTES) {
      this.#hasStopped = true;
      this.#stream.pause();
    }
    return all;
  }

  #caughtUp(): void {
    if (this.#isBehind) return;
    if (this.#hasStopped && !this.#isPaused) {
      this.#hasStopped = false;
      this.#stream.resume();
    }
    if (this.#hasEnded) this.#receiveEnd();
    if (this.#hasClosed && !this.#isBehind) this.#finish();
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
    return this.#held !== undefined || this.#unread !== undefined || this.#engine.isPaused;
  }

  // --- What happens on the stream ------------------------------------------------------------------------------

  static #readOn(link: Link): void {
    if (link.#isPaused || link.#unread === undefined) return;
    // A program may have paused the stream itself.
    if (link.#stream.isPaused() && !link.#hasStopped) link.#stream.once("resume", () => Link.#readOn(link));
    else link.#receiveUnread();
  }

  /** Called by Node where bytes are read into the buffer that all share. True goes on reading. */
  static #onReceived(this: Duplex, byteLength: number): boolean {
    (ownerOf(this) as Link).onReceived(byteLength);
    return true;
  }

  /** Part of `StreamOwner`. */
  onReceived(byteLength: number): void {
    this.#come(receiveBuffer, byteLength);
  }

  /** Part of `StreamOwner`. */
  onData(chunk: Buffer): void {
    this.#come(chunk, chunk.length);
  }

  /** Part of `StreamOwner`. */
  onEnd(): void {
    if (!this.#isBehind) {
      this.#receiveEnd();
      return;
    }
    this.#hasEnded = true;
    if (this.#unread === undefined) this.#user.linkEnding();
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
    // Of what was paused something may be left.
    this.#receiveUnread();
    const left: unknown = this.#stream.readableLength > 0 ? this.#stream.read() : null;
    if (Buffer.isBuffer(left)) this.#receive(left, 0, left.length);
    if (this.#isBehind) this.#hasClosed = true;
    else this.#finish();
  }

  /** Part of `StreamOwner`. */
  onDrain(): void {
    // Nobody of `ws` is told: `bufferedAmount` and the callbacks of `send` tell.
  }

  /** Part of `TimerWheelEntry`. */
  onDeadline(nowMs: number): number {
    if (nowMs >= this.#engine.deadlineMs) {
      // The peer's close frame may be among what was paused.
      if (this.#stream.readableLength > 0) this.#stream.read(); // as `data`
      this.#receiveUnread();
    }
    this.#engine.handleTimeout(nowMs);
    return this.#isGone ? Infinity : this.#engine.deadlineMs;
  }
}

const configs: LinkConfigs<Link> = new LinkConfigs(Link.handler);

let isFlushedOnExit = false;

/** `ws` hands each message to the system at once, and programs send a last one before `process.exit()`, or in `exit`. */
function flushOnExit(): void {
  if (isFlushedOnExit) return;
  isFlushedOnExit = true;
  process.on("exit", flushFromNowOn);
}

function nothing(): void {
  // Nothing to do.
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
