import type { Encoded } from "../codec/codec.js";
import { checkValue, type StandardSchema } from "../codec/standard-schema.js";
import { isThenable } from "../core/is-thenable.js";
import { CallError } from "./call-error.js";
import type { ContractSide } from "./contract-side.js";
import { encodeMessage, Kind } from "./message-kind.js";

/**
 * Makes the message of an event.
 * @throws CallError `INVALID_INPUT` for a value that does not fit its schema, or cannot be encoded.
 */
export function encodeEvent(
  side: ContractSide,
  name: string,
  schema: StandardSchema,
  value: unknown,
): Encoded {
  if (side.checkSent) {
    const checked = checkValue(schema, value);
    if (isThenable(checked))
      throw new CallError("INVALID_INPUT", `event ${name}: its schema is asynchronous`);
    const { issues } = checked;
    if (issues !== undefined) {
      throw new CallError("INVALID_INPUT", `event ${name}: the value does not fit its schema`, { issues });
    }
  }
  try {
    return encodeMessage(side.contract.codec, [Kind.event, name, value]);
  } catch (cause) {
    throw new CallError("INVALID_INPUT", `event ${name}: the value cannot be encoded`, { cause });
  }
}
