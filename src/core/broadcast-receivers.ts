import { UsageError } from "./hawser-error.js";
import { typeName } from "./type-name.js";

/**
 * Whom `to` of a broadcast names, each once; undefined where the option is left out, which is all.
 * @throws {@link UsageError} `INVALID_OPTION` for anything else than an iterable of them, also where it is there and undefined:
 * what a `Map` of rooms has not is nobody, and must not be everybody.
 */
export function broadcastReceivers<Receiver>(
  options: { readonly to?: Iterable<Receiver> },
  kind: abstract new (...args: never[]) => object,
  receivers: string,
): ReadonlySet<Receiver> | undefined {
  if (!("to" in options)) return undefined;
  const to: unknown = options.to;
  if (typeof to !== "object" || to === null || !(Symbol.iterator in to))
    throw new UsageError("INVALID_OPTION", `to must be an iterable of ${receivers}, not ${typeName(to)}`);
  const named = to instanceof Set ? (to as ReadonlySet<unknown>) : new Set(to as Iterable<unknown>);
  for (const one of named) {
    if (!(one instanceof kind))
      throw new UsageError("INVALID_OPTION", `to must have ${receivers} in it, not ${typeName(one)}`);
  }
  return named as ReadonlySet<Receiver>;
}
