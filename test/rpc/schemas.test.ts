import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type } from "arktype";
import {
  type CallError,
  call,
  contractClient,
  defineContract,
  implement,
  type StandardSchema,
  stream,
  toClient,
} from "hawser/contract";
import { msgpack } from "hawser/msgpack";
import { PeerPair } from "hawser/testing";
import * as v from "valibot";
import { z } from "zod";
import { checkValue } from "#codec/standard-schema.js";
import { settled } from "./talk.js";

/** The same contract with each library; the compiler checks that the types come out the same. */
const LIBRARIES = {
  zod: defineContract({
    events: { seen: toClient(z.object({ at: z.string() })) },
    calls: {
      area: call({
        input: z.object({ w: z.number(), h: z.number().optional() }),
        output: z.object({ area: z.number() }),
        errors: { NEGATIVE: z.object({ which: z.enum(["w", "h"]) }) },
      }),
      trim: call({ input: z.string().transform((text) => text.length), output: z.number() }),
    },
    streams: { odd: stream({ input: z.number(), down: z.number() }) },
  }),
  valibot: defineContract({
    events: { seen: toClient(v.object({ at: v.string() })) },
    calls: {
      area: call({
        input: v.object({ w: v.number(), h: v.optional(v.number()) }),
        output: v.object({ area: v.number() }),
        errors: { NEGATIVE: v.object({ which: v.picklist(["w", "h"]) }) },
      }),
      trim: call({
        input: v.pipe(
          v.string(),
          v.transform((text) => text.length),
        ),
        output: v.number(),
      }),
    },
    streams: { odd: stream({ input: v.number(), down: v.number() }) },
  }),
  arktype: defineContract({
    events: { seen: toClient(type({ at: "string" })) },
    calls: {
      area: call({
        input: type({ w: "number", "h?": "number" }),
        output: type({ area: "number" }),
        errors: { NEGATIVE: type({ which: "'w' | 'h'" }) },
      }),
      trim: call({ input: type("string").pipe((text) => text.length), output: type("number") }),
    },
    streams: { odd: stream({ input: type("number"), down: type("number") }) },
  }),
};

for (const [library, anyContract] of Object.entries(LIBRARIES)) {
  // The three are of the same types, but for those of the library itself.
  const contract = anyContract as typeof LIBRARIES.zod;

  describe(`a contract with ${library}`, () => {
    const errors: CallError[] = [];
    const pair = new PeerPair();
    const client = implement(contract, {
      calls: {
        area({ w, h = 1 }, context) {
          if (w < 0) throw context.error("NEGATIVE", { which: "w" });
          if (h === 13) return { area: "unlucky" as never };
          return { area: w * h };
        },
        trim: (length) => length,
      },
      streams: {
        async *odd(to) {
          for (let i = 1; i < to; i += 2) yield i;
        },
      },
      error: (error) => errors.push(error),
    }).accept(pair.server);
    const server = contractClient(contract, pair.client);

    it("carries values, transforms them where they arrive, and knows its errors", async () => {
      assert.deepEqual(await server.call.area({ w: 2, h: 3 }), { area: 6 });
      assert.deepEqual(await server.call.area({ w: 2 }), { area: 2 });
      assert.equal(await server.call.trim("four"), 4);
      await assert.rejects(server.call.area({ w: -1 }), { code: "NEGATIVE", data: { which: "w" } });
    });

    it("refuses what does not fit, and says where", async () => {
      await assert.rejects(server.call.area({ w: "2" as never }), (error: CallError) => {
        assert.equal(error.code, "INVALID_INPUT");
        const [issue] = error.issues ?? [];
        assert.deepEqual(issue?.path, ["w"]);
        assert.match(issue?.message ?? "", /number/);
        return true;
      });
      await assert.rejects(server.call.area({ w: 2, h: 13 }), { code: "INVALID_OUTPUT" });
      assert.equal(errors.at(-1)?.code, "INVALID_OUTPUT");
      assert.throws(() => client.emit.seen({ at: 1 as never }), { code: "INVALID_INPUT" });
    });

    it("says where across the wire as well", async () => {
      const unchecked = contractClient(contract, new PeerPairTo(contract).client, { checkSent: false });
      await assert.rejects(unchecked.call.area({ w: "2" as never }), (error: CallError) => {
        assert.deepEqual([error.code, error.issues?.[0]?.path], ["INVALID_INPUT", ["w"]]);
        return true;
      });
    });

    it("has streams and events", async () => {
      const seen: unknown[] = [];
      server.on.seen((value) => seen.push(value));
      client.emit.seen({ at: "noon" });
      for await (const odd of server.stream.odd(6)) seen.push(odd);
      assert.deepEqual(seen, [{ at: "noon" }, 1, 3, 5]);
    });
  });
}

