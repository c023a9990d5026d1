import type { Attempt } from "./attempt.js";
import type { DialOptions } from "./dial-options.js";

/** What stands for an object that has no text of its own: equal for the same object only. */
const names = new WeakMap<object, number>();
let lastName = 0;

/**
 * Says who may share a session: those that go to the same place, by the same way, as the same client. A certificate, a proxy
 * or a check of the server that one has and another has not must never be passed on.
 */
export function sessionKey({ target, proxy, tls }: Attempt, options: DialOptions): string {
  const { localAddress, family, lookup, createConnection, http2 } = options;
  const parts = [
    [target.url.protocol, target.url.host, target.socketPath],
    [proxy?.hostname, proxy?.port, proxy?.isSecure, proxy?.headers.join("\n")],
    ...[tls, proxy?.tls ?? {}].map((one) =>
      Object.entries(one)
        .filter(([, value]) => value !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([name, value]) => [name, nameOf(value)]),
    ),
    [localAddress, family, nameOf(lookup), nameOf(createConnection), nameOf(http2)],
  ];
  return JSON.stringify(parts);
}

function nameOf(value: unknown): string {
  if (value === null || (typeof value !== "object" && typeof value !== "function"))
    return `${typeof value} ${String(value)}`;
  let name = names.get(value);
  if (name === undefined) {
    name = ++lastName;
    names.set(value, name);
  }
  return `object ${name}`;
}
