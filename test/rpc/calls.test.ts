import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connect } from "hawser";
import {
  attempt,
  type CallContext,
  CallError,
  call,
  contractClient,
  DeclaredError,
  defineContract,
  implement,
  isErrorOf,
} from "hawser/contract";
import { PeerPair } from "hawser/testing";
import { z } from "zod";
import { Kind } from "#rpc/message-kind.js";
import { chat } from "./chat-contract.js";
import { settled, startTalk } from "./talk.js";

/** A promise that is resolved from outside. */
function gate<T>(): { promise: Promise<T>; open: (value: T) => void } {
  let open!: (value: T) => void;
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

describe("a call", () => {
  it("gives the handler what was passed and the caller what it returned", async () => {
    const { server, ran } = startTalk();
    assert.equal(await server.call.add({ a: 1, b: 2 }), 3);
    assert.equal(await server.call.ping(), undefined);
    assert.equal(await server.call.slow("text"), "text");
    assert.deepEqual(ran, ['add {"a":1,"b":2}', "ping", 'slow "text"']);
  });

  it("lets schemas change values once, where they arrive", async () => {
    const { server } = startTalk();
    // "41" -> 41 at the server, 41 + 1, 42 -> "42" at the client.
    assert.equal(await server.call.parse("41"), "42");
  });

  it("goes from the server to the client as well", async () => {
    const { client, clientErrors } = startTalk();
    assert.equal(await client.call.confirm("yes"), true);
    assert.equal(await client.call.confirm("no"), false);
    assert.deepEqual(clientErrors, []);
  });

  it("tells the handler who asks, and lets it ask back", async () => {
    const { server, line } = startTalk({
      calls: {
        async slow(text, { remote, peer, name, callId }) {
          assert.equal(name, "slow");
          assert.equal(peer, line.pair.server);
          assert.match(String(callId), /^[0-9a-f]{32}\/1$/);
          return String(await remote.call.confirm(text));
        },
      },
    });
    assert.equal(await server.call.slow("yes"), "true");
  });

  it("may be taken out of its object and passed on", async () => {
    const { server } = startTalk();
    const { add } = server.call;
    assert.deepEqual(await Promise.all([1, 2, 3].map((a) => add({ a, b: 1 }))), [2, 3, 4]);
    assert.equal("confirm" in server.call, false);
  });

  it("finds handlers in an object of a class, and none in what every object has", async () => {
    const counting = defineContract({ calls: { next: call({ output: z.number() }) } });
    class Counter {
      #count = 0;
      next(): number {
        return ++this.#count;
      }
    }
    const pair = new PeerPair();
    implement(counting, { calls: new Counter() }).accept(pair.server);
    assert.equal(await contractClient(counting, pair.client).call.next(), 1);

    const strange = defineContract({ calls: { toString: call() } });
    assert.throws(() => implement(strange, { calls: {} }), { code: "INVALID_OPTION" });
  });
});

describe("an error of a call", () => {
  it("travels with its code and its data if the contract declares it", async () => {
    const { server, serverErrors } = startTalk();
    await assert.rejects(server.call.join({ room: "full" }), (error) => {
      assert.ok(error instanceof DeclaredError && isErrorOf(chat.calls.join, error));
      assert.equal(error.code, "FULL");
      if (error.code === "FULL") assert.equal(error.data.max, 8);
      return true;
    });
    const joined = await attempt(server.call.join({ room: "closed" }));
    assert.equal(joined.ok, false);
    assert.equal(joined.error?.code, "CLOSED");
    assert.deepEqual(serverErrors, []);
  });

  it("does not travel otherwise: only that the handler failed, and the cause is told here", async () => {
    const secret = new Error("password of the database: hunter2");
    const { server, serverErrors, line } = startTalk({
      calls: {
        add: () => {
          throw secret;
        },
        slow: () => Promise.reject(secret),
        lookUp: () => {
          throw new DeclaredError("FULL", secret.message);
        },
        join: (_input, context) => {
          throw context.error("FULL", { max: secret.message } as never);
        },
      },
    });
    for (const promise of [
      server.call.add({ a: 1, b: 1 }),
      server.call.slow(""),
      server.call.lookUp(""),
      server.call.join({ room: "x" }),
    ]) {
      await assert.rejects(promise, { name: "CallError", code: "HANDLER_FAILED", mayHaveRun: true });
    }
    assert.doesNotMatch(line.pair.log.join(), /hunter2/);
    assert.equal(serverErrors.length, 4);
    assert.equal(serverErrors[0]!.cause, secret);
    assert.equal(serverErrors[1]!.cause, secret);
  });

  it("says so where a handler throws what is no Error", async () => {
    for (const thrown of [undefined, null, 0, "text", Object.create(null)]) {
      const { server, serverErrors } = startTalk({
        calls: {
          ping: () => {
            throw thrown;
          },
        },
      });
      await assert.rejects(server.call.ping(), { code: "HANDLER_FAILED" });
      assert.equal(serverErrors.length, 1);
    }
  });
});

describe("the message of a CallError", () => {
  it("is one line of bounded length, whatever the other side says", () => {
    const issue = { message: `no\r\nAda: yes\u2028${"x".repeat(500)}`, path: [{ key: "list" }, 0] };
    const { message } = new CallError("INVALID_INPUT", "call add", { issues: [issue] });
    assert.match(message, /^call add: list\.0: no Ada: yes x+$/);
    assert.ok(message.length < 250);
    assert.equal(new CallError("INVALID_INPUT", "call add", { issues: [] }).message, "call add");
  });
});

describe("a value of a call that does not fit", () => {
  it("is refused where it is passed, before anything is sent", async () => {
    const { server, line } = startTalk();
    await assert.rejects(server.call.add({ a: "1" as never, b: 2 }), (error) => {
      assert.ok(error instanceof CallError);
      assert.equal(error.code, "INVALID_INPUT");
      assert.equal(error.mayHaveRun, false);
      assert.deepEqual(error.issues?.[0]?.path, ["a"]);
      // A log has the message alone.
      assert.equal(
        error.message,
        `call add: the input does not fit its schema: a: ${error.issues?.[0]?.message}`,
      );
      return true;
    });
    assert.deepEqual(line.pair.log, []);
  });

  it("is refused where there is no input, for it is a setting that stands in its place", async () => {
    const { server, ran } = startTalk();
    const settings = { deadlineMs: 5 } as never;
    await assert.rejects(server.call.ping(settings), (error: CallError) => {
      assert.deepEqual([error.code, error.mayHaveRun], ["INVALID_INPUT", false]);
      assert.match(error.issues?.[0]?.message ?? "", /no input.*settings/);
      return true;
    });
    await assert.rejects(server.call.ping(null as never), { code: "INVALID_INPUT" });
    assert.deepEqual(ran, []);
    await server.call.ping(undefined, { deadlineMs: 5 });
    assert.deepEqual(ran, ["ping"]);
  });

  it("is not sent where there is no input, if what is sent is not checked", async () => {
    const pair = new PeerPair();
    const sent: unknown[] = [];
    for (const name of ["contract", "contract/streams"])
      pair.server.receive(name, { message: (data) => void sent.push(JSON.parse(String(data))) });
    const confirms = { calls: { confirm: () => true } };
    const server = contractClient(chat, pair.client, { ...confirms, checkSent: false });
    void attempt(server.call.ping({ window: 5 } as never));
    void server.stream.echo({ window: 5 } as never, []);
    await settled();
    assert.deepEqual(sent, [
      [Kind.call, 1, "ping", 30_000, 1],
      [Kind.open, 1, "echo", 32],
    ]);
  });

  it("is refused where it arrives, and the caller is told why", async () => {
    const { server, ran, serverErrors } = startTalk({ client: { checkSent: false } });
    await assert.rejects(server.call.add({ a: "1" as never, b: 2 }), (error) => {
      assert.ok(error instanceof CallError);
      assert.equal(error.code, "INVALID_INPUT");
      assert.equal(error.mayHaveRun, false);
      assert.deepEqual(error.issues?.[0]?.path, ["a"]);
      assert.match(error.issues?.[0]?.message ?? "", /number/);
      return true;
    });
    assert.deepEqual([ran, serverErrors], [[], []]);
  });

  it("does not leave the handler as an output", async () => {
    const calls = { add: () => "secret" as unknown as number };
    const { server, serverErrors, line } = startTalk({ calls });
    await assert.rejects(server.call.add({ a: 1, b: 2 }), { code: "INVALID_OUTPUT", mayHaveRun: true });
    assert.doesNotMatch(line.pair.log.join(), /secret/);
    assert.equal(serverErrors[0]?.code, "INVALID_OUTPUT");
    assert.equal(serverErrors[0]?.issues?.length, 1);

    const unchecked = startTalk({ calls, server: { checkSent: false } });
    await assert.rejects(unchecked.server.call.add({ a: 1, b: 2 }), { code: "INVALID_OUTPUT" });
  });

  it("is told where the codec cannot hold it", async () => {
    const circular: Record<string, unknown> = { a: 1, b: 2 };
    circular["self"] = circular;
    const { server, serverErrors } = startTalk({
      calls: { lookUp: () => 1n as never },
      server: { checkSent: false },
    });
    await assert.rejects(server.call.add(circular as never), (error) => {
      assert.ok(error instanceof CallError && error.code === "INVALID_INPUT");
      assert.equal((error.cause as CallError).code, "ENCODE_FAILED");
      return true;
    });
    await assert.rejects(server.call.lookUp(""), { code: "HANDLER_FAILED" });
    assert.equal(serverErrors.length, 1);
    assert.equal(await server.call.add({ a: 1, b: 1 }), 2);
  });

  it("is told where the session does not take a message of its length", async () => {
    const { server, line, serverErrors } = startTalk({ calls: { lookUp: () => "x".repeat(2000) } });
    line.pair.maxMessageLength = 1000;
    await assert.rejects(server.call.slow("x".repeat(1000)), { code: "INVALID_INPUT", mayHaveRun: false });
    await assert.rejects(server.call.lookUp(""), { code: "HANDLER_FAILED" });
    assert.equal(serverErrors.length, 1);
  });

  it("does not hold up the others where what waits for room is found to be too long", async () => {
    const { server, line, serverErrors, ran } = startTalk({ calls: { lookUp: () => "x".repeat(2000) } });
    line.pair.maxMessageLength = 1000;
    line.pair.maxQueued = 1;
    const outcomes = Promise.all([
      attempt(server.call.add({ a: 1, b: 1 })),
      attempt(server.call.slow("x".repeat(1000))),
      attempt(server.call.lookUp("")),
      attempt(server.call.add({ a: 2, b: 2 })),
    ]);
    assert.deepEqual(
      (await outcomes).map(({ error, value }) => error?.code ?? value),
      [2, "INVALID_INPUT", "HANDLER_FAILED", 4],
    );
    assert.equal((await outcomes)[1]!.error!.mayHaveRun, false);
    assert.deepEqual(
      ran.filter((call) => call.startsWith("slow")),
      [],
    );
    assert.equal(serverErrors.length, 1);
  });
});

describe("the deadline of a call", () => {
  it("may be as long as a number can count, and breaks no rule by being rounded", async () => {
    const { server, clock, serverErrors, line } = startTalk();
    for (let i = 0; i < 8; i++) {
      clock.advance(1.3);
      await server.call.ping(undefined, { deadlineMs: Number.MAX_SAFE_INTEGER });
    }
    assert.deepEqual(serverErrors, []);
    assert.equal(line.pair.server.closedWith, undefined);
  });

  it("ends it here, travels, and aborts the signal of the handler", async () => {
    let context: CallContext<unknown, never> | undefined;
    const { server, clock, serverErrors } = startTalk({
      calls: {
        slow: (_text, given) => {
          context = given as never;
          return new Promise((_resolve, reject) => {
            given.signal.addEventListener("abort", () => reject(given.signal.reason));
          });
        },
      },
    });
    const outcome = attempt(server.call.slow("", { deadlineMs: 500 }));
    await settled();
    assert.equal(context!.remainingMs, 500);
    clock.advance(499);
    assert.equal(context!.remainingMs, 1);
    assert.equal(context!.signal.aborted, false);
    clock.advance(1);
    assert.equal(context!.signal.aborted, true);
    assert.equal(context!.signal.reason.code, "DEADLINE_EXCEEDED");
    const { error } = await outcome;
    assert.ok(error instanceof CallError);
    assert.equal(error.code, "DEADLINE_EXCEEDED");
    assert.equal(error.mayHaveRun, true);
    await settled();
    assert.deepEqual(serverErrors, []);
  });

  it("is 30 s if nobody says otherwise, and may be none", async () => {
    const { server, clock } = startTalk({ calls: { slow: () => new Promise(() => undefined) } });
    const standard = attempt(server.call.slow(""));
    let isOver = false;
    void attempt(server.call.slow("", { deadlineMs: Infinity })).then(() => {
      isOver = true;
    });
    await settled();
    clock.advance(30_000);
    assert.equal((await standard).error?.code, "DEADLINE_EXCEEDED");
    clock.advance(10_000_000);
    await settled();
    assert.equal(isOver, false);
  });

  it("is never longer for the handler than the server wants", async () => {
    let context: CallContext<unknown, never> | undefined;
    const { server, clock } = startTalk({
      calls: {
        slow: (_text, given) => {
          context = given as never;
          return new Promise(() => undefined);
        },
      },
      server: { maxDeadlineMs: 1000 },
    });
    void server.call.slow("", { deadlineMs: Infinity });
    await settled();
    assert.equal(context!.remainingMs, 1000);
    assert.equal(context!.signal.aborted, false);
    clock.advance(1000);
    assert.equal(context!.signal.aborted, true);
  });

  it("has to be a number of ms", async () => {
    const { server } = startTalk();
    for (const deadlineMs of [-1, Number.NaN, 1.5]) {
      await assert.rejects(async () => server.call.ping(undefined, { deadlineMs }), {
        code: "INVALID_OPTION",
      });
    }
  });

  it("leaves no timer behind, and one in all", async () => {
    const { server, clock } = startTalk();
    await Promise.all(Array.from({ length: 20 }, (_, a) => server.call.add({ a, b: 0 })));
    assert.equal(clock.timers, 1);
    clock.advance(30_000);
    assert.equal(clock.timers, 0);
  });
});

describe("cancelling a call", () => {
  it("rejects at once, and aborts the signal of the handler", async () => {
    let signal: AbortSignal | undefined;
    const { server, serverErrors } = startTalk({
      calls: {
        slow: async (_text, context) => {
          signal = context.signal;
          await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
          throw context.signal.reason;
        },
      },
    });
    const controller = new AbortController();
    const outcome = attempt(server.call.slow("", { signal: controller.signal }));
    await settled();
    const reason = new Error("the page was left");
    controller.abort(reason);
    const { error } = await outcome;
    assert.ok(error instanceof CallError);
    assert.deepEqual([error.code, error.cause, error.mayHaveRun], ["ABORTED", reason, true]);
    await settled();
    assert.equal(signal?.aborted, true);
    assert.equal(signal.reason.code, "ABORTED");
    assert.deepEqual(serverErrors, []);
  });

  it("sends nothing if it is cancelled before", async () => {
    const { server, line } = startTalk();
    await assert.rejects(server.call.ping(undefined, { signal: AbortSignal.abort() }), {
      code: "ABORTED",
      mayHaveRun: false,
    });
    assert.deepEqual(line.pair.log, []);
  });

  it("makes no difference once there is an answer", async () => {
    const { server, line } = startTalk();
    const controller = new AbortController();
    await server.call.ping(undefined, { signal: controller.signal });
    const before = line.pair.log.length;
    controller.abort();
    await settled();
    assert.equal(line.pair.log.length, before);
  });

  it("counts nothing, and leaves no deadline, where what is given as a signal is none", async () => {
    const { server, clock } = startTalk({ client: { maxPendingCalls: 1 } });
    const signal = new AbortController() as unknown as AbortSignal; // whoever forgets `.signal`
    assert.throws(() => void server.call.ping(undefined, { signal }), TypeError);
    assert.equal(await server.call.ping(), undefined);
    clock.advance(3_600_000);
  });

  it("gives a signal that is aborted to a handler that asks late", async () => {
    const asked = gate<CallContext<unknown, never>>();
    const { server } = startTalk({
      calls: {
        slow: (_text, context) => {
          asked.open(context as never);
          return new Promise(() => undefined);
        },
      },
    });
    const controller = new AbortController();
    const outcome = attempt(server.call.slow("", { signal: controller.signal }));
    const context = await asked.promise;
    controller.abort();
    await outcome;
    await settled();
    assert.equal(context.signal.aborted, true);
  });
});

describe("the limits of calls", () => {
  it("hold at the server, which says that nothing ran", async () => {
    const held = gate<string>();
    const { server } = startTalk({ calls: { slow: () => held.promise }, server: { maxConcurrentCalls: 2 } });
    const first = [server.call.slow("1"), server.call.slow("2")];
    await assert.rejects(server.call.slow("3"), { code: "TOO_MANY_CALLS", mayHaveRun: false });
    held.open("done");
    assert.deepEqual(await Promise.all(first), ["done", "done"]);
    assert.equal(await server.call.slow("4"), "done");
  });

  it("hold at the client, also for calls that were never sent", async () => {
    const held = gate<string>();
    const { server, line } = startTalk({
      calls: { slow: () => held.promise },
      client: { maxPendingCalls: 2 },
    });
    line.pair.hold();
    const first = [server.call.slow("1"), server.call.slow("2")];
    await assert.rejects(server.call.slow("3"), { code: "TOO_MANY_CALLS", mayHaveRun: false });
    line.pair.release();
    held.open("done");
    await Promise.all(first);
    assert.equal(await server.call.slow("4"), "done");
  });

  it("wait for room in the session instead of losing what was taken", async () => {
    const { server, line } = startTalk();
    line.pair.maxQueued = 2;
    const sums = await Promise.all(Array.from({ length: 50 }, (_, a) => server.call.add({ a, b: 1 })));
    assert.deepEqual(
      sums,
      Array.from({ length: 50 }, (_, a) => a + 1),
    );
  });

  it("are not kept any longer than their deadlines where there is no room, and then have not run", async () => {
    const { server, line, clock, ran } = startTalk();
    const { pair } = line;
    pair.hold();
    pair.maxQueued = 1;
    const first = server.call.slow("first");
    const late = Array.from({ length: 20 }, (_, i) => attempt(server.call.slow(`${i}`, { deadlineMs: 10 })));
    await settled();
    clock.advance(10);
    const errors = (await Promise.all(late)).map(({ error }) => [error?.code, error?.mayHaveRun]);
    assert.deepEqual(errors, Array(20).fill(["DEADLINE_EXCEEDED", false]));
    const last = server.call.slow("last");
    pair.release();
    assert.deepEqual(await Promise.all([first, last]), ["first", "last"]);
    assert.deepEqual(ran, ['slow "first"', 'slow "last"']);
    assert.equal(pair.log.length, 5, "the hello, two calls and their results");
  });
});

describe("a session that ends", () => {
  it("rejects what waits and what comes later, if it was closed", async () => {
    const { server, line } = startTalk({ calls: { slow: () => new Promise(() => undefined) } });
    const outcome = attempt(server.call.slow(""));
    await settled();
    line.pair.end({ code: 4400, reason: "bye", isReset: false });
    const { error } = await outcome;
    assert.ok(error instanceof CallError);
    assert.deepEqual([error.code, error.mayHaveRun], ["SESSION_CLOSED", true]);
    await assert.rejects(server.call.ping(), { code: "SESSION_CLOSED", mayHaveRun: false });
    assert.equal(server.emit.cursor({ x: 1, y: 2 }), "closed");
  });

  it("aborts the handlers, if it was closed", async () => {
    let signal: AbortSignal | undefined;
    const { server, line } = startTalk({
      calls: {
        slow: (_text, context) => {
          signal = context.signal;
          return new Promise(() => undefined);
        },
      },
    });
    void attempt(server.call.slow(""));
    await settled();
    line.pair.end({ code: 4400, reason: "bye", isReset: false });
    assert.equal(signal?.reason.code, "SESSION_CLOSED");
  });

  it("rejects what a server waits for, also after a reset", async () => {
    const { client, line } = startTalk({
      client: { calls: { confirm: () => new Promise(() => undefined) } },
    });
    const outcome = attempt(client.call.confirm("yes"));
    await settled();
    line.pair.reset();
    const { error } = await outcome;
    assert.ok(error instanceof CallError);
    assert.deepEqual([error.code, error.mayHaveRun], ["SESSION_RESET", true]);
  });

  it("is told apart from one that goes on without this contract", async () => {
    const { server, line } = startTalk({ calls: { slow: () => new Promise(() => undefined) } });
    const outcome = attempt(server.call.slow(""));
    await settled();
    server.close();
    assert.equal((await outcome).error?.code, "SESSION_CLOSED");
    await settled();
    assert.match(line.pair.log.at(-1)!, /^\[5,1\]$/);
    assert.equal(line.pair.client.state, "live");
  });

  it("says so where the other side never takes this contract", async () => {
    const pair = new PeerPair();
    const server = contractClient(chat, pair.client, { calls: { confirm: () => true } });
    void attempt(server.call.ping());
    await settled();
    await assert.rejects(server.call.ping(), { code: "SESSION_CLOSED" });
  });
});

describe("a session that had ended before", () => {
  it("has no client's side: calls say SESSION_CLOSED at once", async () => {
    const session = connect("ws://127.0.0.1:9/nobody");
    await session.close();
    assert.equal(session.state.status, "closed");
    const server = contractClient(chat, session, { calls: { confirm: () => true } });
    const { error } = await attempt(server.call.ping(undefined, { deadlineMs: Infinity }));
    assert.ok(error instanceof CallError);
    assert.deepEqual([error.code, error.mayHaveRun], ["SESSION_CLOSED", false]);
    await assert.rejects(server.stream.count({ from: 0, to: 1 }).next(), { code: "SESSION_CLOSED" });

    const pair = new PeerPair();
    pair.end({ code: 4400, reason: "", isReset: false });
    const one = contractClient(chat, pair.client, { calls: { confirm: () => true } });
    await assert.rejects(one.call.ping(undefined, { deadlineMs: Infinity }), { code: "SESSION_CLOSED" });
  });

  it("has no server's side, either", async () => {
    const { implementation } = startTalk();
    const pair = new PeerPair();
    pair.end({ code: 4200, reason: "", isReset: true });
    const client = implementation.accept(pair.server);
    await assert.rejects(client.call.confirm("yes", { deadlineMs: Infinity }), {
      code: "SESSION_CLOSED",
      mayHaveRun: false,
    });
  });
});

describe("implement and contractClient", () => {
  it("leave the channel free where they throw", () => {
    const { line } = startTalk();
    const calls = { confirm: () => true };
    const failing = { onPeer: () => assert.fail("not now") };
    for (let i = 0; i < 2; i++)
      assert.throws(() => contractClient(chat, failing as never, { calls }), { message: "not now" });
    assert.throws(() => contractClient({ ...chat, channel: `${chat.channel}/streams` }, line, { calls }), {
      code: "INVALID_CONTRACT",
    });
  });

  it("do not speak two contracts on one channel of a session, but one behind the other, or on two channels", async () => {
    const { line, server } = startTalk();
    const calls = { confirm: () => true };
    assert.throws(() => contractClient(chat, line, { calls }), { code: "INVALID_CONTRACT" });
    assert.equal(await server.call.add({ a: 1, b: 1 }), 2);
    contractClient({ ...chat, channel: "other" }, line, { calls }).close();
    server.close();
    const next = contractClient(chat, line, { calls });
    server.close();
    assert.throws(() => contractClient(chat, line, { calls }), { code: "INVALID_CONTRACT" });
    next.close();
  });

  it("refuse what cannot be, at once", async () => {
    const { client } = new PeerPair();
    const calls = { confirm: () => true };
    for (const options of [
      {},
      { calls: {}, streams: {} },
      { calls: { ...calls, confirm: 1 } },
      { calls, deadlineMs: 0 },
      { calls, maxPendingCalls: -1 },
      { calls, streamWindow: 0 },
      { calls, maxStreams: 1.5 },
      { calls, streamWindow: Number.NaN },
      { calls, deadlineMs: "5" },
      { calls: "confirm" },
      { calls: null },
      { calls, events: 1 },
      { calls, streams: "none" },
      { calls, clock: {} },
      { calls, clock: { nowMs: () => 0 } },
      { calls, clock: null },
      { calls, error: "log" },
      { calls, error: null },
      { calls, checkSent: "no" },
      "confirm",
    ]) {
      assert.throws(() => contractClient(chat, client, options as never), { code: "INVALID_OPTION" });
    }
    assert.throws(() => implement(chat, { calls: {}, streams: {} } as never), { code: "INVALID_OPTION" });
    for (const options of [undefined, null, "calls", { calls: {}, streams: {}, keepResultsMs: Number.NaN }]) {
      assert.throws(() => implement(chat, options as never), { name: "UsageError", code: "INVALID_OPTION" });
    }
  });

  it("say which option is wrong", () => {
    const { client } = new PeerPair();
    const calls = { confirm: () => true };
    for (const [option, value] of Object.entries({
      clock: { after: () => () => {} },
      error: 1,
      checkSent: 0,
      events: "x",
      streamWindow: -1,
    })) {
      assert.throws(() => contractClient(chat, client, { calls, [option]: value } as never), {
        code: "INVALID_OPTION",
        message: new RegExp(option),
      });
    }
  });

  it("refuse what is no contract, and no session", () => {
    const { client } = new PeerPair();
    const calls = { confirm: () => true };
    for (const contract of [undefined, null, "chat", {}, { ...chat, codec: {} }, { ...chat, channel: 1 }]) {
      const refusal = { name: "UsageError", code: "INVALID_CONTRACT", message: /defineContract/ };
      assert.throws(() => contractClient(contract as never, client, { calls } as never), refusal);
      assert.throws(() => implement(contract as never, {} as never), refusal);
    }
    const { implementation } = startTalk();
    for (const session of [undefined, null, "wss://example.com/live", {}, { onPeer: true }]) {
      const refusal = { name: "UsageError", code: "INVALID_OPTION", message: /session/ };
      assert.throws(() => contractClient(chat, session as never, { calls }), refusal);
      assert.throws(() => implementation.accept(session as never), refusal);
    }
  });
});

describe("defineContract", () => {
  it("refuses what cannot be in a contract, and says what", () => {
    for (const [part, value] of Object.entries({
      events: "x",
      calls: null,
      streams: 1,
      codec: { encode: String },
      channel: 5,
    })) {
      assert.throws(() => defineContract({ [part]: value } as never), {
        name: "UsageError",
        code: "INVALID_CONTRACT",
        message: new RegExp(part),
      });
    }
  });
});
