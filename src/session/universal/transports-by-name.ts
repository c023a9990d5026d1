import { UsageError } from "../../core/hawser-error.js";
import type { TransportName } from "../transport-port.js";

/**
 * What makes the transports of these names, the best first; all by default.
 * @throws `UsageError` `INVALID_OPTION` if one has another name, or there is none.
 */
export function transportsByName<Maker>(
  makers: Readonly<Record<TransportName, Maker>>,
  names: readonly TransportName[] = Object.keys(makers) as TransportName[],
): [Maker, ...Maker[]] {
  if (names.length === 0) throw new UsageError("INVALID_OPTION", "transports: there is none");
  const found = names.map((name) => {
    if (!Object.hasOwn(makers, name))
      throw new UsageError("INVALID_OPTION", `no such transport: ${String(name)}`);
    return makers[name];
  });
  return found as [Maker, ...Maker[]];
}
