import { type Channel, channel } from "node:diagnostics_channel";
import type { CloseResult } from "../../protocol/closing-handshake.js";
import type { FrameTrace } from "../../protocol/engine-handler.js";
import { FIN_BIT, OPCODE_BITS, RSV_BITS } from "../../protocol/opcode.js";

/** Published on `hawser:connect` when `connect()` begins an attempt: again for each redirect. */
export interface ConnectEvent {
  readonly url: string;
  /** 0 for the first attempt, then one more for each redirect. */
  readonly redirects: number;
}

/** Published on `hawser:open`, on a server and on a client, when the opening handshake is done. */
export interface OpenEvent<Socket = unknown> {
  readonly socket: Socket;
  /** The head of the request, as it went over the wire. */
  readonly requestHead: string;
  /** The head of the answer. */
  readonly responseHead: string;
}

/** Published on `hawser:frame` for each frame. Nothing is prepared for it while nobody subscribes. */
export interface FrameEvent<Socket = unknown> {
  readonly socket: Socket;
  readonly direction: "received" | "sent";
  readonly fin: boolean;
  /** RSV1 (4), RSV2 (2) and RSV3 (1); RSV1 marks a compressed message. */
  readonly reservedBits: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** The payload's length on the wire. */
  readonly payloadBytes: number;
}

/** Published on `hawser:close` when a connection is gone. */
export interface CloseEvent<Socket = unknown> {
  readonly socket: Socket;
  readonly result: CloseResult;
}

/** The channels of `node:diagnostics_channel` that Hawser publishes on. */
export const diagnostics: {
  /** `hawser:connect`, with a {@link ConnectEvent}. */
  readonly connect: Channel;
  /** `hawser:open`, with an {@link OpenEvent}. */
  readonly open: Channel;
  /** `hawser:frame`, with a {@link FrameEvent}. */
  readonly frame: Channel;
  /** `hawser:close`, with a {@link CloseEvent}. */
  readonly close: Channel;
} = {
  connect: channel("hawser:connect"),
  open: channel("hawser:open"),
  frame: channel("hawser:frame"),
  close: channel("hawser:close"),
};

/**
 * Publishes the frames of all connections. Whether anybody subscribed is asked once a chunk or turn, by
 * {@link lookForTracers}: asking for each frame costs a twentieth of an echo.
 */
export const frameTrace: FrameTrace<unknown> & { isEnabled: boolean } = {
  isEnabled: false,
  frame(socket, direction, firstByte, masked, payloadBytes) {
    const event: FrameEvent = {
      socket,
      direction,
      fin: (firstByte & FIN_BIT) !== 0,
      reservedBits: (firstByte & RSV_BITS) >> 4,
      opcode: firstByte & OPCODE_BITS,
      masked,
      payloadBytes,
    };
    diagnostics.frame.publish(event);
  },
};

/** Looks whether anybody traces frames. */
export function lookForTracers(): void {
  frameTrace.isEnabled = diagnostics.frame.hasSubscribers;
}
