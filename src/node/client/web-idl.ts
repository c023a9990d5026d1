/** The conversions of Web IDL (https://webidl.spec.whatwg.org) that the interfaces of WebSocket need. */

/**
 * A call needs this many arguments (§3.7.7 "operations", step "argument count").
 * @throws TypeError if there are fewer.
 */
export function requireArguments(where: string, count: number, given: number): void {
  if (given >= count) return;
  const noun = count === 1 ? "argument" : "arguments";
  throw new TypeError(`${where}: ${count} ${noun} required, but only ${given} present`);
}

/**
 * `DOMString` (§3.2.9).
 * @throws TypeError for a symbol, and what the value's own conversion throws.
 */
export function domString(value: unknown): string {
  // Not String(value), which has a text for a symbol, too.
  return `${value as string}`;
}

/** `USVString` (§3.2.11): a `DOMString` whose lone surrogates are U+FFFD. */
export function usvString(value: unknown): string {
  return domString(value).replace(/\p{Surrogate}/gu, "\ufffd");
}

/** `unsigned short` (§3.2.4.4): modulo 2^16. */
export function unsignedShort(value: unknown): number {
  const number = Math.trunc(Number(value));
  if (!Number.isFinite(number)) return 0;
  return ((number % 65_536) + 65_536) % 65_536;
}

/** `[Clamp] unsigned short`: into the range, then to the nearest integer, and to the even one of two. */
export function clampToUnsignedShort(value: unknown): number {
  const number = Number(value);
  if (Number.isNaN(number)) return 0;
  const clamped = Math.min(Math.max(number, 0), 65_535);
  const floor = Math.floor(clamped);
  const rest = clamped - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest < 0.5 ? floor : floor + 1;
}

/**
 * `[EnforceRange] unsigned short`.
 * @throws TypeError outside of 0 to 65535.
 */
export function enforcedUnsignedShort(value: unknown, name: string): number {
  const number = Math.trunc(Number(value));
  if (number >= 0 && number <= 65_535) return number + 0;
  throw new TypeError(`${name} is not within 0 to 65535`);
}

/**
 * `sequence<DOMString>` (§3.2.21) of an object with an iterator.
 * @throws TypeError if its `@@iterator` cannot be called, and what iterating it throws.
 */
export function stringSequence(value: object): string[] {
  const method: unknown = Reflect.get(value, Symbol.iterator);
  if (typeof method !== "function") throw new TypeError("@@iterator must be callable");
  return Array.from(value as Iterable<unknown>, domString);
}

/** Whether `value` is what Web IDL calls an object: a function is one, too. */
export function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/**
 * A dictionary (§3.2.17): undefined and null are an empty one.
 * @throws TypeError for what is no object.
 */
export function dictionary<T extends object>(value: unknown, name: string): Partial<T> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new TypeError(`The value is not of type ${name}`);
  return value as Partial<T>;
}

/**
 * Makes of a class an interface of Web IDL (§3.7): what is on its prototype can be enumerated, it has a class string, and
 * constants are on both, fixed.
 * @param name a class may have lost it to a bundler.
 */
export function exposeInterface(
  target: { readonly prototype: object },
  name: string,
  members: readonly string[],
  constants: Readonly<Record<string, number>> = {},
): void {
  Object.defineProperty(target, "name", { value: name, configurable: true });
  for (const [constant, value] of Object.entries(constants)) {
    const descriptor = { value, enumerable: true, writable: false, configurable: false };
    Object.defineProperty(target, constant, descriptor);
    Object.defineProperty(target.prototype, constant, descriptor);
  }
  for (const member of members) Object.defineProperty(target.prototype, member, { enumerable: true });
  Object.defineProperty(target.prototype, Symbol.toStringTag, { value: name, configurable: true });
}
