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

/** Lines are short; a line beyond this doubles the buffer, up to `maxHeadBytes`. */
const INITIAL_LINE_BYTES = 512;

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
  #line: Uint8Array = new Uint8Array(INITIAL_LINE_BYTES);
  #lineBytes = 0;
  #headBytes = 0;
  #sawCr = false;
  #sawEmptyLine = false;
  #start: StartLine | undefined;
  readonly #raw: string[] = [];
  #head: HeadOf<Kind> | undefined;
  #result: HeadResult<Kind> | undefined;

  constructor(kind: Kind, limits: Partial<HeadLimits> = {}) {
    this.#kind = kind;
    this.#limits = {
      maxHeadBytes: limits.maxHeadBytes ?? DEFAULT_LIMITS.maxHeadBytes,
      maxHeaders: limits.maxHeaders ?? DEFAULT_LIMITS.maxHeaders,
    };
  }

  /**
   * Takes the next bytes; undefined means that more are needed. Once there is a result it stays: after a head, all of
   * a later chunk is `rest`; after an error, the answer is that error.
   */
  push(chunk: Uint8Array): HeadResult<Kind> | undefined {
    if (this.#result !== undefined) {
      return this.#result.ok ? { ...this.#result, rest: chunk } : this.#result;
    }
    for (let i = 0; i < chunk.length; i++) {
      const failure = this.#pushByte(chunk[i]!);
      if (failure !== undefined) {
        this.#result = { ok: false, error: failure };
        return this.#result;
      }
      if (this.#head !== undefined) {
        this.#result = { ok: true, head: this.#head, rest: chunk.subarray(i + 1) };
        return this.#result;
      }
    }
    return undefined;
  }

  #pushByte(byte: number): HandshakeError | undefined {
    if (this.#headBytes === this.#limits.maxHeadBytes) {
      return this.#fail("HEAD_TOO_LARGE", 431, `The head is larger than ${this.#limits.maxHeadBytes} bytes`);
    }
    this.#headBytes++;
    if (this.#sawCr) {
      if (byte !== LF) return this.#malformed("CR without LF");
      this.#sawCr = false;
      return this.#endLine();
    }
    if (byte === CR) {
      this.#sawCr = true;
      return undefined;
    }
    // Refused at once and not at the end of the line: a TLS greeting sent to a plain port has no line end.
    if (byte === LF) return this.#malformed("LF without CR");
    if ((byte < SPACE && byte !== HTAB) || byte === DEL) return this.#malformed("a control character");
    if (this.#lineBytes === this.#line.length) this.#growLine();
    this.#line[this.#lineBytes++] = byte;
    return undefined;
  }

  #growLine(): void {
    const grown = new Uint8Array(this.#line.length * 2);
    grown.set(this.#line);
    this.#line = grown;
  }

  #endLine(): HandshakeError | undefined {
    const line = decodeLatin1(this.#line, this.#lineBytes);
    this.#lineBytes = 0;
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

function decodeLatin1(bytes: Uint8Array, length: number): string {
  let text = "";
  for (let i = 0; i < length; i += DECODE_STEP) {
    // `apply` takes any array-like, which its type does not say; spreading the view would double the cost of a handshake.
    const step = bytes.subarray(i, Math.min(length, i + DECODE_STEP)) as ArrayLike<number> as number[];
    text += String.fromCharCode.apply(null, step);
  }
  return text;
}
