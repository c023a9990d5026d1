import type { HandshakeError } from "../../core/hawser-error.js";
import { HeaderList } from "../../protocol/handshake/header-list.js";
import { refusalHead } from "../../protocol/handshake/server-handshake.js";
import type { ByteStream } from "../byte-stream.js";
import { HandshakeGuard } from "./handshake-guard.js";

/** How long the client may take to read a refusal. */
export const LINGER_MS = 2_000;

/**
 * Answers a handshake that is refused, and ends the connection. What the client may have sent behind its request is
 * read and thrown away: never taken for another request, and no reset may destroy the answer on its way. Returns what
 * watches the stream until it is closed, unless it has ended already.
 */
export function refuseUpgrade(
  stream: ByteStream,
  error: HandshakeError,
  body: string | Uint8Array = `${error.message}\n`,
): HandshakeGuard | undefined {
  if (stream.destroyed || stream.writableEnded) return undefined;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const hasType = new HeaderList(error.headers).has("content-type");
  const head = refusalHead({
    status: error.status,
    headers: error.headers,
    bodyBytes: bytes.length,
    bodyType: hasType ? undefined : "text/plain; charset=utf-8",
  });
  stream.allowHalfOpen = true;
  const guard = new RefusalGuard(stream, LINGER_MS);
  stream.end(Buffer.concat([Buffer.from(head, "latin1"), bytes]), () => guard.onEnd());
  stream.resume();
  return guard;
}

/** Owns a stream while a refusal is on its way. */
class RefusalGuard extends HandshakeGuard {
  /** A client that has ended its direction may read the answer all the same: what is not written yet still goes out. */
  override onEnd(): void {
    if (this.stream.readableEnded && this.stream.writableFinished) this.stream.destroy();
  }
}
