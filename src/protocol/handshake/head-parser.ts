import type { HandshakeErrorCode } from "../../core/error-codes.js";
import { HandshakeError } from "../../core/hawser-error.js";
import { HeaderList } from "./header-list.js";
import { isToken, isVisibleAscii, trimWhitespace } from "./http-token.js";

const HTAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DEL = 0x7f;

/** The HTTP versions whose heads are read. */
export type HttpVersion = "1.0" | "1.1";

/** The request line and header fields of a request. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: HttpVersion;
  readonly headers: HeaderList;
}

/** The status line and header fields of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly httpVersion: HttpVersion;
  readonly headers: HeaderList;
}

/** Which of the two kinds of head a {@link HeadParser} reads. */
export type HeadKind = "request" | "response";

/** The head that belongs to a {@link HeadKind}. */
export type HeadOf<Kind extends HeadKind> = { request: RequestHead; response: ResponseHead }[Kind];

/** What a head may cost before it is refused. */
export interface HeadLimits {
  /**
   * Bytes of the whole head, line ends included. Default 16 384, as in Node: room for the cookies and tokens that
   * browsers do send, while a peer that never ends its head holds no more than this.
   */
  readonly maxHeadBytes: number;
  /**
   * Number of header fields. Default 100: browsers behind proxies send 20 to 40, and every lookup walks the list.
   */
  readonly maxHeaders: number;
}

/** What {@link HeadParser.push} has found: a head and the bytes after it, or why there is none. */
export type HeadResult<Kind extends HeadKind = HeadKind> =
  | {
      readonly ok: true;
      readonly head: HeadOf<Kind>;
      /** What follows the head, as a view of the last chunk: the first frames, which may come in the same packet. */
      readonly rest: Uint8Array;
    }
  | { readonly ok: false; readonly error: HandshakeError };

const DEFAULT_LIMITS: HeadLimits = { maxHeadBytes: 16_384, maxHeaders: 100 };

/** A line that is cut is kept in a buffer of this size at first, which doubles up to `maxHeadBytes`. */
const INITIAL_LINE_BYTES = 512;

/** Reads bytes as latin1. */
export type DecodeLatin1 = (bytes: Uint8Array, start: number, end: number) => string;

/** Where the lines that {@link HeadParser} found in a chunk end. One for all parsers: it is used up before it returns. */
const lineEnds: number[] = [];

/**
 * Reads the head of one HTTP/1.1 message from chunks of any size, looking at each byte once.
 *
 * Stricter than RFC 9112 lets a recipient be, because leniency about line ends is what request smuggling is made
 * of: lines end with CRLF only, there is no line folding, no space before the colon and no control character.
 *
 * Errors carry the status to answer with: 400, 431 or 505. For a response there is nothing to answer, and it is 0.
 */
export class HeadParser<Kind extends HeadKind = HeadKind> {
  readonly #kind: Kind;
  readonly #limits: HeadLimits;
  readonly #decode: DecodeLatin1;
  /** The beginning of a line that was cut: only then does this cost memory. */
  #cut: Uint8Array | undefined = undefined;
  #cutBytes = 0;
  #headBytes = 0;
  #sawEmptyLine = false;
  #start: StartLine | undefined = undefined;
  readonly #raw: string[] = [];
  #head: HeadOf<Kind> | undefined = undefined;
  #result: HeadResult<Kind> | undefined = undefined;

