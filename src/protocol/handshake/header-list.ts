import { UsageError } from "../../core/hawser-error.js";
import { equalsIgnoringAsciiCase } from "./http-token.js";

/**
 * The header fields of a message, in the order in which they came.
 *
 * Names are compared by a walk over the list and are never keys of an object, so `__proto__` is a name like any
 * other. Node keeps only so many headers and drops the rest, so each one must be taken as possibly absent.
 */
export class HeaderList implements Iterable<readonly [name: string, value: string]> {
  /** The fields as one flat list: name, value, name, value... What Node calls `rawHeaders`. */
  readonly raw: readonly string[];

  constructor(raw: readonly string[]) {
    if (raw.length % 2 !== 0) throw new UsageError("INVALID_HEADER", "The last header name has no value");
    this.raw = raw;
  }

  /** All values of this field joined by ", " (RFC 9110 §5.3), or undefined if it is absent. */
  get(name: string): string | undefined {
    const values = this.getAll(name);
    return values.length === 0 ? undefined : values.join(", ");
  }

  /** The values of this field, one for each time it occurs. */
  getAll(name: string): string[] {
    const values: string[] = [];
    for (let i = 0; i < this.raw.length; i += 2) {
      if (equalsIgnoringAsciiCase(this.raw[i]!, name)) values.push(this.raw[i + 1]!);
    }
    return values;
  }

  /** Whether this field occurs at all. */
  has(name: string): boolean {
    for (let i = 0; i < this.raw.length; i += 2) {
      if (equalsIgnoringAsciiCase(this.raw[i]!, name)) return true;
    }
    return false;
  }

  /** The fields as pairs, repeated ones included. */
  *[Symbol.iterator](): Generator<readonly [name: string, value: string], void, undefined> {
    for (let i = 0; i < this.raw.length; i += 2) yield [this.raw[i]!, this.raw[i + 1]!];
  }
}
