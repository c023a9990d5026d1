// hawser/hub: sessions on a server, connections that survive.
export { UsageError } from "../core/hawser-error.js";
export { createHub, type Hub, type HubCounts } from "../hub/hub.js";
export type {
  HubAttempt,
  HubOptions,
  HubRelayOptions,
  HubSession,
  HubShutdownOptions,
} from "../hub/hub-options.js";
export type { HeaderFields } from "../node/server/header-fields.js";
export {
  type Acceptance,
  type AcceptOptions,
  accept,
  type Refusal,
  type RefuseOptions,
  refuse,
} from "../node/server/upgrade-answer.js";
export type { RouteParams, UpgradeRequest } from "../node/server/upgrade-request.js";
export type { Broker, BrokerListener } from "../pubsub/broker-port.js";
export type { ServerDeadlines, SessionDeadlines, SessionLimits } from "../session/machine/session-config.js";
export type {
  ChannelOptions,
  MessageOptions,
  OverflowPolicy,
  Peer,
  PeerChannel,
  PeerReceiver,
  PeerStateListener,
  SendStatus,
  SessionEnd,
  UnconfirmedMessage,
} from "../session/peer-port.js";
export type { RelayCounts } from "../session/relay/relay-counts.js";
export { ServerSession } from "../session/server/server-session.js";
export type { SessionBroadcastOptions } from "../session/server/session-broadcast-options.js";
export type { SessionCounts } from "../session/server/session-counts.js";
export type { SessionHandlers, Suspension } from "../session/server/session-handlers.js";
export type { SessionServerLimits } from "../session/server/session-limits.js";
export type { TransportName } from "../session/transport-port.js";
export { actionOf, type SessionAction, SessionCode } from "../session/wire/session-code.js";
