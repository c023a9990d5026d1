import { PreparedMessage } from "../../protocol/prepared-message.js";
import { nodeHost } from "../node-host.js";
import { type BinaryData, bytesOf } from "./payload.js";
import type { SendOptions } from "./send-options.js";

/**
 * Encodes a message once, to be sent to many connections: `socket.send(prepared)` writes the same bytes to each. The
 * data is copied. `server.broadcast` does it by itself.
 * @throws `UsageError` `INVALID_PAYLOAD`.
 */
export function prepareMessage(data: string | BinaryData, options?: SendOptions): PreparedMessage {
  return new PreparedMessage(typeof data === "string" ? data : bytesOf(data), nodeHost, options);
}
