import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { isUint8Array } from "node:util/types";
import { nextTick } from "../../node/next-tick.js";
import { isCloseCodeAllowed } from "../../protocol/close-code.js";
import { PermessageDeflate as DeflateCodec } from "../../protocol/extensions/permessage-deflate.js";
import { checkBytes } from "../../protocol/frame-writer.js";
import { FIN_BIT, MAX_CONTROL_BYTES, Opcode, RSV1_BIT } from "../../protocol/opcode.js";
import { type FrameOptions, frame } from "./frame.js";
import type { Link } from "./link.js";
import { deflateHost, deflateParameters, type PerMessageDeflate } from "./per-message-deflate.js";
import type { SentCallback } from "./sent-callback.js";
import { isBlob, toBuffer } from "./to-buffer.js";

/** The extensions of a connection, by name. */
export type NegotiatedExtensions = Record<string, PerMessageDeflate>;

/** How a message, or a fragment of one, is sent. */
export interface SendOptions {
  /** Binary or text. Default for a `WebSocket`: strings are text, all else is binary. */
  binary?: boolean | undefined;
  /** Whether to compress it, where permessage-deflate was agreed on. Default for a `WebSocket`: true. */
  compress?: boolean | undefined;
  /** Whether it is the last fragment of its message. Default for a `WebSocket`: true. */
  fin?: boolean | undefined;
  /** Whether to mask it. Default for a `WebSocket`: as RFC 6455 demands, true for a client. */
  mask?: boolean | undefined;
}

/** What is sent once a Blob before it was read. */
interface Waiting {
  start(): void;
  readonly callback: SentCallback | undefined;
}

/** The sending half of a connection, as `ws` exports it. */
export class Sender {
  /** @internal The names with an underscore are those of `ws`, for programs that look inside. */
  readonly _socket: Duplex;
  /** @internal */
  readonly _extensions: NegotiatedExtensions;
  /** @internal Payload that waits for a Blob to be read. */
  _bufferedBytes = 0;
  /** @internal */
  _firstFragment = true;
  /** @internal */
  _compress = false;
  /** Called when something could not be read that was to be sent. */
  onerror: (error: Error) => void = () => {};
  readonly #generateMask: ((mask: Buffer) => void) | undefined;
  readonly #link: Link | undefined;
  #codec: DeflateCodec | undefined = undefined;
  /** While a Blob is read, all that follows waits behind it. */
  #waiting: Waiting[] | undefined = undefined;

  /**
   * @param socket what frames are written to.
   * @param extensions what was agreed on.
   * @param generateMask chooses masking keys. Default: random bytes of the system.
   */
  constructor(socket: Duplex, extensions?: NegotiatedExtensions, generateMask?: (mask: Buffer) => void);
  /** @internal With the link of a `WebSocket`: what it sends in one turn leaves in one write. */
  constructor(
    socket: Duplex,
    extensions: NegotiatedExtensions,
    generateMask: ((mask: Buffer) => void) | undefined,
    link: Link,
  );
  constructor(
    socket: Duplex,
    extensions: NegotiatedExtensions = {},
    generateMask?: (mask: Buffer) => void,
    link?: Link,
  ) {
    this._socket = socket;
    this._extensions = extensions;
    this.#generateMask = generateMask;
    this.#link = link;
  }

  /** Builds a frame without sending it: pieces to be given to {@link sendFrame}, any number of times. */
  static frame(data: string | Buffer, options: FrameOptions): Buffer[] {
    return frame(data, options);
  }

  /** Sends frames that are complete already. */
  sendFrame(pieces: readonly (string | Buffer)[], callback?: SentCallback): void {
    if (this.#link !== undefined) {
      this.#link.sendFrames(pieces, callback);
      return;
    }
    const socket = this._socket;
    socket.cork();
    pieces.forEach((piece, index) => {
      const isLast = index === pieces.length - 1;
      socket.write(piece, isLast ? (callback as (error?: Error | null) => void) : undefined);
    });
    socket.uncork();
  }

