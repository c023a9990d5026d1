import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compile } from "./compile.js";

/** Before each program: a contract, both its sides, and a way to say which type something has, exactly. */
const COMMON = `
import { attempt, call, type CallError, clientCall, contractClient, defineContract, implement, isErrorOf, type Peer, stream, toClient, toServer } from "hawser/contract";
import { z } from "zod";
interface Session extends Peer { readonly user: string }
declare const peer: Peer;
const chat = defineContract({
  events: { typing: toServer(z.object({ who: z.string() })), message: toClient(z.string()), cursor: z.number() },
  calls: {
    add: call({ input: z.object({ a: z.number(), b: z.number() }), output: z.number() }),
    join: call({ input: z.string(), output: z.date(), errors: { FULL: z.object({ max: z.number() }), CLOSED: null } }),
    ping: call(),
    status: call({ output: z.string() }),
    find: call({ input: z.string().optional(), output: z.string().transform(Number) }),
    confirm: clientCall({ input: z.string(), output: z.boolean() }),
  },
  streams: {
    ticks: stream({ input: z.string(), down: z.number() }),
    news: stream({ down: z.string() }),
    upload: stream({ up: z.string(), output: z.object({ length: z.number() }), errors: { BIG: null } }),
    sum: stream({ up: z.number(), down: z.number(), output: z.string() }),
  },
});
declare const server: ReturnType<typeof contractClient<typeof chat>>;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<Expected>() { return <Actual>(value: Actual, ...same: Same<Actual, Expected> extends true ? [] : [never]): void => undefined; }
const whole = {
  calls: { add: ({ a, b }: { a: number; b: number }) => a + b, join: () => new Date(), ping: () => undefined, status: () => "up", find: () => "1" },
  streams: { ticks: async function* () { yield 1; }, news: async function* () { yield ""; }, upload: async () => ({ length: 1 }), sum: async function* () { yield 1; return ""; } },
};
export {};
`;

