// hawser/protocol: the WebSocket protocol without I/O. Runs wherever JavaScript runs.
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
export { CloseCode, closeCodeName, isCloseCodeAllowed, isCloseCodeOnWire } from "../protocol/close-code.js";
export type { CloseFrame, CloseResult } from "../protocol/closing-handshake.js";
export { Engine } from "../protocol/engine.js";
export {
  DEFAULT_DEADLINES,
  DEFAULT_LIMITS,
  type Deadlines,
  type EngineConfig,
  type EngineConfigInput,
  engineConfig,
  FRAGMENT_OVERHEAD_BYTES,
  type ReceiveLimits,
} from "../protocol/engine-config.js";
export type { EngineHandler, FrameTrace, WritePosition } from "../protocol/engine-handler.js";
export type { DeflateContext, EngineHost, InflateContext, InflateFailure } from "../protocol/engine-host.js";
export {
  acceptDeflateOffer,
  checkDeflateAnswer,
  type DeflateOptions,
  type DeflateParameters,
  deflateOffer,
  type WindowBits,
} from "../protocol/extensions/deflate-negotiation.js";
export {
  type ExtensionOffer,
  type ExtensionParameter,
  formatExtensions,
  parseExtensions,
} from "../protocol/extensions/extension-grammar.js";
export { frameHeaderLength, MAX_HEADER_BYTES, writeFrameHeader } from "../protocol/frame-header.js";
export { FrameParser, type FrameSink, type LengthProblem } from "../protocol/frame-parser.js";
export { acceptKey } from "../protocol/handshake/accept-key.js";
export { connectFields, readConnectAnswer } from "../protocol/handshake/client-connect.js";
export { readResponse, requestHead } from "../protocol/handshake/client-handshake.js";
export { type ConnectHead, readConnectHead } from "../protocol/handshake/connect-head.js";
export { HeadParser } from "../protocol/handshake/head-parser.js";
export { HeaderList } from "../protocol/handshake/header-list.js";
export { isOriginAllowed, type OriginPolicy } from "../protocol/handshake/origin-policy.js";
export {
  connectAcceptFields,
  connectRefusalFields,
  isWebSocketConnect,
  readConnectRequest,
} from "../protocol/handshake/server-connect.js";
export {
  acceptHead,
  chooseProtocol,
  type HandshakeRequest,
  readRequest,
  refusalHead,
} from "../protocol/handshake/server-handshake.js";
export { applyMask, type MaskKey, readMaskKey, writeMaskKey } from "../protocol/mask.js";
export { type MessageOpcode, Opcode } from "../protocol/opcode.js";
export { portableHost } from "../protocol/portable-host.js";
export { PreparedMessage } from "../protocol/prepared-message.js";
