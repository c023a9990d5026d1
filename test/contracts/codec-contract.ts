import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Codec, Encoded } from "hawser/msgpack";
import { CodecError } from "hawser/msgpack";

/** Objects whose names are the ones that break careless code, too. */
const name = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: "grapheme", maxLength: 40 }) },
  fc.constantFrom("__proto__", "constructor", "toString", "length", "0", ""),
);

/** What every codec carries, bytes among it. */
export const anyMessage: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.maxSafeInteger(),
    fc.integer({ min: -300, max: 70_000 }),
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(name, tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

/** `-0` cannot be told from `0` in JSON. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (typeof value === "number") return value + 0;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, property]) => [key, plain(property)]));
}

/** The value, or undefined where it was refused in the one way that is allowed. */
export function decodedOrRefused(codec: Codec, data: Encoded): { value: unknown } | undefined {
  try {
    return { value: codec.decode(data) };
  } catch (error) {
    assert.ok(error instanceof CodecError && error.code === "DECODE_FAILED", String(error));
    return undefined;
  }
}

/** An array in an array in an array. */
function nested(depth: number): unknown {
  let value: unknown[] = [];
  for (let i = 1; i < depth; i++) value = [value];
  return value;
}

/** What holds for every codec of Hawser with its default options. */
export function codecContract(codec: Codec): void {
  describe(`the codec ${codec.name}`, () => {
    it("gives back what it was given", () => {
      fc.assert(
        fc.property(anyMessage, (value) => {
          assert.deepEqual(plain(codec.decode(codec.encode(value))), plain(value));
        }),
        { numRuns: 500 },
      );
    });

    it("reads a Buffer as it reads other bytes, and shares no memory with it", () => {
      const bytes = new Uint8Array([1, 2, 3]);
      const message = Buffer.concat([codec.encode({ bytes }) as Uint8Array]);
      const { bytes: received } = codec.decode(message) as { bytes: Uint8Array };
      message.fill(0);
      assert.deepEqual([...received], [1, 2, 3]);
    });

    it("makes messages that the next one does not change", () => {
      const messages = Array.from({ length: 2000 }, (_, i) => codec.encode([i, new Uint8Array([i & 0xff])]));
      for (const [i, message] of messages.entries()) {
        assert.deepEqual(codec.decode(message), [i, new Uint8Array([i & 0xff])]);
      }
    });

    it("does not change what it encodes", () => {
      const value = { list: [1, new Uint8Array(2)], inner: { bytes: new Uint8Array(1) } };
      const before = structuredClone(value);
      codec.encode(value);
      assert.deepEqual(value, before);
    });

    it("never lets a property of a peer become a prototype", () => {
      const value = JSON.parse('{"__proto__": {"isAdmin": true}, "bytes": null}') as Record<string, unknown>;
      value["bytes"] = new Uint8Array(3);
      const received = codec.decode(codec.encode(value)) as Record<string, unknown>;
      assert.equal(received["isAdmin"], undefined);
      assert.deepEqual(Object.keys(received), ["__proto__", "bytes"]);
      assert.equal(Object.getPrototypeOf(received), Object.prototype);
    });

    it("leaves out properties that are undefined, and takes undefined for null elsewhere", () => {
      assert.deepEqual(codec.decode(codec.encode({ a: undefined, b: [undefined] })), { b: [null] });
      assert.equal(codec.decode(codec.encode(undefined)), null);
    });

    it("asks toJSON what to write", () => {
      class Money {
        readonly cents = 120;
        toJSON(): string {
          return `${this.cents / 100} EUR`;
        }
      }
      assert.deepEqual(codec.decode(codec.encode({ price: new Money() })), { price: "1.2 EUR" });
    });

    it("takes values 128 deep and not 129, in both directions", () => {
      assert.deepEqual(codec.decode(codec.encode(nested(128))), nested(128));
      assert.throws(() => codec.encode([new Uint8Array(1), nested(128)]), { code: "ENCODE_FAILED" });
    });

    it("refuses a circular value", () => {
      const circular: unknown[] = [];
      circular.push({ circular });
      assert.throws(() => codec.encode(circular), { code: "ENCODE_FAILED" });
    });

    it("refuses what would be lost without a word", () => {
      for (const value of [new Float64Array(1), new ArrayBuffer(1), new DataView(new ArrayBuffer(1))]) {
        assert.throws(() => codec.encode({ value }), { code: "ENCODE_FAILED" });
      }
      for (const value of [() => 0, Symbol("s"), 2n ** 70n]) {
        assert.throws(() => codec.encode(value), { code: "ENCODE_FAILED" });
      }
    });

    it("says why where a getter throws", () => {
      const cause = new Error("no price yet");
      const value = {
        get price(): number {
          throw cause;
        },
      };
      assert.throws(() => codec.encode(value), { code: "ENCODE_FAILED", message: "no price yet", cause });
    });

    it("takes any bytes and any text of a peer, or refuses them in one way", () => {
      fc.assert(
        fc.property(
          fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: "binary", maxLength: 200 })),
          (data) => void decodedOrRefused(codec, data),
        ),
        { numRuns: 2000 },
      );
    });

    it("takes messages that were damaged on the way, or refuses them in one way", () => {
      const damage = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.boolean() });
      fc.assert(
        fc.property(anyMessage, fc.array(damage, { minLength: 1, maxLength: 4 }), (value, damages) => {
          let message = Buffer.from(codec.encode([value, new Uint8Array(1)]) as Uint8Array);
          for (const { at, byte, cut } of damages) {
            if (message.length === 0) continue;
            message[at % message.length] = byte;
            if (cut) message = message.subarray(0, at % message.length);
          }
          decodedOrRefused(codec, message);
        }),
        { numRuns: 2000 },
      );
    });
  });
}
