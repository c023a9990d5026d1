// hawser/client: the WebSocket client for Node.
export type {
  ConnectErrorCode,
  ConnectionErrorCode,
  ErrorCode,
  HandshakeErrorCode,
  ProtocolErrorCode,
  UsageErrorCode,
} from "../core/error-codes.js";
export {
  ConnectError,
  ConnectionError,
  type ConnectPhase,
  HandshakeError,
  HawserError,
  ProtocolError,
  UsageError,
} from "../core/hawser-error.js";
export { ClientConnection, type ClientResponse } from "../node/client/client-connection.js";
export { CloseEvent, type CloseEventInit } from "../node/client/close-event.js";
export { connect } from "../node/client/connect.js";
export type { ConnectOptions } from "../node/client/connect-options.js";
export type { DialOptions, TransportTarget } from "../node/client/dial-options.js";
export { ErrorEvent } from "../node/client/error-event.js";
export type { EventHandler } from "../node/client/event-handler-attribute.js";
export type { ProxyOptions } from "../node/client/http-proxy.js";
export type { HeadersInput } from "../node/client/request-headers.js";
export type { TlsOptions } from "../node/client/tls-options.js";
export {
  type BinaryType,
  WebSocket,
  type WebSocketEventMap,
  type WebSocketOptions,
} from "../node/client/websocket.js";
export { type WebSocketCloseInfo, WebSocketError } from "../node/client/websocket-error.js";
export {
  type WebSocketOpenInfo,
  WebSocketStream,
  type WebSocketStreamOptions,
} from "../node/client/websocket-stream.js";
export { Connection } from "../node/connection/connection.js";
export type {
  ConnectionHandlers,
  ConnectionOptions,
  MemoryLimits,
  MessageOptions,
  RateLimits,
  SendLimits,
} from "../node/connection/connection-options.js";
export {
  type CloseEvent as CloseDiagnostic,
  type ConnectEvent as ConnectDiagnostic,
  diagnostics,
  type FrameEvent as FrameDiagnostic,
  type OpenEvent as OpenDiagnostic,
} from "../node/connection/diagnostics.js";
export type { Message } from "../node/connection/message-queue.js";
export type { MessageWriter } from "../node/connection/message-writer.js";
export type { BinaryData } from "../node/connection/payload.js";
export { prepareMessage } from "../node/connection/prepare-message.js";
export type { SendOptions } from "../node/connection/send-options.js";
export type { SendStatus } from "../node/connection/send-status.js";
export { type DuplexOptions, toDuplex } from "../node/connection/to-duplex.js";
export { CloseCode, closeCodeName } from "../protocol/close-code.js";
export type { CloseFrame, CloseResult } from "../protocol/closing-handshake.js";
export type { Deadlines, ReceiveLimits } from "../protocol/engine-config.js";
export type { DeflateOptions, WindowBits } from "../protocol/extensions/deflate-negotiation.js";
export type { HeaderList } from "../protocol/handshake/header-list.js";
export type { PreparedMessage } from "../protocol/prepared-message.js";
