import type { Json } from "./fuzz-target.js";

/** Tries smaller and smaller inputs as long as `stillFails`; gives up after so much time. */
export async function minimise(
  input: Json,
  stillFails: (smaller: Json) => Promise<boolean>,
  timeoutMs = 2000,
): Promise<Json> {
  let smallest = input;
  const endsAtMs = performance.now() + timeoutMs;
  for (let progress = true; progress && performance.now() < endsAtMs; ) {
    progress = false;
    for (const candidate of smaller(smallest)) {
      if (performance.now() >= endsAtMs) break;
      if (!(await stillFails(candidate))) continue;
      smallest = candidate;
      progress = true;
      break;
    }
  }
  return smallest;
}

/** Inputs that are a step smaller, the largest steps first. */
function* smaller(value: Json, name = ""): Generator<Json> {
  if (typeof value === "string") {
    if (name === "hex" || name === "head" || name === "text")
      yield* smallerString(value, name === "hex" ? 2 : 1);
  } else if (typeof value === "number") {
    if (value > 0) yield 0;
    if (value > 1) yield value >> 1;
  } else if (value === true) {
    yield false;
  } else if (Array.isArray(value)) {
    const list = value as readonly Json[];
    for (let size = list.length; size >= 1; size >>= 1) {
      for (let at = 0; at + size <= list.length; at += size) yield list.toSpliced(at, size);
    }
    for (const [i, item] of list.entries()) {
      for (const candidate of smaller(item, name)) yield list.with(i, candidate);
    }
  } else if (value !== null && typeof value === "object") {
    for (const [key, item] of Object.entries(value)) {
      for (const candidate of smaller(item ?? null, key)) yield { ...value, [key]: candidate };
    }
  }
}

function* smallerString(text: string, unit: number): Generator<string> {
  for (let size = text.length; size >= unit; size = unit * Math.floor(size / 2 / unit)) {
    for (let at = 0; at + size <= text.length; at += size) yield text.slice(0, at) + text.slice(at + size);
  }
}
