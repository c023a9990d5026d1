import { ControlAssembler } from "./control-assembler.js";
import type { InflateFailure } from "./engine-host.js";
import type { PermessageDeflate } from "./extensions/permessage-deflate.js";
import { FrameParser, type FrameSink, type LengthProblem } from "./frame-parser.js";
import { writeFrame } from "./frame-writer.js";
import { applyMask, NON_ASCII_BITS, readMaskKey } from "./mask.js";
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
import { SendingEngine } from "./sending-engine.js";

/** Parsers between two frames, which hold nothing and can be anybody's. */
const spareParsers: FrameParser[] = [];
const MAX_SPARE_PARSERS = 64;

/**
 * The WebSocket protocol after the opening handshake, without I/O (RFC 6455 §5-§7, RFC 7692): bytes in, calls of
 * the handler out. It reads no clock but `host.nowMs` and has no timer: call {@link handleTimeout} at
 * {@link deadlineMs}. Bytes from the peer never make it throw: what breaks a rule fails the connection with the
 * right close code. Only wrong arguments of the local caller throw, as {@link UsageError}.
 */
export class Engine<Owner> extends SendingEngine<Owner> implements FrameSink {
  /** Only while a frame is not complete: most of the time most connections are between two. */
  #parser: FrameParser | undefined = undefined;
  #firstByte = 0;
  #frameLength = 0;
  #control: ControlAssembler | undefined = undefined;
  #assembler: MessageAssembler | undefined = undefined;
  /** How many frames began in the latest call of {@link receive}. */
  #receivedFrames = 0;

  /** Whether there is anything that {@link heldBytes} would count: cheap, to be asked after each chunk. */
  get isHolding(): boolean {
    return this.#assembler !== undefined || this.deflate !== undefined;
  }

