import { Buffer } from "node:buffer";
import { ByteQueue } from "../../core/byte-queue.js";
import type { Indexed } from "../../core/indexed-set.js";
import { HeadParser, type HeadResult } from "../../protocol/handshake/head-parser.js";
import { asBuffer } from "../as-buffer.js";
import type { ByteStream } from "../byte-stream.js";
import { receiveBuffer } from "../connection/receive-buffer.js";
import { nodeHost } from "../node-host.js";
import { readData } from "../own-stream.js";
import { HandshakeGuard } from "./handshake-guard.js";
import type { ServerLimits } from "./server-options.js";

const FIRST_OF_GET = 0x47; // "G"

/** Whom a {@link FirstRequest} tells. */
export interface FirstRequestListener {
  /** The head is complete, or wrong, or (undefined) no GET, which is read no further. */
  onHead(request: FirstRequest, result: HeadResult<"request"> | undefined): void;
  /** The connection is gone before that. */
  onGone(request: FirstRequest): void;
}

/** A new connection until the head of its first request is there. */
export class FirstRequest extends HandshakeGuard implements Indexed {
  /** Whom it counts for. */
  readonly address: string;
  readonly #listener: FirstRequestListener;
  readonly #parser: HeadParser<"request">;
  /** What came first: mostly all of it. */
  #first: Buffer | undefined = undefined;
  /** What came behind that, copied together: a chunk of one byte costs a hundred times as much as its byte. */
  #rest: ByteQueue | undefined = undefined;
  #isDone = false;
  /** Part of `Indexed`. */
  indexInSet = -1;

  constructor(socket: ByteStream, address: string, limits: ServerLimits, listener: FirstRequestListener) {
    super(socket, limits.handshakeTimeoutMs);
    this.address = address;
    this.#listener = listener;
    const { maxHeaderBytes: maxHeadBytes, maxHeaders } = limits;
    this.#parser = new HeadParser("request", { maxHeadBytes, maxHeaders }, latin1);
    readData(socket);
  }

  /** All bytes that came, for another parser; valid until the listener was told. */
  get bytes(): Buffer {
    const first = this.#first ?? Buffer.alloc(0);
    return this.#rest === undefined ? first : Buffer.concat([first, this.#rest.concat()]);
  }

  override onReceived(byteLength: number): void {
    if (this.#isDone) {
      super.onReceived(byteLength);
      return;
    }
    this.onData(receiveBuffer.subarray(0, byteLength));
    // The next socket is read into the same place.
    if (!this.#isDone && this.#rest === undefined) this.#first = Buffer.from(this.#first!);
  }

  override onData(chunk: Buffer): void {
    if (this.#isDone) return;
    const isGet = this.#first !== undefined || chunk[0] === FIRST_OF_GET;
    if (this.#first === undefined) {
      this.#first = chunk;
    } else {
      this.#rest ??= new ByteQueue(nodeHost);
      this.#rest.append(chunk, 0, chunk.length);
    }
    const result = isGet ? this.#parser.push(chunk) : undefined;
    if (isGet && result === undefined) return;
    this.#isDone = true;
    this.#listener.onHead(this, result);
    // As a guard it may live on while a hook decides, without what came.
    this.#first = undefined;
    this.#rest = undefined;
  }

  override onEnd(): void {
    if (!this.#isDone) this.stream.destroy();
  }

  override onClose(): void {
    if (!this.#isDone) this.#listener.onGone(this);
    super.onClose();
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return asBuffer(bytes).toString("latin1", start, end);
}