/** A pair whose server answers a contract of the libraries. */
class PeerPairTo extends PeerPair {
  constructor(contract: typeof LIBRARIES.zod) {
    super();
    implement(contract, {
      calls: { area: ({ w }) => ({ area: w }), trim: (length) => length },
      streams: { async *odd() {} },
    }).accept(this.server);
  }
}

/** A schema without a library. */
function schema<T>(validate: (value: unknown) => unknown): StandardSchema<T> {
  return { "~standard": { version: 1, vendor: "test", validate: validate as never } };
}

describe("a schema", () => {
  it("of the package that defines the standard is one of ours, and the other way round", () => {
    const theirs: StandardSchemaV1<string, number> = z.string().transform(Number);
    const ours: StandardSchema<string, number> = theirs;
    const back: StandardSchemaV1<string, number> = ours;
    assert.deepEqual(checkValue(back, "7"), { value: 7 });
  });

  it("changes a value once, at the receiver; its function runs at the sender only to check", async () => {
    for (const [checkSent, expected] of [
      [true, 2],
      [false, 1],
    ] as const) {
      let runs = 0;
      const grows = z.number().transform((n) => {
        runs++;
        return n + 1;
      });
      const contract = defineContract({ calls: { grow: call({ input: grows, output: z.number() }) } });
      const pair = new PeerPair();
      implement(contract, { calls: { grow: (n) => n } }).accept(pair.server);
      assert.equal(await contractClient(contract, pair.client, { checkSent }).call.grow(1), 2);
      assert.equal(runs, expected);
    }
  });

  it("may be asynchronous for calls and streams, in any order of answers", async () => {
    const delays = [30, 5, 15, 1, 10];
    const later = schema<number>(async (value) => {
      await new Promise((resolve) => setTimeout(resolve, delays[(value as number) % delays.length]));
      return (value as number) < 100 ? { value } : { issues: [{ message: "too large" }] };
    });
    const contract = defineContract({
      calls: { same: call({ input: later, output: later, errors: { WRONG: later } }) },
      streams: { echo: stream({ input: later, up: later, down: later, output: later }) },
    });
    const pair = new PeerPair();
    implement(contract, {
      calls: {
        same(n, context) {
          if (n === 3) throw context.error("WRONG", n);
          return n === 4 ? 104 : n;
        },
      },
      streams: {
        async *echo(_input, { values }) {
          yield* values;
          return 1;
        },
      },
      error: () => undefined,
    }).accept(pair.server);
    const server = contractClient(contract, pair.client);
    const answers = await Promise.allSettled([0, 1, 2, 3, 4, 100].map((n) => server.call.same(n)));
    assert.deepEqual(
      answers.map((answer) => (answer.status === "fulfilled" ? answer.value : answer.reason.code)),
      [0, 1, 2, "WRONG", "INVALID_OUTPUT", "INVALID_INPUT"],
    );
    const echoed: number[] = [];
    const stream1 = server.stream.echo(1, [0, 1, 2, 3, 4]);
    for await (const n of stream1) echoed.push(n);
    assert.deepEqual(echoed, [0, 1, 2, 3, 4], "the values keep their order");
    // The input of the first takes the longest to be checked: its number is the last.
    const several = [0, 1, 2, 3].map((n) => server.stream.echo(n, [n]));
    const firsts = await Promise.all(several.map(async (one) => (await one.next()).value));
    assert.deepEqual(firsts, [0, 1, 2, 3]);
    assert.equal(pair.server.state, "live");
    assert.equal(await stream1.finished, 1);
  });

  it("has to be synchronous for events, and that is told", async () => {
    const contract = defineContract({ events: { tick: schema<number>(async (value) => ({ value })) } });
    const pair = new PeerPair();
    const errors: CallError[] = [];
    implement(contract, { error: (error) => errors.push(error) }).accept(pair.server);
    assert.throws(() => contractClient(contract, pair.client).emit.tick(1), {
      code: "INVALID_INPUT",
      message: /asynchronous/,
    });
    const other = new PeerPair();
    implement(contract, { error: (error) => errors.push(error) }).accept(other.server);
    contractClient(contract, other.client, { checkSent: false }).emit.tick(1);
    await settled();
    assert.match(errors[0]!.message, /asynchronous/);
  });

  it("that throws or rejects refuses the value", async () => {
    for (const validate of [
      () => {
        throw new Error("broken schema");
      },
      () => Promise.reject(new Error("broken schema")),
    ]) {
      const contract = defineContract({ calls: { same: call({ input: schema<number>(validate) }) } });
      const pair = new PeerPair();
      implement(contract, { calls: { same: () => undefined } }).accept(pair.server);
      await assert.rejects(contractClient(contract, pair.client, { checkSent: false }).call.same(1), {
        code: "INVALID_INPUT",
        issues: [{ message: "the schema threw: broken schema", path: [] }],
      });
    }
  });

  it("that has a thousand things to say is heard for the first few", async () => {
    const issues = Array.from({ length: 1000 }, (_, i) => ({
      message: "x".repeat(5000),
      path: Array.from({ length: 100 }, () => ({ key: Symbol(`${i}`) })),
    }));
    const contract = defineContract({ calls: { same: call({ input: schema<number>(() => ({ issues })) }) } });
    const pair = new PeerPair();
    implement(contract, { calls: { same: () => undefined } }).accept(pair.server);
    await assert.rejects(contractClient(contract, pair.client, { checkSent: false }).call.same(1));
    assert.ok(pair.log.at(-1)!.length < 5000);
  });
});

