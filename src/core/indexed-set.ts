/** An element of an {@link IndexedSet}, and of one only at a time. */
export interface Indexed {
  /** @internal Where it is in the set. */
  indexInSet: number;
}

/** The methods of ES2025, where the runtime has them. */
const ALGEBRA = [
  "union",
  "intersection",
  "difference",
  "symmetricDifference",
  "isSubsetOf",
  "isSupersetOf",
  "isDisjointFrom",
] as const;

/**
 * A set for what comes and goes all the time, in no particular order. Its elements know their place, which takes less time
 * than hashing them. And a `Set` of V8 gets another table now and then: a table that is garbage, but old, keeps alive the next one
 * and all that was in it, and so on until the whole heap is looked through. It kept alive many connections of a server long after
 * they were closed, and each collection of what is young had to copy them.
 *
 * A loop goes over those that were there when it began and have not been taken out.
 */
export class IndexedSet<T extends Indexed> implements ReadonlySet<T> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  has(item: T): boolean {
    return this.#items[item.indexInSet] === item;
  }

  /** Adds an element that is in no such set yet. */
  add(item: T): void {
    item.indexInSet = this.#items.push(item) - 1;
  }

  /** Takes an element out, if it is in: the last one gets its place. */
  delete(item: T): boolean {
    if (!this.has(item)) return false;
    const last = this.#items.pop()!;
    if (last !== item) {
      last.indexInSet = item.indexInSet;
      this.#items[item.indexInSet] = last;
    }
    return true;
  }

  /** Those that are in now: an array of their own, for loops that must be quick. */
  toArray(): T[] {
    return this.#items.slice();
  }

  forEach(visit: (value: T, key: T, set: ReadonlySet<T>) => void, thisArgument?: unknown): void {
    for (const item of this.toArray()) if (this.has(item)) visit.call(thisArgument, item, item, this);
  }

  *values(): SetIterator<T> {
    for (const item of this.toArray()) if (this.has(item)) yield item;
  }

  keys(): SetIterator<T> {
    return this.values();
  }

  *entries(): SetIterator<[T, T]> {
    for (const item of this.values()) yield [item, item];
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.values();
  }

  static {
    for (const name of ALGEBRA) {
      const method = (Set.prototype as unknown as Record<string, ((other: unknown) => unknown) | undefined>)[
        name
      ];
      if (method === undefined) continue;
      Object.defineProperty(IndexedSet.prototype, name, {
        configurable: true,
        writable: true,
        value(this: IndexedSet<Indexed>, other: unknown): unknown {
          return method.call(new Set(this), other);
        },
      });
    }
  }
}