  /** @param decode what the platform does faster than a portable loop. */
  constructor(kind: Kind, limits: Partial<HeadLimits> = {}, decode: DecodeLatin1 = decodeLatin1) {
    this.#kind = kind;
    this.#limits = {
      maxHeadBytes: limits.maxHeadBytes ?? DEFAULT_LIMITS.maxHeadBytes,
      maxHeaders: limits.maxHeaders ?? DEFAULT_LIMITS.maxHeaders,
    };
    this.#decode = decode;
  }

  /**
   * Takes the next bytes; undefined means that more are needed. Once there is a result it stays: after a head, all of
   * a later chunk is `rest`; after an error, the answer is that error.
   */
  push(chunk: Uint8Array): HeadResult<Kind> | undefined {
    if (this.#result !== undefined) {
      return this.#result.ok ? { ...this.#result, rest: chunk } : this.#result;
    }
    const taken = Math.min(chunk.length, this.#limits.maxHeadBytes - this.#headBytes);
    const before = this.#cutBytes;
    let bytes = chunk;
    if (before > 0) bytes = this.#keep(chunk, 0, taken);
    const end = before + taken;
    const stoppedAt = this.#readLines(bytes, before, end);
    if (typeof stoppedAt !== "number") {
      this.#result = { ok: false, error: stoppedAt };
    } else if (this.#head !== undefined) {
      this.#cut = undefined;
      this.#result = { ok: true, head: this.#head, rest: chunk.subarray(stoppedAt - before) };
    } else if (taken < chunk.length) {
      const message = `The head is larger than ${this.#limits.maxHeadBytes} bytes`;
      this.#result = { ok: false, error: this.#fail("HEAD_TOO_LARGE", 431, message) };
    } else {
      this.#headBytes += taken;
      this.#cutBytes = 0;
      this.#keep(bytes, stoppedAt, end);
    }
    return this.#result;
  }

  /** Puts bytes behind what is kept of a line. */
  #keep(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const needed = this.#cutBytes + end - start;
    let cut = this.#cut;
    if (cut === undefined || cut.length < needed) {
      cut = new Uint8Array(Math.max(INITIAL_LINE_BYTES, 2 * needed));
      if (this.#cut !== undefined) cut.set(this.#cut.subarray(0, this.#cutBytes));
      this.#cut = cut;
    }
    cut.set(bytes.subarray(start, end), this.#cutBytes);
    this.#cutBytes = needed;
    return cut;
  }

  /**
   * Reads the lines that end in `bytes[0, end)`, of which those before `from` were looked at already. Returns where the
   * next line begins; the head is there if one of them was the empty one.
   */
  #readLines(bytes: Uint8Array, from: number, end: number): number | HandshakeError {
    const { wrong, isHead } = this.#findLines(bytes, from, end);
    let start = 0;
    if (lineEnds.length > 0) {
      const text = this.#decode(bytes, 0, lineEnds[lineEnds.length - 1]!);
      for (const lineEnd of lineEnds) {
        const failure = this.#endLine(text.slice(start, lineEnd));
        if (failure !== undefined) return failure;
        start = lineEnd + 2;
      }
    }
    if (wrong !== undefined && !isHead) return this.#malformed(wrong);
    return start;
  }

  /**
   * Fills {@link lineEnds}, up to the empty line that ends the head or up to a byte that must not be. Refused at once and
   * not at the end of the line: a TLS greeting sent to a plain port has no line end.
   */
  #findLines(bytes: Uint8Array, from: number, end: number): { wrong?: string; isHead: boolean } {
    lineEnds.length = 0;
    let lineStart = 0;
    let hasStart = this.#start !== undefined;
    // A CR may have been the last byte of the chunk before.
    let i = from > 0 && bytes[from - 1] === CR ? from - 1 : from;
    for (; i < end; i++) {
      const byte = bytes[i]!;
      if (byte === CR) {
        if (i + 1 === end) break;
        if (bytes[i + 1] !== LF) return { wrong: "CR without LF", isHead: false };
        lineEnds.push(i);
        if (i > lineStart) hasStart = true;
        else if (hasStart) return { isHead: true };
        lineStart = i + 2;
        i++;
      } else if (byte < SPACE ? byte !== HTAB : byte === DEL) {
        return { wrong: byte === LF ? "LF without CR" : "a control character", isHead: false };
      }
    }
    return { isHead: false };
  }

  #endLine(line: string): HandshakeError | undefined {
    if (this.#start === undefined) {
      // RFC 9112 §2.2: a server should ignore at least one empty line before the request line.
      if (line === "" && this.#kind === "request" && !this.#sawEmptyLine) {
        this.#sawEmptyLine = true;
        return undefined;
      }
      return this.#readStartLine(line);
    }
    if (line === "") {
      this.#head = this.#start(new HeaderList(this.#raw)) as HeadOf<Kind>;
      return undefined;
    }
    return this.#readField(line);
  }

  #readStartLine(line: string): HandshakeError | undefined {
    const start = this.#kind === "request" ? readRequestLine(line) : readStatusLine(line);
    if (typeof start === "function") {
      this.#start = start;
      return undefined;
    }
    return start === "version"
      ? this.#fail("HTTP_VERSION", 505, "The HTTP version is neither 1.0 nor 1.1")
      : this.#malformed(`no ${this.#kind === "request" ? "request" : "status"} line`);
  }

  #readField(line: string): HandshakeError | undefined {
    if (this.#raw.length === 2 * this.#limits.maxHeaders) {
      return this.#fail(
        "HEAD_TOO_LARGE",
        431,
        `The head has more than ${this.#limits.maxHeaders} header fields`,
      );
    }
    // A folded line starts with whitespace, which is in no token, and so does not get past this.
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    if (!isToken(name)) return this.#malformed("a line that is no header field");
    this.#raw.push(name, trimWhitespace(line.slice(colon + 1)));
    return undefined;
  }

  #malformed(what: string): HandshakeError {
    return this.#fail("MALFORMED_HEAD", 400, `The head is not HTTP/1.1: ${what}`);
  }

  #fail(code: HandshakeErrorCode, status: number, message: string): HandshakeError {
    return new HandshakeError(code, this.#kind === "request" ? status : 0, message);
  }
}

