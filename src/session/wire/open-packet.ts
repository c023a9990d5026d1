import { OPEN_PACKET, SESSION_VERSION } from "./packet-type.js";
import { WireReader } from "./wire-reader.js";

/** Bytes of the id of a session, and of its token: 128 bits, which nobody guesses. */
export const IDENTITY_BYTES = 16;
/** The most that a server may want to be told again, in bytes: the name of a node and of its process. */
export const MAX_OWNER_BYTES = 64;
/** The most that a client may say about who it is, in bytes: twice what cookies of a browser may take. */
export const MAX_CREDENTIALS_BYTES = 8_192;

/** The first packet of each transport: the client says which session this is for (§4.1). */
export interface OpenPacket {
  /** The version of the wire format that was chosen from what the client offers; 0 if none fits. */
  readonly version: number;
  /** The session exists: it must not be made anew. */
  readonly isResume: boolean;
  /** Only attach: another transport may be in use, and goes on until `use` is sent on this one. */
  readonly isProbe: boolean;
  /** The id of the session, chosen by the client; 16 bytes, not secret. */
  readonly id: Uint8Array;
  /** The secret of the session, chosen by the client; 16 bytes. To be compared in constant time. */
  readonly token: Uint8Array;
  /** Which transport of this session it is: 1, 2, 3... */
  readonly epoch: number;
  /** The number of the last record that was received. */
  readonly received: number;
  /** How much the other side may send on a new channel before it is given more credit. */
  readonly windowBytes: number;
  /** The longest message that is taken. */
  readonly maxMessageBytes: number;
  /** What the server called itself in its welcome; empty before the first. */
  readonly owner: Uint8Array;
  /** Who the client is, as the application wants it said; empty if it is said otherwise, or was already. */
  readonly credentials: Uint8Array;
}

/** A flag: {@link OpenPacket.isResume}. */
export const RESUME_BIT = 0x01;
/** A flag: {@link OpenPacket.isProbe}. */
export const PROBE_BIT = 0x02;
const KNOWN_BITS = RESUME_BIT | PROBE_BIT;

/**
 * Reads the first block of a transport, on a server. Undefined if it is not an `open` that keeps to the rules; behind it, in
 * its block, nothing may come. A version that is not known is no such thing: `version` is 0 then, and the rest is not read.
 */
export function readOpen(bytes: Uint8Array, start: number, end: number): OpenPacket | undefined {
  const reader = new WireReader(bytes, start, end);
  if (bytes[start] !== OPEN_PACKET || !reader.skip(1)) return undefined;
  const length = reader.varint();
  if (reader.isBad || length !== end - reader.at) return undefined;
  const lowest = reader.varint();
  const highest = reader.varint();
  if (reader.isBad || lowest === 0 || highest < lowest) return undefined;
  const isKnown = lowest <= SESSION_VERSION && highest >= SESSION_VERSION;
  const none = new Uint8Array(0);
  if (!isKnown) {
    return {
      version: 0,
      isResume: false,
      isProbe: false,
      id: none,
      token: none,
      epoch: 0,
      received: 0,
      windowBytes: 0,
      maxMessageBytes: 0,
      owner: none,
      credentials: none,
    };
  }
  const flags = reader.take(1)[0] ?? 0;
  const open: OpenPacket = {
    version: SESSION_VERSION,
    isResume: (flags & RESUME_BIT) !== 0,
    isProbe: (flags & PROBE_BIT) !== 0,
    id: reader.take(IDENTITY_BYTES),
    token: reader.take(IDENTITY_BYTES),
    epoch: reader.varint(),
    received: reader.varint(),
    windowBytes: reader.varint(),
    maxMessageBytes: reader.varint(),
    owner: reader.field(MAX_OWNER_BYTES),
    credentials: reader.field(MAX_CREDENTIALS_BYTES),
  };
  return reader.isBad || open.epoch === 0 || (flags & ~KNOWN_BITS) !== 0 ? undefined : open;
}
