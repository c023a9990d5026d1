import { encodePacket } from "#session/wire/encode-fields.js";
import { type OpenPacket, PROBE_BIT, RESUME_BIT } from "#session/wire/open-packet.js";
import { OPEN_PACKET, SESSION_VERSION } from "#session/wire/packet-type.js";

/** The first block of a transport, as a client sends it. Valid until something else is encoded. */
export function openBlock(open: Omit<OpenPacket, "version">): Uint8Array {
  const { owner, credentials } = open;
  return encodePacket(OPEN_PACKET, [
    SESSION_VERSION,
    SESSION_VERSION,
    (open.isResume ? RESUME_BIT : 0) | (open.isProbe ? PROBE_BIT : 0),
    open.id,
    open.token,
    open.epoch,
    open.received,
    open.windowBytes,
    open.maxMessageBytes,
    owner.length,
    owner,
    credentials.length,
    credentials,
  ]);
}
