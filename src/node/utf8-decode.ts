import { isUtf8 } from "node:buffer";
import { asBuffer } from "./as-buffer.js";

/** What stands in a text for each part that is not UTF-8. */
const REPLACEMENT = "\u{FFFD}";

/** Reads `bytes[start, end)` as UTF-8; undefined if it is not valid. */
export function utf8Decode(bytes: Uint8Array, start: number, end: number): string | undefined {
  const buffer = asBuffer(bytes);
  let text: string;
  try {
    text = buffer.toString("utf8", start, end);
  } catch {
    return undefined; // above what a string of V8 can hold: half a GiB
  }
  // It is rarely in there, and then may have been sent: nearly every text is known to be right without a look at its bytes.
  return text.includes(REPLACEMENT) && !isUtf8(buffer.subarray(start, end)) ? undefined : text;
}
