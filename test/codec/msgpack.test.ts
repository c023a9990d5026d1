import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as other from "@msgpack/msgpack";
import fc from "fast-check";
import { MsgpackExt, type MsgpackExtension, type MsgpackOptions, msgpack } from "hawser/msgpack";
import { anyMessage, codecContract, decodedOrRefused } from "../contracts/codec-contract.js";

codecContract(msgpack());

const codec = msgpack();

function hex(value: unknown, options?: MsgpackOptions): string {
  return Buffer.from(msgpack(options).encode(value) as Uint8Array).toString("hex");
}

function decoded(bytes: string, options?: MsgpackOptions): unknown {
  return msgpack(options).decode(Buffer.from(bytes.replaceAll(" ", ""), "hex"));
}

describe("msgpack writes the smallest format", () => {
  for (const [value, expected] of [
    [null, "c0"],
    [false, "c2"],
    [true, "c3"],
    [0, "00"],
    [127, "7f"],
    [128, "cc80"],
    [255, "ccff"],
    [256, "cd0100"],
    [65_535, "cdffff"],
    [65_536, "ce00010000"],
    [2 ** 32 - 1, "ceffffffff"],
    [2 ** 32, "cf0000000100000000"],
    [Number.MAX_SAFE_INTEGER, "cf001fffffffffffff"],
    [-1, "ff"],
    [-32, "e0"],
    [-33, "d0df"],
    [-128, "d080"],
    [-129, "d1ff7f"],
    [-32_768, "d18000"],
    [-32_769, "d2ffff7fff"],
    [-(2 ** 31), "d280000000"],
    [-(2 ** 31) - 1, "d3ffffffff7fffffff"],
    [Number.MIN_SAFE_INTEGER, "d3ffe0000000000001"],
    [0.5, "ca3f000000"],
    [-0, "ca80000000"],
    [Number.NaN, "ca7fc00000"],
    [Infinity, "ca7f800000"],
    [2 ** 100, "ca71800000"],
    [0.1, "cb3fb999999999999a"],
    [5n, "05"],
    [2n ** 64n - 1n, "cfffffffffffffffff"],
    [-(2n ** 63n), "d38000000000000000"],
    ["", "a0"],
    ["é", "a2c3a9"],
    ["😀", "a4f09f9880"],
    ["\ud800", "a3efbfbd"],
    [new Uint8Array([1]), "c40101"],
    [[], "90"],
    [{}, "80"],
    [{ a: 1 }, "81a16101"],
    [new Map([[1, 2]]), "810102"],
    [new MsgpackExt(5, new Uint8Array([1])), "d40501"],
    [new MsgpackExt(-5, new Uint8Array(3)), "c703fb000000"],
    [new Date(0), "d6ff00000000"],
    [new Date((2 ** 32 - 1) * 1000), "d6ffffffffff"],
    [new Date(2 ** 32 * 1000), "d7ff0000000100000000"],
    [new Date(1500), "d7ff7735940000000001"],
    [new Date(-1), "c70cff3b8b87c0ffffffffffffffff"],
    [new Date(2 ** 34 * 1000), "c70cff000000000000000400000000"],
  ] as const) {
    it(`for ${typeof value} ${value instanceof Date ? value.toISOString() : String(value)}: ${expected}`, () => {
      assert.equal(hex(value), expected);
      if (typeof value !== "bigint" && value !== "\ud800")
        assert.deepEqual(codec.decode(codec.encode(value)), value);
    });
  }

  for (const [length, text, bytes, array, map, ext] of [
    [15, "af", "c40f", "9f", "8f", "c70f01"],
    [16, "b0", "c410", "dc0010", "de0010", "d801"],
    [31, "bf", "c41f", "dc001f", "de001f", "c71f01"],
    [32, "d920", "c420", "dc0020", "de0020", "c72001"],
    [255, "d9ff", "c4ff", "dc00ff", "de00ff", "c7ff01"],
    [256, "da0100", "c50100", "dc0100", "de0100", "c8010001"],
    [65_535, "daffff", "c5ffff", "dcffff", "deffff", "c8ffff01"],
    [65_536, "db00010000", "c600010000", "dd00010000", "df00010000", "c90001000001"],
  ] as const) {
    it(`for what is ${length} long`, () => {
      for (const [value, head] of [
        ["x".repeat(length), text],
        [`${"x".repeat(length - 2)}é`, text],
        [new Uint8Array(length), bytes],
        [new Array(length).fill(0), array],
        [Object.fromEntries(new Array(length).fill(0).map((_, i) => [`${i}`, 0])), map],
        [new MsgpackExt(1, new Uint8Array(length)), ext],
      ] as const) {
        assert.equal(hex(value).slice(0, head.length), head);
        assert.deepEqual(codec.decode(codec.encode(value)), value);
      }
    });
  }
});

