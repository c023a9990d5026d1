import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import { setImmediate as nextRound } from "node:timers/promises";
import { Inbox, PATIENCE_MS } from "./inbox.js";
import { frameSize, type RawFrame, readFrame } from "./raw-client.js";
import { withTimeout } from "./with-timeout.js";

/** A session of HTTP/2 that shares nothing with Hawser, and does only what a test tells it. */
export class Http2Client {
  readonly session: ClientHttp2Session;
  /** The codes of the GOAWAY frames that came. */
  readonly goaways: number[] = [];
  /** Resolves when the session is gone. */
  readonly gone: Promise<void>;
  readonly #authority: string;

  private constructor(session: ClientHttp2Session, authority: string) {
    this.session = session;
    this.#authority = authority;
    session.on("error", () => {}); // one of the ways in which it may end
    session.on("goaway", (code: number) => this.goaways.push(code));
    this.gone = new Promise((resolve) => session.once("close", () => resolve()));
  }

  /** Opens a session and waits for the settings of the server. With `ca` over TLS. */
  static async connect(port: number, options: SecureClientSessionOptions = {}): Promise<Http2Client> {
    const scheme = options.ca === undefined ? "http" : "https";
    const session = connect(`${scheme}://localhost:${port}`, { family: 4, ...options } as object);
    const client = new Http2Client(session, `localhost:${port}`);
    const ended = client.gone.then(() => {
      throw new Error("the session ended");
    });
    await withTimeout(
      Promise.race([once(session, "remoteSettings"), ended]),
      PATIENCE_MS,
      "the settings of the server",
    );
    ended.catch(() => {}); // later it is no surprise
    return client;
  }

  /** Opens a stream with an extended CONNECT. An undefined header leaves that one out. */
  ask(headers: OutgoingHttpHeaders = {}): Http2Socket {
    const all: OutgoingHttpHeaders = {
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": this.session.encrypted === true ? "https" : "http",
      ":authority": this.#authority,
      ":path": "/",
      "sec-websocket-version": "13",
      ...headers,
    };
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return new Http2Socket(this.session.request(given, { endStream: false }));
  }

  /** As {@link ask}, and waits for the answer. */
  async open(headers: OutgoingHttpHeaders = {}): Promise<Http2Socket> {
    const socket = this.ask(headers);
    await socket.answered();
    return socket;
  }

  /** An ordinary request: its status and body. */
  async get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const stream = this.session.request({ ":path": path });
    const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
    let body = "";
    for await (const chunk of stream) body += String(chunk);
    return { status: Number(headers[":status"]), body };
  }

  /** Drops the session. */
  async destroy(): Promise<void> {
    // In the middle of what is being received, Node 20 resets the streams for ever (nghttp2_session_mem_send).
    await nextRound();
    this.session.destroy();
    await this.gone;
  }
}

/** A stream with WebSocket on it. */
export class Http2Socket {
  readonly stream: ClientHttp2Stream;
  /** The frames that came. */
  readonly frames: Inbox<RawFrame> = new Inbox("frame");
  /** Resolves with the code that the stream ended with: 0, or that of RST_STREAM. */
  readonly gone: Promise<number>;
  /** Resolves when the server has ended its direction. */
  readonly ended: Promise<void>;
  headers: IncomingHttpHeaders = {};
  #received: Buffer = Buffer.alloc(0);

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("response", (headers) => {
      this.headers = headers;
    });
    this.gone = new Promise((resolve) => stream.once("close", () => resolve(stream.rstCode ?? 0)));
    this.ended = new Promise((resolve) => stream.once("end", () => resolve()));
  }

  /** The status of the answer; 0 if there was none. */
  get status(): number {
    return Number(this.headers[":status"] ?? 0);
  }

  /** The body of a refusal, as far as it came. */
  get body(): string {
    return this.#received.toString();
  }

  /** Waits for the answer, or the end; of a refusal for all of it. */
  async answered(): Promise<void> {
    await withTimeout(
      Promise.race([once(this.stream, "response"), this.gone]),
      PATIENCE_MS,
      "the answer to the extended CONNECT",
    );
    if (this.status !== 200) await withTimeout(this.gone, PATIENCE_MS, "the end of a refusal");
  }

  send(...frames: readonly Uint8Array[]): void {
    this.stream.write(Buffer.concat(frames));
  }

  async nextText(): Promise<string> {
    return (await this.frames.next()).payload.toString();
  }

  async nextCloseCode(): Promise<number> {
    const { opcode, payload } = await this.frames.next();
    if (opcode !== 8) throw new Error(`opcode ${opcode} is not a close frame`);
    return payload.length === 0 ? 1005 : payload.readUInt16BE(0);
  }

  /** Sends RST_STREAM with CANCEL, or another code, and waits until the stream is gone. */
  async reset(code = 8): Promise<void> {
    this.stream.end = () => this.stream; // or Node sends END_STREAM before it
    this.stream.close(code);
    await this.gone;
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    if (this.status !== 200) return;
    for (let size = frameSize(this.#received); size !== undefined; size = frameSize(this.#received)) {
      if (this.#received.length < size) return;
      this.frames.push(readFrame(this.#received.subarray(0, size)));
      this.#received = this.#received.subarray(size);
    }
  }
}
