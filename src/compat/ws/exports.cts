// hawser/ws: the drop-in for `ws`. This is what `require` gives: the class WebSocket, with all else as its properties.
// What `import` gives is made of it (src/entry/ws.ts), so that there is one class of each, however it was loaded.
import { type Extension, extension } from "./extension.js";
import { PerMessageDeflate } from "./per-message-deflate.js";
import { Receiver } from "./receiver.js";
import { Sender } from "./sender.js";
import { type Subprotocol, subprotocol } from "./subprotocol.js";
import { type RequestClass, WebSocket as Socket } from "./websocket.js";
import { WebSocketServer as SocketServer } from "./websocket-server.js";
import { createWebSocketStream } from "./websocket-stream.js";

/** The properties of the class. */
interface Exports {
  createWebSocketStream: typeof createWebSocketStream;
  extension: Extension;
  PerMessageDeflate: typeof PerMessageDeflate;
  Receiver: typeof Receiver;
  Sender: typeof Sender;
  Server: typeof SocketServer;
  subprotocol: Subprotocol;
  WebSocket: typeof Socket;
  WebSocketServer: typeof SocketServer;
}

const WebSocket: typeof Socket & Exports = Object.assign(Socket, {
  createWebSocketStream,
  extension,
  PerMessageDeflate,
  Receiver,
  Sender,
  Server: SocketServer,
  subprotocol,
  WebSocket: Socket,
  WebSocketServer: SocketServer,
});
type WebSocket = Socket;

declare namespace WebSocket {
  // Interfaces, so that a program can add to them: `declare module "hawser/ws" { interface WebSocket { ... } }`.
  export interface WebSocket extends Socket {}
  export interface WebSocketServer<
    T extends typeof Socket = typeof Socket,
    U extends RequestClass = RequestClass,
  > extends SocketServer<T, U> {}
  export interface Server<T extends typeof Socket = typeof Socket, U extends RequestClass = RequestClass>
    extends SocketServer<T, U> {}
  export type BufferLike = Socket.BufferLike;
  export type RawData = Socket.RawData;
  export type Data = Socket.Data;
  export type CertMeta = Socket.CertMeta;
  export type VerifyClientCallbackSync<
    Request extends InstanceType<RequestClass> = InstanceType<RequestClass>,
  > = Socket.VerifyClientCallbackSync<Request>;
  export type VerifyClientCallbackAsync<
    Request extends InstanceType<RequestClass> = InstanceType<RequestClass>,
  > = Socket.VerifyClientCallbackAsync<Request>;
  export type FinishRequestCallback = Socket.FinishRequestCallback;
  export type PerMessageDeflateOptions = Socket.PerMessageDeflateOptions;
  export type Event = Socket.Event;
  export type ErrorEvent = Socket.ErrorEvent;
  export type CloseEvent = Socket.CloseEvent;
  export type MessageEvent = Socket.MessageEvent;
  export type WebSocketEventMap = Socket.WebSocketEventMap;
  export type EventListenerOptions = Socket.EventListenerOptions;
  export type AddressInfo = Socket.AddressInfo;
  export type ClientOptions = Socket.ClientOptions;
  export type ServerOptions<
    U extends typeof Socket = typeof Socket,
    V extends RequestClass = RequestClass,
  > = Socket.ServerOptions<U, V>;
}

export = WebSocket;
