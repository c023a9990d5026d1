import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { disownStream, readData } from "../own-stream.js";
import { HandshakeGuard } from "./handshake-guard.js";
import { type ProxyHeader, readProxyHeader } from "./proxy-header.js";

/** Whom a {@link ProxyHeaderReader} tells. */
export interface ProxyHeaderListener {
  /** The header is complete, or wrong. The socket is paused and nobody's; what came behind the header is back in it. */
  onHeader(reader: ProxyHeaderReader, header: ProxyHeader | "invalid"): void;
  /** The connection is gone before that. */
  onGone(reader: ProxyHeaderReader): void;
}

/** A new connection from a proxy until the header of the PROXY protocol is there. */
export class ProxyHeaderReader extends HandshakeGuard {
  declare readonly stream: Socket;
  readonly #listener: ProxyHeaderListener;
  #bytes: Buffer | undefined = undefined;
  #isDone = false;

  constructor(socket: Socket, timeoutMs: number, listener: ProxyHeaderListener) {
    super(socket, timeoutMs);
    this.#listener = listener;
    readData(socket);
  }

  override onData(chunk: Buffer): void {
    if (this.#isDone) return;
    // Proxies send it in one piece. At most 64 KiB are held, which is the longest header there is.
    this.#bytes = this.#bytes === undefined ? chunk : Buffer.concat([this.#bytes, chunk]);
    const header = readProxyHeader(this.#bytes);
    if (header === undefined) return;
    this.#isDone = true;
    const { stream: socket } = this;
    socket.pause();
    this.release();
    disownStream(socket);
    if (header !== "invalid" && this.#bytes.length > header.byteLength)
      socket.unshift(this.#bytes.subarray(header.byteLength));
    this.#bytes = undefined;
    this.#listener.onHeader(this, header);
  }

  override onEnd(): void {
    if (!this.#isDone) this.stream.destroy();
  }

  override onClose(): void {
    if (!this.#isDone) this.#listener.onGone(this);
    super.onClose();
  }
}