describe("msgpack reads", () => {
  for (const [bytes, value] of [
    ["cc 01", 1],
    ["cd 00 01", 1],
    ["ce 00000001", 1],
    ["cf 0000000000000001", 1],
    ["d0 01", 1],
    ["d0 80", -128],
    ["d1 ffff", -1],
    ["d2 ffffffff", -1],
    ["d3 ffffffffffffffff", -1],
    ["cf 0020000000000000", 2n ** 53n],
    ["d3 ffe0000000000000", -(2n ** 53n)],
    ["ca 3dcccccd", Math.fround(0.1)],
    ["cb 3ff0000000000000", 1],
    ["d9 01 61", "a"],
    ["da 0001 61", "a"],
    ["db 00000001 61", "a"],
    ["a3 efbbbf", "\ufeff"],
    ["c5 0001 61", new Uint8Array([0x61])],
    ["c6 00000000", new Uint8Array(0)],
    ["dc 0001 01", [1]],
    ["dd 00000001 01", [1]],
    ["de 0001 a161 01", { a: 1 }],
    ["df 00000001 a161 01", { a: 1 }],
    ["82 a161 01 a161 02", { a: 2 }],
    [
      "82 a161 01 02 03",
      new Map<unknown, unknown>([
        ["a", 1],
        [2, 3],
      ]),
    ],
    ["81 91 01 02", new Map([[[1], 2]])],
    ["d5 07 0102", new MsgpackExt(7, new Uint8Array([1, 2]))],
    ["c7 00 07", new MsgpackExt(7, new Uint8Array(0))],
    ["c9 00000001 80 01", new MsgpackExt(-128, new Uint8Array([1]))],
    ["c7 0c ff 00000000 0000000000000001", new Date(1000)],
    ["d7 ff 00000ffc 00000001", new Date(1000)],
  ] as const) {
    it(`${bytes}`, () => assert.deepEqual(decoded(bytes), value));
  }

  for (const [what, bytes] of [
    ["nothing", ""],
    ["the byte that is never used", "c1"],
    ["bytes behind the value", "0101"],
    ["a string that is cut", "a261"],
    ["a string that is not UTF-8", "a1ff"],
    ["a surrogate in UTF-8", "a3eda080"],
    ["a string of 4 GiB", "dbffffffff61"],
    ["an array of 4 billion", "ddffffffff00"],
    ["a map of 4 billion", "dfffffffff00"],
    ["a map with a key and no value", "81a161"],
    ["bytes that are cut", "c40201"],
    ["an extension that is cut", "d80100"],
    ["a float that is cut", "cb00000000"],
    ["a timestamp of 5 bytes", "c705ff0000000000"],
    ["a timestamp with too many nanoseconds", "d7ffee6b280000000000"],
    ["a timestamp that no Date can hold", "c70cff000000007fffffffffffffff"],
  ] as const) {
    it(`not ${what}`, () => {
      assert.throws(() => decoded(bytes), { name: "CodecError", code: "DECODE_FAILED" });
    });
  }

  it("not a text message", () => {
    assert.throws(() => codec.decode("{}"), { code: "DECODE_FAILED" });
  });

  it("not what is nested above maxDepth, and not what has more than maxValues", () => {
    assert.throws(() => decoded(`${"91".repeat(129)}00`), { code: "DECODE_FAILED" });
    assert.throws(() => decoded(`${"81a161".repeat(129)}00`), { code: "DECODE_FAILED" });
    assert.throws(() => decoded("91".repeat(1_000_000)), { code: "DECODE_FAILED" });
    assert.deepEqual(decoded("92 01 02", { maxValues: 3 }), [1, 2]);
    assert.throws(() => decoded("93 01 02 03", { maxValues: 3 }), { code: "DECODE_FAILED" });
    assert.throws(() => decoded("82 01 02 03 04", { maxValues: 4 }), { code: "DECODE_FAILED" });
    assert.deepEqual(decoded("91 91 01", { maxDepth: 2 }), [[1]]);
    assert.throws(() => decoded("91 91 91 01", { maxDepth: 2 }), { code: "DECODE_FAILED" });
  });
});

describe("msgpack with int64: bigint", () => {
  const options = { int64: "bigint" } as const;

  it("keeps numbers numbers and bigints bigints", () => {
    const values = [5n, -1n, 2n ** 63n, 2 ** 40, -(2 ** 40), Number.MAX_SAFE_INTEGER, 7];
    const exact = msgpack(options);
    assert.deepEqual(exact.decode(exact.encode(values)), values);
    assert.equal(hex(5n, options), "cf0000000000000005");
    assert.equal(hex(-5n, options), "d3fffffffffffffffb");
  });
});

