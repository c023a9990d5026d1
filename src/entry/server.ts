// hawser/server: the WebSocket server for Node.
export { type ClusterBrokerOptions, clusterBroker } from "../brokers/cluster.js";
export { memoryBroker } from "../brokers/memory.js";
export { followPrimary } from "../cluster/follow-primary.js";
export { startWorkers } from "../cluster/start-workers.js";
export type { Workers } from "../cluster/workers.js";
export type { WorkerCrash, WorkersOptions } from "../cluster/workers-options.js";
export type {
  ConnectErrorCode,
  ConnectionErrorCode,
  ErrorCode,
  HandshakeErrorCode,
  ProtocolErrorCode,
  UsageErrorCode,
} from "../core/error-codes.js";
export {
  ConnectionError,
  HandshakeError,
  HawserError,
  ProtocolError,
  UsageError,
} from "../core/hawser-error.js";
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
export { attach, createServer } from "../node/server/attach.js";
export type { BroadcastOptions } from "../node/server/broadcast-options.js";
export { type Endpoint, endpoint } from "../node/server/endpoint.js";
export { EventSocket, eventHandlers, type WebSocketEvents } from "../node/server/event-handlers.js";
export {
  type FetchEndpoint,
  fetchEndpoint,
  type UpgradeWebSocketOptions,
  upgradeWebSocket,
} from "../node/server/fetch-endpoint.js";
export type { FetchEnvironment, FetchHandler } from "../node/server/fetch-handler.js";
export type { HeaderFields } from "../node/server/header-fields.js";
export { type ListeningServer, serve } from "../node/server/serve.js";
export type { Server } from "../node/server/server.js";
export { ServerConnection } from "../node/server/server-connection.js";
export type { ServeOptions, ServerLimits, ServerOptions } from "../node/server/server-options.js";
export type { ShutdownOptions } from "../node/server/shutdown-options.js";
export {
  type Acceptance,
  type AcceptOptions,
  accept,
  type Refusal,
  type RefuseOptions,
  refuse,
  type UpgradeAnswer,
} from "../node/server/upgrade-answer.js";
export type { RouteParams, UpgradeRequest } from "../node/server/upgrade-request.js";
export { CloseCode, closeCodeName } from "../protocol/close-code.js";
export type { CloseFrame, CloseResult } from "../protocol/closing-handshake.js";
export type { Deadlines, ReceiveLimits } from "../protocol/engine-config.js";
export type { DeflateOptions, WindowBits } from "../protocol/extensions/deflate-negotiation.js";
export type { HeaderList } from "../protocol/handshake/header-list.js";
export type { OriginPolicy } from "../protocol/handshake/origin-policy.js";
export type { PreparedMessage } from "../protocol/prepared-message.js";
export type { Broker, BrokerListener } from "../pubsub/broker-port.js";
