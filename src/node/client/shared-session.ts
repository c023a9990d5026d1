import type { ClientHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { ConnectError } from "../../core/hawser-error.js";
import type { Attempt } from "./attempt.js";
import { dial } from "./dial.js";
import type { DialOptions } from "./dial-options.js";
import { isConnectEnabled } from "./http2-stream.js";
import { Opening } from "./opening.js";
import { sessionKey } from "./session-key.js";

/** The window of a whole session. That of a stream is what holds a peer back: what comes for one is taken off this at once. */
const SESSION_WINDOW_BYTES = 1_048_576;
/**
 * In megabytes: more than any machine has. Above Node's 10 MB, which what waits to be sent counts for, the session takes no
 * more streams and may end; each connection has a limit of its own on what may wait.
 */
const MAX_SESSION_MEMORY = 1_048_576;

/** What came of dialling for a session. */
type Dialled =
  | { readonly session: ClientHttp2Session }
  /** The server chose HTTP/1.1 for this stream, which one may have. */
  | { readonly http1: Duplex }
  | { readonly error: unknown }
  /** It speaks HTTP/2, but without WebSocket. */
  | undefined;

/** The sessions that may be joined, by what they lead to and how. */
const sessions = new Map<string, SharedSession>();

/**
 * A session of HTTP/2 that several connections to the same place share. It is dialled for the first of them, lives as long
 * as any of them, and ends with the last: then nothing keeps the process running.
 */
export class SharedSession {
  /** The dialling, which goes on when one of those that wait for it gives up. */
  readonly opening: Opening = new Opening(0, undefined);
  /** Never rejects. */
  readonly dialled: Promise<Dialled>;
  readonly #key: string;
  /** Those that wait for the session or have a stream on it. */
  #users = 0;
  /** Those of them that have a stream, or are about to open one. */
  #places = 0;
  #session: ClientHttp2Session | undefined;
  #http1: Duplex | undefined;

  /** Joins the session to this place, or dials for a new one. Then {@link leave} when it is not needed any more. */
  static join(attempt: Attempt, options: DialOptions): SharedSession {
    const key = sessionKey(attempt, options);
    let shared = sessions.get(key);
    if (shared === undefined || !shared.#hasRoom) {
      shared = new SharedSession(key, attempt, options);
      sessions.set(key, shared);
    }
    shared.#users++;
    return shared;
  }

  private constructor(key: string, attempt: Attempt, options: DialOptions) {
    this.#key = key;
    this.dialled = this.#dial(attempt, options)
      .catch((error: unknown): Dialled => ({ error }))
      .then((dialled) => {
        this.opening.end();
        if (dialled === undefined || !("session" in dialled)) this.withdraw();
        return dialled;
      });
  }

  /** The stream on which the server chose HTTP/1.1, for the one who asks first. */
  takeHttp1(): Duplex | undefined {
    const stream = this.#http1;
    this.#http1 = undefined;
    return stream;
  }

  /** One user less, with its place if it had one. */
  leave(hasPlace: boolean): void {
    if (hasPlace) this.#places--;
    if (--this.#users > 0) return;
    this.withdraw();
    this.#http1?.destroy();
    // Not in the middle of what Node receives: Node 20 may then reset streams for ever.
    if (this.#session !== undefined) setImmediate(() => this.#session?.close());
    // If it is still dialling.
    this.opening.failWith("ABORTED", "nobody waits any more");
  }

  /** One of those that joined gets a place, unless more of them joined than the server takes, which nobody knew before. */
  takePlace(): boolean {
    if (this.#places >= this.#maxStreams) return false;
    this.#places++;
    return true;
  }

  /** Whether the server allows one more stream, as far as is known. */
  get #hasRoom(): boolean {
    return this.#users < this.#maxStreams;
  }

  get #maxStreams(): number {
    return this.#session?.remoteSettings.maxConcurrentStreams ?? Infinity;
  }

  /** Nobody else is to join. */
  withdraw(): void {
    if (sessions.get(this.#key) === this) sessions.delete(this.#key);
  }

  async #dial({ target, proxy, tls }: Attempt, options: DialOptions): Promise<Dialled> {
    const { opening } = this;
    const isNegotiated = options.http2 !== "prior-knowledge";
    const stream = await dial(
      opening,
      target,
      proxy,
      tls,
      options,
      isNegotiated ? ["h2", "http/1.1"] : ["h2"],
    );
    if (target.isSecure && (stream as TLSSocket).alpnProtocol !== "h2") {
      opening.release();
      if (!isNegotiated) {
        stream.destroy();
        return undefined;
      }
      this.#http1 = stream;
      return { http1: stream };
    }
    opening.phase = "handshake";
    const http2 = await import("node:http2");
    opening.check();
    const session = http2.connect(target.isSecure ? "https://localhost" : "http://localhost", {
      createConnection: () => stream,
      settings: { enablePush: false },
      maxSessionMemory: MAX_SESSION_MEMORY,
    });
    session.on("error", (cause) => void opening.failWith("CONNECT_FAILED", cause.message, { cause }));
    const isEnabled = await isConnectEnabled(opening, session);
    opening.release();
    if (!isEnabled || session.remoteSettings.maxConcurrentStreams === 0) {
      session.close();
      return undefined;
    }
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    session.on("goaway", () => this.withdraw());
    session.on("close", () => this.withdraw());
    this.#session = session;
    return { session };
  }
}

/** Whether dialling failed with what `connect()` is to fail with. */
export function isConnectError(error: unknown): error is ConnectError {
  return error instanceof ConnectError;
}
