import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import type { TestContext } from "node:test";
import { rawServer as plainServer, type RawServer } from "../../client/raw-server.js";

/** `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2), by another route than `src/`. */
export function acceptKeyOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** A server that reads a request and answers it by hand. */
export function rawServer(
  t: TestContext,
  respond: (socket: Socket, key: string) => void,
): Promise<RawServer> {
  return plainServer(t, (socket, head) =>
    respond(socket, /^sec-websocket-key: (.*)\r$/im.exec(head)?.[1] ?? ""),
  );
}
