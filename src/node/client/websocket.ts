import { ConnectionError, HawserError } from "../../core/hawser-error.js";
import type { CloseResult } from "../../protocol/closing-handshake.js";
import type { ConnectionOptions } from "../connection/connection-options.js";
import { BufferedAmount } from "./buffered-amount.js";
import type { ClientConnection } from "./client-connection.js";
import { CloseEvent } from "./close-event.js";
import { connect } from "./connect.js";
import type { DialOptions } from "./dial-options.js";
import { ErrorEvent } from "./error-event.js";
import { type EventHandler, EventHandlerAttribute } from "./event-handler-attribute.js";
import { SendQueue } from "./send-queue.js";
import { clampToUnsignedShort, domString, exposeInterface, requireArguments, usvString } from "./web-idl.js";
import { checkProtocols, stringOrSequence, urlRecordOf, validateClose } from "./websocket-arguments.js";

/** The values of `readyState`. */
const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** What binary messages come as. */
export type BinaryType = "blob" | "arraybuffer";

/** The events of a {@link WebSocket}. */
export interface WebSocketEventMap {
  readonly open: Event;
  readonly message: MessageEvent;
  readonly error: ErrorEvent;
  readonly close: CloseEvent;
}

/** What can be set beyond the standard. What the standard fixes (redirects, overflow) cannot. */
export interface WebSocketOptions
  extends Omit<ConnectionOptions, "textAs" | "overflow" | "autoPong">,
    DialOptions {}

type Listener<Type extends keyof WebSocketEventMap> =
  | ((this: WebSocket, event: WebSocketEventMap[Type]) => unknown)
  | { handleEvent(event: WebSocketEventMap[Type]): unknown };
type AnyListener = Parameters<EventTarget["addEventListener"]>[1];
type AddOptions = Parameters<EventTarget["addEventListener"]>[2];
type RemoveOptions = Parameters<EventTarget["removeEventListener"]>[2];

/**
 * The `WebSocket` of the web (https://websockets.spec.whatwg.org), for code that runs in browsers too. For Node alone
 * `connect()` is the better one: it has backpressure, and says why something failed.
 *
 * Beyond the standard: a third argument for headers, TLS, proxy and limits, and an `error` on the `error` event. Where it
 * differs from a browser's is told in `docs/reference/web-interfaces.md`.
 *
 * Garbage collection (§7): an open connection holds its socket, listeners or not, and it holds its connection. So none is
 * collected, and none closed, before its connection is gone.
 */
export class WebSocket extends EventTarget {
  declare static readonly CONNECTING: typeof CONNECTING;
  declare static readonly OPEN: typeof OPEN;
  declare static readonly CLOSING: typeof CLOSING;
  declare static readonly CLOSED: typeof CLOSED;
  declare readonly CONNECTING: typeof CONNECTING;
  declare readonly OPEN: typeof OPEN;
  declare readonly CLOSING: typeof CLOSING;
  declare readonly CLOSED: typeof CLOSED;

