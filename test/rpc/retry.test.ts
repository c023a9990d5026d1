import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { attempt, CallError, contractClient, type Implementation } from "hawser/contract";
import { MemoryClient } from "hawser/testing";
import { chat } from "./chat-contract.js";
import { settled, startTalk } from "./talk.js";

describe("a call that waits when the session is reset", () => {
  it("is answered in the next session, with what came out in the first", async () => {
    const { server, line, ran } = startTalk();
    const { pair } = line;
    pair.hold();
    const outcome = server.call.slow("once");
    pair.deliver(pair.client, 2); // hello and the call
    await settled(); // it ran; the answer is on its way
    pair.reset();
    line.comeBack();
    assert.equal(await outcome, "once");
    assert.deepEqual(ran, ['slow "once"']);
  });

  it("joins its handler if that is still at work", async () => {
    let finish: ((text: string) => void) | undefined;
    let signal: AbortSignal | undefined;
    const { server, line, ran } = startTalk({
      calls: {
        slow: (_text, context) => {
          signal = context.signal;
          return new Promise<string>((resolve) => {
            finish = resolve;
          });
        },
      },
    });
    const outcome = server.call.slow("once");
    await settled();
    line.pair.reset();
    assert.equal(signal?.aborted, false);
    line.comeBack();
    await settled();
    line.pair.reset();
    line.comeBack();
    await settled();
    finish!("late");
    assert.equal(await outcome, "late");
    assert.equal(ran.length, 1);
  });

  it("runs for the first time if it never arrived", async () => {
    const { server, line, ran } = startTalk();
    await server.call.ping();
    line.pair.hold();
    const outcome = server.call.slow("once");
    line.pair.reset();
    line.comeBack();
    assert.equal(await outcome, "once");
    assert.deepEqual(ran, ["ping", 'slow "once"']);
  });

  it("is sent when there is a session, if it was made between two", async () => {
    const { server, line } = startTalk();
    line.pair.reset();
    const outcome = server.call.add({ a: 1, b: 1 });
    await settled();
    line.comeBack();
    assert.equal(await outcome, 2);
  });

  it("ends with OUTCOME_UNKNOWN where the server was started anew", async () => {
    const { server, line, implementation } = startTalk();
    const { pair } = line;
    pair.hold();
    const outcome = attempt(server.call.slow("once"));
    pair.deliver(pair.client, 2);
    await settled();
    pair.reset();
    const other = startTalk();
    line.comeBack((peer) => other.implementation.accept(peer));
    const { error } = await outcome;
    assert.ok(error instanceof CallError);
    assert.deepEqual([error.code, error.mayHaveRun], ["OUTCOME_UNKNOWN", true]);
    assert.deepEqual(other.ran, []);

    // What is new runs there, and back at the first server what it cannot know does not.
    assert.equal(await server.call.add({ a: 1, b: 1 }), 2);
    line.pair.hold();
    const second = attempt(server.call.slow("twice?"));
    line.pair.deliver(line.pair.client, 1);
    await settled();
    line.pair.reset();
    line.comeBack((peer) => implementation.accept(peer));
    assert.equal((await second).error?.code, "OUTCOME_UNKNOWN");
    assert.deepEqual(other.ran, ['add {"a":1,"b":1}', 'slow "twice?"']);
    assert.equal(await server.call.add({ a: 2, b: 2 }), 4);
  });

  it("does not stand in the way of one that was made later, with whichever server", async () => {
    const { server, line } = startTalk();
    await server.call.ping();
    for (let i = 0; i < 3; i++) {
      line.pair.reset();
      const other = startTalk();
      line.comeBack((peer) => other.implementation.accept(peer));
      assert.equal(await server.call.slow("new"), "new");
      assert.equal(await server.call.slow("newer"), "newer");
    }
  });

  it("is known not to have run if its session was never live", async () => {
    const { server, line, ran } = startTalk();
    await server.call.ping();
    line.pair.reset();
    const outcomes = [1, 2].map((i) => server.call.slow(`${i}`));
    // Two sessions that come to nothing, before one that works.
    for (let i = 0; i < 2; i++) {
      line.comeBack(undefined, "suspended");
      outcomes.push(server.call.slow(`in session ${i}`));
      await settled();
      line.pair.reset();
    }
    line.comeBack();
    assert.deepEqual(await Promise.all(outcomes), ["1", "2", "in session 0", "in session 1"]);
    assert.equal(ran.length, 5);
  });

  it("runs again there if the contract says that it may", async () => {
    const { server, line } = startTalk();
    const { pair } = line;
    pair.hold();
    const outcome = server.call.lookUp("again");
    pair.deliver(pair.client, 2);
    await settled();
    pair.reset();
    const other = startTalk();
    line.comeBack((peer) => other.implementation.accept(peer));
    assert.equal(await outcome, "again");
    assert.deepEqual(other.ran, ['lookUp "again"']);
  });

  it("keeps its callId, so that a handler can know it by itself", async () => {
    const ids: (string | undefined)[] = [];
    const calls = {
      lookUp: (text: string, { callId }: { readonly callId: string | undefined }) => {
        ids.push(callId);
        return text;
      },
    };
    const { server, line } = startTalk({ calls });
    const { pair } = line;
    pair.hold();
    const outcome = server.call.lookUp("again");
    pair.deliver(pair.client, 2);
    await settled();
    pair.reset();
    const other = startTalk({ calls });
    line.comeBack((peer) => other.implementation.accept(peer));
    await outcome;
    assert.equal(ids.length, 2);
    assert.equal(ids[0], ids[1]);
  });

  it("ends with SESSION_RESET if it is not to be sent again", async () => {
    const { server, line, ran } = startTalk({ calls: { slow: () => new Promise(() => undefined) } });
    const outcome = attempt(server.call.slow("", { retry: false }));
    await settled();
    line.pair.reset();
    const { error } = await outcome;
    assert.ok(error instanceof CallError);
    assert.deepEqual([error.code, error.mayHaveRun], ["SESSION_RESET", true]);
    line.comeBack();
    await settled();
    assert.equal(ran.length, 1);
  });

  it("ends with SESSION_RESET if the code says not to come back", async () => {
    const { server, line } = startTalk({ calls: { slow: () => new Promise(() => undefined) } });
    const outcome = attempt(server.call.slow(""));
    await settled();
    line.pair.reset(4403);
    assert.equal((await outcome).error?.code, "SESSION_RESET");
    await assert.rejects(server.call.ping(), { code: "SESSION_CLOSED" });
  });

  it("keeps the deadline that it had", async () => {
    const { server, line, clock } = startTalk({ calls: { slow: () => new Promise(() => undefined) } });
    const outcome = attempt(server.call.slow("", { deadlineMs: 1000 }));
    await settled();
    clock.advance(600);
    line.pair.reset();
    line.comeBack();
    await settled();
    clock.advance(400);
    assert.equal((await outcome).error?.code, "DEADLINE_EXCEEDED");
  });

  it("can be cancelled in another session than it began in", async () => {
    let signal: AbortSignal | undefined;
    const { server, line } = startTalk({
      calls: {
        slow: (_text, context) => {
          signal = context.signal;
          return new Promise(() => undefined);
        },
      },
    });
    const controller = new AbortController();
    const outcome = attempt(server.call.slow("", { signal: controller.signal }));
    await settled();
    line.pair.reset();
    line.comeBack();
    await settled();
    controller.abort();
    await outcome;
    await settled();
    assert.equal(signal?.aborted, true);
  });
});

