import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Inbox, PATIENCE_MS } from "./inbox.js";
import { withTimeout } from "./with-timeout.js";

/** A frame as a server sent it. */
export interface RawFrame {
  readonly fin: boolean;
  /** RSV1 (4), RSV2 (2) and RSV3 (1). */
  readonly reservedBits: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

export interface RawClientOptions {
  readonly port?: number | undefined;
  /** A Unix socket instead of a port. */
  readonly socketPath?: string | undefined;
  /** Speak TLS, trusting this certificate. */
  readonly ca?: string | undefined;
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  /** More header fields. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bytes that go out in the same write as the request. */
  readonly firstBytes?: Uint8Array | undefined;
  /** Read nothing behind the head of the answer until `socket.resume()`. */
  readonly paused?: boolean | undefined;
}

const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A WebSocket client that shares nothing with Hawser and does only what a test tells it, good or bad. */
export class RawClient {
  readonly socket: Socket;
  /** The frames that came. */
  readonly frames: Inbox<RawFrame> = new Inbox("frame");
  /** Resolves when the transport is gone. */
  readonly gone: Promise<void>;
  /** The head of the answer, and of a refusal the body. */
  head = "";
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #isOpen = false;
  #hasEnded = false;
  #onHead: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    this.gone = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {}); // a reset is one of the ways in which it may end
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => {
      this.#hasEnded = true;
      this.#onHead();
    });
    void this.gone.then(() => this.#onHead());
  }

  /** Connects and sends nothing. */
  static async dial(options: RawClientOptions): Promise<RawClient> {
    const { port = 0, socketPath, ca } = options;
    const target = socketPath === undefined ? { port, host: "127.0.0.1" } : { path: socketPath };
    const socket =
      ca === undefined ? connectTcp(target) : connectTls({ ...target, ca, servername: "localhost" });
    const client = new RawClient(socket);
    await withTimeout(
      once(socket, ca === undefined ? "connect" : "secureConnect"),
      PATIENCE_MS,
      "a connection",
    );
    return client;
  }

  /** Connects and asks for a WebSocket. What the answer is, `status` says. */
  static async open(options: RawClientOptions): Promise<RawClient> {
    const client = await RawClient.dial(options);
    client.ask(options);
    await client.answered(options.paused);
    return client;
  }

  /** Sends the request of an opening handshake. */
  ask(options: RawClientOptions = {}): void {
    const head = Buffer.from(requestHead(options), "latin1");
    this.socket.write(Buffer.concat([head, options.firstBytes ?? Buffer.alloc(0)]));
  }

  /** Waits for the answer to {@link ask}; of a refusal for all of it. */
  async answered(isPausedThen = false): Promise<void> {
    if (!this.#isOpen && !this.#hasEnded) {
      const answer = new Promise<void>((resolve) => {
        this.#onHead = () => {
          if (isPausedThen) this.socket.pause();
          resolve();
        };
      });
      await withTimeout(answer, PATIENCE_MS, "the answer to the opening handshake");
    }
    if (!this.#isOpen) this.head = Buffer.concat(this.#received).toString("latin1");
  }