const COMPILES: Readonly<Record<string, string>> = {
  "options that are undefined": `
    declare const maybe: number | undefined;
    declare const handler: undefined | (() => void);
    implement(chat, { ...whole, events: undefined, deadlineMs: maybe, maxKeptClients: maybe });
    implement(chat, { ...whole, events: { typing: handler } });
    contractClient(chat, peer, { calls: { confirm: () => true }, events: undefined, streams: undefined, maxStreams: maybe });
    const noCalls = defineContract({ events: { typing: z.string() } });
    contractClient(noCalls, peer, { calls: undefined, events: { typing: handler } });`,
  "the result of a call is what its schema makes": `
    is<number>()(await server.call.add({ a: 1, b: 2 }));
    is<Date>()(await server.call.join("room"));
    is<undefined>()(await server.call.ping());
    is<number>()(await server.call.find());`,
  "an input that may be undefined may be left out, and settings come behind it": `
    await server.call.ping(); await server.call.ping(undefined, { deadlineMs: 1 });
    await server.call.status(); await server.call.status(undefined, { retry: false });
    server.stream.news(); server.stream.news(undefined, { window: 4 });
    await server.call.find(); await server.call.find("x", { signal: AbortSignal.timeout(5), retry: false });`,
  "the errors of a call are known": `
    const result = await attempt(server.call.join("room"));
    if (result.ok) is<Date>()(result.value);
    else switch (result.error.code) {
      case "FULL": is<{ max: number }>()(result.error.data); break;
      case "CLOSED": is<undefined>()(result.error.data); break;
      case "OUTCOME_UNKNOWN": case "DEADLINE_EXCEEDED": is<boolean>()(result.error.mayHaveRun); break;
      default: is<CallError>()(result.error);
    }
    try { await server.call.join("room"); } catch (error) {
      if (isErrorOf(chat.calls.join, error) && error.code === "FULL") is<number>()(error.data.max);
    }`,
  "the values of a stream are what their schemas make": `
    for await (const tick of server.stream.ticks("HWS", { window: 4 })) is<number>()(tick);
    is<{ length: number }>()(await server.stream.upload(undefined, ["a"]).finished);
    async function* numbers() { yield 1; }
    const sum = server.stream.sum(undefined, numbers());
    for await (const part of sum) is<number>()(part);
    is<string>()(await sum.finished);`,
  "events are those of each side": `
    is<"sent" | "queued" | "dropped" | "closed" | "too-long">()(server.emit.typing({ who: "ada" }));
    server.emit.cursor(1); server.on.cursor((at) => is<number>()(at));
    const stop: () => void = server.on.message((text) => is<string>()(text));
    const client = implement(chat, whole).accept(peer);
    client.emit.message("hello"); client.on.typing(({ who }) => is<string>()(who));`,
  "the types of handlers follow from the contract": `
    implement(chat, {
      calls: {
        add({ a, b }, context) { is<number>()(a); is<AbortSignal>()(context.signal); is<Peer>()(context.peer); return a + b; },
        async join(room, { error, remote, remainingMs, callId }) {
          is<string>()(room); is<number>()(remainingMs); is<string | undefined>()(callId);
          is<boolean>()(await remote.call.confirm("sure?"));
          if (room === "") throw error("CLOSED");
          throw error("FULL", { max: 1 });
        },
        ping() {},
        status: () => "up",
        find(text) { is<string | undefined>()(text); return "1"; },
      },
      streams: {
        async *ticks(symbol, { signal }) { is<string>()(symbol); while (!signal.aborted) yield 1; },
        async *news() { yield ""; },
        async upload(_nothing, { values }) { for await (const part of values) is<string>()(part); return { length: 0 }; },
        async *sum(_nothing, { values }) { for await (const n of values) { is<number>()(n); yield n; } return ""; },
      },
      events: { typing({ who }, { remote }) { is<string>()(who); remote.emit.message(who); } },
      deadlineMs: 5,
      error(error, at) { is<CallError>()(error); is<Peer>()(at); },
    });`,
  "the session of the application is that of its handlers": `
    const sessions = implement<typeof chat, Session>(chat, {
      ...whole, calls: { ...whole.calls, ping: (_nothing, { peer }) => is<string>()(peer.user) },
      error: (_error, { user }) => is<string>()(user),
    });
    sessions.accept(peer as Session);`,
  "a client answers what the contract says that it does, and only then has to": `
    const both = contractClient(chat, peer, { calls: { confirm: (text) => text === "yes" }, events: { message: (text) => is<string>()(text) } });
    is<typeof server>()(both);
    contractClient(defineContract({ calls: { ping: call() } }), peer);
    contractClient(defineContract({ events: { tick: z.number() } }), peer, { checkSent: false });`,
  "a server without calls and streams needs no handlers": `
    implement(defineContract({ events: { tick: z.number() } }), {});`,
  "what has no output may return anything": `
    const quiet = defineContract({ calls: { ping: call() }, streams: { up: stream({ up: z.string() }) } });
    implement(quiet, {
      calls: { ping: () => 7 }, streams: { up: async () => "text" },
    });`,
  "any and unknown are values like others": `
    const loose = contractClient(defineContract({ calls: { a: call({ input: z.any(), output: z.any() }), u: call({ input: z.unknown(), output: z.unknown() }) } }), peer);
    is<any>()(await loose.call.a(1)); is<unknown>()(await loose.call.u({}));`,
};

