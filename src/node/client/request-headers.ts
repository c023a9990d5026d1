import { UsageError } from "../../core/hawser-error.js";
import { equalsIgnoringAsciiCase } from "../../protocol/handshake/http-token.js";

/** Header fields as a record, a flat list (name, value, name, value...) or pairs: `Headers`, `Map`, `HeaderList`. */
export type HeadersInput =
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | readonly string[]
  | Iterable<readonly [name: string, value: string]>;

/**
 * What may go along to another origin. A list of names that carry credentials could not be complete (`X-Api-Key`,
 * `X-Auth-Token`...), so this is a list of those that do not.
 */
const HARMLESS_ELSEWHERE: readonly string[] = ["user-agent", "accept-language"];

/**
 * The fields as one flat list; they are checked where the head is made.
 * @throws {@link UsageError} `INVALID_HEADER`.
 */
export function flatHeaders(headers: HeadersInput | undefined): string[] {
  if (headers === undefined) return [];
  if (typeof headers !== "object" || headers === null) {
    throw new UsageError("INVALID_HEADER", "headers must be a record, a flat list or pairs");
  }
  if (!(Symbol.iterator in headers)) return fromRecord(headers);
  const fields: string[] = [];
  for (const entry of headers as Iterable<string | readonly [string, string]>) {
    if (typeof entry === "string") fields.push(entry);
    else fields.push(entry[0], entry[1]);
  }
  return fields;
}

function fromRecord(record: Readonly<Record<string, string | readonly string[] | undefined>>): string[] {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(record)) {
    if (value === undefined) continue;
    for (const one of typeof value === "string" ? [value] : value) fields.push(name, one);
  }
  return fields;
}

/** Whether a field of this name is in the flat list. */
export function hasHeader(fields: readonly string[], name: string): boolean {
  return fields.some((field, i) => i % 2 === 0 && equalsIgnoringAsciiCase(field, name));
}

/** The fields that a redirect may take along to another origin. */
export function headersForOtherOrigin(fields: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (HARMLESS_ELSEWHERE.some((harmless) => equalsIgnoringAsciiCase(harmless, name))) {
      kept.push(name, fields[i + 1]!);
    }
  }
  return kept;
}