  /**
   * Sends a message, or a fragment of one.
   * @throws TypeError for what has no bytes.
   */
  send(data: unknown, options: SendOptions, callback?: SentCallback): void {
    if (this.#waiting !== undefined || isBlob(data)) {
      this.#sendLater(data, (bytes) => this.#sendNow(bytes, options, callback), callback);
    } else {
      this.#sendNow(typeof data === "string" ? data : toBuffer(data), options, callback);
    }
  }

  /** Sends a ping. @throws RangeError above 125 bytes. */
  ping(data: unknown, mask: boolean, callback?: SentCallback): void {
    this.#sendControl(Opcode.ping, data, mask, callback);
  }

  /** Sends a pong. @throws RangeError above 125 bytes. */
  pong(data: unknown, mask: boolean, callback?: SentCallback): void {
    this.#sendControl(Opcode.pong, data, mask, callback);
  }

  /**
   * Sends a close frame.
   * @throws TypeError for a code that may not be sent, RangeError for a reason above 123 bytes.
   */
  close(
    code: number | undefined,
    data: string | Buffer | undefined,
    mask: boolean,
    callback?: SentCallback,
  ): void {
    const reason = checkClose(code, data, this.#link?.config.role === "server");
    const close = (): void => {
      if (this.#link !== undefined) {
        this.#link.close(code === undefined ? code : Math.trunc(code), reason);
        callback?.();
        return;
      }
      const payload = Buffer.alloc(code === undefined ? 0 : 2 + Buffer.byteLength(reason));
      if (code !== undefined) {
        payload.writeUInt16BE(code);
        payload.write(reason, 2);
      }
      this.#frame(FIN_BIT | Opcode.close, payload, mask, callback);
    };
    if (this.#waiting === undefined) close();
    else this.#waiting.push({ start: close, callback: undefined });
  }

  /** @internal Frees the compressor. */
  dispose(): void {
    this.#codec?.dispose();
    this.#codec = undefined;
  }

  #sendNow(data: string | Buffer, options: SendOptions, callback: SentCallback | undefined): void {
    const deflate = this._extensions["permessage-deflate"];
    const isFirst = this._firstFragment;
    if (isFirst)
      this._compress =
        options.compress === true && deflate !== undefined && isWorthCompressing(deflate, data);
    this._firstFragment = options.fin === true;
    const isCompressed = this._compress;
    let firstByte: number = isFirst ? (options.binary === true ? Opcode.binary : Opcode.text) : 0;
    if (options.fin === true) firstByte |= FIN_BIT;
    let payload: string | Uint8Array = data;
    if (isCompressed && deflate !== undefined) {
      if (isFirst) firstByte |= RSV1_BIT;
      payload = this.#compress(deflate, data, isFirst, options.fin === true);
    }
    this.#frame(firstByte, payload, options.mask === true, callback);
  }

  #sendControl(opcode: number, data: unknown, mask: boolean, callback: SentCallback | undefined): void {
    const bytes = typeof data === "string" || isBlob(data) ? data : toBuffer(data);
    if (byteLengthOf(bytes) > MAX_CONTROL_BYTES)
      throw new RangeError("The data size must not be greater than 125 bytes");
    const send = (payload: string | Buffer): void => this.#frame(FIN_BIT | opcode, payload, mask, callback);
    if (this.#waiting !== undefined || isBlob(bytes)) this.#sendLater(bytes, send, callback);
    else send(bytes);
  }

  #frame(
    firstByte: number,
    payload: string | Uint8Array,
    mask: boolean,
    callback: SentCallback | undefined,
  ): void {
    const link = this.#link;
    if (link !== undefined && mask === (link.config.role === "client")) {
      link.send(firstByte, payload, callback);
      return;
    }
    const data = typeof payload === "string" ? payload : toBuffer(payload);
    this.sendFrame(
      frame(data, {
        opcode: firstByte & 0x0f,
        fin: (firstByte & FIN_BIT) !== 0,
        rsv1: (firstByte & RSV1_BIT) !== 0,
        mask,
        readOnly: true,
        generateMask: this.#generateMask,
      }),
      callback,
    );
  }

