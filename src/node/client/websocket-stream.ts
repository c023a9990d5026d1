import { ReadableStream, WritableStream, type WritableStreamDefaultController } from "node:stream/web";
import type { CloseResult } from "../../protocol/closing-handshake.js";
import type { Message } from "../connection/message-queue.js";
import type { ClientConnection } from "./client-connection.js";
import { connect } from "./connect.js";
import {
  dictionary,
  exposeInterface,
  isObject,
  requireArguments,
  stringSequence,
  usvString,
} from "./web-idl.js";
import type { WebSocketOptions } from "./websocket.js";
import { checkProtocols, urlRecordOf, validateClose } from "./websocket-arguments.js";
import { closeInfoOf, unvalidatedError, type WebSocketCloseInfo, WebSocketError } from "./websocket-error.js";

/** What a {@link WebSocketStream} is made with: the two options of the standard, and those that are for Node only. */
export interface WebSocketStreamOptions extends WebSocketOptions {
  /** The subprotocols to offer; the server must then choose one. Default: none. */
  readonly protocols?: Iterable<string> | undefined;
  /** Gives up connecting when aborted. Does nothing any more once the connection is open. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** What `opened` resolves with. */
export interface WebSocketOpenInfo {
  /** The messages: text as a string, binary as a `Uint8Array`. While it is not read, TCP is paused. */
  readonly readable: ReadableStream<string | Uint8Array>;
  /** Sends: bytes as binary, everything else as text. A write ends when there is room for more. */
  readonly writable: WritableStream<string | ArrayBuffer | ArrayBufferView>;
  /** The extensions in use; empty if none. */
  readonly extensions: string;
  /** The subprotocol in use; empty if none. */
  readonly protocol: string;
}

/** A promise with what settles it. */
interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/**
 * The `WebSocketStream` of the web (https://github.com/whatwg/websockets/pull/48, and Chromium since 124): a WebSocket
 * as a pair of streams, with backpressure both ways.
 *
 * Beyond it: the options of `WebSocket`, for headers, TLS, proxy and limits, and the error of Hawser as `cause` of a
 * `WebSocketError`. Where it differs from Chromium's is told in `docs/reference/web-interfaces.md`.
 */
export class WebSocketStream {
  readonly #url: URL;
  readonly #opened: Deferred<WebSocketOpenInfo> = deferred();
  readonly #closed: Deferred<Required<WebSocketCloseInfo>> = deferred();
  readonly #abort = new AbortController();
  #connection: ClientConnection | undefined;
  #writableController: WritableStreamDefaultController | undefined;
  #isAborted = false;
  #isGone = false;