  /** How much memory is kept for the peer: of a message that is not complete, and by permessage-deflate between two. */
  get heldBytes(): number {
    return (this.#assembler?.heldBytes ?? 0) + (this.deflate?.heldBytes ?? 0);
  }

  /** How many frames began in the latest call of {@link receive}: for limits on their rate. */
  get receivedFrames(): number {
    return this.#receivedFrames;
  }

  // --- Receiving -----------------------------------------------------------------------------------------------

  /**
   * Takes `chunk[position, end)`, bytes from the peer, which are unmasked in place. What is kept of them is copied, so
   * that the chunk may be read into again when this returns. Returns how far it came: less than `end` only when
   * {@link pause} was called meanwhile; give it the rest after {@link resume}. Not to be called from the handler, which
   * may be in the middle of a chunk: what comes then has to wait.
   */
  receive(chunk: Uint8Array, position = 0, end: number = chunk.length): number {
    this.liveness.heard();
    this.#receivedFrames = 0;
    if (this.isDiscarding()) return end;
    if (this.isPaused) return position;
    let at = position;
    if (this.#parser === undefined) {
      at = this.#receiveWholeMessages(chunk, position, end);
      if (at === end || this.isPaused) return at;
      if (this.isDiscarding()) return end;
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
    return this.isDiscarding() ? end : stoppedAt;
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
      if (opcode > RSV1_BIT && this.deflate !== undefined) {
        opcode ^= RSV1_BIT;
        deflate = this.deflate;
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
          this.failFor("INVALID_UTF8");
          break;
        }
        handler.message(this.owner, opcode, bytes, start, until, isAscii, false);
      }
      if (this.isPaused || !this.isOpen) break;
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
      return this.failFor("INVALID_UTF8");
    config.handler.message(this.owner, opcode, inflated, 0, length, isAscii, deflate.isOutputFresh);
    return true;
  }

  /** @internal */
  protected override dropIncomingMessage(): void {
    this.#assembler = undefined;
  }

  /** Part of {@link FrameSink}. */
  frameLengthInvalid(code: LengthProblem): void {
    this.failFor(code);
  }

  /** Part of {@link FrameSink}. Judges a frame by its header, before its payload is waited for. */
  frameHeader(firstByte: number, masked: boolean, payloadLength: number): boolean {
    const { config } = this;
    this.#receivedFrames++;
    const opcode = firstByte & OPCODE_BITS;
    const trace = config.trace;
    if (trace?.isEnabled) trace.frame(this.owner, "received", firstByte, masked, payloadLength);

    if (masked !== (config.role === "server")) {
      return masked ? this.failFor("MASKED_FRAME") : this.failFor("UNMASKED_FRAME");
    }
    const reserved = firstByte & RSV_BITS;
    if (reserved !== 0) {
      const isCompressed = reserved === RSV1_BIT && (opcode === Opcode.text || opcode === Opcode.binary);
      if (!isCompressed || this.deflate === undefined) {
        return this.failFor("RESERVED_BITS", firstByte);
      }
    }
    this.#firstByte = firstByte;
    this.#frameLength = payloadLength;
    if (opcode >= Opcode.close) return this.#controlHeader(firstByte, opcode, payloadLength);
    if (opcode > Opcode.binary) return this.failFor("RESERVED_OPCODE", firstByte);

    const assembler = this.#assembler;
    if (opcode === Opcode.continuation) {
      if (assembler === undefined) {
        return this.failFor("UNEXPECTED_CONTINUATION", firstByte);
      }
    } else if (assembler !== undefined) {
      return this.failFor("EXPECTED_CONTINUATION", firstByte);
    }
    const announcedBytes = (assembler?.announcedBytes ?? 0) + payloadLength;
    if (announcedBytes > config.maxMessageBytes) return this.failFor("MESSAGE_TOO_BIG");
    if (payloadLength > config.maxFrameBytes) return this.failFor("FRAME_TOO_BIG");
    if (assembler === undefined) return true;
    assembler.addFrame(payloadLength, (firstByte & FIN_BIT) !== 0);
    if (assembler.overheadBytes > config.maxFragmentOverheadBytes) {
      return this.failFor("TOO_MANY_FRAGMENTS");
    }
    return true;
  }

  /** Part of {@link FrameSink}. */
  framePayload(bytes: Uint8Array, start: number, end: number, isAscii: boolean, last: boolean): boolean {
    const opcode = this.#firstByte & OPCODE_BITS;
    if (opcode >= Opcode.close) return this.#controlPayload(opcode, bytes, start, end, last);

    const { config } = this;
    if (this.#assembler === undefined) {
      const isWhole = last && (this.#firstByte & (FIN_BIT | RSV1_BIT)) === FIN_BIT;
      if (isWhole && !config.streaming) {
        if (opcode === Opcode.text && !isAscii && config.checksText && !config.host.isUtf8(bytes, start, end))
          return this.failFor("INVALID_UTF8");
        config.handler.message(this.owner, opcode as MessageOpcode, bytes, start, end, isAscii, false);
        return this.goesOn();
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
    if (config.messageTimeoutMs > 0 && this.isOpen) this.beginPhase(config.messageTimeoutMs);
  }

  #messagePiece(bytes: Uint8Array, start: number, end: number, isAscii: boolean, last: boolean): boolean {
    const assembler = this.#assembler!;
    if (assembler.isCompressed) return this.#compressedPiece(assembler, bytes, start, end, last);
    if (!assembler.checkText(bytes, start, end, isAscii)) return this.failFor("INVALID_UTF8");
    if (last && !assembler.isTextComplete) return this.failFor("INVALID_UTF8");
    if (this.config.streaming) return this.#handOutPiece(assembler, bytes, start, end, last, false);
    assembler.append(bytes, start, end);
    if (last) this.#handOutMessage(assembler, assembler.concat(), assembler.isAscii, true);
    return this.goesOn();
  }

  #compressedPiece(
    assembler: MessageAssembler,
    bytes: Uint8Array,
    start: number,
    end: number,
    last: boolean,
  ): boolean {
    const { config } = this;
    const inPieces = config.streaming && this.deflate!.canInflatePieces;
    let deflated = bytes.subarray(start, end);
    if (!inPieces) {
      assembler.append(bytes, start, end);
      if (!last) return this.goesOn();
      deflated = assembler.concat();
    }
    const room = config.maxMessageBytes - assembler.inflatedBytes;
    const inflated = this.deflate!.decompress(deflated, last, room);
    const isFresh = this.deflate!.isOutputFresh;
    if (typeof inflated === "string") return this.#failToInflate(inflated);
    assembler.inflatedBytes += inflated.length;
    if (!assembler.checkText(inflated, 0, inflated.length, false)) return this.failFor("INVALID_UTF8");
    if (last && !assembler.isTextComplete) return this.failFor("INVALID_UTF8");
    if (config.streaming) return this.#handOutPiece(assembler, inflated, 0, inflated.length, last, isFresh);
    this.#handOutMessage(assembler, inflated, false, isFresh);
    return this.goesOn();
  }

  #handOutPiece(
    { opcode }: MessageAssembler,
    bytes: Uint8Array,
    start: number,
    end: number,
    last: boolean,
    isFresh: boolean,
  ): boolean {
    if (last) this.#endMessage();
    if (last || end > start)
      this.config.handler.messageChunk(this.owner, opcode, bytes, start, end, last, isFresh);
    return this.goesOn();
  }

  #handOutMessage({ opcode }: MessageAssembler, bytes: Uint8Array, isAscii: boolean, isFresh: boolean): void {
    this.#endMessage();
    this.config.handler.message(this.owner, opcode, bytes, 0, bytes.length, isAscii, isFresh);
  }