describe("what a server keeps of calls", () => {
  it("is gone when the client confirms it with its next call", async () => {
    const { server, implementation } = startTalk();
    for (let i = 0; i < 100; i++) await server.call.slow("x".repeat(1000));
    assert.equal(implementation.kept.clients, 1);
    assert.ok(implementation.kept.resultBytes < 1500, `${implementation.kept.resultBytes}`);
  });

  it("is gone when the session is closed in order", async () => {
    const { server, line, implementation } = startTalk();
    await server.call.slow("text");
    line.pair.end({ code: 4400, reason: "", isReset: false });
    assert.deepEqual(implementation.kept, { clients: 0, resultBytes: 0 });
  });

  for (const [passedMs, clients] of [
    [299_000, 2],
    [301_000, 1],
  ] as const) {
    it(`is known to ${clients} clients when another comes after ${passedMs} ms`, async () => {
      const { server, line, implementation, clock } = startTalk();
      await server.call.slow("text");
      line.pair.reset();
      clock.advance(passedMs);
      const other = new MemoryClient((peer) => implementation.accept(peer));
      await contractClient(chat, other, { calls: { confirm: () => true } }).call.ping();
      assert.equal(implementation.kept.clients, clients);
    });
  }

  it("never has more clients than maxKeptClients, nor more bytes than it may", async () => {
    const talk = startTalk({
      server: { maxKeptClients: 3, maxKeptResultBytes: 4000, maxKeptResultBytesPerClient: 2000 },
    });
    for (let i = 0; i < 10; i++) {
      const line = new MemoryClient((peer) => talk.implementation.accept(peer));
      const server = contractClient(chat, line, { calls: { confirm: () => true }, clock: talk.clock });
      line.pair.hold();
      const outcomes = Array.from({ length: 10 }, () => attempt(server.call.slow("x".repeat(400))));
      line.pair.deliver(line.pair.client, 11);
      await settled();
      assert.ok(talk.implementation.kept.resultBytes <= 4000);
      line.pair.reset();
      assert.ok(talk.implementation.kept.clients <= 3);
      server.close();
      await Promise.all(outcomes);
    }
    assert.equal(talk.implementation.kept.clients, 3);
  });

  it("says OUTCOME_UNKNOWN for what it had to forget", async () => {
    const { server, line, ran } = startTalk({ server: { maxKeptResultBytesPerClient: 700 } });
    const { pair } = line;
    pair.hold();
    const outcomes = [1, 2, 3].map((i) => attempt(server.call.slow(String(i).repeat(200))));
    pair.deliver(pair.client, 4);
    await settled();
    pair.reset();
    line.comeBack();
    const codes = (await Promise.all(outcomes)).map(({ ok, error }) => (ok ? "ok" : error.code));
    assert.deepEqual(codes, ["OUTCOME_UNKNOWN", "ok", "ok"]);
    assert.equal(ran.length, 3);
  });

  it("is of no use to a client that does not know the key", async () => {
    const { server, line, implementation } = startTalk();
    line.pair.hold();
    void attempt(server.call.slow("secret"));
    line.pair.deliver(line.pair.client, 2);
    await settled();
    line.pair.reset();
    const other = new MemoryClient((peer) => implementation.accept(peer));
    const thief = contractClient(chat, other, { calls: { confirm: () => true } });
    assert.equal(await thief.call.slow("mine"), "mine");
    server.close();
  });
});