  /**
   * Begins to connect.
   * @param url `ws:`, `wss:`, `http:` or `https:`, without a fragment.
   * @throws `SyntaxError` as a `DOMException` for a URL or subprotocols that cannot be used.
   */
  constructor(url: string | URL, options: WebSocketStreamOptions = {}) {
    // biome-ignore lint/complexity/noArguments: Web IDL tells a missing argument from undefined.
    requireArguments("new WebSocketStream", 1, arguments.length);
    const input = usvString(url);
    const {
      protocols: offered,
      signal,
      ...nodeOptions
    } = dictionary<WebSocketStreamOptions>(options, "WebSocketStreamOptions");
    if (offered !== undefined && !isObject(offered)) throw new TypeError("protocols is not a sequence");
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new TypeError("signal is not of type AbortSignal");
    }
    // 1. Let baseURL be this's relevant settings object's API base URL. (There is none.)
    // 2. Let urlRecord be the result of getting a URL record given url and baseURL.
    const urlRecord = urlRecordOf(input);
    // 3. Let protocols be options["protocols"] if it exists, otherwise an empty sequence.
    const protocols = offered === undefined ? [] : stringSequence(offered);
    // 4. If any of the values in protocols occur more than once or otherwise fail to match the requirements, then throw
    //    a "SyntaxError" DOMException.
    checkProtocols(protocols);
    // 5. Set this's url to urlRecord.
    this.#url = urlRecord;
    // 6. Set this's opened promise and closed promise to new promises. (Done: the fields.)
    // 7. Apply backpressure to the WebSocket. (A connection without a message handler is read as it is taken from.)
    // 8. If options["signal"] exists:
    if (signal !== undefined) {
      // 8.1. Let signal be options["signal"].
      // 8.2. If signal is aborted, then reject this's opened promise and closed promise with signal's abort reason and
      //      return.
      if (signal.aborted) {
        this.#reject(signal.reason);
        return;
      }
      // 8.3. Add the following abort steps to signal:
      signal.addEventListener("abort", this.#onAbort, { once: true });
      this.#opened.promise.finally(() => signal.removeEventListener("abort", this.#onAbort)).catch(ignore);
    }
    // 9. Let client be this's relevant settings object.
    // 10. Run this step in parallel:
    // 10.1. Establish a WebSocket connection given urlRecord, protocols, and client.
    connect(urlRecord, {
      ...nodeOptions,
      protocols,
      requireProtocol: true,
      maxRedirects: 0,
      signal: this.#abort.signal,
      textAs: "string",
      overflow: "disconnect",
      autoPong: true,
      open: (connection) => this.#established(connection),
      close: (_connection, result) => this.#ended(result.error, result),
    }).catch((error: unknown) => this.#ended(error, undefined));
  }

  /** The URL, serialized. */
  get url(): string {
    return this.#url.href;
  }

  /** Resolves when the connection is open; rejects with a {@link WebSocketError}, or the reason of the signal. */
  get opened(): Promise<WebSocketOpenInfo> {
    return this.#opened.promise;
  }

  /**
   * Resolves when the connection was closed cleanly, with the peer's code and reason; else it rejects with a
   * {@link WebSocketError}, or the reason of the signal.
   */
  get closed(): Promise<Required<WebSocketCloseInfo>> {
    return this.#closed.promise;
  }

  /**
   * Begins the closing handshake, or gives up connecting.
   * @throws `InvalidAccessError` and `SyntaxError` as `DOMException` for a code or reason that may not be sent.
   */
  // The default is what makes `close.length` 0.
  close(closeInfo: WebSocketCloseInfo = {}): void {
    WebSocketStream.#assertBrand(this);
    // 1. Let code be closeInfo["closeCode"] if present, or null otherwise.
    // 2. Let reason be closeInfo["reason"].
    const { code, reason } = closeInfoOf(closeInfo);
    // 3. Close the WebSocket with this, code, and reason.
    this.#close(code, reason);
  }

  static #assertBrand(value: object): void {
    if (!(#url in value)) throw new TypeError("Illegal invocation");
  }

  /** "Close the WebSocket": the steps are those of `WebSocket.close`. */
  #close(code: number | null, reason: string): void {
    // 3. Validate close code and reason with code and reason.
    validateClose(code, reason);
    // 4. If reason is non-empty, but code is null, then set code to 1000 ("Normal Closure").
    // 5. Run the first matching steps: do nothing if it is closing or closed; fail the connection if it is not yet
    //    established; else start the closing handshake.
    const connection = this.#connection;
    if (connection === undefined) this.#abort.abort();
    else if (code === null && reason === "") void connection.closeWithoutCode();
    else void connection.close(code ?? 1000, reason);
  }

  /** The abort steps of the constructor, 8.3. */
  readonly #onAbort = (event: Event): void => {
    // 8.3.1. If the WebSocket connection is not yet established:
    if (this.#connection !== undefined || this.#isGone) return;
    // 8.3.1.1. Fail the WebSocket connection.
    this.#abort.abort();
    // 8.3.1.2. Set this's ready state to CLOSING (2).
    // 8.3.1.3. Reject this's opened promise and closed promise with signal's abort reason.
    this.#reject((event.target as AbortSignal).reason);
    // 8.3.1.4. Set this's handshake aborted to true.
    this.#isAborted = true;
  };

  /** "When a WebSocket connection is established" for a stream. */
  #established(connection: ClientConnection): void {
    // 1. Change stream's ready state to OPEN (1).
    // 2. Set stream's was ever connected to true.
    this.#connection = connection;
    // 3. Let extensions be the extensions in use.
    // 4. Let protocol be the subprotocol in use.
    const { extensions, protocol } = connection;
    const messages = connection[Symbol.asyncIterator]();
    // 5. Let pullAlgorithm be an action that pulls bytes from stream.
    // 6. Let cancelAlgorithm be an action that cancels stream with reason, given reason.
    // 7. and 8. Let readable be a new ReadableStream, and set it up with pullAlgorithm and cancelAlgorithm.
    const readable = new ReadableStream<string | Uint8Array>({
      pull: async (controller) => {
        const { done, value } = await messages.next();
        if (!done) {
          // "When a WebSocket message has been received": a new DOMString, or a new Uint8Array object.
          controller.enqueue(typeof value === "string" ? value : bytesOf(value));
          return;
        }
        await this.#closed.promise.then(
          () => controller.close(),
          (error: unknown) => controller.error(error),
        );
      },
      cancel: (reason) => this.#closeUsing(reason),
    });
    // 9. to 11. Let writeAlgorithm, closeAlgorithm and abortAlgorithm be actions that write to, close and abort stream.
    // 12. and 13. Let writable be a new WritableStream, and set it up with them.
    const writable = new WritableStream<string | ArrayBuffer | ArrayBufferView>({
      start: (controller) => {
        this.#writableController = controller;
      },
      write: (chunk) => this.#write(connection, chunk),
      close: async () => {
        this.#close(null, "");
        await this.#closed.promise;
      },
      abort: (reason) => this.#closeUsing(reason),
    });
    // 14. and 15. Set stream's readable stream and writable stream.
    // 16. Resolve stream's opened promise with WebSocketOpenInfo.
    this.#opened.resolve({ extensions, protocol, readable, writable });
  }

