import type { SessionHandler } from "../machine/session-handler.js";
import type { SessionPeer } from "./session-peer.js";

/** What a handler hands on to the peer of the session, whichever side that is; the rest differs. */
type Common = "message" | "channelOpened" | "channelClosed" | "channelRefused" | "ready";

/** The part of a session's handler that is the same for clients and servers. */
export const PEER_HANDLER: Pick<SessionHandler<SessionPeer>, Common> = {
  message: (peer, channel, isText, bytes, start, end, id) =>
    peer.onMessage(channel, isText, bytes, start, end, id),
  channelOpened: (peer, channel) => peer.onChannelOpened(channel),
  channelClosed: (peer, channel) => peer.onChannelClosed(channel),
  channelRefused: (peer, channel, code) => peer.onChannelRefused(channel, code),
  ready: (peer, channel) => peer.onReady(channel),
};
