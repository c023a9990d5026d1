import type { ConnectionErrorCode, ProtocolErrorCode } from "../core/error-codes.js";
import { ConnectionError, HawserError, ProtocolError, UsageError } from "../core/hawser-error.js";
import { CloseCode } from "./close-code.js";
import { checkClose, isReasonShortEnough, readClosePayload, writeClosePayload } from "./close-payload.js";
import { type CloseFrame, type CloseResult, ClosingHandshake } from "./closing-handshake.js";
import { ControlAssembler } from "./control-assembler.js";
import type { EngineConfig } from "./engine-config.js";
import type { InflateFailure } from "./engine-host.js";
import type { DeflateParameters } from "./extensions/deflate-negotiation.js";
import { PermessageDeflate } from "./extensions/permessage-deflate.js";
import { FrameParser, type FrameSink, type LengthProblem } from "./frame-parser.js";
import { checkBytes, writeFrame, writeReadyFrame, writeTextFrame } from "./frame-writer.js";
import { Liveness } from "./liveness.js";
import { applyMask, NON_ASCII_BITS, readMaskKey, writeMaskKey } from "./mask.js";
import { MessageAssembler } from "./message-assembler.js";
import {
  FIN_BIT,
  MASK_BIT,
  MAX_CONTROL_BYTES,
  type MessageOpcode,
  OPCODE_BITS,
  Opcode,
  RSV_BITS,
  RSV1_BIT,
} from "./opcode.js";
import { messageInProgress, OutgoingMessage } from "./outgoing-message.js";
import { type PingDone, PingLedger } from "./ping-ledger.js";
import type { PreparedMessage } from "./prepared-message.js";
import { violation } from "./violation.js";

const NO_BYTES: Uint8Array = new Uint8Array(0);
/** Parsers between two frames, which hold nothing and can be anybody's. */
const spareParsers: FrameParser[] = [];
const MAX_SPARE_PARSERS = 64;

/**
 * The WebSocket protocol after the opening handshake, without I/O (RFC 6455 §5-§7, RFC 7692): bytes in, calls of
 * the handler out. It reads no clock but `host.nowMs` and has no timer: call {@link handleTimeout} at
 * {@link deadlineMs}. Bytes from the peer never make it throw: what breaks a rule fails the connection with the
 * right close code. Only wrong arguments of the local caller throw, as {@link UsageError}.
 */
export class Engine<Owner> implements FrameSink {
  /** What all engines of an endpoint share. */
  readonly config: EngineConfig<Owner>;
  /** What the handler is told this engine belongs to. */
  readonly owner: Owner;
  /** Only while a frame is not complete: most of the time most connections are between two. */
  #parser: FrameParser | undefined = undefined;
  readonly #liveness: Liveness;
  readonly #deflate: PermessageDeflate | undefined;
  #firstByte = 0;
  #frameLength = 0;
  #control: ControlAssembler | undefined = undefined;
  #assembler: MessageAssembler | undefined = undefined;
  #closing: ClosingHandshake | undefined = undefined;
  #pings: PingLedger | undefined = undefined;
  /** The message being sent piece by piece. */
  #outgoing: OutgoingMessage | undefined = undefined;
  #isPaused = false;
  /** Other limits from now on, with the same role and handler. The deadlines stay as they were at first. */
  reconfigure(config: EngineConfig<Owner>): void {
    (this as { config: EngineConfig<Owner> }).config = config;
  }

  /** How many frames began in the latest call of {@link receive}. */
  #receivedFrames = 0;

  /**
   * @param config shared by all connections of an endpoint; made by `engineConfig`.
   * @param owner given to every call of the handler.
   * @param deflate what the opening handshake agreed on for permessage-deflate, if it did.
   */
  constructor(config: EngineConfig<Owner>, owner: Owner, deflate?: DeflateParameters) {
    this.config = config;
    this.owner = owner;
    this.#liveness = new Liveness(config, config.host.nowMs());
    if (deflate !== undefined && (!config.host.createDeflate || !config.host.createInflate)) {
      throw new UsageError("INVALID_OPTION", "permessage-deflate was agreed on, but the host has no DEFLATE");
    }
    this.#deflate = deflate && new PermessageDeflate(deflate, config.role, config.host);
  }

