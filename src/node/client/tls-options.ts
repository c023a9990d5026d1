import { isIP } from "node:net";
// biome-ignore lint/suspicious/noTsIgnore: it is an error elsewhere only; what is expected has to be one here
/** @ts-ignore any in a page, whose project finds this by way of `hawser` and has no types of Node */
import type { ConnectionOptions } from "node:tls";

/** TLS towards a server. What is left out is Node's default, which verifies the server's certificate. */
export interface TlsOptions
  extends Partial<
    Pick<
      ConnectionOptions,
      | "ca"
      | "cert"
      | "key"
      | "pfx"
      | "passphrase"
      | "crl"
      | "ciphers"
      | "minVersion"
      | "maxVersion"
      | "secureContext"
      | "session"
      | "checkServerIdentity"
      | "rejectUnauthorized"
      | "servername"
    >
  > {}

/** What identifies us, or only fits one server: not for another origin. */
const OF_ONE_ORIGIN: ReadonlySet<string> = new Set([
  "cert",
  "key",
  "pfx",
  "passphrase",
  "secureContext",
  "session",
  "servername",
]);

/** The options that a redirect may take along to another origin. */
export function tlsForOtherOrigin(options: TlsOptions): TlsOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !OF_ONE_ORIGIN.has(name)));
}

/** What is spoken where nothing else was asked for. */
export const HTTP1_ONLY: readonly string[] = ["http/1.1"];

/**
 * What `tls.connect` is given for a server of this name.
 * @param alpn what to offer: a server that prefers HTTP/2 must know where nothing but HTTP/1.1 can be spoken.
 */
export function tlsConnectOptions(
  hostname: string,
  options: TlsOptions,
  alpn: readonly string[] = HTTP1_ONLY,
): ConnectionOptions {
  // An option that is there but undefined would hide Node's default.
  const given: TlsOptions = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  const result: ConnectionOptions = {
    ALPNProtocols: [...alpn],
    // Whom the certificate is checked against where no name was sent.
    host: hostname,
    ...given,
  };
  // RFC 6066 §3: a name, without a dot at its end, and never an address.
  if (given.servername === undefined && isIP(hostname) === 0) {
    result.servername = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
  }
  const { checkServerIdentity } = given;
  if (checkServerIdentity !== undefined) {
    // Called from inside Node's TLS, where an exception would end the process.
    result.checkServerIdentity = (host, certificate) => {
      try {
        return checkServerIdentity(host, certificate);
      } catch (error) {
        return error instanceof Error ? error : new Error(String(error));
      }
    };
  }
  return result;
}
