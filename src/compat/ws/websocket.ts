// biome-ignore-all lint/suspicious/noExplicitAny: programs typed with @types/ws rely on its `any`.
// biome-ignore-all lint/suspicious/noUnsafeDeclarationMerging: so are the overloads of `on` told apart by event.
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { ClientRequest, ClientRequestArgs, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ProtocolError } from "../../core/hawser-error.js";
import { asBinaryType, BINARY_TYPES } from "./binary-type.js";
import {
  addListener,
  type CloseEvent as CloseEventClass,
  defineEventAttributes,
  type ErrorEvent as ErrorEventClass,
  type Event as EventClass,
  type Listener,
  type MessageEvent as MessageEventClass,
  removeListener,
} from "./event-target.js";
import { frameError } from "./frame-error.js";
import { Link } from "./link.js";
import { type LinkOptions, linkOptions } from "./link-config.js";
import type * as MessageData from "./message-data.js";
import { checkNumbers, wholeNumber } from "./number-options.js";
import { abandonRequest, Opening, type OpeningOptions } from "./opening.js";
import {
  type PerMessageDeflateOptions as DeflateOptions,
  deflateParameters,
  type PerMessageDeflate,
} from "./per-message-deflate.js";
import { ReadyState, type ReadyStateValue } from "./ready-state.js";
import { ReceiverView } from "./receiver-view.js";
import { type NegotiatedExtensions, Sender, type SendOptions } from "./sender.js";
import { sendControl, sendMessage } from "./sending.js";
import type { SentCallback } from "./sent-callback.js";
import type { CertMeta as CertMetaOfClient, SocketClientOptions } from "./socket-client-options.js";
import { CLIENT_DEFAULTS, type SocketOptions as OptionsOfBoth, SOCKET_DEFAULTS } from "./socket-options.js";
import type { SocketServerOptions } from "./socket-server-options.js";
import type { SocketSettings } from "./socket-settings.js";
import type * as Verify from "./verify-client.js";

/** The class of requests; programs may use one that extends it. */
export type RequestClass = typeof IncomingMessage;

const EMPTY: Buffer = Buffer.alloc(0);
const DEFLATE = "permessage-deflate";

/**
 * A WebSocket with the API of `ws`: a client made from a URL, or a connection of a `WebSocketServer`. Underneath works
 * Hawser's engine; what is sent within one turn of the event loop leaves in one write.
 */
export class WebSocket extends EventEmitter {
  /** Not open yet. */
  static readonly CONNECTING: 0 = ReadyState.CONNECTING;
  /** Messages can be sent. */
  static readonly OPEN: 1 = ReadyState.OPEN;
  /** Closing began. */
  static readonly CLOSING: 2 = ReadyState.CLOSING;
  /** The connection is gone. */
  static readonly CLOSED: 3 = ReadyState.CLOSED;
  /** Not open yet. */
  declare readonly CONNECTING: 0;
  /** Messages can be sent. */
  declare readonly OPEN: 1;
  /** Closing began. */
  declare readonly CLOSING: 2;
  /** The connection is gone. */
  declare readonly CLOSED: 3;

  // Named as in `ws`, since programs look at them. Nothing is private: a class with private names is another type for
  // TypeScript than that of @types/ws, and could not be handed to dependants typed with it.
  /** @internal */
  _binaryType: string = "nodebuffer";
  /** @internal */
  _closeCode = 1006;
  /** @internal */
  _closeFrameReceived = false;
  /** @internal */
  _closeFrameSent = false;
  /** @internal */
  _closeMessage: Buffer = EMPTY;
  /** @internal */
  _extensions: NegotiatedExtensions = {};
  /** @internal */
  _isServer: boolean;
  /** @internal */
  _paused = false;
  /** @internal */
  _protocol = "";
  /** @internal */
  _readyState: ReadyStateValue = ReadyState.CONNECTING;
  /** @internal */
  _req: ClientRequest | null = null;
  /** @internal */
  _sender: Sender | null = null;
  /** @internal */
  _stream: Socket | null = null;
  /** @internal */
  _url = "";
  /** @internal Only of what was sent after a failed opening. */
  _bufferedAmount = 0;
  /** @internal */
  _autoPong: boolean;
  /** @internal */
  _pendingAutoPongs = 0;
  /** @internal */
  readonly _maxPendingAutoPongs: number;
  /** @internal */
  readonly _closeTimeout: number;
  /** @internal */
  _errorEmitted = false;
  /** @internal */
  _link: Link | undefined = undefined;
  /** @internal */
  _settings: SocketSettings | undefined = undefined;
  /** @internal */
  _receiverView: ReceiverView | undefined = undefined;

