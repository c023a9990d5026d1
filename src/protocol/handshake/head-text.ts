import { UsageError } from "../../core/hawser-error.js";
import { equalsIgnoringAsciiCase, isFieldText, isToken } from "./http-token.js";

/**
 * Puts a head together and ends it with its empty line. All fields are checked, ours too: a CR or LF from an option
 * would let its author write header fields, or a second message, of their own.
 *
 * The text holds nothing above 0xFF and must be written as latin1.
 */
export function headText(startLine: string, fields: readonly string[]): string {
  let text = `${startLine}\r\n`;
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return `${text}\r\n`;
}

/**
 * Throws a {@link UsageError} `INVALID_HEADER` unless `fields` is a flat list of names and values that may stand in a
 * head, without the names in `reserved`, which the handshake sets itself. A reserved name that ends in `-` is a prefix.
 */
export function assertFields(fields: readonly string[], reserved: readonly string[] = []): void {
  if (!Array.isArray(fields) || fields.length % 2 !== 0) {
    throw new UsageError("INVALID_HEADER", "Headers must be a flat list: name, value, name, value...");
  }
  for (let i = 0; i < fields.length; i += 2) {
    const name: unknown = fields[i];
    if (typeof name !== "string" || !isToken(name)) {
      throw new UsageError("INVALID_HEADER", `Not a header name: ${JSON.stringify(name)}`);
    }
    if (reserved.some((entry) => matchesReserved(name, entry))) {
      throw new UsageError("INVALID_HEADER", `${name} is set by the handshake itself`);
    }
    assertFieldText(fields[i + 1], `the value of ${name}`);
  }
}

function matchesReserved(name: string, reserved: string): boolean {
  const compared = reserved.endsWith("-") ? name.slice(0, reserved.length) : name;
  return equalsIgnoringAsciiCase(compared, reserved);
}

/** Throws a {@link UsageError} `INVALID_HEADER` unless `text` may stand in a header value or reason phrase. */
export function assertFieldText(text: unknown, what: string): asserts text is string {
  // The value is not quoted in the message, since it may be a credential that would end up in a log.
  if (typeof text !== "string") throw new UsageError("INVALID_HEADER", `${what} must be a string`);
  if (!isFieldText(text)) {
    throw new UsageError("INVALID_HEADER", `A character that no head may have is in ${what}`);
  }
}
