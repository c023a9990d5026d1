import { UsageError } from "../../core/hawser-error.js";
import { typeName } from "../../core/type-name.js";
import { assertDeflateOptions, type DeflateOptions } from "../../protocol/extensions/deflate-negotiation.js";

/** Throws a {@link UsageError} `INVALID_OPTION` unless it is what the option `compression` can be. */
export function assertCompression(compression: boolean | DeflateOptions | undefined): void {
  if (compression === undefined || typeof compression === "boolean") return;
  if (typeof compression !== "object" || compression === null)
    throw new UsageError(
      "INVALID_OPTION",
      `compression must be true, false or the options of permessage-deflate, not ${typeName(compression)}`,
    );
  assertDeflateOptions(compression);
}
