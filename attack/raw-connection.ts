import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Where the server is, and from where. */
export interface Target {
  readonly port: number;
  /** It drops who has not asked for a WebSocket then. */
  readonly handshakeTimeoutMs: number;
  /** Speak TLS, trusting this certificate. */
  readonly ca?: string | undefined;
  readonly localAddress?: string | undefined;
}

/** How a connection ended that we did not end ourselves: an HTTP status, a close code, or nothing. */
export type RawEnd = `refused ${number}` | `closed ${number}` | "dropped" | "left";

/**
 * A socket that speaks WebSocket only as far as it is told to, sharing nothing with Hawser. It reads what comes and
 * throws it away, except statuses and close codes; pings it answers.
 */
export class RawConnection {
  readonly socket: Socket;
  /** Resolves when the transport is gone. */
  readonly gone: Promise<RawEnd>;
  /** Called for each data frame, with its first bytes (at most 125). */
  onMessage: (start: Buffer) => void = () => {};
  status = 0;
  #head = "";
  #closeCode: number | undefined;
  #hasLeft = false;
  #onStatus: () => void = () => {};
  /** A header of a frame, or a short payload, of which not all has come. */
  #partial: Buffer = Buffer.alloc(0);
  /** How much of a long payload is still to be skipped. */
  #skip = 0;

  /** What is reset: with TLS, the socket below it. */
  readonly #transport: Socket;

  private constructor(socket: Socket, transport: Socket) {
    this.socket = socket;
    this.#transport = transport;
    socket.on("error", () => {}); // a reset is one of the ways in which it may end
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.gone = new Promise((resolve) => {
      socket.once("close", () => {
        this.#onStatus();
        resolve(this.#end());
      });
    });
  }

  /** Connects and sends nothing. Rejects if that fails. */
  static dial(target: Target): Promise<RawConnection> {
    const { ca, ...where } = target;
    const to = { host: "127.0.0.1", noDelay: true, ...where };
    const transport = connectTcp(to);
    transport.on("error", () => {});
    const socket =
      ca === undefined ? transport : connectTls({ socket: transport, ca, servername: "localhost" });
    return new Promise((resolve, reject) => {
      socket.once("close", () => reject(new Error("not connected")));
      const connection = new RawConnection(socket, transport);
      socket.once("error", reject);
      socket.once(ca === undefined ? "connect" : "secureConnect", () => resolve(connection));
    });
  }

  /** Sends the request of an opening handshake and waits for the status, 0 if none comes. */
  async upgrade(path: string, extra = ""): Promise<number> {
    const answered = new Promise<void>((resolve) => {
      this.#onStatus = resolve;
    });
    this.socket.write(requestHead(path, extra));
    if (!this.isGone) await answered;
    return this.status;
  }

  get isGone(): boolean {
    return this.socket.destroyed;
  }

  /** Resolves when the bytes are with the system, or the connection is gone; never in the same round of the event loop. */
  write(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => void setImmediate(resolve);
      if (this.socket.destroyed || !this.socket.writable) done();
      else this.socket.write(bytes, done);
    });
  }

  /** Ends it at once: with a reset, or as the system does. */
  leave(how: "rst" | "fin" | "destroy" = "destroy"): void {
    this.#hasLeft = true;
    if (how === "rst") this.#transport.resetAndDestroy();
    else if (how === "fin") this.socket.end();
    else this.socket.destroy();
  }

  #end(): RawEnd {
    if (this.#hasLeft) return "left";
    if (this.status !== 0 && this.status !== 101) return `refused ${this.status}`;
    return this.#closeCode === undefined ? "dropped" : `closed ${this.#closeCode}`;
  }

  #read(chunk: Buffer): void {
    if (this.status === 101) {
      this.#readFrames(chunk);
      return;
    }
    if (this.status !== 0) return;
    this.#head += chunk.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end === -1) return;
    this.status = Number(this.#head.slice(9, 12));
    const rest = Buffer.from(this.#head.slice(end + 4), "latin1");
    this.#head = "";
    this.#onStatus();
    if (this.status === 101 && rest.length > 0) this.#readFrames(rest);
  }

  #readFrames(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, bytes.length);
      this.#skip -= skipped;
      bytes = bytes.subarray(skipped);
    }
    if (this.#partial.length > 0) bytes = Buffer.concat([this.#partial, bytes]);
    while (bytes.length >= 2) {
      const short = bytes[1]! & 0x7f;
      const headerLength = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length < headerLength) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(2)
            : bytes.readUInt32BE(2) * 2 ** 32 + bytes.readUInt32BE(6);
      const shown = Math.min(length, 125);
      if (bytes.length < headerLength + shown) break;
      this.#frame(bytes[0]! & 0x0f, bytes.subarray(headerLength, headerLength + shown));
      const end = headerLength + length;
      this.#skip = Math.max(0, end - bytes.length);
      bytes = bytes.subarray(Math.min(end, bytes.length));
    }
    this.#partial = Buffer.from(bytes);
  }

  #frame(opcode: number, start: Buffer): void {
    if (opcode === 8) this.#closeCode = start.length < 2 ? 1005 : start.readUInt16BE(0);
    else if (opcode === 9) void this.write(maskedFrame(FIRST.pong, start));
    else if (opcode < 8) this.onMessage(start);
  }
}

/** The request of an opening handshake, with the key of RFC 6455 §1.3. `extra` has whole lines. */
export function requestHead(path: string, extra = ""): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extra}\r\n`
  );
}

/** What a request offers to be compressed. */
export const OFFER_DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

/** The first byte of a frame: FIN, RSV1 and opcode. */
export const FIRST = {
  text: 0x81,
  binary: 0x82,
  textBegins: 0x01,
  continues: 0x00,
  last: 0x80,
  close: 0x88,
  ping: 0x89,
  pong: 0x8a,
  compressed: 0xc2,
  compressedBegins: 0x42,
} as const;

/** A frame as a client sends it, masked with `mask`; with zeros the payload stays what it is, and nothing is copied twice. */
export function maskedFrame(firstByte: number, payload: Uint8Array | string = "", mask = 0): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  const { length } = bytes;
  const extendedLength = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(6 + extendedLength + length);
  frame[0] = firstByte;
  frame[1] = 0x80 | (extendedLength === 0 ? length : extendedLength === 2 ? 126 : 127);
  if (extendedLength === 2) frame.writeUInt16BE(length, 2);
  if (extendedLength === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  const keyAt = 2 + extendedLength;
  frame.writeUInt32BE(mask, keyAt);
  frame.set(bytes, keyAt + 4);
  if (mask !== 0) {
    for (let i = 0; i < length; i++) frame[keyAt + 4 + i]! ^= frame[keyAt + (i & 3)]!;
  }
  return frame;
}

/** A close frame with a code. */
export function closeFrame(code: number): Buffer {
  return maskedFrame(FIRST.close, Buffer.from([code >> 8, code & 255]));
}
