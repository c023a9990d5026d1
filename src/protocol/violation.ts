import type { ProtocolErrorCode } from "../core/error-codes.js";
import { ProtocolError } from "../core/hawser-error.js";
import { CloseCode } from "./close-code.js";

const { protocolError, invalidData, policyViolation, messageTooBig } = CloseCode;

/** What each violation is answered with (RFC 6455 §7.4.1), and what it is in words. The words go to the peer. */
const VIOLATIONS: Readonly<Record<ProtocolErrorCode, readonly [closeCode: number, message: string]>> = {
  RESERVED_BITS: [protocolError, "reserved bits without an extension"],
  RESERVED_OPCODE: [protocolError, "a reserved opcode"],
  UNMASKED_FRAME: [protocolError, "a frame without mask from a client"],
  MASKED_FRAME: [protocolError, "a masked frame from a server"],
  CONTROL_FRAME_TOO_LONG: [protocolError, "a control frame above 125 bytes"],
  FRAGMENTED_CONTROL_FRAME: [protocolError, "a fragmented control frame"],
  UNEXPECTED_CONTINUATION: [protocolError, "nothing to continue"],
  EXPECTED_CONTINUATION: [protocolError, "a new message inside another"],
  NON_MINIMAL_LENGTH: [protocolError, "a frame length not in its shortest form"],
  LENGTH_OVERFLOW: [protocolError, "a frame length above 2^53-1"],
  INVALID_UTF8: [invalidData, "text that is not UTF-8"],
  INVALID_CLOSE_PAYLOAD: [protocolError, "a close frame with one byte of payload"],
  INVALID_CLOSE_CODE: [protocolError, "a close code that must not be sent"],
  INVALID_COMPRESSED_DATA: [invalidData, "a message that is not DEFLATE data"],
  MESSAGE_TOO_BIG: [messageTooBig, "a message above the limit"],
  FRAME_TOO_BIG: [messageTooBig, "a frame above the limit"],
  TOO_MANY_FRAGMENTS: [policyViolation, "a message in too many fragments"],
  TOO_MANY_PENDING_PONGS: [policyViolation, "more pings than pongs read"],
  RATE_EXCEEDED: [policyViolation, "more than the rate allows"],
};

/** The error for what a peer did; `detail` as in {@link ProtocolError}. */
export function violation(code: ProtocolErrorCode, detail?: number): ProtocolError {
  const [closeCode, message] = VIOLATIONS[code];
  return new ProtocolError(code, closeCode, message, undefined, detail);
}