  #compress(
    deflate: PerMessageDeflate,
    data: string | Buffer,
    isFirst: boolean,
    isLast: boolean,
  ): Uint8Array {
    this.#codec ??= new DeflateCodec(
      deflateParameters(deflate.params ?? {}),
      deflate._isServer ? "server" : "client",
      deflateHost(deflate._options),
    );
    return this.#codec.compress(typeof data === "string" ? Buffer.from(data) : data, isFirst, isLast);
  }

  /** Behind what waits already; `send` is called with the bytes of a Blob once they are there. */
  #sendLater(
    data: unknown,
    send: (bytes: string | Buffer) => void,
    callback: SentCallback | undefined,
  ): void {
    const byteLength = byteLengthOf(typeof data === "string" || isBlob(data) ? data : toBuffer(data));
    this._bufferedBytes += byteLength;
    const start = (): void => {
      if (!isBlob(data)) {
        this._bufferedBytes -= byteLength;
        send(typeof data === "string" ? data : toBuffer(data));
        return;
      }
      this.#waiting ??= [];
      data.arrayBuffer().then(
        (bytes) => this.#read(Buffer.from(bytes), byteLength, send, callback),
        (error: Error) =>
          nextTick(() => {
            this.#giveUp(error, callback);
            this.onerror(error);
          }),
      );
    };
    if (this.#waiting === undefined) start();
    else this.#waiting.push({ start, callback });
  }

  #read(
    bytes: Buffer,
    byteLength: number,
    send: (bytes: Buffer) => void,
    callback: SentCallback | undefined,
  ): void {
    // Out of the promise, so that what a callback throws is an uncaught exception and no rejection.
    nextTick(() => {
      if (this._socket.destroyed) {
        this.#giveUp(new Error("The socket was closed while the blob was being read"), callback);
        return;
      }
      this._bufferedBytes -= byteLength;
      send(bytes);
      this.#runWaiting();
    });
  }

  /** Nor is anything sent of what waits behind it. */
  #giveUp(error: Error, callback: SentCallback | undefined): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    callback?.(error);
    for (const one of waiting) one.callback?.(error);
  }

  #runWaiting(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    while (waiting.length > 0) {
      waiting.shift()?.start();
      // A Blob again: what is left waits behind it.
      const reading = this.#waiting as Waiting[] | undefined;
      if (reading !== undefined) {
        reading.push(...waiting);
        return;
      }
    }
  }
}

/** Where each message is compressed on its own, short ones gain nothing. */
function isWorthCompressing(deflate: PerMessageDeflate, data: string | Buffer): boolean {
  const { params, _isServer: isServer, _threshold: threshold } = deflate;
  const isAlone = isServer ? params?.server_no_context_takeover : params?.client_no_context_takeover;
  return isAlone !== true || byteLengthOf(data) >= threshold;
}

function byteLengthOf(data: string | Uint8Array | Blob): number {
  if (typeof data === "string") return Buffer.byteLength(data);
  return isBlob(data) ? data.size : checkBytes(data).length;
}

/** What has no length, such as a number or an object of options, is no reason and no mistake. */
function checkClose(code: unknown, data: string | Uint8Array | undefined, isServer: boolean): string {
  if (code === undefined) return "";
  if (typeof code !== "number" || !isCloseCodeAllowed(Math.trunc(code), isServer ? "server" : "client"))
    throw new TypeError("First argument must be a valid error code number");
  if (data === undefined || !data.length) return "";
  if (typeof data !== "string" && !isUint8Array(data))
    throw new TypeError("Second argument must be a string or a Uint8Array");
  const reason = typeof data === "string" ? data : toBuffer(data).toString();
  if (Buffer.byteLength(reason) > MAX_CONTROL_BYTES - 2)
    throw new RangeError("The message must not be greater than 123 bytes");
  return reason;
}
