import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { constants, type Http2Stream } from "node:http2";
import { Duplex } from "node:stream";
import { acceptFor, fieldValues, type HttpHead, headText, newKey, takeHead, targetOf } from "./http-head.js";

/** Fields of HTTP/1.1 that HTTP/2 has not, or says in another way (RFC 8441 §5, RFC 9113 §8.2.2). */
const ONLY_IN_HTTP1: ReadonlySet<string> = new Set([
  "host",
  "upgrade",
  "connection",
  "sec-websocket-key",
  "sec-websocket-accept",
  "transfer-encoding",
]);

/** Opens the stream for what was the head in HTTP/1.1. */
type OpenStream = (head: HttpHead) => Http2Stream;

/**
 * A stream of HTTP/2 that looks like a transport of HTTP/1.1: the heads that the cases write and read become the fields of
 * an extended CONNECT and of its answer, and all behind them is data of the stream. So the cases need not know.
 */
export class Http2Transport extends Duplex {
  readonly #open: OpenStream;
  readonly #onDestroy: () => void;
  /** What is written of a head that is not complete; undefined behind it. */
  #head: Buffer | undefined = Buffer.alloc(0);
  #stream: Http2Stream | undefined;

  private constructor(open: OpenStream, onDestroy: () => void) {
    super();
    this.#open = open;
    this.#onDestroy = onDestroy;
  }

  /**
   * For a client: the first head that is written is its request.
   * @param request opens a stream with these fields.
   * @param onDestroy when the transport is gone.
   */
  static toServer(
    isSecure: boolean,
    request: (fields: OutgoingHttpHeaders) => Http2Stream,
    onDestroy: () => void,
  ): Http2Transport {
    const transport = new Http2Transport((head) => {
      const stream = request({
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": isSecure ? "https" : "http",
        ":authority": fieldValues(head, "host")[0] ?? "",
        ":path": targetOf(head),
        ...carried(head),
      });
      const [key = ""] = fieldValues(head, "sec-websocket-key");
      stream.once("response", (fields: IncomingHttpHeaders) => transport.#answered(fields, key));
      return stream;
    }, onDestroy);
    return transport;
  }

  /** For a server: the first head that is written is its answer. */
  static toClient(
    stream: Http2Stream & { respond(fields: OutgoingHttpHeaders): void },
    onDestroy: () => void,
  ): Http2Transport {
    const transport = new Http2Transport((head) => {
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head.startLine)?.[1] ?? 500);
      stream.respond({ ":status": status === 101 ? 200 : status, ...carried(head) });
      return stream;
    }, onDestroy);
    transport.#read(stream);
    return transport;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#head === undefined) {
      this.#stream!.write(chunk, done);
      return;
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    const taken = takeHead(this.#head);
    if (taken === undefined) {
      done();
      return;
    }
    this.#head = undefined;
    const isNew = this.#stream === undefined;
    try {
      this.#stream = this.#open(taken.head);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (isNew) this.#read(this.#stream);
    if (taken.rest.length > 0) this.#stream.write(taken.rest, done);
    else done();
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#stream === undefined) this.destroy();
    else this.#stream.end();
    done();
  }

  override _read(): void {
    this.#stream?.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const stream = this.#stream;
    // RFC 8441 §5: as the reset of TCP.
    if (stream !== undefined && !stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    this.#onDestroy();
    done(error);
  }

  #read(stream: Http2Stream): void {
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause();
    });
    stream.on("end", () => this.push(null));
    stream.on("error", (error) => this.destroy(error));
    stream.on("close", () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.destroy();
    });
    // Nobody may look before the head of the answer, or anything else, is wanted.
    if (this.readableFlowing !== true) stream.pause();
  }

  #answered(fields: IncomingHttpHeaders, key: string): void {
    const status = fields[":status" as keyof IncomingHttpHeaders] as unknown as number;
    const isOpen = status >= 200 && status <= 299;
    const lines = Object.entries(fields)
      .filter(([name]) => !name.startsWith(":"))
      .map(([name, value]) => [name, String(value)] as const);
    const opened: (readonly [string, string])[] = [
      ["upgrade", "websocket"],
      ["connection", "Upgrade"],
      ["sec-websocket-accept", acceptFor(key)],
    ];
    const line = isOpen ? "HTTP/1.1 101 Switching Protocols" : `HTTP/1.1 ${status} over HTTP/2`;
    this.push(Buffer.from(headText(line, isOpen ? [...opened, ...lines] : lines), "latin1"));
  }
}

/** The request of a client over HTTP/2 as it would be in HTTP/1.1, its own fields besides. */
export function http1RequestOf(fields: IncomingHttpHeaders): HttpHead {
  const own = Object.entries(fields).map(([name, value]) => [name, String(value)] as const);
  const text = (name: string): string => own.find(([candidate]) => candidate === name)?.[1] ?? "";
  return {
    startLine: `GET ${text(":path")} HTTP/1.1`,
    fields: [
      ["host", text(":authority")],
      ["upgrade", "websocket"],
      ["connection", "Upgrade"],
      ["sec-websocket-key", newKey()],
      ...own.filter(([name]) => !ONLY_IN_HTTP1.has(name)),
    ],
  };
}

function carried(head: HttpHead): OutgoingHttpHeaders {
  const fields: Record<string, string[]> = {};
  for (const [name, value] of head.fields) {
    if (!ONLY_IN_HTTP1.has(name)) (fields[name] ??= []).push(value);
  }
  // Node wants some fields once; a list is the same (RFC 9110 §5.3).
  return Object.fromEntries(Object.entries(fields).map(([name, values]) => [name, values.join(", ")]));
}
