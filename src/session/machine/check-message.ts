import { cannotBe } from "../../core/cannot-be.js";
import { UsageError } from "../../core/hawser-error.js";
import { MAX_ID_BYTES } from "../wire/record-reader.js";

/** @throws UsageError `INVALID_PAYLOAD` for what is no message; `INVALID_OPTION` for an id that no message may have. */
export function checkMessage(data: string | Uint8Array, id: Uint8Array | undefined): void {
  if (typeof data !== "string" && !(data instanceof Uint8Array))
    throw cannotBe("INVALID_PAYLOAD", "a message", typeof data);
  if (id !== undefined && !(id instanceof Uint8Array && id.length > 0 && id.length <= MAX_ID_BYTES))
    throw new UsageError("INVALID_OPTION", `an id has 1 to ${MAX_ID_BYTES} bytes`);
}
