import { encodePacket } from "../wire/encode-fields.js";
import { type OpenPacket, PROBE_BIT, RESUME_BIT } from "../wire/open-packet.js";
import { OPEN_PACKET, SESSION_VERSION } from "../wire/packet-type.js";

/**
 * An `open` that was read, as a block again: a node says to the owner what the client said. To be sent or copied at once, since
 * it is valid until something else is encoded.
 */
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
