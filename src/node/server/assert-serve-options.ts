import { assertBooleans } from "../../core/assert-booleans.js";
import { assertFunctions } from "../../core/assert-functions.js";
import { assertObject } from "../../core/assert-object.js";
import { UsageError } from "../../core/hawser-error.js";
import { typeName } from "../../core/type-name.js";
import type { ServeOptions } from "./server-options.js";

/** One of these a server over TLS has, or nobody can open a connection. */
const WITH_IDENTITY = ["cert", "pfx", "SNICallback", "pskCallback"] as const;

/**
 * Checks what only a server with a port of its own is told, but for what Node checks when it listens.
 * @throws {@link UsageError} `INVALID_OPTION`.
 */
export function assertServeOptions(options: ServeOptions<unknown>): void {
  assertFunctions(options, ["request"]);
  assertBooleans(options, ["http2", "reusePort"]);
  if (options.tls !== undefined) {
    assertObject(options.tls, "tls");
    if (!WITH_IDENTITY.some((name) => options.tls![name] !== undefined))
      throw new UsageError("INVALID_OPTION", "tls has no certificate: give it cert and key, or pfx");
  }
  for (const name of ["host", "path"] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== "string")
      throw new UsageError("INVALID_OPTION", `${name} must be a string, not ${typeName(value)}`);
  }
  // Node takes the empty name for all addresses.
  if (options.host === "")
    throw new UsageError("INVALID_OPTION", 'host cannot be empty: "::" is all addresses');
  if (options.path !== undefined && options.port !== undefined)
    throw new UsageError("INVALID_OPTION", "path and port name two places to listen at");
  assertReusePort(options);
}

/** Node that does not know the option ignores it, and the second process would find the port taken. */
function assertReusePort({ reusePort, path }: ServeOptions<unknown>): void {
  if (!reusePort) return;
  if (path !== undefined)
    throw new UsageError("INVALID_OPTION", "reusePort is for a TCP port, not for a path");
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isKnown = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
  if (!isKnown)
    throw new UsageError("INVALID_OPTION", `reusePort needs Node 22.12 or 23.1, not ${process.version}`);
}