  readonly #url: URL;
  readonly #abort = new AbortController();
  // A connection that is dropped forgets what waits; the standard wants it remembered.
  readonly #bufferedAmount = new BufferedAmount(() =>
    this.#connection?.state === "open" ? this.#connection.bufferedBytes : Infinity,
  );
  readonly #sendQueue = new SendQueue(
    (data, byteLength) => {
      this.#bufferedAmount.unhold(byteLength);
      this.#transmit(data, byteLength);
    },
    () => this.#connection?.terminate(),
  );
  readonly #onopen = new EventHandlerAttribute<WebSocket, Event>(this, "open");
  readonly #onmessage = new EventHandlerAttribute<WebSocket, MessageEvent>(this, "message");
  readonly #onerror = new EventHandlerAttribute<WebSocket, ErrorEvent>(this, "error");
  readonly #onclose = new EventHandlerAttribute<WebSocket, CloseEvent>(this, "close");
  #connection: ClientConnection | undefined;
  #readyState: 0 | 1 | 2 | 3 = CONNECTING;
  #binaryType: BinaryType = "blob";

  /**
   * Begins to connect.
   * @param url `ws:`, `wss:`, `http:` or `https:`, without a fragment.
   * @param protocols the subprotocols to offer; the server must then choose one of them.
   * @param options Node only.
   * @throws `SyntaxError` as a `DOMException` for a URL or subprotocols that cannot be used.
   */
  constructor(url: string | URL, protocols: string | Iterable<string> = [], options: WebSocketOptions = {}) {
    super();
    // biome-ignore lint/complexity/noArguments: Web IDL tells a missing argument from undefined.
    requireArguments("new WebSocket", 1, arguments.length);
    const input = usvString(url);
    const stringOrList = stringOrSequence(protocols);
    // 1. Let baseURL be this's relevant settings object's API base URL. (There is none.)
    // 2. Let urlRecord be the result of getting a URL record given url and baseURL.
    const urlRecord = urlRecordOf(input);
    // 3. If protocols is a string, set protocols to a sequence consisting of just that string.
    const list = typeof stringOrList === "string" ? [stringOrList] : stringOrList;
    // 4. If any of the values in protocols occur more than once or otherwise fail to match the requirements, then throw
    //    a "SyntaxError" DOMException.
    checkProtocols(list);
    // 5. Set this's url to urlRecord.
    this.#url = urlRecord;
    // 6. Let client be this's relevant settings object. (It says which page asks; there is none.)
    // 7. Run this step in parallel:
    // 7.1. Establish a WebSocket connection given urlRecord, protocols, and client.
    connect(urlRecord, {
      ...options,
      protocols: list,
      // "This covers a subprotocol requested by the client, but unacknowledged by the server" (§2.2).
      requireProtocol: true,
      // §2.2: redirect mode "error".
      maxRedirects: 0,
      signal: this.#abort.signal,
      textAs: "string",
      overflow: "disconnect",
      autoPong: true,
      open: (connection) => this.#opened(connection),
      message: (_connection, data) => this.#received(data),
      close: (_connection, result) => this.#closed(result.error, result),
    }).catch((error: unknown) => this.#closed(asHawserError(error), undefined));
  }

  /** The URL, serialized. */
  get url(): string {
    // The url getter steps are to return this's url, serialized.
    return this.#url.href;
  }

  /** {@link CONNECTING}, {@link OPEN}, {@link CLOSING} or {@link CLOSED}. */
  get readyState(): 0 | 1 | 2 | 3 {
    // "When the WebSocket closing handshake is started", change the ready state to CLOSING (2): by the peer, too.
    if (this.#readyState === OPEN && this.#connection?.state !== "open") return CLOSING;
    return this.#readyState;
  }

  /** Bytes of payload that were given to {@link send} and are not with the system yet. Not reset by closing. */
  get bufferedAmount(): number {
    return this.#bufferedAmount.value;
  }

  /** The extensions in use; empty before the connection is open. */
  get extensions(): string {
    return this.#connection?.extensions ?? "";
  }

  /** The subprotocol in use; empty before the connection is open. */
  get protocol(): string {
    return this.#connection?.protocol ?? "";
  }

  /** What binary messages come as. Default `blob`. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(value: BinaryType) {
    WebSocket.#assertBrand(this);
    // The binaryType setter steps are to set this's binary type to the given value. Web IDL §3.7.6: an attribute of an
    // enumeration type ignores what is not one of its values.
    const text = domString(value);
    if (text === "blob" || text === "arraybuffer") this.#binaryType = text;
  }

  get onopen(): EventHandler<WebSocket, Event> {
    return this.#onopen.value;
  }

  set onopen(value: EventHandler<WebSocket, Event>) {
    this.#onopen.value = value;
  }

  get onmessage(): EventHandler<WebSocket, MessageEvent> {
    return this.#onmessage.value;
  }

  set onmessage(value: EventHandler<WebSocket, MessageEvent>) {
    this.#onmessage.value = value;
  }

  get onerror(): EventHandler<WebSocket, ErrorEvent> {
    return this.#onerror.value;
  }

  set onerror(value: EventHandler<WebSocket, ErrorEvent>) {
    this.#onerror.value = value;
  }

  get onclose(): EventHandler<WebSocket, CloseEvent> {
    return this.#onclose.value;
  }

  set onclose(value: EventHandler<WebSocket, CloseEvent>) {
    this.#onclose.value = value;
  }

  /**
   * Sends a message: text as text, everything else as binary. What is given after closing began is dropped, and only
   * counted in {@link bufferedAmount}.
   * @throws `InvalidStateError` as a `DOMException` before the connection is open.
   */
  send(data: string | Blob | ArrayBuffer | ArrayBufferView): void {
    WebSocket.#assertBrand(this);
    // biome-ignore lint/complexity/noArguments: Web IDL tells a missing argument from undefined.
    requireArguments("WebSocket.send", 1, arguments.length);
    const { data: payload, byteLength } = payloadOf(data);
    // 1. If this's ready state is CONNECTING, then throw an "InvalidStateError" DOMException.
    const { readyState } = this;
    if (readyState === CONNECTING) throw new DOMException("Not connected yet", "InvalidStateError");
    // 2. Run the appropriate set of steps from the following list: (they are the same for every type)
    //    If the WebSocket connection is established and the WebSocket closing handshake has not yet started, then the
    //    user agent must send a WebSocket Message comprised of data; if the data cannot be sent, e.g. because the buffer
    //    is full, the user agent must flag the WebSocket as full and then close the WebSocket connection. Any invocation
    //    that does not throw an exception must increase the bufferedAmount attribute by the length of data in bytes.
    if (readyState !== OPEN) {
      this.#bufferedAmount.hold(byteLength);
    } else if (this.#sendQueue.isEmpty && !(payload instanceof Blob)) {
      this.#transmit(payload, byteLength);
    } else {
      this.#bufferedAmount.hold(byteLength);
      // The caller may change the bytes before their turn comes.
      this.#sendQueue.add(payload instanceof Uint8Array ? payload.slice() : payload, byteLength);
    }
  }

  /**
   * Begins the closing handshake, or gives up connecting.
   * @param code 1000 or 3000-4999. Left out, the peer reports 1005.
   * @param reason at most 123 bytes in UTF-8.
   * @throws `InvalidAccessError` and `SyntaxError` as `DOMException` for a code or reason that may not be sent.
   */
  // The defaults are what makes `close.length` 0.
  close(code: number | undefined = undefined, reason: string | undefined = undefined): void {
    WebSocket.#assertBrand(this);
    // 1. If code was not supplied, let code be null.
    let closeCode = code === undefined ? null : clampToUnsignedShort(code);
    // 2. If reason was not supplied, let reason be the empty string.
    const closeReason = reason === undefined ? "" : usvString(reason);
    // 3. Close the WebSocket with this, code, and reason:
    // 3.1. Validate close code and reason with code and reason.
    validateClose(closeCode, closeReason);
    // 3.2. If reason is non-empty, but code is null, then set code to 1000 ("Normal Closure").
    if (closeCode === null && closeReason !== "") closeCode = 1000;
    // 3.3. Run the first matching steps from the following list:
    const { readyState } = this;
    //      If the ready state is CLOSING (2) or CLOSED (3): do nothing.
    if (readyState === CLOSING || readyState === CLOSED) return;
    this.#readyState = CLOSING;
    //      If the WebSocket connection is not yet established: fail the WebSocket connection and set the ready state to
    //      CLOSING (2).
    if (readyState === CONNECTING) {
      this.#abort.abort();
      return;
    }
    //      If the WebSocket closing handshake has not yet been started: start the WebSocket closing handshake and set
    //      the ready state to CLOSING (2). If code is null, the WebSocket Close message must not have a body. "close()
    //      does not discard previously sent messages": the handshake starts behind them.
    this.#sendQueue.whenEmpty(() => {
      if (closeCode === null) void this.#connection?.closeWithoutCode();
      else void this.#connection?.close(closeCode, closeReason);
    });
  }

  override addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: Listener<Type> | null,
    options?: AddOptions,
  ): void;
  override addEventListener(type: string, listener: AnyListener | null, options?: AddOptions): void;
  override addEventListener(type: string, listener: unknown, options?: AddOptions): void {
    super.addEventListener(type, listener as AnyListener, options);
  }

  override removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: Listener<Type> | null,
    options?: RemoveOptions,
  ): void;
  override removeEventListener(type: string, listener: AnyListener | null, options?: RemoveOptions): void;
  override removeEventListener(type: string, listener: unknown, options?: RemoveOptions): void {
    super.removeEventListener(type, listener as AnyListener, options);
  }

  /** "When the WebSocket connection is established" (§4). */
  #opened(connection: ClientConnection): void {
    // 1. Change the ready state to OPEN (1).
    this.#readyState = OPEN;
    // 2. Change the extensions attribute's value to the extensions in use, if it is not the null value.
    // 3. Change the protocol attribute's value to the subprotocol in use, if it is not the null value.
    this.#connection = connection;
    // 4. Fire an event named open at the WebSocket object.
    this.dispatchEvent(new Event("open"));
  }

  /** "When a WebSocket message has been received with type and data" (§4). */
  #received(data: string | Buffer): void {
    // 1. If ready state is not OPEN (1), then return.
    if (this.readyState !== OPEN) return;
    // 2. Let dataForEvent be determined by switching on type and binary type: a new DOMString, a new Blob object or a new
    //    ArrayBuffer object.
    const dataForEvent =
      typeof data === "string" ? data : this.#binaryType === "blob" ? new Blob([data]) : arrayBufferOf(data);
    // 3. Fire an event named message at the WebSocket object, using MessageEvent, with the origin attribute initialized
    //    to the serialization of the WebSocket object's url's origin, and the data attribute to dataForEvent.
    this.dispatchEvent(new MessageEvent("message", { data: dataForEvent, origin: this.#url.origin }));
  }

  /** "When the WebSocket connection is closed, possibly cleanly" (§4), or could not be opened. */
  #closed(error: HawserError | undefined, result: CloseResult | undefined): void {
    const { wasClean = false, code = 1006, reason = "" } = result ?? {};
    // 1. Change the ready state to CLOSED (3).
    this.#readyState = CLOSED;
    // The peer's close frame answers ours, and ours stood behind everything.
    this.#bufferedAmount.freeze(wasClean && result?.initiator === "local");
    // 2. If the user agent was required to fail the WebSocket connection, or if the WebSocket connection was closed after
    //    being flagged as full, fire an event named error at the WebSocket object.
    if (error !== undefined) this.dispatchEvent(new ErrorEvent("error", error));
    // 3. Fire an event named close at the WebSocket object, using CloseEvent, with the wasClean attribute initialized to
    //    true if the connection closed cleanly and false otherwise, the code attribute to the WebSocket connection close
    //    code, and the reason attribute to the WebSocket connection close reason.
    this.dispatchEvent(new CloseEvent("close", { wasClean, code, reason }));
  }

  /** Web IDL §3.7.6, §3.7.7: `this` must implement the interface before anything else is looked at. */
  static #assertBrand(value: object): void {
    if (!(#readyState in value)) throw new TypeError("Illegal invocation");
  }

  #transmit(data: string | Uint8Array, byteLength: number): void {
    const connection = this.#connection!;
    const bufferedBefore = connection.bufferedBytes;
    const status = connection.send(data);
    if (status === "sent" || status === "queued") {
      this.#bufferedAmount.sent(byteLength, bufferedBefore, connection.bufferedBytes);
    } else {
      this.#bufferedAmount.hold(byteLength);
    }
  }
}