  #endMessage(): void {
    this.#assembler = undefined;
    // While closing, the phase is that of the closing handshake.
    if (this.isOpen) this.liveness.endPhase();
  }

  #controlHeader(firstByte: number, opcode: number, payloadLength: number): boolean {
    if (opcode > Opcode.pong) return this.failFor("RESERVED_OPCODE", firstByte);
    if (payloadLength > MAX_CONTROL_BYTES) return this.failFor("CONTROL_FRAME_TOO_LONG", payloadLength);
    if ((firstByte & FIN_BIT) === 0) return this.failFor("FRAGMENTED_CONTROL_FRAME");
    return true;
  }

  #controlPayload(opcode: number, bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    if (last && this.#control === undefined) {
      this.#controlFrame(opcode, bytes, start, end);
      return this.goesOn();
    }
    const control = (this.#control ??= new ControlAssembler());
    control.append(bytes, start, end);
    if (!last) return true;
    this.#control = undefined;
    this.#controlFrame(opcode, control.bytes, 0, control.length);
    return this.goesOn();
  }

  #controlFrame(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    if (opcode === Opcode.ping) {
      const isAnswered = this.config.handler.ping(this.owner, bytes, start, end);
      // Until the peer's close frame is there, pings are to be answered (§5.5.2), behind our own close frame, too.
      if (isAnswered && !this.isDiscarding())
        writeFrame(this.config, this.owner, FIN_BIT | Opcode.pong, bytes.subarray(start, end));
    } else if (opcode === Opcode.pong) {
      this.#receivePong(bytes, start, end);
    } else {
      this.receiveClose(bytes, start, end);
    }
  }

  #receivePong(bytes: Uint8Array, start: number, end: number): void {
    const nowMs = this.config.host.nowMs();
    const roundTripMs = this.pings?.answer(bytes, start, end, nowMs);
    if (roundTripMs !== undefined && this.isOpen) this.moveDeadline(() => this.liveness.ponged(nowMs));
    this.config.handler.pong(this.owner, bytes, start, end, roundTripMs);
  }

  #failToInflate(why: InflateFailure): false {
    return this.failFor(why === "too-big" ? "MESSAGE_TOO_BIG" : "INVALID_COMPRESSED_DATA");
  }
}