  /** "To write chunk to a WebSocketStream". */
  async #write(connection: ClientConnection, chunk: unknown): Promise<void> {
    // 4. If chunk is a BufferSource: set data to a copy of the bytes given chunk.
    // 5. Otherwise, set data to the result of UTF-8 encoding chunk, converted to an IDL USVString. If this throws an
    //    exception, return a promise rejected with the exception.
    const data = bufferSource(chunk) ?? usvString(chunk);
    // 6.1. Wait until there is sufficient buffer space in stream to send the message.
    // 6.2. If the closing handshake has not yet started, send a WebSocket Message to stream.
    if (connection.send(data) === "queued") await connection.ready();
    // 6.3. Resolve promise with undefined.
  }

  /** "To close using reason, given a WebSocketStream stream and a JavaScript value reason". */
  #closeUsing(reason: unknown): void {
    // 1. Let code be null.
    // 2. Let reasonString be the empty string.
    // 3. If reason implements WebSocketError: set code to its closeCode, and reasonString to its reason.
    const { closeCode: code, reason: reasonString } =
      reason instanceof WebSocketError ? reason : { closeCode: null, reason: "" };
    // 4. Close the WebSocket with stream, code, and reasonString. If this throws an exception, discard code and
    //    reasonString and close the WebSocket with stream.
    try {
      this.#close(code, reasonString);
    } catch {
      this.#close(null, "");
    }
  }

  /** "When the WebSocket connection is closed" for a stream, or could not be opened. */
  #ended(cause: unknown, result: CloseResult | undefined): void {
    // 1. Change stream's ready state to CLOSED (3).
    this.#isGone = true;
    // 2. If stream's handshake aborted is true, then return.
    if (this.#isAborted) return;
    // 3. If stream's was ever connected is false, then reject stream's opened promise with a new WebSocketError.
    if (this.#connection === undefined) {
      this.#opened.reject(unvalidatedError("Closed before the connection was open", null, "", cause));
    }
    // 4. Let code be the WebSocket connection close code.
    // 5. Let reason be the result of applying UTF-8 decode without BOM to the WebSocket connection close reason.
    const { code = 1006, reason = "", wasClean = false } = result ?? {};
    // 6. If the connection was closed cleanly:
    if (wasClean) {
      // 6.1. Close stream's readable stream. (Behind what still waits in it: see pullAlgorithm.)
      // 6.2. Error stream's writable stream with an "InvalidStateError" DOMException indicating that a closed
      //      WebSocketStream cannot be written to.
      this.#writableController?.error(
        new DOMException("A closed WebSocketStream cannot be written to", "InvalidStateError"),
      );
      // 6.3. Resolve stream's closed promise with WebSocketCloseInfo.
      this.#closed.resolve({ closeCode: code, reason });
      return;
    }
    // 7. Otherwise:
    // 7.1. Let error be a new WebSocketError whose closeCode is code and reason is reason.
    const error = unvalidatedError("The connection was not closed cleanly", code, reason, cause);
    // 7.2. Error stream's readable stream with error. (Behind what still waits in it: see pullAlgorithm.)
    // 7.3. Error stream's writable stream with error.
    this.#writableController?.error(error);
    // 7.4. Reject stream's closed promise with error.
    this.#closed.reject(error);
  }

  #reject(reason: unknown): void {
    this.#opened.reject(reason);
    this.#closed.reject(reason);
  }
}

exposeInterface(WebSocketStream, "WebSocketStream", ["url", "opened", "closed", "close"]);

/** A copy of the bytes, if they are bytes. */
function bufferSource(chunk: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(chunk)) {
    if (chunk.buffer instanceof SharedArrayBuffer) throw new TypeError("A SharedArrayBuffer cannot be sent");
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength).slice();
  }
  return chunk instanceof ArrayBuffer ? new Uint8Array(chunk).slice() : undefined;
}

/** The bytes as the plain `Uint8Array` that the standard names, in a buffer of their own. */
function bytesOf(data: Exclude<Message, string>): Uint8Array {
  return Uint8Array.prototype.slice.call(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** "Mark as handled": nobody has to look at a promise of the standard's. */
function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, "promise"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(ignore);
  return { promise, ...settle! };
}

function ignore(): void {}
