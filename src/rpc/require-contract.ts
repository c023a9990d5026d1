import { UsageError } from "../core/hawser-error.js";
import type { Contract } from "./definitions.js";

/**
 * Refuses what is no contract. One that another copy of Hawser made is one, too.
 * @throws UsageError `INVALID_CONTRACT`, which names what is wrong.
 */
export function requireContract(contract: Contract): void {
  if (typeof contract !== "object" || contract === null) throw invalid("this is none");
  const { events, calls, streams, codec, channel } = contract as {
    readonly [Part in keyof Contract]: unknown;
  };
  for (const [name, table] of Object.entries({ events, calls, streams })) {
    if (typeof table !== "object" || table === null) throw invalid(`its ${name} have to be an object`);
  }
  const { encode, decode } = (codec ?? {}) as { readonly encode?: unknown; readonly decode?: unknown };
  if (typeof encode !== "function" || typeof decode !== "function") {
    throw invalid("its codec has to have encode and decode");
  }
  if (typeof channel !== "string") throw invalid("its channel has to be a string");
}

function invalid(why: string): UsageError {
  return new UsageError("INVALID_CONTRACT", `a contract is made by defineContract(...): ${why}`);
}
