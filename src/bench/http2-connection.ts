import type { Socket } from "node:net";
import { type Dialled, type DialOptions, openTransport } from "./dial.js";
import { Http2Stream } from "./http2-stream.js";
import { LoadConnection } from "./load-connection.js";

/** Frames, their flags, and settings (RFC 9113 §6, RFC 8441 §3). */
const TYPE = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const;
const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;
const SETTING = { enablePush: 2, initialWindow: 4, maxFrame: 5, enableConnect: 8 } as const;
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADER_BYTES = 9;
const DEFAULT_WINDOW = 65_535;
/** As much as there can be, so that what is measured sends, and hardly ever has to be told that it may. */
const MAX_WINDOW = 2 ** 31 - 1;
const DEFAULT_FRAME = 16_384;
const CANCEL = 8;
/** `:status` 200 as it stands in the static table (RFC 7541, appendix A). */
const STATUS_200 = 0x88;
const MAX_LITERAL = 126;

/**
 * A connection of HTTP/2 whose streams are WebSockets (RFC 8441), as little of a client as a load needs: what is sent was
 * built beforehand but for the nine bytes before it, and of the answer to a request only the status 200 is known.
 */
export class Http2Connection {
  readonly #socket: Socket;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #waiting = new Map<number, { resolve(): void; reject(error: Error): void }>();
  /** Streams with something to send for which there is no window. */
  readonly #blocked = new Set<Http2Stream>();
  /** What was received on all streams and not given back. */
  readonly #whole = { consumed: 0 };
  #rest: Buffer | undefined;
  #nextId = 1;
  #window = DEFAULT_WINDOW;
  #streamWindow = DEFAULT_WINDOW;
  #maxFrame = DEFAULT_FRAME;
  #opened: ((reason?: Error) => void) | undefined;

  private constructor(socket: Socket, opened: (reason?: Error) => void) {
    this.#socket = socket;
    this.#opened = opened;
  }

