import { randomBytes } from "node:crypto";
import { UsageError } from "../../core/hawser-error.js";
import { typeName } from "../../core/type-name.js";
import { type DeflateOptions, deflateOffer } from "../../protocol/extensions/deflate-negotiation.js";
import { connectFields } from "../../protocol/handshake/client-connect.js";
import { requestHead } from "../../protocol/handshake/client-handshake.js";
import type { ResponseHead } from "../../protocol/handshake/head-parser.js";
import type { ConnectOptions } from "./connect-options.js";
import type { DialOptions } from "./dial-options.js";
import { type HttpProxy, proxyFor } from "./http-proxy.js";
import { redirectTarget } from "./redirect.js";
import { flatHeaders, hasHeader, headersForOtherOrigin } from "./request-headers.js";
import { isSameOrigin, type Target } from "./target.js";
import { type TlsOptions, tlsForOtherOrigin } from "./tls-options.js";

/** What is asked of one server. A redirect makes another one. */
export interface Attempt {
  readonly target: Target;
  /** 0 for the first one. */
  readonly redirects: number;
  /** The caller's header fields, as far as this server may see them; as a flat list. */
  readonly headers: readonly string[];
  readonly tls: TlsOptions;
  readonly proxy: HttpProxy | undefined;
  readonly protocols: readonly string[];
  readonly deflate: DeflateOptions | undefined;
  /** 16 random bytes in base64, new for each attempt (RFC 6455 §4.1 item 7). */
  readonly key: string;
  readonly requestHead: string;
  /** The same request over HTTP/2, as a flat list; undefined where that is not wanted. */
  readonly connectFields: readonly string[] | undefined;
}

/** The options that an attempt is made of. */
export type AttemptOptions = DialOptions & Pick<ConnectOptions, "protocols">;

/**
 * The first attempt. All that the caller gave for the request is checked here, before anything is opened.
 * @throws {@link UsageError}
 */
export function firstAttempt(target: Target, options: AttemptOptions): Attempt {
  const { protocols } = options;
  if (protocols !== undefined && typeof protocols !== "string" && !Array.isArray(protocols))
    throw new UsageError(
      "INVALID_OPTION",
      `protocols must be a string or a list, not ${typeName(protocols)}`,
    );
  const headers = flatHeaders(options.headers);
  if (target.authorization !== undefined && !hasHeader(headers, "authorization")) {
    headers.push("Authorization", target.authorization);
  }
  return makeAttempt(target, 0, headers, options.tls ?? {}, options);
}

/** The attempt that a redirect leads to, or in words why it is not made. */
export function redirectedAttempt(
  from: Attempt,
  head: Pick<ResponseHead, "headers">,
  options: AttemptOptions,
): Attempt | string {
  const target = redirectTarget(head, from.target);
  if (typeof target === "string") return target;
  const isSame = isSameOrigin(from.target, target);
  // Credentials in the server's URL (`target.authorization`) are not ours to send: only the caller's headers are.
  // What was taken away at one origin stays away, also if the next redirect leads back.
  const headers = isSame ? from.headers : headersForOtherOrigin(from.headers);
  const tls = isSame ? from.tls : tlsForOtherOrigin(from.tls);
  try {
    return makeAttempt(target, from.redirects + 1, headers, tls, options);
  } catch (error) {
    // The caller's own options passed before: it is the server's URL that no request can be made of.
    if (error instanceof UsageError && error.code === "INVALID_URL") return "a redirect to a malformed URL";
    throw error;
  }
}

function makeAttempt(
  target: Target,
  redirects: number,
  headers: readonly string[],
  tls: TlsOptions,
  options: AttemptOptions,
): Attempt {
  const protocols = typeof options.protocols === "string" ? [options.protocols] : (options.protocols ?? []);
  const { compression = true } = options;
  const deflate = compression === true ? {} : compression === false ? undefined : compression;
  const key = randomBytes(16).toString("base64");
  const request = {
    target: target.url.pathname + target.url.search,
    host: target.url.host,
    protocols,
    extensions: deflate && deflateOffer(deflate),
    origin: options.origin,
    headers,
  };
  return {
    target,
    redirects,
    headers,
    tls,
    proxy: options.createConnection === undefined ? proxyFor(target, options.proxy, process.env) : undefined,
    protocols,
    deflate,
    key,
    requestHead: requestHead({ ...request, key }),
    connectFields:
      (options.http2 ?? false) === false
        ? undefined
        : connectFields({ ...request, isSecure: target.isSecure }),
  };
}