  /**
   * @param address the URL, `ws:`, `wss:`, `http:`, `https:` or `ws+unix:`. Null for the connection of a server.
   * @throws SyntaxError for a URL or a subprotocol that is none; RangeError for a protocol version but 8 and 13.
   */
  constructor(address: null, protocols?: undefined, options?: object);
  constructor(address: string | URL, options?: WebSocket.ClientOptions | ClientRequestArgs);
  constructor(
    address: string | URL,
    protocols?: string | string[],
    options?: WebSocket.ClientOptions | ClientRequestArgs,
  );
  constructor(
    address: string | URL | null,
    protocols?: string | string[] | WebSocket.ClientOptions | ClientRequestArgs,
    options?: object,
  ) {
    super();
    this._isServer = address === null;
    // All else stands for protocols, and is refused where it is none.
    const isList = typeof protocols !== "object" || protocols === null || Array.isArray(protocols);
    const given = (isList ? options : protocols) as WebSocket.ClientOptions & Protocols;
    const all = address === null ? { ...given } : { ...CLIENT_DEFAULTS, ...given };
    if (address !== null) checkNumbers(all);
    this._autoPong = all.autoPong ?? false;
    this._maxPendingAutoPongs = wholeNumber(all.maxPendingAutoPongs);
    this._closeTimeout = all.closeTimeout ?? SOCKET_DEFAULTS.closeTimeout;
    if (address === null) return;
    const wanted = isList && protocols !== undefined ? protocols : given?.protocols;
    const list = wanted === undefined ? [] : ([wanted].flat() as string[]);
    const opening = new Opening(this, list, all as unknown as OpeningOptions, (stream, head) =>
      this.setSocket(stream, head, all),
    );
    opening.start(address);
  }

  // --- Attributes ----------------------------------------------------------------------------------------------

  /**
   * What binary messages are given as: `nodebuffer`, a Buffer, by default; `arraybuffer`; `fragments`, a list of Buffers;
   * `blob`. Other values are ignored.
   */
  get binaryType(): "nodebuffer" | "arraybuffer" | "fragments" {
    return this._binaryType as "nodebuffer";
  }

  set binaryType(type: "nodebuffer" | "arraybuffer" | "fragments" | "blob") {
    if (BINARY_TYPES.includes(type)) this._binaryType = type;
  }

  /** How many bytes wait to be sent, frame headers included. What is sent in this turn waits until its end. */
  get bufferedAmount(): number {
    if (this._link === undefined) return this._bufferedAmount;
    return this._link.bufferedBytes + (this._sender?._bufferedBytes ?? 0);
  }

  /** The names of the extensions that were agreed on. */
  get extensions(): string {
    return Object.keys(this._extensions).join();
  }

  /** Whether reading is paused. */
  get isPaused(): boolean {
    return this._paused;
  }

  /** The subprotocol that was agreed on; empty if none. */
  get protocol(): string {
    return this._protocol;
  }

  /** `CONNECTING`, `OPEN`, `CLOSING` or `CLOSED`. */
  get readyState(): ReadyStateValue {
    return this._readyState;
  }

  /** The URL of a client, resolved, and behind redirects the last one. */
  get url(): string {
    return this._isServer ? (undefined as unknown as string) : this._url;
  }

  /** Called as a listener for `open`. */
  declare onopen: ((event: WebSocket.Event) => void) | null;
  /** Called as a listener for `error`. */
  declare onerror: ((event: WebSocket.ErrorEvent) => void) | null;
  /** Called as a listener for `close`. */
  declare onclose: ((event: WebSocket.CloseEvent) => void) | null;
  /** Called as a listener for `message`. */
  declare onmessage: ((event: WebSocket.MessageEvent) => void) | null;

  /**
   * @internal The stream underneath: a `net.Socket` or `tls.TLSSocket`, or what `setSocket` was given. Who asks for it may
   * end it or write to it, so what was sent is handed over before.
   */
  get _socket(): Socket | null {
    this._link?.flush();
    return this._stream;
  }