  /** Connects; the promise is rejected with an `Error` that says why that cannot be. */
  static open(options: DialOptions): Promise<Http2Connection> {
    return new Promise((resolve, reject) => {
      const socket = openTransport(options, "h2", (length, bytes) => {
        connection.#receive(bytes.subarray(0, length));
        return true;
      });
      const connection = new Http2Connection(socket, (reason) => {
        if (reason === undefined) resolve(connection);
        else reject(reason);
      });
      socket.once(options.target.isSecure ? "secureConnect" : "connect", () => {
        socket.write(PREFACE);
        connection.#send(TYPE.settings, 0, 0, settings());
        connection.#send(TYPE.windowUpdate, 0, 0, uint32(MAX_WINDOW - DEFAULT_WINDOW));
      });
      socket.once("error", (error: NodeJS.ErrnoException) =>
        connection.#gone(new Error(`cannot connect: ${error.code ?? error.message}`)),
      );
      socket.once("close", () => connection.#gone(new Error("the server closed the connection")));
    });
  }

  /** Opens a WebSocket on a stream of its own. */
  async dial(options: DialOptions): Promise<Dialled> {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new Http2Stream(id, this.#streamWindow, {
      send: (one, bytes) => this.#sendData(one, bytes),
      end: (one) => this.#send(TYPE.data, FLAG.endStream, one.id),
      destroy: (one) => this.#drop(one),
      pause: () => this.#socket.pause(),
    });
    this.#streams.set(id, stream);
    const connection = new LoadConnection(stream, true);
    stream.receiver = (bytes) => connection.receive(bytes, bytes.length);
    await new Promise<void>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send(TYPE.headers, FLAG.endHeaders, id, requestBlock(options));
    });
    return { connection, isCompressed: false, isWindowForgotten: false };
  }

  /** Drops all streams. */
  close(): void {
    this.#gone(new Error("closed"));
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    this.#socket.cork(); // What streams write when they have their answers leaves together.
    let at = 0;
    while (at < bytes.length) {
      const payload = at + HEADER_BYTES;
      const end = payload > bytes.length ? payload : payload + bytes.readUIntBE(at, 3);
      if (end > bytes.length) {
        this.#rest = Buffer.from(bytes.subarray(at));
        break;
      }
      const id = bytes.readUInt32BE(at + 5) & MAX_WINDOW;
      this.#frame(bytes[at + 3]!, bytes[at + 4]!, id, bytes.subarray(payload, end));
      at = end;
    }
    this.#socket.uncork();
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    const stream = this.#streams.get(id);
    if (type === TYPE.data) {
      this.#consume(undefined, payload.length);
      if (stream === undefined) return;
      this.#consume(stream, payload.length);
      if ((flags & FLAG.padded) !== 0) stream.lost("the peer pads its frames");
      else if (payload.length > 0) stream.receiver?.(payload);
      if ((flags & FLAG.endStream) !== 0) stream.ended();
    } else if (type === TYPE.headers) this.#answered(id, stream, flags, payload);
    else if (type === TYPE.windowUpdate) this.#mayGoOn(stream, id, payload.readUInt32BE(0));
    else if (type === TYPE.settings && (flags & FLAG.ack) === 0) this.#settings(payload);
    else if (type === TYPE.ping && (flags & FLAG.ack) === 0) this.#send(TYPE.ping, FLAG.ack, 0, payload);
    else if (type === TYPE.reset && stream !== undefined) {
      const reason = `the peer reset the stream with ${payload.readUInt32BE(0)}`;
      this.#take(id)?.reject(new Error(reason));
      stream.lost(reason);
    } else if (type === TYPE.goaway && payload.readUInt32BE(4) !== 0) {
      this.#gone(new Error(`the peer ended the connection with ${payload.readUInt32BE(4)}`));
    }
  }

  #answered(id: number, stream: Http2Stream | undefined, flags: number, block: Buffer): void {
    let at = 0;
    while ((block[at]! & 0xe0) === 0x20) at++; // the size of the table
    const isAccepted = (flags & FLAG.endStream) === 0 && block[at] === STATUS_200;
    const waiting = this.#take(id);
    if (isAccepted) waiting?.resolve();
    else if (waiting === undefined) stream?.ended();
    else waiting.reject(new Error("the server did not accept the CONNECT with 200"));
  }

  #take(id: number): { resolve(): void; reject(error: Error): void } | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #settings(payload: Buffer): void {
    let hasConnect = false;
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const [id, value] = [payload.readUInt16BE(at), payload.readUInt32BE(at + 2)];
      if (id === SETTING.initialWindow) {
        for (const stream of this.#streams.values()) stream.window += value - this.#streamWindow;
        this.#streamWindow = value;
      } else if (id === SETTING.maxFrame) this.#maxFrame = value;
      else if (id === SETTING.enableConnect) hasConnect = value === 1;
    }
    this.#send(TYPE.settings, FLAG.ack, 0);
    const opened = this.#opened;
    if (!hasConnect && opened !== undefined) {
      this.#gone(new Error("the server has no WebSocket over HTTP/2"));
      return;
    }
    this.#opened = undefined;
    opened?.();
  }

  /** What was received is given back when half of the window is used. */
  #consume(stream: Http2Stream | undefined, bytes: number): void {
    const counted = stream ?? this.#whole;
    counted.consumed += bytes;
    if (counted.consumed < MAX_WINDOW / 2) return;
    this.#send(TYPE.windowUpdate, 0, stream?.id ?? 0, uint32(counted.consumed));
    counted.consumed = 0;
  }

  #mayGoOn(stream: Http2Stream | undefined, id: number, bytes: number): void {
    if (id === 0) this.#window += bytes;
    else if (stream !== undefined) stream.window += bytes;
    const blocked = [...this.#blocked];
    this.#blocked.clear();
    for (const one of blocked) this.#flush(one);
  }

  #sendData(stream: Http2Stream, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += this.#maxFrame) {
      stream.queue.push(bytes.subarray(at, at + this.#maxFrame));
    }
    this.#flush(stream);
  }

  #flush(stream: Http2Stream): void {
    const { queue } = stream;
    while (queue.length > 0) {
      const { length } = queue[0]!;
      if (length > this.#window || length > stream.window) {
        this.#blocked.add(stream);
        return;
      }
      this.#window -= length;
      stream.window -= length;
      this.#send(TYPE.data, 0, stream.id, queue.shift()!);
    }
  }

  #send(type: number, flags: number, id: number, payload?: Buffer): void {
    const length = payload?.length ?? 0;
    const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
    frame.writeUIntBE(length, 0, 3);
    frame[3] = type;
    frame[4] = flags;
    frame.writeUInt32BE(id, 5);
    payload?.copy(frame, HEADER_BYTES);
    this.#socket.write(frame);
  }

  /** With the last stream the connection goes. */
  #drop(stream: Http2Stream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#blocked.delete(stream);
    this.#send(TYPE.reset, 0, stream.id, uint32(CANCEL));
    if (this.#streams.size === 0) this.#socket.destroy();
  }

  #gone(reason: Error): void {
    this.#socket.destroy();
    this.#opened?.(reason);
    this.#opened = undefined;
    for (const id of this.#waiting.keys()) this.#take(id)?.reject(reason);
    for (const stream of this.#streams.values()) stream.lost(reason.message);
  }
}

function settings(): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(SETTING.enablePush, 0);
  bytes.writeUInt16BE(SETTING.initialWindow, 6);
  bytes.writeUInt32BE(MAX_WINDOW, 8);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The extended CONNECT (RFC 8441 §4): fields as literals that nobody keeps (RFC 7541 §6.2.2). */
function requestBlock({ target, headers }: DialOptions): Buffer {
  const fields = [
    [":method", "CONNECT"],
    [":protocol", "websocket"],
    [":scheme", target.isSecure ? "https" : "http"],
    [":path", target.path],
    [":authority", target.authority],
    ["sec-websocket-version", "13"],
    ...headers.map(([name, value]) => [name.toLowerCase(), value]),
  ];
  return Buffer.concat(
    fields.flatMap(([name = "", value = ""]) => [Buffer.of(0), literal(name), literal(value)]),
  );
}

function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length > MAX_LITERAL) throw new Error(`a field over HTTP/2 may have ${MAX_LITERAL} bytes here`);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}