/** Each has one error, in its line 1, unless it says otherwise. */
const DOES_NOT: Readonly<Record<string, readonly [program: string, error: RegExp]>> = {
  "a call that there is not": ["server.call.subtract({ a: 1, b: 2 });", /TS2339: Property 'subtract'/],
  "an input of another type": [
    'server.call.add({ a: "1", b: 2 });',
    /TS2322: Type 'string' is not assignable to type 'number'/,
  ],
  "an input with something missing": ["server.call.add({ a: 1 });", /Property 'b' is missing/],
  "an input with something more": ["server.call.add({ a: 1, b: 2, c: 3 });", /TS2353.*'c' does not exist/],
  "an input that is left out": ["server.call.add();", /TS2554: Expected 1-2 arguments/],
  "an input where there is none": ["server.call.ping(1);", /TS2345: Argument of type '1'/],
  "settings where the input would be, of a call that has none": [
    "server.call.ping({ deadlineMs: 5 });",
    /TS2345: Argument of type '{ deadlineMs: number; }'/,
  ],
  "settings where the input would be, of a call with an output only": [
    "server.call.status({ retry: false });",
    /TS2345: Argument of type '{ retry: boolean; }'/,
  ],
  "settings where the input would be, of a stream that has none": [
    "server.stream.news({ window: 4 });",
    /TS2345: Argument of type '{ window: number; }'/,
  ],
  "settings where the input would be, of a stream with values up": [
    'server.stream.upload({ window: 4 }, ["a"]);',
    /TS2345: Argument of type '{ window: number; }'/,
  ],
  "a setting that there is not": ["server.call.ping(undefined, { timeout: 5 });", /TS2353.*'timeout'/],
  "an output of another type": ["const text: string = await server.call.add({ a: 1, b: 2 });", /TS2322/],
  "a call that the other side makes": ['server.call.confirm("?");', /TS2339/],
  "an event that only the other side sends": ['server.emit.message("x");', /TS2339/],
  "a listener for an event that only the other side receives": ["server.on.typing(() => 1);", /TS2339/],
  "an event of another type": ["server.emit.cursor('1');", /TS2345/],
  "values up that are of another type": [
    "server.stream.sum(undefined, ['1']);",
    /TS2345[\s\S]*'string' is not assignable to type 'number'/,
  ],
  "a string for the values up": ["server.stream.upload(undefined, 'hello');", /TS2345.*'string'/],
  "a stream without its values": ["server.stream.sum();", /TS2554/],
  "a handler that is missing": [
    "implement(chat, { ...whole, calls: { add: whole.calls.add } });",
    /TS2739.*join, ping, status, find/,
  ],
  "all handlers of a kind that are missing": [
    "implement(chat, { calls: whole.calls });",
    /'streams' is missing/,
  ],
  "a client's handler that is missing": ["contractClient(chat, peer);", /TS2554/],
  "a handler for something that there is not": [
    "implement(chat, { ...whole, calls: { ...whole.calls, subtract: () => 1 } });",
    /TS2353.*'subtract'/,
  ],
  "a handler with an output of another type": [
    'implement(chat, { ...whole, calls: { ...whole.calls, add: () => "3" } });',
    /'string' is not assignable to type 'number/,
  ],
  "a handler of a stream with values of another type": [
    'implement(chat, { ...whole, streams: { ...whole.streams, ticks: async function* () { yield "1"; } } });',
    /'string' is not assignable to type 'number'/,
  ],
  "a handler of a stream that does not return its output": [
    "implement(chat, { ...whole, streams: { ...whole.streams, sum: async function* () { yield 1; } } });",
    /'void' is not assignable to type 'string'/,
  ],
  "an error that the call does not declare": [
    'implement(chat, { ...whole, calls: { ...whole.calls, join: (_, { error }) => { throw error("LOST"); } } });',
    /'"LOST"' is not assignable/,
  ],
  "an error with data of another type": [
    'implement(chat, { ...whole, calls: { ...whole.calls, join: (_, { error }) => { throw error("FULL", { max: "8" }); } } });',
    /'string' is not assignable to type 'number'/,
  ],
  "an error without its data": [
    'implement(chat, { ...whole, calls: { ...whole.calls, join: (_, { error }) => { throw error("FULL"); } } });',
    /TS2554/,
  ],
  "a contract that declares an error of Hawser's": ["call({ errors: { ABORTED: null } });", /TS2322/],
  "a contract with a stream among its calls": [
    "defineContract({ calls: { a: stream() } });",
    /"stream"' is not assignable to type '"call"/,
  ],
  "a contract with something that is no schema": ["call({ input: { a: 1 } });", /TS2353|TS2322/],
  "a code that no error has": [
    'const r = await attempt(server.call.join("")); if (!r.ok && r.error.code === "LOST") r;',
    /TS2367/,
  ],
};

describe("the types of a contract", () => {
  const programs = {
    ...COMPILES,
    ...Object.fromEntries(Object.entries(DOES_NOT).map(([what, [program]]) => [what, program])),
  };
  const errors = compile(programs, COMMON, "types-contract");

  for (const what of Object.keys(COMPILES)) {
    it(`allow it: ${what}`, () => assert.deepEqual(errors.get(what), []));
  }

  for (const [what, [, error]] of Object.entries(DOES_NOT)) {
    it(`refuse ${what}`, () => {
      const [first, ...others] = errors.get(what)!;
      assert.match(first ?? "nothing was refused", error);
      assert.match(first!, /^1: /);
      assert.deepEqual(others, []);
    });
  }
});
