import type { EngineHost } from "./engine-host.js";
import { frameHeaderLength, writeFrameHeader } from "./frame-header.js";
import { checkBytes } from "./frame-writer.js";
import { FIN_BIT, type MessageOpcode, Opcode, RSV1_BIT } from "./opcode.js";

/**
 * A message encoded once to be sent to many: the same bytes are written to every peer. A server's frame is made
 * here; a client masks each copy (RFC 6455 §5.3), and saves only the encoding. Where peers negotiated
 * permessage-deflate it is compressed once for each window size in use, referring to nothing before it.
 */
export class PreparedMessage {
  readonly opcode: MessageOpcode;
  /** The payload, not compressed. */
  readonly payload: Uint8Array;
  /** Whether it may be compressed; undefined leaves that to the threshold of the connection. */
  readonly compress: boolean | undefined;
  /** The frame a server sends, not compressed. */
  readonly frame: Uint8Array;
  readonly #host: EngineHost;
  #compressed: Map<number, Uint8Array> | undefined = undefined;

  /**
   * Bytes are copied: what becomes of `data` afterwards does not matter.
   * @throws UsageError `INVALID_PAYLOAD` for anything but a string or a Uint8Array.
   */
  constructor(
    data: string | Uint8Array,
    host: EngineHost,
    options: { readonly binary?: boolean | undefined; readonly compress?: boolean | undefined } = {},
  ) {
    const isText = options.binary === undefined ? typeof data === "string" : !options.binary;
    this.opcode = isText ? Opcode.text : Opcode.binary;
    this.compress = options.compress;
    this.#host = host;
    const length = typeof data === "string" ? host.utf8ByteLength(data) : checkBytes(data).length;
    const headerLength = frameHeaderLength(length, false);
    this.frame = host.allocate(headerLength + length);
    writeFrameHeader(this.frame, 0, FIN_BIT | this.opcode, length, false);
    if (typeof data === "string") host.utf8Write(data, this.frame, headerLength);
    else this.frame.set(data, headerLength);
    this.payload = this.frame.subarray(headerLength);
  }

  /** The frame a server sends where permessage-deflate is in use with this window (RFC 7692 §7.2.1). */
  compressedFrame(windowBits: number): Uint8Array {
    this.#compressed ??= new Map();
    let frame = this.#compressed.get(windowBits);
    if (frame === undefined) {
      frame = this.#compressFrame(windowBits);
      this.#compressed.set(windowBits, frame);
    }
    return frame;
  }

  #compressFrame(windowBits: number): Uint8Array {
    const context = this.#host.createDeflate!(windowBits);
    const deflated = context.deflate(this.payload);
    context.dispose();
    const length = deflated.length - 4; // without the tail of the flush
    const headerLength = frameHeaderLength(length, false);
    const frame = this.#host.allocate(headerLength + length);
    writeFrameHeader(frame, 0, FIN_BIT | RSV1_BIT | this.opcode, length, false);
    frame.set(deflated.subarray(0, length), headerLength);
    return frame;
  }
}
