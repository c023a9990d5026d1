import { encodePacket } from "./encode-fields.js";
import { MAX_OWNER_BYTES } from "./open-packet.js";
import { SESSION_VERSION, WELCOME_PACKET } from "./packet-type.js";
import type { WireReader } from "./wire-reader.js";

/** The answer to `open`: this transport belongs to the session now (§4.2). */
export interface WelcomePacket {
  /** The version of the wire format that the server chose. */
  readonly version: number;
  /** The number of the last record that was received. */
  readonly received: number;
  /** How much the other side may send on a new channel before it is given more credit. */
  readonly windowBytes: number;
  /** The longest message that is taken. */
  readonly maxMessageBytes: number;
  /** How long the server keeps the session without a transport, in ms. */
  readonly resumeWindowMs: number;
  /** What the server wants to be told in the next `open`: which node, and which process of it, holds the session. */
  readonly owner: Uint8Array;
}

/** The packet as a block of its own; to be sent at once, since it is valid until something else is encoded. */
export function welcomeBlock(welcome: Omit<WelcomePacket, "version">): Uint8Array {
  return encodePacket(WELCOME_PACKET, [
    SESSION_VERSION,
    welcome.received,
    welcome.windowBytes,
    welcome.maxMessageBytes,
    welcome.resumeWindowMs,
    welcome.owner.length,
    welcome.owner,
  ]);
}

/** Reads the body of a welcome; whether it was right the reader says. Fields behind those known here are skipped. */
export function readWelcome(reader: WireReader): WelcomePacket {
  const welcome = {
    version: reader.varint(),
    received: reader.varint(),
    windowBytes: reader.varint(),
    maxMessageBytes: reader.varint(),
    resumeWindowMs: reader.varint(),
    owner: reader.field(MAX_OWNER_BYTES),
  };
  if (welcome.version !== SESSION_VERSION) reader.fail();
  return welcome;
}