  /** Whether messages can be sent: no close frame was sent or received, and nothing failed (RFC 6455 §4.1). */
  get isOpen(): boolean {
    return this.#closing === undefined;
  }

  /** When {@link handleTimeout} is to be called, on the clock of `host.nowMs`; Infinity for never. */
  get deadlineMs(): number {
    return this.#liveness.deadlineMs;
  }

  /** The round-trip time of the last ping that was answered, in ms. */
  get latencyMs(): number | undefined {
    return this.#pings?.latencyMs;
  }

  /** Whether what comes in is held back. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether there is anything that {@link heldBytes} would count: cheap, to be asked after each chunk. */
  get isHolding(): boolean {
    return this.#assembler !== undefined || this.#deflate !== undefined;
  }

  /** How much memory is kept for the peer: of a message that is not complete, and by permessage-deflate between two. */
  get heldBytes(): number {
    return (this.#assembler?.heldBytes ?? 0) + (this.#deflate?.heldBytes ?? 0);
  }

  /** Frees what permessage-deflate keeps only for speed. Not to be called from the host's own DEFLATE. */
  letGo(): void {
    this.#deflate?.letGo();
  }

  /** How many frames began in the latest call of {@link receive}: for limits on their rate. */
  get receivedFrames(): number {
    return this.#receivedFrames;
  }

  /** Whether a message that was begun with {@link beginMessage} is not finished. */
  get isSendingMessage(): boolean {
    return this.#outgoing !== undefined;
  }

  /** Whether messages may be compressed on this connection. */
  get hasDeflate(): boolean {
    return this.#deflate !== undefined;
  }

  // --- Receiving -----------------------------------------------------------------------------------------------

  /**
   * Takes `chunk[position, end)`, bytes from the peer, which are unmasked in place. What is kept of them is copied, so
   * that the chunk may be read into again when this returns. Returns how far it came: less than `end` only when
   * {@link pause} was called meanwhile; give it the rest after {@link resume}. Not to be called from the handler, which
   * may be in the middle of a chunk: what comes then has to wait.
   */
  receive(chunk: Uint8Array, position = 0, end: number = chunk.length): number {
    this.#liveness.heard();
    this.#receivedFrames = 0;
    if (this.#isDiscarding()) return end;
    if (this.#isPaused) return position;
    let at = position;
    if (this.#parser === undefined) {
      at = this.#receiveWholeMessages(chunk, position, end);
      if (at === end || this.#isPaused) return at;
      if (this.#isDiscarding()) return end;
    }
    const parser = this.#parser ?? spareParsers.pop() ?? new FrameParser();
    this.#parser = undefined; // a handler that calls this again must not give back what is still in use
    let stoppedAt: number;
    try {
      stoppedAt = parser.parse(chunk, at, this, end);
    } finally {
      if (!parser.isBetweenFrames) this.#parser = parser;
      else if (spareParsers.length < MAX_SPARE_PARSERS) spareParsers.push(parser);
    }
    return this.#isDiscarding() ? end : stoppedAt;
  }

  /**
   * The short way of what comes most: a message in one frame that is all there, below 64 KiB. Stops at the first byte of
   * any other frame, which {@link FrameParser} then reads; that one would come to the same for these.
   */
  #receiveWholeMessages(bytes: Uint8Array, position: number, end: number): number {
    const { config } = this;
    if (this.#assembler !== undefined || config.streaming || config.trace?.isEnabled) return position;
    const { host, handler } = config;
    const maxWholeBytes = Math.min(config.maxMessageBytes, config.maxFrameBytes);
    const maskBit = config.role === "server" ? MASK_BIT : 0;
    const keyBytes = maskBit === 0 ? 0 : 4;
    let at = position;
    while (end - at >= 2) {
      let opcode = bytes[at]! ^ FIN_BIT;
      let deflate: PermessageDeflate | undefined;
      if (opcode > RSV1_BIT && this.#deflate !== undefined) {
        opcode ^= RSV1_BIT;
        deflate = this.#deflate;
      }
      if (opcode !== Opcode.binary && opcode !== Opcode.text) break;
      let length = bytes[at + 1]! ^ maskBit;
      let start = at + 2 + keyBytes;
      if (length > 125) {
        if (length !== 126 || end - at < 4) break;
        length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
        if (length < 126) break;
        start += 2;
      }
      const until = start + length;
      if (until > end || length > maxWholeBytes) break;
      let isAscii = false;
      if (keyBytes !== 0)
        isAscii = (applyMask(bytes, start, until, readMaskKey(bytes, start - 4)) & NON_ASCII_BITS) === 0;
      at = until;
      this.#receivedFrames++;
      if (deflate !== undefined) {
        if (!this.#wholeCompressedMessage(deflate, opcode, bytes.subarray(start, until))) break;
      } else {
        if (opcode === Opcode.text && !isAscii && config.checksText && !host.isUtf8(bytes, start, until)) {
          this.#fail("INVALID_UTF8");
          break;
        }
        handler.message(this.owner, opcode, bytes, start, until, isAscii);
      }
      if (this.#isPaused || this.#closing !== undefined) break;
    }
    return at;
  }

  #wholeCompressedMessage(deflate: PermessageDeflate, opcode: MessageOpcode, deflated: Uint8Array): boolean {
    const { config } = this;
    const { host } = config;
    const inflated = deflate.decompress(deflated, true, config.maxMessageBytes);
    if (typeof inflated === "string") return this.#failToInflate(inflated);
    const { length } = inflated;
    const isAscii = opcode === Opcode.text && host.isAscii?.(inflated, 0, length) === true;
    if (opcode === Opcode.text && config.checksText && !isAscii && !host.isUtf8(inflated, 0, length))
      return this.#fail("INVALID_UTF8");
    config.handler.message(this.owner, opcode, inflated, 0, length, isAscii);
    return true;
  }

  /**
   * {@link receive} stops behind the current message, and takes nothing until {@link resume}. Nor does a deadline
   * count that waits for the peer: its silence proves nothing while nobody listens. What is left of the time for a
   * message is left to it afterwards.
   */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    if (this.#closing === undefined) this.#liveness.suspendPhase(this.config.host.nowMs());
  }

  /** {@link receive} takes everything again. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#liveness.heard(); // what it sent meanwhile is still to be read
    this.#moveDeadline(() => this.#liveness.resumePhase(this.config.host.nowMs()));
  }

  /** The peer ended its direction of the transport. There is no half-open WebSocket: ours is ended as well. */
  receiveEnd(): void {
    if (this.#closing === undefined) {
      this.#closing = new ClosingHandshake("remote");
      this.#closing.error = new ConnectionError(
        "CONNECTION_LOST",
        "the peer ended the transport without a closing handshake",
      );
      this.#beginClosePhase();
    }
    this.config.handler.disconnect(this.owner, "end");
  }

  /** The transport is gone, with an error or without. Returns how the connection ended (RFC 6455 §7.1.4). */
  transportClosed(cause?: unknown): CloseResult {
    const closing = (this.#closing ??= new ClosingHandshake("remote"));
    if (closing.received === undefined && closing.error === undefined) {
      closing.error =
        cause === undefined
          ? new ConnectionError("CONNECTION_LOST", "the transport ended without a closing handshake")
          : new ConnectionError("TRANSPORT_ERROR", `the transport failed: ${messageOf(cause)}`, cause);
    }
    closing.isFailed = true;
    this.#liveness.stopKeepalive();
    this.#liveness.endPhase();
    this.#deflate?.dispose();
    this.#assembler = undefined;
    this.#outgoing = undefined;
    this.#pings?.abandon();
    return closing.result();
  }

  /** @internal Part of {@link FrameSink}. */
  frameLengthInvalid(code: LengthProblem): void {
    this.#fail(code);
  }

  /** @internal Part of {@link FrameSink}. Judges a frame by its header, before its payload is waited for. */
  frameHeader(firstByte: number, masked: boolean, payloadLength: number): boolean {
    const { config } = this;
    this.#receivedFrames++;
    const opcode = firstByte & OPCODE_BITS;
    const trace = config.trace;
    if (trace?.isEnabled) trace.frame(this.owner, "received", firstByte, masked, payloadLength);

    if (masked !== (config.role === "server")) {
      return masked ? this.#fail("MASKED_FRAME") : this.#fail("UNMASKED_FRAME");
    }
    const reserved = firstByte & RSV_BITS;
    if (reserved !== 0) {
      const isCompressed = reserved === RSV1_BIT && (opcode === Opcode.text || opcode === Opcode.binary);
      if (!isCompressed || this.#deflate === undefined) {
        return this.#fail("RESERVED_BITS", firstByte);
      }
    }
    this.#firstByte = firstByte;
    this.#frameLength = payloadLength;
    if (opcode >= Opcode.close) return this.#controlHeader(firstByte, opcode, payloadLength);
    if (opcode > Opcode.binary) return this.#fail("RESERVED_OPCODE", firstByte);

    const assembler = this.#assembler;
    if (opcode === Opcode.continuation) {
      if (assembler === undefined) {
        return this.#fail("UNEXPECTED_CONTINUATION", firstByte);
      }
    } else if (assembler !== undefined) {
      return this.#fail("EXPECTED_CONTINUATION", firstByte);
    }
    const announcedBytes = (assembler?.announcedBytes ?? 0) + payloadLength;
    if (announcedBytes > config.maxMessageBytes) return this.#fail("MESSAGE_TOO_BIG");
    if (payloadLength > config.maxFrameBytes) return this.#fail("FRAME_TOO_BIG");
    if (assembler === undefined) return true;
    assembler.addFrame(payloadLength, (firstByte & FIN_BIT) !== 0);
    if (assembler.overheadBytes > config.maxFragmentOverheadBytes) {
      return this.#fail("TOO_MANY_FRAGMENTS");
    }
    return true;
  }

  /** @internal Part of {@link FrameSink}. */
  framePayload(bytes: Uint8Array, start: number, end: number, isAscii: boolean, last: boolean): boolean {
    const opcode = this.#firstByte & OPCODE_BITS;
    if (opcode >= Opcode.close) return this.#controlPayload(opcode, bytes, start, end, last);

    const { config } = this;
    if (this.#assembler === undefined) {
      const isWhole = last && (this.#firstByte & (FIN_BIT | RSV1_BIT)) === FIN_BIT;
      if (isWhole && !config.streaming) {
        if (opcode === Opcode.text && !isAscii && config.checksText && !config.host.isUtf8(bytes, start, end))
          return this.#fail("INVALID_UTF8");
        config.handler.message(this.owner, opcode as MessageOpcode, bytes, start, end, isAscii);
        return this.#goesOn();
      }
      this.#beginMessage(opcode as MessageOpcode);
    }
    return this.#messagePiece(bytes, start, end, isAscii, last && (this.#firstByte & FIN_BIT) !== 0);
  }

  #beginMessage(opcode: MessageOpcode): void {
    const { config } = this;
    this.#assembler = new MessageAssembler(
      opcode,
      (this.#firstByte & RSV1_BIT) !== 0,
      config.host,
      config.checksText,
    );
    this.#assembler.addFrame(this.#frameLength, (this.#firstByte & FIN_BIT) !== 0);
    // While closing, the phase is that of the closing handshake: no message may put its end off.
    if (config.messageTimeoutMs > 0 && this.#closing === undefined) this.#beginPhase(config.messageTimeoutMs);
  }

  #messagePiece(bytes: Uint8Array, start: number, end: number, isAscii: boolean, last: boolean): boolean {
    const assembler = this.#assembler!;
    if (assembler.isCompressed) return this.#compressedPiece(assembler, bytes, start, end, last);
    if (!assembler.checkText(bytes, start, end, isAscii)) return this.#fail("INVALID_UTF8");
    if (last && !assembler.isTextComplete) return this.#fail("INVALID_UTF8");
    if (this.config.streaming) return this.#handOutPiece(assembler, bytes, start, end, last);
    assembler.append(bytes, start, end);
    if (last) this.#handOutMessage(assembler, assembler.concat(), assembler.isAscii);
    return this.#goesOn();
  }

  #compressedPiece(
    assembler: MessageAssembler,
    bytes: Uint8Array,
    start: number,
    end: number,
    last: boolean,
  ): boolean {
    const { config } = this;
    const inPieces = config.streaming && this.#deflate!.canInflatePieces;
    let deflated = bytes.subarray(start, end);
    if (!inPieces) {
      assembler.append(bytes, start, end);
      if (!last) return this.#goesOn();
      deflated = assembler.concat();
    }
    const room = config.maxMessageBytes - assembler.inflatedBytes;
    const inflated = this.#deflate!.decompress(deflated, last, room);
    if (typeof inflated === "string") return this.#failToInflate(inflated);
    assembler.inflatedBytes += inflated.length;
    if (!assembler.checkText(inflated, 0, inflated.length, false)) return this.#fail("INVALID_UTF8");
    if (last && !assembler.isTextComplete) return this.#fail("INVALID_UTF8");
    if (config.streaming) return this.#handOutPiece(assembler, inflated, 0, inflated.length, last);
    this.#handOutMessage(assembler, inflated, false);
    return this.#goesOn();
  }

  #handOutPiece(a: MessageAssembler, bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    if (last) this.#endMessage();
    if (last || end > start) this.config.handler.messageChunk(this.owner, a.opcode, bytes, start, end, last);
    return this.#goesOn();
  }

  #handOutMessage(assembler: MessageAssembler, bytes: Uint8Array, isAscii: boolean): void {
    this.#endMessage();
    this.config.handler.message(this.owner, assembler.opcode, bytes, 0, bytes.length, isAscii);
  }

  #endMessage(): void {
    this.#assembler = undefined;
    // While closing, the phase is that of the closing handshake.
    if (this.#closing === undefined) this.#liveness.endPhase();
  }

  #controlHeader(firstByte: number, opcode: number, payloadLength: number): boolean {
    if (opcode > Opcode.pong) return this.#fail("RESERVED_OPCODE", firstByte);
    if (payloadLength > MAX_CONTROL_BYTES) return this.#fail("CONTROL_FRAME_TOO_LONG", payloadLength);
    if ((firstByte & FIN_BIT) === 0) return this.#fail("FRAGMENTED_CONTROL_FRAME");
    return true;
  }

  #controlPayload(opcode: number, bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    if (last && this.#control === undefined) {
      this.#controlFrame(opcode, bytes, start, end);
      return this.#goesOn();
    }
    const control = (this.#control ??= new ControlAssembler());
    control.append(bytes, start, end);
    if (!last) return true;
    this.#control = undefined;
    this.#controlFrame(opcode, control.bytes, 0, control.length);
    return this.#goesOn();
  }

  #controlFrame(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    if (opcode === Opcode.ping) {
      const isAnswered = this.config.handler.ping(this.owner, bytes, start, end);
      // Until the peer's close frame is there, pings are to be answered (§5.5.2), behind our own close frame, too.
      if (isAnswered && !this.#isDiscarding())
        writeFrame(this.config, this.owner, FIN_BIT | Opcode.pong, bytes.subarray(start, end));
    } else if (opcode === Opcode.pong) {
      this.#receivePong(bytes, start, end);
    } else {
      this.#receiveClose(bytes, start, end);
    }
  }

