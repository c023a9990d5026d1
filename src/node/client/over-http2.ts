import type { ClientHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { UsageError } from "../../core/hawser-error.js";
import type { Attempt } from "./attempt.js";
import type { DialOptions } from "./dial-options.js";
import { type AnsweredStream, isConnectEnabled, openStream, unsupported } from "./http2-stream.js";
import type { Opening } from "./opening.js";
import { isConnectError, SharedSession } from "./shared-session.js";

/** What came of trying HTTP/2. */
export type OverHttp2 =
  | AnsweredStream
  /** The server chose HTTP/1.1, on this stream; or, where it is undefined, on one that is still to be dialled. */
  | { readonly http1: Duplex | undefined };

const HTTP1: OverHttp2 = { http1: undefined };
/** So many sessions in a row that take no stream are no accident, such as a server that is being replaced. */
const MAX_REFUSALS = 3;

/** Opens a stream as the option `http2` says, and waits for the answer on it. */
export async function overHttp2(
  opening: Opening,
  attempt: Attempt,
  options: DialOptions,
): Promise<OverHttp2> {
  const { http2 = false } = options;
  const fields = attempt.connectFields;
  if (fields === undefined || (http2 === true && !attempt.target.isSecure)) return HTTP1;
  if (typeof http2 === "object") {
    opening.phase = "handshake";
    if (!(await isConnectEnabled(opening, http2))) throw unsupported(opening);
    const opened = await openStream(opening, http2, fields);
    if (opened !== undefined) return opened;
    opening.lost();
    opening.check();
  }
  for (let refusals = 0; refusals < MAX_REFUSALS; ) {
    const opened = await overShared(opening, SharedSession.join(attempt, options), fields, http2 === true);
    if (opened === "refused") refusals++;
    else if (opened !== "full") return opened;
  }
  throw opening.failWith("CONNECT_FAILED", `the server took no stream on ${MAX_REFUSALS} sessions`);
}

/** `full` where more of us joined the session than the server takes streams, `refused` where it takes no more. */
async function overShared(
  opening: Opening,
  shared: SharedSession,
  fields: readonly string[],
  mayFallBack: boolean,
): Promise<OverHttp2 | "full" | "refused"> {
  let stream: Duplex | undefined;
  let hasPlace = false;
  try {
    opening.waitsFor = shared.opening;
    const dialled = await opening.step<Awaited<typeof shared.dialled>>((resolve) => {
      void shared.dialled.then(resolve);
    });
    opening.waitsFor = undefined;
    opening.phase = "handshake";
    if (dialled !== undefined && "session" in dialled) {
      // Decided at once, or of too many all would go.
      hasPlace = shared.takePlace();
      if (!hasPlace) return "full";
      const opened = await openStream(opening, dialled.session, fields);
      if (opened === undefined) {
        shared.withdraw();
        return "refused";
      }
      stream = opened.stream;
      return opened;
    }
    if (dialled !== undefined && "error" in dialled) {
      throw isConnectError(dialled.error) ? opening.failAs(dialled.error) : dialled.error;
    }
    if (!mayFallBack) throw unsupported(opening);
    const http1 = shared.takeHttp1();
    if (http1 !== undefined) opening.own(http1);
    return { http1 };
  } finally {
    if (stream === undefined) shared.leave(hasPlace);
    else stream.once("close", () => shared.leave(true));
  }
}

/** @throws {@link UsageError} `INVALID_OPTION`. */
export function assertHttp2Option(http2: unknown): asserts http2 is DialOptions["http2"] {
  if (http2 === undefined || typeof http2 === "boolean" || http2 === "prior-knowledge") return;
  const session = http2 as Partial<ClientHttp2Session> | null;
  if (typeof session === "object" && typeof session?.request === "function") return;
  throw new UsageError("INVALID_OPTION", 'http2 must be true, false, "prior-knowledge" or a session');
}