describe("a value that is undefined", () => {
  for (const codec of [undefined, msgpack()]) {
    it(`arrives as that and not as null, with ${codec?.name ?? "json"}`, async () => {
      const text = z.string().optional();
      const contract = defineContract({
        events: { said: text },
        calls: { same: call({ input: text, output: text, errors: { SILENT: text } }) },
        streams: { echo: stream({ input: text, up: text, down: text, output: text }) },
        codec,
      });
      const pair = new PeerPair();
      const seen: unknown[] = [];
      implement(contract, {
        events: { said: (value) => seen.push(value) },
        calls: {
          same(value, context) {
            if (value === "throw") throw context.error("SILENT");
            return value;
          },
        },
        streams: {
          async *echo(value, { values }) {
            seen.push(value);
            yield* values;
            return undefined;
          },
        },
      }).accept(pair.server);
      const server = contractClient(contract, pair.client);
      assert.equal(await server.call.same(), undefined);
      assert.equal(await server.call.same("text"), "text");
      await assert.rejects(server.call.same("throw"), { code: "SILENT", data: undefined });
      server.emit.said();
      const echoing = server.stream.echo(undefined, [undefined, "text"]);
      for await (const value of echoing) seen.push(value);
      assert.equal(await echoing.finished, undefined);
      assert.deepEqual(seen, [undefined, undefined, undefined, "text"]);
    });
  }
});

describe("defineContract", () => {
  it("refuses what is no contract", () => {
    const string = z.string();
    for (const options of [
      { events: { a: {} } },
      { events: { a: toClient({} as never) } },
      { events: { a: null } },
      { calls: { a: string } },
      { calls: { a: stream({}) } },
      { streams: { a: call() } },
      { calls: { a: call({ input: {} as never }) } },
      { calls: { a: call({ errors: { A: {} as never } }) } },
      { calls: { a: call({ errors: { DEADLINE_EXCEEDED: null } as never }) } },
      { streams: { a: stream({ errors: { ABORTED: string } as never }) } },
    ]) {
      assert.throws(() => defineContract(options as never), { name: "UsageError", code: "INVALID_CONTRACT" });
    }
  });

  it("takes other codecs and channels, and bytes with any of them", async () => {
    for (const codec of [undefined, msgpack()]) {
      const bytes = z.instanceof(Uint8Array);
      const contract = defineContract({
        calls: { reverse: call({ input: bytes, output: bytes }) },
        codec,
        channel: "files",
      });
      const pair = new PeerPair();
      implement(contract, { calls: { reverse: (data) => data.slice().reverse() } }).accept(pair.server);
      const server = contractClient(contract, pair.client);
      assert.deepEqual(await server.call.reverse(new Uint8Array([1, 2, 3])), new Uint8Array([3, 2, 1]));
      assert.match(pair.log.at(-1)!, /bytes/);
    }
  });

  it("takes a codec of one's own, whatever that throws", async () => {
    const contract = defineContract({
      calls: { same: call({ input: z.string(), output: z.string() }) },
      codec: {
        name: "shout",
        encode: (value) => {
          const text = JSON.stringify(value);
          if (text.includes("forbidden")) throw new Error("no");
          return text.toUpperCase();
        },
        decode: (data) => JSON.parse(String(data).replaceAll('"SAME"', '"same"')),
      },
    });
    const pair = new PeerPair();
    implement(contract, { calls: { same: (text) => text } }).accept(pair.server);
    const server = contractClient(contract, pair.client, { error: () => undefined });
    assert.equal(await server.call.same("hello"), "HELLO");
    await assert.rejects(server.call.same("forbidden"), { code: "INVALID_INPUT" });
    pair.server.channel("contract").send("not JSON");
    await settled();
    assert.equal(pair.client.closedWith?.code, 4402);
  });

  it("lets one session carry two contracts", async () => {
    const one = defineContract({ calls: { who: call({ output: z.string() }) }, channel: "one" });
    const two = defineContract({ calls: { who: call({ output: z.string() }) }, channel: "two" });
    const pair = new PeerPair();
    implement(one, { calls: { who: () => "one" } }).accept(pair.server);
    implement(two, { calls: { who: () => "two" } }).accept(pair.server);
    assert.equal(await contractClient(one, pair.client).call.who(), "one");
    assert.equal(await contractClient(two, pair.client).call.who(), "two");
  });
});