  /** @internal */
  set _socket(stream: Socket | null) {
    this._stream = stream;
  }

  /** @internal */
  get _receiver(): ReceiverView | null {
    const link = this._link;
    if (link === undefined) return null;
    if (this._receiverView === undefined) {
      const { maxPayload = 0, skipUTF8Validation = false } = this._settings ?? {};
      const settings = { maxPayload, skipUTF8Validation, binaryType: this._binaryType };
      this._receiverView = new ReceiverView(settings, this._isServer, this._extensions, () => {
        link.limit(this._linkOptions({ ...this._settings, ...settings }));
      });
    }
    return this._receiverView;
  }

  // --- Methods -------------------------------------------------------------------------------------------------

  /** Adds a listener for `open`, `message`, `error` or `close`, called with an event as in browsers. */
  addEventListener<K extends keyof WebSocket.WebSocketEventMap>(
    type: K,
    listener:
      | ((event: WebSocket.WebSocketEventMap[K]) => void)
      | { handleEvent(event: WebSocket.WebSocketEventMap[K]): void },
    options?: WebSocket.EventListenerOptions,
  ): void {
    addListener(this, type, listener as Listener, options?.once === true);
  }

  /** Takes such a listener off again. */
  removeEventListener<K extends keyof WebSocket.WebSocketEventMap>(
    type: K,
    listener:
      | ((event: WebSocket.WebSocketEventMap[K]) => void)
      | { handleEvent(event: WebSocket.WebSocketEventMap[K]): void },
  ): void {
    removeListener(this, type, listener as Listener);
  }

  /**
   * Sends a message. What is sent within one turn of the event loop leaves in one write. Bytes above 16 KiB are not copied
   * but leave at once; what of them the system does not take must not change before the callback is called.
   * @throws Error while connecting; TypeError for what has no bytes.
   */
  send(data: WebSocket.BufferLike, callback?: (error?: Error) => void): void;
  send(data: WebSocket.BufferLike, options: SendOptions, callback?: (error?: Error) => void): void;
  send(data: unknown, options?: SendOptions | SentCallback, callback?: SentCallback): void {
    sendMessage(this, data, options, callback);
  }

  /** Sends a ping of at most 125 bytes. @throws Error while connecting; RangeError for more bytes. */
  ping(data?: any, mask?: boolean, callback?: (error: Error) => void): void;
  ping(data?: unknown, mask?: boolean | SentCallback, callback?: (error: Error) => void): void {
    sendControl(this, "ping", data, mask, callback as SentCallback);
  }

  /** Sends a pong of at most 125 bytes. @throws Error while connecting; RangeError for more bytes. */
  pong(data?: any, mask?: boolean, callback?: (error: Error) => void): void;
  pong(data?: unknown, mask?: boolean | SentCallback, callback?: (error: Error) => void): void {
    sendControl(this, "pong", data, mask, callback as SentCallback);
  }

  /**
   * Begins the closing handshake. If the peer does not answer within `closeTimeout`, the connection is dropped.
   * @param code 1000 to 1014 except 1004 to 1006, or 3000 to 4999. Default: a close frame without code.
   * @param data the reason, at most 123 bytes.
   * @throws TypeError for another code; RangeError for a longer reason.
   */
  close(code?: number, data?: string | Buffer): void {
    if (this._readyState === ReadyState.CLOSED || this._readyState === ReadyState.CLOSING) return;
    if (this._readyState === ReadyState.CONNECTING) {
      this._abandon();
      return;
    }
    this._sender!.close(code, data, !this._isServer, () => {
      this._closeFrameSent = true;
    });
    this._readyState = ReadyState.CLOSING;
  }

  /** Drops the connection without a closing handshake; what was sent before is handed to the system first. */
  terminate(): void {
    if (this._readyState === ReadyState.CLOSED) return;
    if (this._readyState === ReadyState.CONNECTING) {
      this._abandon();
      return;
    }
    if (this._link === undefined) return;
    this._readyState = ReadyState.CLOSING;
    this._link.destroy();
  }

  /** @internal */
  _abandon(): void {
    abandonRequest(this, this._req, "WebSocket was closed before the connection was established");
  }

