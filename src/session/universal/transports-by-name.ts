import { cannotBe } from "../../core/cannot-be.js";
import type { TransportName } from "../transport-port.js";

/**
 * What makes the transports of these names, the best first; all by default.
 * @throws `UsageError` `INVALID_OPTION` if one has another name, or there is none.
 */
export function transportsByName<Maker>(
  makers: Readonly<Record<TransportName, Maker>>,
  names: readonly TransportName[] = Object.keys(makers) as TransportName[],
): [Maker, ...Maker[]] {
  if (!Array.isArray(names) || names.length === 0)
    throw cannotBe("INVALID_OPTION", "transports", Array.isArray(names) ? "none" : typeof names);
  const found = (names as readonly TransportName[]).map((name) => {
    if (!Object.hasOwn(makers, name)) throw cannotBe("INVALID_OPTION", "a transport", name);
    return makers[name];
  });
  return found as [Maker, ...Maker[]];
}
