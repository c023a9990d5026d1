import type { ProtocolError } from "../core/hawser-error.js";
import { CloseCode, isCloseCodeOnWire } from "./close-code.js";
import type { CloseFrame } from "./closing-handshake.js";
import type { EngineHost } from "./engine-host.js";
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

/** Reads the payload of a close frame, or says what is wrong with it (RFC 6455 §5.5.1, §7.4). */
export function readClosePayload(
  bytes: Uint8Array,
  start: number,
  end: number,
  host: EngineHost,
): CloseFrame | ProtocolError {
  if (end === start) return { code: CloseCode.noStatus, reason: "" };
  if (end - start === 1) return violation("INVALID_CLOSE_PAYLOAD");
  const code = (bytes[start]! << 8) | bytes[start + 1]!;
  if (!isCloseCodeOnWire(code)) return violation("INVALID_CLOSE_CODE");
  if (!host.isUtf8(bytes, start + 2, end)) return violation("INVALID_UTF8");
  return { code, reason: host.utf8Decode(bytes, start + 2, end) };
}
