import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { attempt, contractClient, implement } from "hawser/contract";
import { ManualClock } from "hawser/testing";
import { chat } from "./chat-contract.js";
import { MachineWorld } from "./machine-world.js";

type Step =
  | { readonly kind: "call" }
  | { readonly kind: "stream" }
  | { readonly kind: "carry"; readonly count: number; readonly direction: "up" | "down" }
  | { readonly kind: "cut"; readonly onlyHere: boolean }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "away"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ kind: "call" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "stream" as const }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("carry" as const),
      count: fc.constantFrom(1, 2, 10),
      direction: fc.constantFrom("up" as const, "down" as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("cut" as const), onlyHere: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 200 }) }),
  },
  // Longer than the resume window, sometimes: then the session is reset.
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("away" as const), ms: fc.constantFrom(5_000, 60_000, 200_000) }),
  },
);

/** Lets promises go on, and what they do arrive. */
async function turns(world: MachineWorld, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    world.carry(Infinity);
  }
}

describe("a contract over the machines of sessions", () => {
  it("runs no call twice, loses none without a word, and keeps streams whole, whatever is cut", async () => {
    const totals = { resumed: 0, reset: 0, calls: 0, unknown: 0, streams: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 40, maxLength: 150, size: "max" }),
        fc.constantFrom(2_000, 1_048_576),
        async (steps, maxOutboxBytes) => {
          const runs = new Map<string, number>();
          const clock = new ManualClock();
          const implementation = implement(chat, {
            clock,
            calls: {
              slow: async (text) => {
                runs.set(text, (runs.get(text) ?? 0) + 1);
                return `ran ${text}`;
              },
              add: ({ a, b }) => a + b,
              join: () => ({ members: 0 }),
              ping() {},
              lookUp: (text) => text,
              parse: (n) => n,
            },
            streams: {
              async *count({ from, to }) {
                for (let i = from; i < to; i++) yield i;
                return "done";
              },
              upload: async () => ({ length: 0 }),
              async *echo() {},
            },
            error: (error) => {
              throw error;
            },
          });
          const world = new MachineWorld((peer) => void implementation.accept(peer), maxOutboxBytes);
          const pass = (ms: number): void => {
            world.pass(ms);
            clock.advance(ms);
          };
          const errors: unknown[] = [];
          const server = contractClient(chat, world, {
            calls: { confirm: () => true },
            error: (error) => errors.push(error),
            clock,
          });
          const calls: { text: string; outcome: ReturnType<typeof attempt<string, { code: string }>> }[] = [];
          const streams: Promise<{ seen: number[]; code: string }>[] = [];
          for (const one of steps) {
            if (one.kind === "call") {
              const text = `${calls.length}`;
              calls.push({ text, outcome: attempt(server.call.slow(text, { deadlineMs: Infinity })) });
            } else if (one.kind === "stream") {
              streams.push(readAll(server.stream.count({ from: 0, to: 100 })));
            } else if (one.kind === "carry") world.carry(one.count, one.direction);
            else if (one.kind === "cut") world.cut(one.onlyHere);
            else if (one.kind === "pass") pass(one.ms);
            else {
              world.isOnline = false;
              world.cut();
              pass(one.ms);
              world.isOnline = true;
            }
            await new Promise((resolve) => setImmediate(resolve));
          }
          // No more faults: everything has to come to an end. In an outbox of 2,000 bytes that takes some rounds.
          let open = streams.length;
          for (const stream of streams) void stream.then(() => open--);
          for (let i = 0; i < 40 || (open > 0 && i < 1_000); i++) {
            pass(100);
            await turns(world, 3);
          }
          assert.equal(open, 0, "streams that never come to an end");
          let ended = 0;
          for (const { text, outcome } of calls) {
            void outcome.then(({ ok, value, error }) => {
              ended++;
              const count = runs.get(text) ?? 0;
              assert.ok(count <= 1, `call ${text} ran ${count} times`);
              if (ok) assert.deepEqual([value, count], [`ran ${text}`, 1]);
              else {
                assert.equal(error.code, "OUTCOME_UNKNOWN");
                totals.unknown++;
              }
            });
          }
          await turns(world, 2);
          assert.equal(ended, calls.length, "calls that never come to an end");
          for (const { seen, code } of await Promise.all(streams)) {
            assert.deepEqual(
              seen,
              Array.from({ length: seen.length }, (_, i) => i),
            );
            if (code === "") assert.equal(seen.length, 100);
            else assert.ok(code === "SESSION_RESET" || code === "SESSION_CLOSED", code);
          }
          assert.deepEqual(errors, []);
          totals.resumed += world.counts.resumed;
          totals.reset += world.counts.reset;
          totals.calls += calls.length;
          totals.streams += streams.length;
        },
      ),
      { numRuns: 60 },
    );
    // What was to be tried was tried.
    assert.ok(totals.resumed > 5 && totals.reset > 5 && totals.streams > 20, JSON.stringify(totals));
    assert.ok(totals.unknown < totals.calls * 0.8, JSON.stringify(totals));
  });
});

async function readAll(stream: AsyncIterable<number>): Promise<{ seen: number[]; code: string }> {
  const seen: number[] = [];
  try {
    for await (const value of stream) seen.push(value);
    return { seen, code: "" };
  } catch (error) {
    return { seen, code: (error as { code: string }).code };
  }
}