describe("msgpack with extensions", () => {
  class Vector {
    readonly x: number;
    readonly y: number;
    constructor(x: number, y: number) {
      this.x = x;
      this.y = y;
    }
  }
  // It uses the codec that it is part of.
  const vector: MsgpackExtension<Vector> = {
    type: 1,
    is: (value) => value instanceof Vector,
    encode: ({ x, y }) => extended.encode([x, y]) as Uint8Array,
    decode(data) {
      const [x, y] = extended.decode(data) as [number, number];
      return new Vector(x, y);
    },
  };
  const large: MsgpackExtension<bigint> = {
    type: 2,
    is: (value) => typeof value === "bigint",
    encode: (value) => Buffer.from(value.toString()),
    decode: (data) => BigInt(Buffer.from(data).toString()),
  };
  const nanoseconds: MsgpackExtension<{ time: string }> = {
    type: -1,
    is: (_value): _value is { time: string } => false,
    encode: () => new Uint8Array(4),
    decode: (data) => ({ time: Buffer.from(data).toString("hex") }),
  };
  const extended = msgpack({ extensions: [vector, large] as MsgpackExtension[] });

  it("carries a class, also within others and with the same codec inside", () => {
    const value = { path: [new Vector(1, 2), new Vector(0.1, -3)], far: 2n ** 100n, near: 4 };
    assert.deepEqual(extended.decode(extended.encode(value)), value);
  });

  it("lets an own type take the place of the timestamp", () => {
    assert.deepEqual(decoded("d6ff00000001", { extensions: [nanoseconds as MsgpackExtension] }), {
      time: "00000001",
    });
  });

  it("takes what an extension throws as a failure of the codec", () => {
    assert.throws(() => extended.decode(Buffer.from("c7010261", "hex")), { code: "DECODE_FAILED" });
    const failing = { ...vector, encode: () => assert.fail("cannot") } as MsgpackExtension;
    assert.throws(() => msgpack({ extensions: [failing] }).encode(new Vector(1, 2)), {
      code: "ENCODE_FAILED",
      message: "cannot",
    });
    // And the next message is whole again.
    assert.deepEqual(extended.decode(extended.encode([1])), [1]);
  });

  it("refuses types out of range and other options that cannot be", () => {
    for (const options of [
      { extensions: [{ ...vector, type: 128 }] },
      { extensions: [{ ...vector, type: -2 }] },
      { maxDepth: 0 },
      { maxValues: -1 },
      { int64: "number" },
    ]) {
      assert.throws(() => msgpack(options as MsgpackOptions), { code: "INVALID_OPTION" });
    }
  });
});

describe("msgpack refuses", () => {
  it("sets, invalid dates and objects that change while they are written", () => {
    for (const value of [new Set([1]), new Date(Number.NaN)]) {
      assert.throws(() => codec.encode([value]), { code: "ENCODE_FAILED" });
    }
    let reads = 0;
    const changing = {
      get now(): number | undefined {
        return reads++ % 2 === 0 ? undefined : 1;
      },
    };
    assert.throws(() => codec.encode(changing), { code: "ENCODE_FAILED" });
    reads = 1;
    assert.throws(() => codec.encode(changing), { code: "ENCODE_FAILED" });
  });
});

describe("msgpack and @msgpack/msgpack", () => {
  const exact = msgpack({ int64: "bigint" });
  const date = fc.date({ noInvalidDate: true }).filter((value) => Math.abs(value.getTime()) < 2 ** 53);
  const value = fc.oneof(
    // Theirs refuses the name `__proto__`.
    { weight: 4, arbitrary: anyMessage.filter((message) => !JSON.stringify(message).includes("__proto__")) },
    date,
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.double(),
    fc.string({ unit: "binary", maxLength: 100 }),
  );

  it("read each other's messages", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), (values) => {
        const theirs = other.encode(values, { useBigInt64: true, ignoreUndefined: true });
        assert.deepEqual(other.decode(exact.encode(values) as Uint8Array, BIG), values);
        assert.deepEqual(exact.decode(theirs), other.decode(theirs, BIG));
      }),
      { numRuns: 500 },
    );
  });

  it("agree about bytes that nobody wrote, where both take them", () => {
    const head = fc.constantFrom(
      0xc0,
      0xc4,
      0xc7,
      0xca,
      0xcb,
      0xcc,
      0xcf,
      0xd3,
      0xd9,
      0xdc,
      0xd4,
      0xa3,
      0x92,
      0x82,
    );
    const bytes = fc
      .array(fc.oneof(head, fc.nat(255), fc.nat(4)), { minLength: 1, maxLength: 12 })
      .map((list) => Uint8Array.from(list));
    let agreed = 0;
    fc.assert(
      fc.property(bytes, (message) => {
        const ours = decodedOrRefused(exact, message);
        let theirs: unknown;
        try {
          theirs = other.decode(message, BIG);
        } catch {
          return;
        }
        // What we refuse and they do not: strings that are not UTF-8, timestamps that are none.
        if (ours === undefined || hasOwnMeaning(ours.value)) return;
        assert.deepEqual(ours.value, theirs);
        agreed++;
      }),
      { numRuns: 5000 },
    );
    assert.ok(agreed > 50, `${agreed} messages were compared`);
  });
});

const BIG = { useBigInt64: true } as const;

/** Theirs has its own class for an unknown extension, turns numbers that are keys into strings and takes no others. */
function hasOwnMeaning(value: unknown): boolean {
  if (value instanceof MsgpackExt || value instanceof Map || value instanceof Date) return true;
  if (Array.isArray(value)) return value.some(hasOwnMeaning);
  return typeof value === "object" && value !== null && Object.values(value).some(hasOwnMeaning);
}
