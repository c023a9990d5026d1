import { type ProtocolError, UsageError } from "../core/hawser-error.js";
import { CloseCode, isCloseCodeAllowed, isCloseCodeOnWire } from "./close-code.js";
import type { CloseFrame } from "./closing-handshake.js";
import type { EngineHost } from "./engine-host.js";
import { MAX_CONTROL_BYTES } from "./opcode.js";
import { violation } from "./violation.js";

/** The payload of a close frame (RFC 6455 §5.5.1): nothing for 1005, else the code and the reason. */
export function writeClosePayload({ code, reason }: CloseFrame, host: EngineHost): Uint8Array {
  if (code === CloseCode.noStatus) return new Uint8Array(0);
  const payload = new Uint8Array(2 + host.utf8ByteLength(reason));
  payload[0] = code >>> 8;
  payload[1] = code;
  host.utf8Write(reason, payload, 2);
  return payload;
}

/**
 * Reads the payload of a close frame, or says what is wrong with it (RFC 6455 §5.5.1, §7.4). Where text is not checked, a
 * reason that is not UTF-8 counts as none.
 */
export function readClosePayload(
  bytes: Uint8Array,
  start: number,
  end: number,
  host: EngineHost,
  isTextChecked = true,
): CloseFrame | ProtocolError {
  if (end === start) return { code: CloseCode.noStatus, reason: "" };
  if (end - start === 1) return violation("INVALID_CLOSE_PAYLOAD", 1);
  const code = (bytes[start]! << 8) | bytes[start + 1]!;
  if (!isCloseCodeOnWire(code)) return violation("INVALID_CLOSE_CODE", code);
  if (!host.isUtf8(bytes, start + 2, end))
    return isTextChecked ? violation("INVALID_UTF8") : { code, reason: "" };
  return { code, reason: host.utf8Decode(bytes, start + 2, end) };
}

/** Whether a close frame has room for the reason beside the code (RFC 6455 §5.5). */
export function isReasonShortEnough(reason: string, host: Pick<EngineHost, "utf8ByteLength">): boolean {
  return host.utf8ByteLength(reason) <= MAX_CONTROL_BYTES - 2;
}

/**
 * Checks what an application wants to close with; no code means an empty close frame.
 * @throws {@link UsageError} `CLOSE_CODE_NOT_ALLOWED`, `CLOSE_REASON_TOO_LONG`, `INVALID_PAYLOAD` for a reason that is no
 * string.
 */
export function checkClose(
  code: number | undefined,
  reason: string,
  role: "client" | "server",
  host: Pick<EngineHost, "utf8ByteLength">,
): void {
  if (code !== undefined && !isCloseCodeAllowed(code, role)) {
    throw new UsageError("CLOSE_CODE_NOT_ALLOWED", `close code ${code} may not be sent (RFC 6455 §7.4)`);
  }
  if (typeof (reason as unknown) !== "string") {
    throw new UsageError("INVALID_PAYLOAD", "a close reason is a string");
  }
  if (!isReasonShortEnough(reason, host)) {
    throw new UsageError("CLOSE_REASON_TOO_LONG", "a close reason may have 123 bytes in UTF-8 at most");
  }
  if (code === undefined && reason !== "") {
    throw new UsageError("CLOSE_CODE_NOT_ALLOWED", "a close reason needs a code (RFC 6455 §5.5.1)");
  }
}