/** A start line that was read, waiting for its header fields. */
type StartLine = (headers: HeaderList) => RequestHead | ResponseHead;

function readRequestLine(line: string): StartLine | "version" | "malformed" {
  const first = line.indexOf(" ");
  const second = line.indexOf(" ", first + 1);
  if (first === -1 || second === -1) return "malformed";
  const method = line.slice(0, first);
  const target = line.slice(first + 1, second);
  if (!isToken(method) || target === "" || !isVisibleAscii(target)) return "malformed";
  const httpVersion = readVersion(line.slice(second + 1));
  if (httpVersion === "version" || httpVersion === "malformed") return httpVersion;
  return (headers) => ({ method, target, httpVersion, headers });
}

function readStatusLine(line: string): StartLine | "version" | "malformed" {
  const httpVersion = readVersion(line.slice(0, 8));
  if (httpVersion === "version" || httpVersion === "malformed") return httpVersion;
  const digits = line.slice(9, 12);
  const status = isDigits(digits) && digits.length === 3 ? Number(digits) : 0;
  // The space after the status is required (RFC 9112 §4), but many servers with no reason leave it out.
  const separated = line.charCodeAt(8) === SPACE && (line.length === 12 || line.charCodeAt(12) === SPACE);
  if (status < 100 || !separated) return "malformed";
  const reason = line.slice(13);
  return (headers) => ({ status, reason, httpVersion, headers });
}

/** Reads `HTTP/x.y` (RFC 9112 §2.3): the version, or `"version"` for one that is not spoken here. */
function readVersion(text: string): HttpVersion | "version" | "malformed" {
  if (text === "HTTP/1.1") return "1.1";
  if (text === "HTTP/1.0") return "1.0";
  const wellFormed =
    text.length === 8 &&
    text.startsWith("HTTP/") &&
    text[6] === "." &&
    isDigits(text.slice(5, 6)) &&
    isDigits(text.slice(7));
  return wellFormed ? "version" : "malformed";
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text.length > 0;
}

/** Arguments in one call of `fromCharCode`: far below where engines run out of stack. */
const DECODE_STEP = 4096;

function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i += DECODE_STEP) {
    // `apply` takes any array-like, which its type does not say; spreading the view would double the cost of a handshake.
    const step = bytes.subarray(i, Math.min(end, i + DECODE_STEP)) as ArrayLike<number> as number[];
    text += String.fromCharCode.apply(null, step);
  }
  return text;
}
