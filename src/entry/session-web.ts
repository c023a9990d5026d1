// hawser, in pages and workers: sessions that survive.

export { Session } from "../session/client/session.js";
export type {
  Credentials,
  SessionHandlers,
  SessionOptions,
  SessionReset,
} from "../session/client/session-options.js";
export type { SessionState } from "../session/client/session-state.js";
export type { HostChange } from "../session/client-host-port.js";
export type {
  ChannelOptions,
  MessageOptions,
  OverflowPolicy,
  Peer,
  PeerChannel,
  PeerReceiver,
  SendStatus,
  SessionEnd,
  UnconfirmedMessage,
} from "../session/peer-port.js";
export type { TransportName } from "../session/transport-port.js";
export {
  type ConnectOptions,
  connect,
  connectOver,
  longPolling,
  polling,
  race,
  sse,
  stream,
  type TransportMaker,
  webSocket,
} from "../session/universal/connect-web.js";
export { SessionCode } from "../session/wire/session-code.js";