// They are written for their types; the interface inherits those of EventTarget.
Reflect.deleteProperty(WebSocket.prototype, "addEventListener");
Reflect.deleteProperty(WebSocket.prototype, "removeEventListener");
exposeInterface(
  WebSocket,
  "WebSocket",
  [
    "url",
    "readyState",
    "bufferedAmount",
    "onopen",
    "onerror",
    "onclose",
    "extensions",
    "protocol",
    "close",
    "onmessage",
    "binaryType",
    "send",
  ],
  { CONNECTING, OPEN, CLOSING, CLOSED },
);

/** WebIDL's `(BufferSource or Blob or USVString)`: what is neither bytes nor a Blob becomes a string. */
function payloadOf(data: unknown): { data: string | Uint8Array | Blob; byteLength: number } {
  if (data instanceof Blob) return { data, byteLength: data.size };
  const isView = ArrayBuffer.isView(data);
  const buffer = isView ? data.buffer : data;
  // Without [AllowShared] WebIDL wants none of these: they may change while they are being sent.
  if (buffer instanceof SharedArrayBuffer) throw new TypeError("A SharedArrayBuffer cannot be sent");
  if (isView) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return { data: bytes, byteLength: bytes.length };
  }
  if (data instanceof ArrayBuffer) return { data: new Uint8Array(data), byteLength: data.byteLength };
  const text = domString(data);
  // Counted as it is sent: a lone surrogate becomes U+FFFD, three bytes long.
  return { data: text, byteLength: Buffer.byteLength(text) };
}

/** The bytes in a buffer of their own: that of a Buffer holds other messages too. */
function arrayBufferOf(data: Buffer): ArrayBuffer {
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer;
}

function asHawserError(error: unknown): HawserError {
  if (error instanceof HawserError) return error;
  return new ConnectionError("HANDLER_ERROR", `an option failed: ${String(error)}`, error);
}
