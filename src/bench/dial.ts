import { connect as connectTcp, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { LoadConnection } from "./load-connection.js";
import type { LoadTarget } from "./load-target.js";

/** How a connection is opened. */
export interface DialOptions {
  readonly target: LoadTarget;
  /** Whether compression is offered. */
  readonly isCompressionOffered: boolean;
  /** Whether any certificate will do. */
  readonly isInsecure: boolean;
  /** More header fields. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Our address; undefined leaves it to the system. */
  readonly localAddress?: string | undefined;
  /** Dials instead: a stream of HTTP/2. Default: a connection of its own, with HTTP/1.1. */
  readonly overHttp2?: ((options: DialOptions) => Promise<Dialled>) | undefined;
}

/** A connection with what was agreed on. */
export interface Dialled {
  readonly connection: LoadConnection;
  readonly isCompressed: boolean;
  /** Whether the server wants every message of ours compressed on its own (RFC 7692 §7.1.1.2). */
  readonly isWindowForgotten: boolean;
}

/** The key of RFC 6455 §1.3 and what a server has to make of it: a random one would say no more to a generator. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const MAX_HEAD_BYTES = 16_384;
/** Read into by every connection: what is in it is dealt with before the next read. */
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);

/** Opens a connection; the promise is rejected with an `Error` that says what the server did instead. */
export function dial(options: DialOptions): Promise<Dialled> {
  if (options.overHttp2 !== undefined) return options.overHttp2(options);
  const { target } = options;
  return new Promise((resolve, reject) => {
    let head: Buffer | undefined = Buffer.alloc(0);
    let connection: LoadConnection | undefined;
    const fail = (reason: string): void => {
      if (connection !== undefined) return;
      socket.destroy();
      reject(new Error(reason));
    };
    const receive = (length: number, bytes: Buffer): boolean => {
      if (connection !== undefined) {
        connection.receive(bytes, length);
        return true;
      }
      if (head === undefined) return true;
      head = Buffer.concat([head, bytes.subarray(0, length)]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) {
        if (head.length > MAX_HEAD_BYTES) fail("the head of the answer has no end");
        return true;
      }
      const rest = head.subarray(end + 4);
      const text = head.toString("latin1", 0, end);
      const answer = readAnswer(text, options.isCompressionOffered);
      head = undefined;
      if (typeof answer === "string") {
        fail(answer + wordsOf(text, rest));
        return true;
      }
      connection = new LoadConnection(socket, true);
      if (rest.length > 0) connection.receive(rest, rest.length);
      resolve({ connection, ...answer });
      return true;
    };
    const socket = openTransport(options, "http/1.1", receive);
    socket.once(target.isSecure ? "secureConnect" : "connect", () => socket.write(requestHead(options)));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      fail(`cannot connect: ${error.code ?? error.message}`),
    );
    socket.once("close", () => fail("the server closed the connection before it answered"));
  });
}

/** Connects a socket, whose bytes are in a buffer that is used again when `receive` returns. */
export function openTransport(
  { target, isInsecure, localAddress }: DialOptions,
  protocol: "http/1.1" | "h2",
  receive: (length: number, bytes: Buffer) => boolean,
): Socket {
  const onread: OnReadOpts = { buffer: READ_BUFFER, callback: receive as OnReadOpts["callback"] };
  const { host, port, servername } = target;
  const common = { host, port, noDelay: true, onread, ...(localAddress !== undefined && { localAddress }) };
  if (!target.isSecure) return connectTcp(common);
  const socket = connectTls({
    ...common,
    ...(servername !== undefined && { servername }),
    rejectUnauthorized: !isInsecure,
    ALPNProtocols: [protocol],
  });
  return socket.setNoDelay(true);
}

function requestHead({ target, isCompressionOffered, headers }: DialOptions): string {
  const lines = [
    `GET ${target.path} HTTP/1.1`,
    `Host: ${target.authority}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${KEY}`,
    "Sec-WebSocket-Version: 13",
    ...(isCompressionOffered ? ["Sec-WebSocket-Extensions: permessage-deflate"] : []),
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** What was agreed on; a text says what is wrong with the answer. */
function readAnswer(head: string, isCompressionOffered: boolean): Omit<Dialled, "connection"> | string {
  const [statusLine = "", ...lines] = head.split("\r\n");
  if (!/^HTTP\/1\.1 101(?: |$)/.test(statusLine)) return `the server answered ${JSON.stringify(statusLine)}`;
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  });
  const fieldValue = (wanted: string): string | undefined => fields.find(([name]) => name === wanted)?.[1];
  if (fieldValue("sec-websocket-accept") !== ACCEPT)
    return "the server answered with a wrong Sec-WebSocket-Accept";
  const extension = fieldValue("sec-websocket-extensions") ?? "";
  const isCompressed = /^permessage-deflate\b/.test(extension);
  if (extension !== "" && !(isCompressed && isCompressionOffered)) {
    return `the server wants an extension that was not offered: ${extension}`;
  }
  return { isCompressed, isWindowForgotten: extension.includes("client_no_context_takeover") };
}

/** What a refusal says besides: its body, where that is plain text and came along with the head. */
function wordsOf(head: string, body: Buffer): string {
  const words = body.toString("utf8", 0, 200).trim();
  return words !== "" && /\r\ncontent-type: *text\/plain/i.test(head) && /\r\ncontent-length:/i.test(head)
    ? `: ${JSON.stringify(words)}`
    : "";
}
