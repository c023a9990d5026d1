import type { ProtocolErrorCode } from "../../core/error-codes.js";
import type { ProtocolError } from "../../core/hawser-error.js";
import { OPCODE_BITS, RSV1_BIT } from "../../protocol/opcode.js";

/** What `ws` calls a broken rule: the code, and the words behind "Invalid WebSocket frame: ", or all of them. */
interface Naming {
  readonly code: string;
  readonly message: string | ((detail: number) => string);
  readonly isComplete?: boolean;
}

const invalidOpcode: Naming = {
  code: "WS_ERR_INVALID_OPCODE",
  message: (firstByte) => `invalid opcode ${firstByte & OPCODE_BITS}`,
};
const invalidControlLength: Naming = {
  code: "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
  message: (length) => `invalid payload length ${length}`,
};
const tooLong: Naming = {
  code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
  message: "Max payload size exceeded",
  isComplete: true,
};

const NAMINGS: Readonly<Record<ProtocolErrorCode, Naming>> = {
  RESERVED_BITS: {
    code: "WS_ERR_UNEXPECTED_RSV_2_3",
    message: "RSV2 and RSV3 must be clear",
  },
  RESERVED_OPCODE: invalidOpcode,
  UNEXPECTED_CONTINUATION: invalidOpcode,
  EXPECTED_CONTINUATION: invalidOpcode,
  UNMASKED_FRAME: { code: "WS_ERR_EXPECTED_MASK", message: "MASK must be set" },
  MASKED_FRAME: { code: "WS_ERR_UNEXPECTED_MASK", message: "MASK must be clear" },
  CONTROL_FRAME_TOO_LONG: invalidControlLength,
  INVALID_CLOSE_PAYLOAD: invalidControlLength,
  FRAGMENTED_CONTROL_FRAME: { code: "WS_ERR_EXPECTED_FIN", message: "FIN must be set" },
  NON_MINIMAL_LENGTH: {
    code: "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
    message: "the payload length is not in its shortest form",
  },
  LENGTH_OVERFLOW: {
    code: "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
    message: "Unsupported WebSocket frame: payload length > 2^53 - 1",
    isComplete: true,
  },
  INVALID_UTF8: { code: "WS_ERR_INVALID_UTF8", message: "invalid UTF-8 sequence" },
  INVALID_CLOSE_CODE: {
    code: "WS_ERR_INVALID_CLOSE_CODE",
    message: (code) => `invalid status code ${code}`,
  },
  INVALID_COMPRESSED_DATA: { code: "Z_DATA_ERROR", message: "invalid compressed data", isComplete: true },
  MESSAGE_TOO_BIG: tooLong,
  FRAME_TOO_BIG: tooLong,
  TOO_MANY_FRAGMENTS: {
    code: "WS_ERR_TOO_MANY_BUFFERED_PARTS",
    message: "Too many message fragments",
    isComplete: true,
  },
  // What `ws` has no limit for, and the drop-in does not set.
  TOO_MANY_PENDING_PONGS: {
    code: "WS_ERR_TOO_MANY_BUFFERED_PARTS",
    message: "Too many pending pongs",
    isComplete: true,
  },
  RATE_EXCEEDED: { code: "WS_ERR_TOO_MANY_BUFFERED_PARTS", message: "Too many frames", isComplete: true },
};

/** The `error` that `ws` emits for what the peer did. The engine's own error is its `cause`. */
export function frameError(cause: ProtocolError): RangeError | Error {
  const { code, message, isComplete } = namingOf(cause);
  const words = typeof message === "string" ? message : message(cause.detail ?? 0);
  const text = isComplete === true ? words : `Invalid WebSocket frame: ${words}`;
  const isPlain = cause.code === "INVALID_UTF8" || cause.code === "INVALID_COMPRESSED_DATA";
  const error = isPlain ? new Error(text, { cause }) : new RangeError(text, { cause });
  return Object.assign(error, code === "Z_DATA_ERROR" ? { code, errno: -3 } : { code });
}

function namingOf({ code, detail = 0 }: ProtocolError): Naming {
  if (code !== "RESERVED_BITS") return NAMINGS[code];
  const onlyRsv1 = (detail & 0x70) === RSV1_BIT;
  return onlyRsv1
    ? { code: "WS_ERR_UNEXPECTED_RSV_1", message: "RSV1 must be clear" }
    : NAMINGS.RESERVED_BITS;
}
