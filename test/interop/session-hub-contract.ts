import { call, defineContract, implement, stream, toClient, toServer } from "hawser/contract";
import type { Peer } from "hawser/hub";
import { msgpack } from "hawser/msgpack";
import { z } from "zod";

// The contracts that the Python client of sessions speaks: one in JSON, on the usual channel, and one in MessagePack.

const bytes = z.instanceof(Uint8Array);
/** How often `count` ran, for calls that are sent again. */
let runs = 0;

const definitions = {
  events: { said: toClient(z.string()), say: toServer(z.string()) },
  calls: {
    add: call({ input: z.object({ a: z.number(), b: z.number() }), output: z.number() }),
    nothing: call({}),
    reverse: call({
      input: z.object({ name: z.string(), picture: bytes }),
      output: z.object({ pictures: z.array(bytes) }),
    }),
    fail: call({ input: z.string(), output: z.string(), errors: { FULL: z.object({ max: z.number() }) } }),
    count: call({ output: z.number() }),
    forever: call({ output: z.number() }),
    wasAborted: call({ output: z.boolean() }),
  },
  streams: {
    down: stream({ input: z.object({ to: z.number() }), down: z.number(), output: z.string() }),
    sum: stream({ up: z.number(), down: z.number(), output: z.number() }),
  },
} as const;

const inJson = defineContract(definitions);
const inMessagePack = defineContract({ ...definitions, channel: "contract-msgpack", codec: msgpack() });
let aborted = false;

function serverOf(contract: typeof inJson | typeof inMessagePack) {
  return implement(contract as typeof inJson, {
    events: { say: (text, { remote }) => void remote.emit.said(`you said ${text}`) },
    calls: {
      add: ({ a, b }) => a + b,
      nothing: () => {},
      reverse: ({ name, picture }) => ({
        pictures: [Uint8Array.from(picture).reverse(), new TextEncoder().encode(name)],
      }),
      fail(kind, { error }) {
        if (kind === "FULL") throw error("FULL", { max: 3 });
        throw new Error(kind);
      },
      count: () => ++runs,
      forever: (_input, { signal }) =>
        new Promise((_resolve, reject) => {
          aborted = false;
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(signal.reason);
          });
        }),
      wasAborted: () => aborted,
    },
    streams: {
      async *down({ to }) {
        for (let i = 1; i <= to; i++) yield i;
        return `${to} values`;
      },
      async *sum(_input, { values }) {
        let sum = 0;
        for await (const value of values) {
          sum += value;
          yield sum;
        }
        return sum;
      },
    },
    error: () => {}, // `fail` throws on purpose
  });
}

const servers = [serverOf(inJson), serverOf(inMessagePack)];

/** Answers both contracts for a session. */
export function answerContract(session: Peer): void {
  for (const server of servers) server.accept(session);
}
