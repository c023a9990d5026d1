import type { Json } from "./fuzz-target.js";
import type { Random } from "./random.js";

/** Names of the strings that are bytes in hex. */
const HEX_NAMES: ReadonlySet<string> = new Set(["hex"]);
/** Names of the strings that are text, one byte a character. */
const TEXT_NAMES: ReadonlySet<string> = new Set(["head", "text"]);

/** Changes an input blindly in one to four places; `donor` is another input of the same target to take parts from. */
export function mutate(random: Random, input: Json, donor: Json): Json {
  let changed = input;
  for (let i = random.between(1, 4); i > 0; i--) changed = mutateOnce(random, changed, donor, "");
  return changed;
}

function mutateOnce(random: Random, value: Json, donor: Json, name: string): Json {
  if (typeof value === "string") return mutateString(random, value, donor, name);
  if (typeof value === "boolean") return name === "binary" || random.chance(50) ? !value : value;
  if (typeof value === "number") return mutateNumber(random, value);
  if (value === null) return value;
  if (isList(value)) return mutateList(random, value, isList(donor) ? donor : [], name);
  // Mostly the long members: what is sent matters more than the options.
  const names = Object.keys(value);
  if (names.length === 0) return value;
  const weights = names.map((key) => 1 + Math.min(20, JSON.stringify(value[key] ?? null).length >> 3));
  let at = random.below(weights.reduce((sum, weight) => sum + weight, 0));
  const chosen = names[weights.findIndex((weight) => (at -= weight) < 0)]!;
  const other = donor !== null && typeof donor === "object" && !isList(donor) ? donor[chosen] : undefined;
  return { ...value, [chosen]: mutateOnce(random, value[chosen] ?? null, other ?? null, chosen) };
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function mutateNumber(random: Random, value: number): number {
  return Math.max(
    0,
    random.pick([value + 1, value - 1, value * 2, value >> 1, random.below(256), 0, 125, 126]),
  );
}

function mutateList(random: Random, list: readonly Json[], donor: readonly Json[], name: string): Json {
  const at = random.below(list.length + 1);
  switch (random.below(list.length === 0 ? 1 : 7)) {
    case 0:
      return donor.length === 0 ? list : list.toSpliced(at, 0, random.pick(donor));
    case 1:
      return list.toSpliced(at, 1);
    case 2:
      return list.toSpliced(at, 0, random.pick(list));
    case 3:
      return [...list.slice(0, at), ...donor.slice(random.below(donor.length + 1))];
    default: {
      const chosen = random.below(list.length);
      return list.with(chosen, mutateOnce(random, list[chosen]!, random.pick([...donor, null]), name));
    }
  }
}

function mutateString(random: Random, value: string, donor: Json, name: string): string {
  const other = typeof donor === "string" ? donor : "";
  if (HEX_NAMES.has(name)) {
    return mutateBytes(random, Buffer.from(value, "hex"), Buffer.from(other, "hex")).toString("hex");
  }
  if (!TEXT_NAMES.has(name)) return value;
  return mutateBytes(random, Buffer.from(value, "latin1"), Buffer.from(other, "latin1")).toString("latin1");
}

function mutateBytes(random: Random, bytes: Buffer, donor: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  const length = random.pick([1, 1, 1, 2, 4, random.below(bytes.length + 1)]);
  const part = bytes.subarray(at, at + length);
  const before = bytes.subarray(0, at);
  const behind = bytes.subarray(at + length);
  switch (random.below(7)) {
    case 0:
      return Buffer.concat([before, behind]);
    case 1:
      return Buffer.concat([before, random.bytes(Math.min(length, 16)), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([before, part, part, behind]);
    case 3:
      return Buffer.concat([before, donor.subarray(random.below(donor.length + 1))]);
    case 4: {
      const special = random.pick([0x00, 0xff, 0x7f, 0x80, 0x0d, 0x0a, 0x20, 0x09, 0x3a, 0x2c, 0x3b, 0x22]);
      return Buffer.concat([before, Buffer.of(special), bytes.subarray(at + 1)]);
    }
    default: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at]! ^= 1 << random.below(8);
      return copy;
    }
  }
}