  /**
   * Stops reading. What was read already is still handed out. Does nothing before the connection is open and after it is
   * closed.
   */
  pause(): void {
    if (this._readyState === ReadyState.CONNECTING || this._readyState === ReadyState.CLOSED) return;
    this._paused = true;
    this._link?.pause();
  }

  /** Reads again. */
  resume(): void {
    if (this._readyState === ReadyState.CONNECTING || this._readyState === ReadyState.CLOSED) return;
    this._paused = false;
    this._link?.resume();
  }

  // --- For the server, and for programs that bring their own stream ----------------------------------------------

  /** @internal Makes a WebSocket of a stream, behind the opening handshake. */
  setSocket(stream: Duplex, head: Buffer, settings: SocketSettings): void {
    const socket = stream as Socket;
    const deflate: PerMessageDeflate | undefined = this._extensions[DEFLATE];
    const parameters = deflate?.params ? deflateParameters(deflate.params) : undefined;
    const { allowSynchronousEvents = true } = settings;
    const link = new Link(this, stream, this._linkOptions(settings), !allowSynchronousEvents, parameters);
    const sender = new Sender(stream, this._extensions, settings.generateMask, link);
    sender.onerror = (error) => this._senderFailed(error);
    this._link = link;
    this._settings = settings;
    this._sender = sender;
    this._stream = socket;
    // A stream that is no socket has neither.
    if (typeof (socket.setTimeout as unknown) === "function") socket.setTimeout(0);
    if (typeof (socket.setNoDelay as unknown) === "function") socket.setNoDelay();
    link.start(head);
    this._readyState = ReadyState.OPEN;
    this.emit("open");
  }

  /** @internal Tells that the connection is gone. */
  emitClose(): void {
    this._readyState = ReadyState.CLOSED;
    this.emit("close", this._closeCode, this._closeMessage);
  }

  /** @internal */
  _linkOptions(settings: SocketSettings): LinkOptions {
    return linkOptions(this._isServer, this._closeTimeout, settings, this._extensions[DEFLATE]?._options);
  }

  /** @internal */
  _senderFailed(error: Error): void {
    if (this._readyState === ReadyState.CLOSED) return;
    this._readyState = ReadyState.CLOSING;
    this._link?.end();
    this._emitError(error);
  }

  /** @internal */
  _emitError(error: Error): void {
    if (this._errorEmitted) return;
    this._errorEmitted = true;
    this.emit("error", error);
  }

  // --- Called by the link --------------------------------------------------------------------------------------

  /** @internal */
  linkMessage(data: Buffer, isBinary: boolean): void {
    if (isBinary && this._binaryType !== "nodebuffer")
      this.emit("message", asBinaryType(data, this._binaryType), true);
    else this.emit("message", data, isBinary);
  }

  /** @internal */
  linkPing(data: Buffer): void {
    if (this._autoPong && this._readyState === ReadyState.OPEN) {
      if (this._maxPendingAutoPongs > 0 && this._pendingAutoPongs >= this._maxPendingAutoPongs) {
        this.terminate();
      } else {
        this._pendingAutoPongs++;
        this.pong(data, !this._isServer, () => {
          this._pendingAutoPongs--;
        });
      }
    }
    this.emit("ping", data);
  }

  /** @internal */
  linkPong(data: Buffer): void {
    this.emit("pong", data);
  }

  /** @internal */
  linkConcluded(code: number, reason: string): void {
    this._closeFrameReceived = true;
    this._closeFrameSent = true;
    this._closeCode = code;
    this._closeMessage = reason === "" ? EMPTY : Buffer.from(reason);
    this._readyState = ReadyState.CLOSING;
    // It has nothing to do any more, unless a program overrides it.
    if (code === 1005) this.close();
    else this.close(code, this._closeMessage);
  }

  /** @internal */
  linkFailed(cause: ProtocolError): void {
    this._closeFrameSent = true;
    this._readyState = ReadyState.CLOSING;
    this._emitError(frameError(cause));
  }

  /** @internal */
  linkEnding(): void {
    if (this._readyState === ReadyState.OPEN) this._readyState = ReadyState.CLOSING;
  }

  /** @internal */
  linkClosed(): void {
    this._sender?.dispose();
    this.emitClose();
  }
}

