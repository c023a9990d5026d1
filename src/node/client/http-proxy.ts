import { UsageError } from "../../core/hawser-error.js";
import { isInNoProxy, isLoopback } from "./no-proxy.js";
import { flatHeaders, type HeadersInput } from "./request-headers.js";
import { basicAuthorization, type Target, withoutBrackets } from "./target.js";
import type { TlsOptions } from "./tls-options.js";

/** A proxy with more than a URL. */
export interface ProxyOptions {
  /** `http://user:password@host:port`, or `https:` for a proxy that is spoken to over TLS. */
  readonly url: string | URL;
  /** More header fields for the proxy's CONNECT request. They never reach the target. Default: none. */
  readonly headers?: HeadersInput | undefined;
  /** TLS towards a proxy over `https:`. Default: none of its own; that of the target is not used for it. */
  readonly tls?: TlsOptions | undefined;
}

/** A proxy that is going to be used. */
export interface HttpProxy {
  readonly hostname: string;
  readonly port: number;
  readonly isSecure: boolean;
  /** Its credentials and more, as a flat list. */
  readonly headers: readonly string[];
  readonly tls: TlsOptions;
}

/** The part of `process.env` that matters here. */
export interface ProxyEnvironment extends Readonly<Record<string, string | undefined>> {
  readonly REQUEST_METHOD?: string | undefined;
}

/**
 * The proxy for this target, if there is one. A proxy given as an option is always used; one from the environment
 * is not used for Unix sockets, for this machine and for what `NO_PROXY` names.
 * @throws {@link UsageError} `INVALID_OPTION` for a proxy that is not spoken here.
 */
export function proxyFor(
  target: Target,
  option: string | URL | ProxyOptions | false | undefined,
  environment: ProxyEnvironment,
): HttpProxy | undefined {
  if (option === false) return undefined;
  if (option === undefined) {
    const url = proxyFromEnvironment(target, environment);
    return url === undefined ? undefined : proxyOf({ url });
  }
  if (target.socketPath !== undefined) {
    throw new UsageError("INVALID_OPTION", "A Unix socket is not reached through a proxy");
  }
  return proxyOf(typeof option === "string" || option instanceof URL ? { url: option } : option);
}

function proxyFromEnvironment(target: Target, environment: ProxyEnvironment): string | undefined {
  if (target.socketPath !== undefined || isLoopback(target.hostname)) return undefined;
  const noProxy = variable(environment, "no_proxy");
  if (noProxy !== undefined && isInNoProxy(noProxy, target.hostname, target.port)) return undefined;
  const scheme = target.isSecure ? "https_proxy" : "http_proxy";
  return variable(environment, scheme) ?? variable(environment, "all_proxy");
}

/** Lower case wins, as in curl. An empty variable is one that is not set. */
function variable(environment: ProxyEnvironment, name: string): string | undefined {
  const lower = environment[name];
  if (lower !== undefined && lower !== "") return lower;
  // In a CGI program HTTP_PROXY is the `Proxy` header of whoever made the request ("httpoxy", CVE-2016-5385).
  if (name === "http_proxy" && environment.REQUEST_METHOD !== undefined) return undefined;
  const upper = environment[name.toUpperCase()];
  return upper === "" ? undefined : upper;
}

function proxyOf(options: ProxyOptions): HttpProxy {
  const url = parseProxyUrl(options.url);
  const isSecure = url.protocol === "https:";
  const headers = flatHeaders(options.headers);
  const authorization = basicAuthorization(url);
  if (authorization !== undefined) headers.push("Proxy-Authorization", authorization);
  return {
    hostname: withoutBrackets(url.hostname),
    port: url.port === "" ? (isSecure ? 443 : 80) : Number(url.port),
    isSecure,
    headers,
    tls: options.tls ?? {},
  };
}

function parseProxyUrl(input: string | URL): URL {
  const text = String(input);
  // `HTTP_PROXY=proxy.example:3128` is common, and would be read as a URL with the scheme "proxy.example".
  const absolute = text.includes("://") ? text : `http://${text}`;
  if (!URL.canParse(absolute)) throw new UsageError("INVALID_OPTION", "The proxy is not a URL");
  const url = new URL(absolute);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new UsageError(
      "INVALID_OPTION",
      `A proxy over ${url.protocol} is not supported; set proxy to another, or to false for none`,
    );
  }
  return url;
}