describe("calls under any cuts, resets and restarts", () => {
  type Step =
    | { readonly kind: "call"; readonly idempotent: boolean }
    | { readonly kind: "deliver"; readonly toServer: boolean; readonly count: number }
    | { readonly kind: "reset"; readonly node: 0 | 1; readonly restart: boolean }
    | { readonly kind: "finish" };

  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("call" as const), idempotent: fc.boolean() }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("deliver" as const),
        toServer: fc.boolean(),
        count: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("reset" as const),
        node: fc.constantFrom(0 as const, 1 as const),
        restart: fc.boolean(),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("finish" as const) }) },
  );

  it("never run twice, and each comes to an end that is true", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        /** How often each call ran, on whichever server. */
        const runs = new Map<string, number>();
        const atWork: (() => void)[] = [];
        const calls = {
          slow(text: string): Promise<string> {
            runs.set(text, (runs.get(text) ?? 0) + 1);
            return new Promise((resolve) => atWork.push(() => resolve(`ran ${text}`)));
          },
          lookUp(text: string): string {
            runs.set(text, (runs.get(text) ?? 0) + 1);
            return `ran ${text}`;
          },
        };
        const talk = startTalk({ calls });
        const nodes: Implementation<typeof chat>[] = [
          talk.implementation,
          startTalk({ calls }).implementation,
        ];
        const { line, server } = talk;
        line.pair.hold();
        const outcomes: { text: string; idempotent: boolean; outcome: Promise<Outcome> }[] = [];
        for (const one of steps) {
          const { pair } = line;
          if (one.kind === "call") {
            const text = `${outcomes.length}`;
            const promise = one.idempotent ? server.call.lookUp(text) : server.call.slow(text);
            outcomes.push({
              text,
              idempotent: one.idempotent,
              outcome: attempt(promise) as Promise<Outcome>,
            });
          } else if (one.kind === "deliver") {
            pair.deliver(one.toServer ? pair.client : pair.server, one.count);
          } else if (one.kind === "finish") atWork.shift()?.();
          else {
            pair.reset();
            if (one.restart) nodes[one.node] = startTalk({ calls }).implementation;
            line.comeBack((peer) => nodes[one.node]!.accept(peer));
            line.pair.hold();
          }
          await Promise.resolve();
          await Promise.resolve();
        }
        // In the end the line holds, and handlers finish.
        line.pair.release();
        await settled();
        for (let finish = atWork.shift(); finish !== undefined; finish = atWork.shift()) {
          finish();
          await settled();
        }
        await settled();
        const ended = await Promise.all(
          outcomes.map(({ outcome }) => Promise.race([outcome, settled().then(() => undefined)])),
        );
        for (const [i, { text, idempotent }] of outcomes.entries()) {
          const result = ended[i];
          const count = runs.get(text) ?? 0;
          assert.ok(result !== undefined, `call ${text} never came to an end`);
          if (idempotent) assert.ok(result.ok, `call ${text}: ${result.error?.code}`);
          else assert.ok(count <= 1, `call ${text} ran ${count} times`);
          if (result.ok) {
            assert.equal(result.value, `ran ${text}`);
            assert.ok(count >= 1);
          } else {
            assert.equal(result.error.code, "OUTCOME_UNKNOWN");
            assert.equal(result.error.mayHaveRun, true);
          }
        }
        server.close();
      }),
      { numRuns: 400 },
    );
  });

  interface Outcome {
    readonly ok: boolean;
    readonly value?: unknown;
    readonly error: CallError;
  }
});
