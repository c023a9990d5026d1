import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { attempt, type CallError } from "hawser/contract";
import { PeerPair } from "hawser/testing";
import { settled, startTalk, type TalkOptions } from "./talk.js";

/** What a hostile client may send; `server` is what a hostile server may. */
const WRONG: readonly (readonly [what: string, message: string | Uint8Array])[] = [
  ["what is not JSON", "{"],
  ["bytes that are no message", new Uint8Array([0, 0, 0, 9])],
  ["what is no array", '{"0":1}'],
  ["an empty array", "[]"],
  ["a kind that there is not", "[12]"],
  ["a kind that is no number", '["1"]'],
  ["an event without a name", "[1]"],
  ["a call without a number", '[2,"add"]'],
  ["a call with a number that is not whole", '[2,1.5,"add",1,1,{}]'],
  ["a call with a negative number", '[2,-1,"add",1,1,{}]'],
  ["a call with a number above 2^53", '[2,1e300,"add",1,1,{}]'],
  ["a call with a name that is no string", "[2,1,7,1,1,{}]"],
  ["a call with a deadline that is no number", '[2,1,"add","1",1,{}]'],
  ["a call with a negative deadline", '[2,1,"add",-1,1,{}]'],
  ["a result of a call that was never made", "[3,1]"],
  ["an error of a call that was never made", '[4,1,"FULL"]'],
  ["an end of a call without a number", "[5]"],
  ["a hello without a key", "[0]"],
  ["a hello with a long key", `[0,"${"x".repeat(65)}",1,1]`],
  ["a second hello", "[0,0,1,1]"],
  ["a stream without a window", '[6,1,"count"]'],
  ["a stream with a window of a million", '[6,1,"count",1000000,{}]'],
  ["a value of a stream that was never opened", "[7,1,0]"],
  ["a value of a stream of ours that was never opened", "[7,-1,0]"],
  ["a value of stream 0", "[7,0,0]"],
  ["credit that is no number", '[8,1,"1"]'],
];

/** A server, and a client that says what a test says and listens to nothing. */
function rawTalk(options: TalkOptions = {}): { pair: PeerPair; serverErrors: readonly CallError[] } {
  const { implementation, serverErrors } = startTalk(options);
  const pair = new PeerPair();
  implementation.accept(pair.server);
  for (const name of ["contract", "contract/streams"])
    pair.client.receive(name, { message: () => undefined });
  return { pair, serverErrors };
}

describe("a side that gets", () => {
  for (const [what, message] of WRONG) {
    it(`${what}: closes the session with 4402, tells error, and throws nothing`, async () => {
      const { line, serverErrors } = startTalk();
      const { pair } = line;
      pair.client.channel("contract").send(message);
      await settled();
      assert.deepEqual(pair.server.closedWith, { code: 4402, reason: "not a message of the contract" });
      assert.deepEqual(
        serverErrors.map(({ code }) => code),
        ["INVALID_MESSAGE"],
      );
    });
  }

  it("more values of a stream than it gave credit for: the same", async () => {
    const { pair, serverErrors } = rawTalk({
      streams: {
        upload(_name, { values }) {
          values.next().catch(() => undefined);
          return new Promise(() => undefined);
        },
      },
      server: { streamWindow: 2 },
    });
    const streams = pair.client.channel("contract/streams");
    streams.send('[6,1,"upload",1,"file"]');
    await settled();
    // One is read, which gives credit for another.
    for (let i = 0; i < 3; i++) {
      streams.send('[7,1,"x"]');
      await settled();
    }
    assert.deepEqual(serverErrors, []);
    streams.send('[7,1,"x"]');
    await settled();
    assert.deepEqual(
      serverErrors.map(({ code }) => code),
      ["INVALID_MESSAGE"],
    );
  });

  it("values for a stream that has none in this direction: the same", async () => {
    const { line, serverErrors } = startTalk();
    const streams = line.pair.client.channel("contract/streams");
    streams.send('[6,1,"count",1,{"from":0,"to":9}]');
    streams.send('[7,1,"x"]');
    await settled();
    assert.deepEqual(
      serverErrors.map(({ code }) => code),
      ["INVALID_MESSAGE"],
    );
  });

  it("a client that is told nonsense by its server: closes and rejects what waits", async () => {
    const { line, server, clientErrors } = startTalk({ calls: { slow: () => new Promise(() => undefined) } });
    const outcome = attempt(server.call.slow(""));
    await settled();
    line.pair.server.channel("contract").send("[3,99]");
    assert.equal((await outcome).ok, false);
    assert.deepEqual(
      clientErrors.map(({ code }) => code),
      ["INVALID_MESSAGE"],
    );
  });

  it("names that every object has: takes them for unknown", async () => {
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      const { pair, serverErrors } = rawTalk();
      pair.client.channel("contract").send(JSON.stringify([2, 1, name, 1000, 1, {}]));
      pair.client.channel("contract/streams").send(JSON.stringify([6, 1, name, 1, {}]));
      await settled();
      assert.ok(pair.log.includes('[4,1,"UNKNOWN_NAME"]'));
      assert.ok(pair.log.includes('[10,-1,"UNKNOWN_NAME"]'));
      assert.deepEqual(serverErrors, []);
    }
  });

  it("an error that the contract does not have: says that the handler failed", async () => {
    for (const code of ["constructor", "__proto__", "NEWER", "INVALID_INPUT"]) {
      const { line, server } = startTalk({ calls: { slow: () => new Promise(() => undefined) } });
      const outcome = attempt(server.call.slow(""));
      await settled();
      line.pair.server.channel("contract").send(JSON.stringify([4, 1, code, { issues: 7 }]));
      const { error } = await outcome;
      assert.equal(error?.code, code === "INVALID_INPUT" ? code : "HANDLER_FAILED");
    }
  });

  it("anything: never throws, answers what it can, and holds no more than its limits", async () => {
    const word = fc.constantFrom("add", "slow", "count", "upload", "echo", "cursor", "FULL", "x");
    const part: fc.Arbitrary<unknown> = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: -3, max: 5 }) },
      { weight: 3, arbitrary: word },
      fc.constantFrom(null, {}, [], { from: 0, to: 9 }, { a: 1, b: 2 }, { x: 1, y: 1 }, 1e9, 0.5),
    );
    const message = fc
      .tuple(fc.integer({ min: 0, max: 12 }), fc.array(part, { maxLength: 5 }))
      .map(([kind, parts]) => [kind, ...parts]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), message), { maxLength: 20 }),
        fc.boolean(),
        async (messages, toServer) => {
          const { line, server } = startTalk({ client: { error: () => undefined } });
          void attempt(server.call.slow("x"));
          const counting = server.stream.count({ from: 0, to: 5 });
          counting.finished.catch(() => undefined);
          const { pair } = line;
          const from = toServer ? pair.client : pair.server;
          for (const [onMain, one] of messages) {
            from.channel(onMain ? "contract" : "contract/streams").send(JSON.stringify(one));
          }
          await settled();
          server.close();
        },
      ),
      { numRuns: 500 },
    );
  });
});
