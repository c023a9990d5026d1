import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type JsonOptions, json } from "#codec/json.js";
import { codecContract } from "../contracts/codec-contract.js";

codecContract(json());

/** A binary message of JSON text and bytes, as the format has it. */
function message(text: string, bytes: readonly number[] = [], length = Buffer.byteLength(text)): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  return Buffer.concat([head, Buffer.from(text), Buffer.from(bytes)]);
}

describe("json", () => {
  const codec = json();

  it("writes plain JSON as text where there are no bytes", () => {
    const value = { a: [1, "two", null], when: new Date(0) };
    assert.equal(codec.encode(value), JSON.stringify(value));
    assert.equal(codec.encode("text"), '"text"');
  });

  it("writes bytes as they are, behind the text that has null in their places", () => {
    assert.deepEqual(
      codec.encode({ name: "cat", picture: new Uint8Array([1, 2]), parts: [0, Buffer.from([3])] }),
      new Uint8Array(
        message('[{"name":"cat","picture":null,"parts":[0,null]},[2,"picture"],[1,"parts",1]]', [1, 2, 3]),
      ),
    );
    assert.deepEqual(codec.encode(new Uint8Array([7])), new Uint8Array(message("[null,[1]]", [7])));
  });

  it("reads what another implementation may write", () => {
    assert.deepEqual(codec.decode(message('[{"a":1}]')), { a: 1 });
    assert.deepEqual(codec.decode(message("[[null,null], [0,1], [1,0]]", [9])), [
      new Uint8Array([9]),
      new Uint8Array(0),
    ]);
  });

  it("writes what toJSON makes as it would any other value: bytes as they are, and not too deeply nested", () => {
    class Photo {
      readonly bytes: Uint8Array = new Uint8Array([1, 2, 3]);
      toJSON(key: string): unknown {
        return { kind: `photo ${key}`, bytes: this.bytes };
      }
    }
    const photo = new Photo();
    const read = (value: unknown): unknown => codec.decode(codec.encode(value));
    assert.deepEqual(read({ cat: photo, more: [photo] }), {
      cat: { kind: "photo cat", bytes: photo.bytes },
      more: [{ kind: "photo 0", bytes: photo.bytes }],
    });
    assert.deepEqual(read({ toJSON: () => photo.bytes }), photo.bytes);
    for (const deep of [200, 128]) {
      let nested: unknown = [];
      for (let i = 1; i < deep; i++) nested = [nested];
      const value = { toJSON: () => nested };
      if (deep === 128) assert.deepEqual(read(value), nested);
      else assert.throws(() => codec.encode(value), { code: "ENCODE_FAILED" });
    }
    const endless = { toJSON: () => ({ next: endless }) };
    assert.throws(() => codec.encode(endless), { code: "ENCODE_FAILED" });
  });

  it("asks toJSON once, where JSON does, and takes what it returns as JSON does", () => {
    let asked = 0;
    const values = {
      once: { toJSON: () => ++asked },
      nothing: { toJSON: () => undefined },
      date: new Date(0),
      made: { toJSON: () => new Date(0) },
      itself: {
        a: 1,
        toJSON() {
          return this;
        },
      },
      list: { toJSON: () => [{ toJSON: () => "text" }, { toJSON: () => undefined }] },
    };
    const text = JSON.stringify(values);
    asked = 0;
    assert.equal(codec.encode(values), text);
    assert.equal(asked, 1);
  });

  it("leaves null alone that is no place", () => {
    const value = { a: null, b: new Uint8Array(1), c: [null] };
    assert.deepEqual(codec.decode(codec.encode(value)), value);
  });

  for (const [what, data] of [
    ["no length", Buffer.from([0, 0, 0])],
    ["text longer than the message", message("[1]", [], 4)],
    ["text that is not JSON", message("[1")],
    ["text that is not UTF-8", message("\xff\xff", [], 2).fill(0xff, 4)],
    ["text that is no array", message('{"0":1}')],
    ["an empty array", message("[]")],
    ["a place that is no array", message("[null,0]", [1])],
    ["a place with a negative length", message("[null,[-1]]")],
    ["a place with half a byte", message("[null,[0.5]]", [1])],
    ["a place with a key that is an object", message('[{"a":null},[1,{}]]', [1])],
    ["a place that does not exist", message('[{"a":null},[1,"b"]]', [1])],
    ["a place below one that does not exist", message('[{"a":null},[1,"b","c"]]', [1])],
    ["a place below a string", message('["text",[1,0]]', [1])],
    ["a place that is taken", message("[null,[1],[1]]", [1, 2])],
    ["a place within bytes", message("[null,[1],[1,0]]", [1, 2])],
    ["a place in a prototype", message('[{},[1,"__proto__","polluted"]]', [1])],
    ["the length of an array for a place", message('[[],[1,"length"]]', [1])],
    ["bytes longer than the message", message("[null,[2]]", [1])],
    ["bytes without a place", message("[null,[1]]", [1, 2])],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => codec.decode(data), { name: "CodecError", code: "DECODE_FAILED" });
    });
  }

  it("counts the depth of the peer's text, and not what is in its strings", () => {
    assert.deepEqual(codec.decode(`${"[".repeat(128)}${"]".repeat(128)}`) === undefined, false);
    assert.throws(() => codec.decode(`${"[".repeat(129)}${"]".repeat(129)}`), { code: "DECODE_FAILED" });
    assert.throws(() => codec.decode(message(`[${"[".repeat(129)}${"]".repeat(129)}]`)), {
      code: "DECODE_FAILED",
    });
    const brackets = `${"[{".repeat(300)}\\"[`;
    for (const value of [brackets, `${brackets}\\`, { [brackets]: `\\\\${brackets}` }]) {
      assert.deepEqual(codec.decode(JSON.stringify(value)), value);
    }
    assert.deepEqual(json({ maxDepth: 1 }).decode("[1]"), [1]);
    assert.throws(() => json({ maxDepth: 1 }).decode("[[1]]"), { code: "DECODE_FAILED" });
  });

  it("refuses a depth that is not a number", () => {
    for (const maxDepth of [0, -1, 1.5, Number.NaN, "8"]) {
      assert.throws(() => json({ maxDepth } as JsonOptions), { code: "INVALID_OPTION" });
    }
  });

  it("takes bytes of another realm", async () => {
    const { runInNewContext } = await import("node:vm");
    const foreign: unknown = runInNewContext("new Uint8Array([1, 2])");
    assert.deepEqual(codec.decode(codec.encode([foreign])), [new Uint8Array([1, 2])]);
  });
});
