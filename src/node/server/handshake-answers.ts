import * as crypto from "node:crypto";
import type { HandshakeError } from "../../core/hawser-error.js";
import { acceptKey } from "../../protocol/handshake/accept-key.js";
import { acceptHead } from "../../protocol/handshake/server-handshake.js";
import type { ByteStream } from "../byte-stream.js";
import type { HandshakeGuard } from "./handshake-guard.js";
import { refuseUpgrade } from "./refuse-upgrade.js";

/** What an answer that accepts says. */
export interface AcceptedFields {
  readonly protocol: string | undefined;
  readonly extensions: string | undefined;
  /** Those of the application, as a flat list. */
  readonly headers: readonly string[];
}

/** How an opening handshake is answered, in the version of HTTP that it came in. One for all handshakes of a version. */
export interface HandshakeAnswers {
  /** Whether {@link accept} sends what it returns. Else it goes out with the first frames, in one write. */
  readonly isSentAtOnce: boolean;
  /**
   * Accepts the handshake with this `Sec-WebSocket-Key`. Returns the head of the answer.
   * @throws `UsageError` for what cannot stand in it.
   */
  accept(stream: ByteStream, key: string, fields: AcceptedFields): string;
  /**
   * Refuses. Returns what watches the stream until it is closed, unless it has ended already.
   * @throws `UsageError` for what cannot stand in the answer.
   */
  refuse(
    stream: ByteStream,
    error: HandshakeError,
    body: string | Uint8Array | undefined,
  ): HandshakeGuard | undefined;
}

/** The answers in HTTP/1.1 (RFC 6455 §4.2.2). */
export const http1Answers: HandshakeAnswers = {
  isSentAtOnce: false,
  accept: (_stream, key, fields) => acceptHead({ acceptKey: acceptKey(key, sha1Base64), ...fields }),
  refuse: refuseUpgrade,
};

/** Node has had the one call, which takes half the time, since 20.12. */
const sha1Base64: (text: string) => string =
  typeof crypto.hash === "function"
    ? (text) => crypto.hash("sha1", text, "base64")
    : (text) => crypto.createHash("sha1").update(text).digest("base64");
