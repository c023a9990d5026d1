import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Indexed, IndexedSet } from "#core/indexed-set.js";

class Item implements Indexed {
  indexInSet = -1;
  readonly name: number;

  constructor(name: number) {
    this.name = name;
  }
}

describe("IndexedSet", () => {
  it("has what a Set has, whatever is added and taken out", () => {
    const step = fc.tuple(fc.constantFrom("add", "delete"), fc.nat(12));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const items = Array.from({ length: 13 }, (_, name) => new Item(name));
        const model = new Set<Item>();
        const set = new IndexedSet<Item>();
        for (const [what, name] of steps) {
          const item = items[name]!;
          if (what === "delete") {
            assert.equal(set.delete(item), model.delete(item));
          } else if (!model.has(item)) {
            set.add(item);
            model.add(item);
          }
          assert.equal(set.size, model.size);
          for (const one of items) assert.equal(set.has(one), model.has(one));
        }
        assert.deepEqual(new Set(set), model);
        assert.deepEqual(new Set(set.keys()), model);
        assert.deepEqual(new Set(set.toArray()), model);
        assert.deepEqual(new Set([...set.entries()].map(([item]) => item)), model);
      }),
    );
  });

  it("loops over those that were there at first and have not been taken out", () => {
    for (const loop of ["for", "forEach"]) {
      const [a, b, c, d] = [0, 1, 2, 3].map((name) => new Item(name)) as [Item, Item, Item, Item];
      const set = new IndexedSet<Item>();
      for (const item of [a, b, c]) set.add(item);
      const seen: number[] = [];
      const visit = (item: Item): void => {
        seen.push(item.name);
        set.delete(item);
        if (item === a) {
          set.delete(c);
          set.add(d);
        }
      };
      if (loop === "for") for (const item of set) visit(item);
      else set.forEach(visit);
      assert.deepEqual(seen, [0, 1], loop);
      assert.deepEqual([...set], [d]);
    }
  });

  it("has the methods of sets that the runtime's have", () => {
    const set = new IndexedSet<Item>();
    const item = new Item(1);
    set.add(item);
    const names = Object.getOwnPropertyNames(Set.prototype);
    const changing = new Set(["add", "delete", "clear", "constructor", "size"]);
    for (const name of names.filter((one) => !changing.has(one)))
      assert.equal(typeof (set as unknown as Record<string, unknown>)[name], "function", name);
    const { union, isSubsetOf } = set as unknown as Record<string, ((other: unknown) => unknown) | undefined>;
    if (union !== undefined) assert.deepEqual(union.call(set, new Set([2])), new Set<unknown>([item, 2]));
    if (isSubsetOf !== undefined) assert.equal(isSubsetOf.call(set, new Set([item])), true);
    if ("union" in Set.prototype) assert.notEqual(union, undefined);
  });
});
