// hawser/ws: the drop-in for `ws`, as ECMAScript module. The one implementation is CommonJS (src/compat/ws/exports.cts).

import WebSocket from "../commonjs/compat/ws/exports.cjs";
import type { RequestClass, WebSocket as SocketClass } from "../commonjs/compat/ws/websocket.js";

export { extension } from "../commonjs/compat/ws/extension.js";
export { PerMessageDeflate } from "../commonjs/compat/ws/per-message-deflate.js";
export { Receiver } from "../commonjs/compat/ws/receiver.js";
export { Sender } from "../commonjs/compat/ws/sender.js";
export { subprotocol } from "../commonjs/compat/ws/subprotocol.js";
export { WebSocket } from "../commonjs/compat/ws/websocket.js";
export { type WebSocketServer as Server, WebSocketServer } from "../commonjs/compat/ws/websocket-server.js";
export { createWebSocketStream } from "../commonjs/compat/ws/websocket-stream.js";
export type RawData = WebSocket.RawData;
export type Data = WebSocket.Data;
export type CertMeta = WebSocket.CertMeta;
export type VerifyClientCallbackSync<
  Request extends InstanceType<RequestClass> = InstanceType<RequestClass>,
> = WebSocket.VerifyClientCallbackSync<Request>;
export type VerifyClientCallbackAsync<
  Request extends InstanceType<RequestClass> = InstanceType<RequestClass>,
> = WebSocket.VerifyClientCallbackAsync<Request>;
export type FinishRequestCallback = WebSocket.FinishRequestCallback;
export type PerMessageDeflateOptions = WebSocket.PerMessageDeflateOptions;
export type Event = WebSocket.Event;
export type ErrorEvent = WebSocket.ErrorEvent;
export type CloseEvent = WebSocket.CloseEvent;
export type MessageEvent = WebSocket.MessageEvent;
export type EventListenerOptions = WebSocket.EventListenerOptions;
export type AddressInfo = WebSocket.AddressInfo;
export type ClientOptions = WebSocket.ClientOptions;
export type ServerOptions<
  U extends typeof SocketClass = typeof SocketClass,
  V extends RequestClass = RequestClass,
> = WebSocket.ServerOptions<U, V>;

export default WebSocket;