  /** The HTTP status of the answer; 0 if there was none. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.head)?.[1] ?? 0);
  }

  /** The value of a header field of the answer. */
  header(name: string): string | undefined {
    const [head = ""] = this.head.split("\r\n\r\n");
    return new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1];
  }

  /** The body of a refusal. */
  get body(): string {
    return this.head.slice(this.head.indexOf("\r\n\r\n") + 4);
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The next frame that is not a ping of the server's keepalive. */
  next(): Promise<RawFrame> {
    return this.frames.next();
  }

  async nextText(): Promise<string> {
    return (await this.frames.next()).payload.toString();
  }

  /** The code and reason of the close frame, which must be the next one. */
  async nextClose(): Promise<{ code: number; reason: string }> {
    const { opcode, payload } = await this.frames.next();
    if (opcode !== OPCODE.close) throw new Error(`opcode ${opcode} is not a close frame`);
    if (payload.length === 0) return { code: 1005, reason: "" };
    return { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
  }

  /** Answers the close frame that comes next, ends the connection and waits until it is gone. */
  async finish(): Promise<{ code: number; reason: string }> {
    const close = await this.nextClose();
    this.send(closeFrame(close.code === 1005 ? undefined : close.code));
    this.socket.end();
    await withTimeout(this.gone, PATIENCE_MS, "the end of the connection");
    return close;
  }

  /** Drops the connection. */
  async destroy(): Promise<void> {
    this.socket.destroy();
    await this.gone;
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    if (!this.#isOpen) {
      const bytes = Buffer.concat(this.#received);
      const end = bytes.indexOf("\r\n\r\n");
      if (end === -1 || !bytes.subarray(0, 12).equals(Buffer.from("HTTP/1.1 101"))) return;
      this.head = bytes.subarray(0, end + 4).toString("latin1");
      this.#keep(bytes.subarray(end + 4));
      this.#isOpen = true;
      this.#onHead();
    }
    this.#parse();
  }

  #keep(rest: Buffer): void {
    this.#received = rest.length === 0 ? [] : [rest];
    this.#receivedBytes = rest.length;
  }

  #parse(): void {
    if (this.#receivedBytes < this.#needed()) return;
    let bytes = Buffer.concat(this.#received);
    for (let size = frameSize(bytes); size !== undefined && bytes.length >= size; size = frameSize(bytes)) {
      this.frames.push(readFrame(bytes.subarray(0, size)));
      bytes = bytes.subarray(size);
    }
    this.#keep(bytes);
  }

  #needed(): number {
    const [first] = this.#received;
    return (first && frameSize(first)) ?? 2;
  }
}

/** The length of the frame that begins here, or undefined while its header is not complete. */
export function frameSize(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  if (short < 126) return 2 + short;
  if (short === 126) return bytes.length < 4 ? undefined : 4 + bytes.readUInt16BE(2);
  return bytes.length < 10 ? undefined : 10 + Number(bytes.readBigUInt64BE(2));
}

/** The frame that these bytes are. */
export function readFrame(bytes: Buffer): RawFrame {
  const short = bytes[1]! & 0x7f;
  const headerLength = short < 126 ? 2 : short === 126 ? 4 : 10;
  return {
    fin: (bytes[0]! & 0x80) !== 0,
    reservedBits: (bytes[0]! >> 4) & 7,
    opcode: bytes[0]! & 0x0f,
    masked: (bytes[1]! & 0x80) !== 0,
    payload: bytes.subarray(headerLength),
  };
}

/** The request of an opening handshake, with the key of RFC 6455 §1.3. */
export function requestHead(options: RawClientOptions = {}): string {
  const fields = {
    Host: options.host ?? "127.0.0.1",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...options.headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  return [`GET ${options.path ?? "/"} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}

/** A frame as a client has to send it: masked. `firstByte` is FIN, RSV and opcode. */
export function maskedFrame(firstByte: number, payload: Uint8Array): Buffer {
  const length = payload.length;
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  const short = extended.length === 0 ? length : extended.length === 2 ? 126 : 127;
  const key = Buffer.from([0x12, 0xa7, 0x5c, 0xf0]);
  const masked = Buffer.from(payload);
  for (let i = 0; i < masked.length; i++) masked[i]! ^= key[i & 3]!;
  return Buffer.concat([Buffer.from([firstByte, 0x80 | short]), extended, key, masked]);
}

export function textFrame(text: string): Buffer {
  return maskedFrame(0x80 | OPCODE.text, Buffer.from(text));
}

export function binaryFrame(bytes: Uint8Array): Buffer {
  return maskedFrame(0x80 | OPCODE.binary, bytes);
}

export function pingFrame(payload = ""): Buffer {
  return maskedFrame(0x80 | OPCODE.ping, Buffer.from(payload));
}

export function pongFrame(payload: Uint8Array): Buffer {
  return maskedFrame(0x80 | OPCODE.pong, payload);
}

export function closeFrame(code?: number, reason = ""): Buffer {
  if (code === undefined) return maskedFrame(0x80 | OPCODE.close, Buffer.alloc(0));
  return maskedFrame(
    0x80 | OPCODE.close,
    Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]),
  );
}