  #receivePong(bytes: Uint8Array, start: number, end: number): void {
    const nowMs = this.config.host.nowMs();
    const roundTripMs = this.#pings?.answer(bytes, start, end, nowMs);
    if (roundTripMs !== undefined && this.isOpen) this.#moveDeadline(() => this.#liveness.ponged(nowMs));
    this.config.handler.pong(this.owner, bytes, start, end, roundTripMs);
  }

  #receiveClose(bytes: Uint8Array, start: number, end: number): void {
    const received = readClosePayload(bytes, start, end, this.config.host, this.config.checksText);
    if (received instanceof ProtocolError) {
      this.fail(received);
      return;
    }
    const closing = (this.#closing ??= new ClosingHandshake("remote"));
    closing.received = received;
    this.#beginClosePhase();
    // The answer carries the code that came (§5.5.1); a frame without one is answered by a frame without one.
    if (closing.sent === undefined) {
      this.#writeClose(
        closing,
        this.config.repeatsCloseReason ? received : { code: received.code, reason: "" },
      );
    }
    this.config.handler.closing(this.owner, received);
    // The server ends TCP first, so that it, and not the client, holds TIME_WAIT (§7.1.1).
    if (this.config.role === "server") this.config.handler.disconnect(this.owner, "end");
  }

  #isDiscarding(): boolean {
    return this.#closing?.isDiscarding === true;
  }

  #goesOn(): boolean {
    return !this.#isPaused && !this.#isDiscarding();
  }

  // --- Sending -------------------------------------------------------------------------------------------------

  /**
   * Sends a message as one frame. Does nothing once closing began.
   * @param compress whether to compress it where permessage-deflate is in use; by default if it is large enough.
   * @throws UsageError `MESSAGE_IN_PROGRESS` while a message that was begun is not finished (RFC 6455 §5.4);
   * `INVALID_PAYLOAD` for anything but a string or a Uint8Array.
   */
  send(data: string | Uint8Array, opcode: MessageOpcode, compress?: boolean): void {
    if (this.#closing !== undefined) return;
    if (this.#outgoing !== undefined) throw messageInProgress();
    if (this.#deflate !== undefined && compress !== false) {
      const length = typeof data === "string" ? data.length : checkBytes(data).length;
      if (compress === true || length >= this.config.compressFromBytes) {
        const payload = this.#deflate.compressMessage(data);
        writeFrame(this.config, this.owner, FIN_BIT | RSV1_BIT | opcode, payload);
        return;
      }
    }
    if (typeof data === "string") writeTextFrame(this.config, this.owner, FIN_BIT | opcode, data);
    else writeFrame(this.config, this.owner, FIN_BIT | opcode, checkBytes(data));
  }

  /** Sends a prepared message: a server writes the bytes that are shared by all connections. */
  sendPrepared(message: PreparedMessage): void {
    if (this.#closing !== undefined) return;
    if (this.#outgoing !== undefined) throw messageInProgress();
    if (this.config.role === "client") {
      this.send(message.payload, message.opcode, message.compress);
      return;
    }
    let frame = message.frame;
    const deflate = this.#deflate;
    if (
      deflate !== undefined &&
      (message.compress ?? message.payload.length >= this.config.compressFromBytes)
    ) {
      frame = message.compressedFrame(deflate.sendWindowBits);
      deflate.forgetSent();
    }
    writeReadyFrame(this.config, this.owner, frame);
  }

  /**
   * Begins a message whose length is not known, or that is too large to be whole in memory. Pieces follow with
   * {@link continueMessage}; until it is finished, no other message can be sent (RFC 6455 §5.4), but pings,
   * pongs and close frames go out between the pieces.
   */
  beginMessage(opcode: MessageOpcode, compress?: boolean): void {
    if (this.#closing !== undefined) return;
    if (this.#outgoing !== undefined) throw messageInProgress();
    this.#outgoing = new OutgoingMessage(opcode, compress === false ? undefined : this.#deflate);
  }

  /** Sends the next piece of the message that was begun, as one fragment; `last` finishes it. */
  continueMessage(piece: string | Uint8Array, last: boolean): void {
    if (this.#closing !== undefined) return;
    const message = this.#outgoing;
    if (message === undefined) throw new UsageError("MESSAGE_IN_PROGRESS", "no message was begun");
    const { firstByte, payload } = message.next(piece, last, this.config.host);
    if (last) this.#outgoing = undefined;
    writeFrame(this.config, this.owner, firstByte, payload);
  }

  /**
   * Sends a ping (RFC 6455 §5.5.2). `done` is called with the round-trip time in ms when its pong, or that of a
   * later ping, arrives, and with undefined if the connection ends before.
   * @throws UsageError `CONTROL_PAYLOAD_TOO_LONG` above 125 bytes.
   */
  ping(payload?: Uint8Array, done?: PingDone): void {
    if (payload !== undefined) checkControl(payload);
    if (this.#closing !== undefined) {
      done?.(undefined);
      return;
    }
    const bytes = payload === undefined ? new Uint8Array(4) : new Uint8Array(payload);
    // Unpredictable, so that a peer cannot look alive by answering ahead.
    if (payload === undefined) writeMaskKey(this.config.host.randomMask(), bytes, 0);
    this.#pings ??= new PingLedger();
    this.#pings.add(bytes, this.config.host.nowMs(), done);
    writeFrame(this.config, this.owner, FIN_BIT | Opcode.ping, bytes);
  }

  /**
   * Sends a pong that nobody asked for (RFC 6455 §5.5.3).
   * @throws UsageError `CONTROL_PAYLOAD_TOO_LONG` above 125 bytes.
   */
  pong(payload: Uint8Array = NO_BYTES): void {
    checkControl(payload);
    if (this.#closing === undefined) writeFrame(this.config, this.owner, FIN_BIT | Opcode.pong, payload);
  }

  /**
   * Begins the closing handshake (RFC 6455 §7.1.2). Without a code the frame is empty, and the peer reports 1005.
   * Does nothing if closing began already.
   * @throws UsageError `CLOSE_CODE_NOT_ALLOWED`, `CLOSE_REASON_TOO_LONG`.
   */
  close(code?: number, reason = ""): void {
    checkClose(code, reason, this.config.role, this.config.host);
    this.#close(code ?? CloseCode.noStatus, reason, undefined);
  }

  /** Drops the connection without a closing handshake; the peer reports 1006. */
  terminate(error?: HawserError): void {
    const closing = (this.#closing ??= new ClosingHandshake("local"));
    if (closing.received === undefined || closing.sent === undefined) {
      closing.error ??=
        error ?? new ConnectionError("TERMINATED", "the connection was terminated on this side");
    }
    closing.isFailed = true;
    this.#liveness.stopKeepalive();
    this.#liveness.endPhase();
    this.config.handler.disconnect(this.owner, "destroy");
  }

  /** Fails the connection for what the peer did: a close frame with `error.closeCode`, then TCP is ended (§7.1.7). */
  fail(error: ProtocolError): void {
    const closing = (this.#closing ??= new ClosingHandshake("local"));
    if (closing.isDiscarding) return;
    closing.error ??= error;
    closing.isFailed = true;
    this.#assembler = undefined;
    if (closing.sent === undefined) {
      const { host, explainsFailures } = this.config;
      const reason = explainsFailures && isReasonShortEnough(error.message, host) ? error.message : "";
      this.#writeClose(closing, { code: error.closeCode, reason });
    }
    this.#beginClosePhase();
    this.config.handler.failed?.(this.owner, error);
    this.config.handler.disconnect(this.owner, "end");
  }

  #close(code: number, reason: string, error: HawserError | undefined): void {
    if (this.#closing !== undefined) return;
    this.#closing = new ClosingHandshake("local");
    this.#closing.error = error;
    this.#writeClose(this.#closing, { code, reason });
    this.#beginClosePhase();
  }

  #writeClose(closing: ClosingHandshake, frame: CloseFrame): void {
    closing.sent = frame;
    writeFrame(this.config, this.owner, FIN_BIT | Opcode.close, writeClosePayload(frame, this.config.host));
  }

  // --- Time ----------------------------------------------------------------------------------------------------

  /** The time is `nowMs`, on the clock of `host.nowMs`: does what is due. Call it at {@link deadlineMs}. */
  handleTimeout(nowMs: number): void {
    if (this.#isPaused) this.#liveness.heard();
    for (let action = this.#liveness.due(nowMs); action !== undefined; action = this.#liveness.due(nowMs)) {
      switch (action) {
        case "ping":
          this.ping();
          break;
        case "pong-timeout":
          this.#liveness.stopKeepalive();
          this.terminate(lost("PONG_TIMEOUT", `no pong within ${this.config.pongTimeoutMs} ms`));
          break;
        case "idle-timeout":
          this.#liveness.stopKeepalive();
          this.#close(
            CloseCode.goingAway,
            "idle timeout",
            lost("IDLE_TIMEOUT", `nothing received for ${this.config.idleTimeoutMs} ms`),
          );
          break;
        case "lifetime-end":
          this.#close(CloseCode.goingAway, "maximum lifetime reached", undefined);
          break;
        case "phase-timeout":
          this.#phaseTimeout();
          break;
      }
    }
  }

  #phaseTimeout(): void {
    const closing = this.#closing;
    if (closing !== undefined) {
      this.terminate(
        lost("CLOSE_TIMEOUT", `no end of the closing handshake in ${this.config.closeTimeoutMs} ms`),
      );
      return;
    }
    const error = lost("MESSAGE_TIMEOUT", `a message not complete after ${this.config.messageTimeoutMs} ms`);
    this.#close(CloseCode.policyViolation, "message timeout", error);
    this.#closing!.isFailed = true;
    this.config.handler.disconnect(this.owner, "end");
  }

  #beginClosePhase(): void {
    this.#liveness.stopKeepalive();
    this.#beginPhase(this.config.closeTimeoutMs);
  }

  #beginPhase(timeoutMs: number): void {
    this.#moveDeadline(() => this.#liveness.beginPhase(this.config.host.nowMs(), timeoutMs));
  }

  #moveDeadline(move: () => void): void {
    const before = this.#liveness.deadlineMs;
    move();
    if (this.#liveness.deadlineMs < before) this.config.handler.deadlineChanged(this.owner);
  }

  #failToInflate(why: InflateFailure): false {
    return this.#fail(why === "too-big" ? "MESSAGE_TOO_BIG" : "INVALID_COMPRESSED_DATA");
  }

  #fail(code: ProtocolErrorCode, detail?: number): false {
    this.fail(violation(code, detail));
    return false;
  }
}

function checkControl(payload: Uint8Array): void {
  if (checkBytes(payload).length <= MAX_CONTROL_BYTES) return;
  throw new UsageError(
    "CONTROL_PAYLOAD_TOO_LONG",
    "a ping or pong may have 125 bytes at most (RFC 6455 §5.5)",
  );
}

function lost(code: ConnectionErrorCode, message: string): ConnectionError {
  return new ConnectionError(code, message);
}

function messageOf(cause: unknown): string {
  return cause instanceof HawserError || cause instanceof Error ? cause.message : String(cause);
}