for (const [name, value] of Object.entries(ReadyState)) {
  Object.defineProperty(WebSocket, name, { enumerable: true, value });
  Object.defineProperty(WebSocket.prototype, name, { enumerable: true, value });
}
// Enumerable, as attributes of the standard are.
for (const name of [
  "binaryType",
  "bufferedAmount",
  "extensions",
  "isPaused",
  "protocol",
  "readyState",
  "url",
]) {
  Object.defineProperty(WebSocket.prototype, name, { enumerable: true });
}
defineEventAttributes(WebSocket.prototype);

/** `protocols` among the options: undocumented, and what `isomorphic-ws` and others rely on. */
interface Protocols {
  readonly protocols?: string | string[] | undefined;
}

/** What the listeners of each event of a {@link WebSocket} are given. */
interface Events {
  close: [code: number, reason: Buffer];
  error: [error: Error];
  message: [data: WebSocket.RawData, isBinary: boolean];
  open: [];
  ping: [data: Buffer];
  pong: [data: Buffer];
  redirect: [url: string, request: ClientRequest];
  "unexpected-response": [request: ClientRequest, response: IncomingMessage];
  upgrade: [request: IncomingMessage];
}

/** The events of a {@link WebSocket}. */
export interface WebSocket {
  on<K extends keyof Events>(event: K, listener: (this: WebSocket, ...args: Events[K]) => void): this;
  on(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this;

  once<K extends keyof Events>(event: K, listener: (this: WebSocket, ...args: Events[K]) => void): this;
  once(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this;

  off<K extends keyof Events>(event: K, listener: (this: WebSocket, ...args: Events[K]) => void): this;
  off(event: string | symbol, listener: (this: WebSocket, ...args: any[]) => void): this;

  addListener<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): this;
  addListener(event: string | symbol, listener: (...args: any[]) => void): this;

  removeListener<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): this;
  removeListener(event: string | symbol, listener: (...args: any[]) => void): this;
}

/** The types that programs find beside the class. */
export declare namespace WebSocket {
  /** What `send` takes: all that `Buffer.from` takes, and blobs. */
  export type BufferLike = MessageData.BufferLike;
  /** A message as listeners of `message` get it. */
  export type RawData = MessageData.RawData;
  /** A message as an event has it. */
  export type Data = MessageData.Data;
  /** A certificate or key. */
  export type CertMeta = CertMetaOfClient;
  /** Accepts or refuses a client at once. */
  export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> =
    Verify.VerifyClientCallbackSync<Request>;
  /** Accepts or refuses a client by a callback. */
  export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> =
    Verify.VerifyClientCallbackAsync<Request>;
  /** Is given the request to end it. */
  export type FinishRequestCallback = (request: ClientRequest, websocket: WebSocket) => void;
  /** The options of permessage-deflate. */
  export type PerMessageDeflateOptions = DeflateOptions;
  /** An event. */
  export interface Event extends Pick<EventClass, "type"> {
    type: string;
    target: WebSocket;
  }
  /** Something went wrong. */
  export interface ErrorEvent extends Omit<ErrorEventClass, "target" | "error"> {
    error: any;
    message: string;
    type: string;
    target: WebSocket;
  }
  /** The connection is gone. */
  export interface CloseEvent extends Omit<CloseEventClass, "target"> {
    wasClean: boolean;
    code: number;
    reason: string;
    type: string;
    target: WebSocket;
  }
  /** A message. */
  export interface MessageEvent extends Omit<MessageEventClass, "target" | "data"> {
    data: Data;
    type: string;
    target: WebSocket;
  }
  /** The events by their names. */
  export interface WebSocketEventMap {
    open: Event;
    error: ErrorEvent;
    close: CloseEvent;
    message: MessageEvent;
  }
  /** How a listener is added. */
  export interface EventListenerOptions {
    /** Whether it is called once at most. Default false. */
    once?: boolean | undefined;
  }
  /** Where a server listens. */
  export interface AddressInfo {
    address: string;
    family: string;
    port: number;
  }

  /** What server and client take alike. */
  export type SocketOptions = OptionsOfBoth;
  /** The options of a client; all of `http.request` are taken besides. */
  export interface ClientOptions extends SocketClientOptions<WebSocket> {}
  /** The options of a server. One of `port`, `server` and `noServer` is needed. */
  export interface ServerOptions<
    U extends typeof WebSocket = typeof WebSocket,
    V extends typeof IncomingMessage = typeof IncomingMessage,
  > extends SocketServerOptions<U, V> {}
}
