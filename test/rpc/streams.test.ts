import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  CallError,
  clientStream,
  contractClient,
  DeclaredError,
  defineContract,
  implement,
  stream,
} from "hawser/contract";
import { PeerPair } from "hawser/testing";
import { z } from "zod";
import { settled, startTalk } from "./talk.js";

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

describe("a stream", () => {
  it("brings the values of a generator in order, and what it returns", async () => {
    const { server } = startTalk();
    const counting = server.stream.count({ from: 0, to: 500 });
    assert.deepEqual(await all(counting), range(500));
    assert.equal(await counting.finished, "done");
    assert.deepEqual(await counting.next(), { done: true, value: undefined });
  });

  it("takes the values of an iterable, whichever kind, and gives an output", async () => {
    const { server } = startTalk();
    async function* parts(): AsyncGenerator<string> {
      for (let i = 0; i < 100; i++) yield "abc";
    }
    assert.deepEqual(await server.stream.upload("file", parts()).finished, { length: 300 });
    assert.deepEqual(await server.stream.upload("file", ["a", "bc"]).finished, { length: 3 });
    assert.deepEqual(await server.stream.upload("file", []).finished, { length: 0 });
  });

  it("refuses values that are no iterable: a string is most likely a mistake", () => {
    const { server } = startTalk();
    for (const values of ["text", 5, null, {}]) {
      assert.throws(() => server.stream.upload("file", values as never), {
        name: "UsageError",
        code: "INVALID_OPTION",
        message: /stream upload: .*iterable/,
      });
    }
  });

  it("goes both ways at the same time", async () => {
    const { server } = startTalk();
    let sent = 0;
    async function* words(): AsyncGenerator<string> {
      for (; sent < 200; sent++) yield `${sent}`;
    }
    assert.deepEqual(
      await all(server.stream.echo(undefined, words())),
      range(200).map((i) => `${i}`),
    );
  });

  it("may be one of many, and goes from client to server", async () => {
    const { server } = startTalk();
    const lists = await Promise.all(range(20).map((i) => all(server.stream.count({ from: i, to: i + 50 }))));
    for (const [i, list] of lists.entries()) assert.deepEqual(list, range(i + 50).slice(i));

    const reverse = defineContract({ streams: { logs: clientStream({ down: z.string() }) } });
    const pair = new PeerPair();
    const client = implement(reverse, {}).accept(pair.server);
    contractClient(reverse, pair.client, {
      streams: {
        async *logs() {
          yield "one";
          yield "two";
        },
      },
    });
    assert.deepEqual(await all(client.stream.logs()), ["one", "two"]);
  });

  it("is not read further than there is room for at the reader", async () => {
    let made = 0;
    const { server } = startTalk({
      streams: {
        async *count() {
          for (;;) yield made++;
        },
      },
    });
    const counting = server.stream.count({ from: 0, to: 0 }, { window: 8 });
    await settled();
    assert.equal(made, 8);
    for (let i = 0; i < 3; i++) await counting.next();
    await settled();
    assert.equal(made, 8, "credit comes for half a window at a time");
    await counting.next();
    await settled();
    assert.equal(made, 12);
    await counting.return?.();
  });

  it("does not take from its source what the handler has no room for", async () => {
    let made = 0;
    const { server } = startTalk({
      streams: {
        async upload(_name, { values }) {
          await values.next();
          return new Promise(() => undefined);
        },
      },
      server: { streamWindow: 4 },
    });
    function* parts(): Generator<string> {
      for (;;) yield `${made++}`;
    }
    server.stream.upload("file", parts());
    await settled();
    assert.equal(made, 4);
  });

  it("waits for room in the session", async () => {
    const { server, line } = startTalk();
    line.pair.maxQueued = 3;
    assert.deepEqual(await all(server.stream.count({ from: 0, to: 200 })), range(200));
    assert.deepEqual(
      await server.stream.upload(
        "file",
        range(100).map((i) => `${i % 10}`),
      ).finished,
      { length: 100 },
    );
  });

  it("is not opened where it was cancelled before there was room", async () => {
    const { server, line } = startTalk();
    const { pair } = line;
    pair.hold();
    pair.maxQueued = 1;
    const first = server.stream.count({ from: 0, to: 2 });
    const cancelled = Array.from({ length: 20 }, () => server.stream.count({ from: 0, to: 2 }));
    await settled();
    for (const one of cancelled) one.cancel();
    const last = server.stream.count({ from: 2, to: 4 });
    pair.release();
    assert.deepEqual(
      [await all(first), await all(last)],
      [
        [0, 1],
        [2, 3],
      ],
    );
    assert.equal(pair.log.filter((message) => message.includes('"count"')).length, 2);
    assert.equal(pair.server.closedWith, undefined);
  });

  it("says nothing of the end of its values, either, where it was cancelled before there was room", async () => {
    const { server, line } = startTalk();
    const { pair } = line;
    pair.hold();
    pair.maxQueued = 1;
    const first = server.stream.count({ from: 0, to: 2 });
    const upload = server.stream.upload("file", []);
    await settled();
    upload.cancel();
    pair.release();
    assert.deepEqual(await all(first), [0, 1]);
    await settled();
    assert.equal(pair.server.closedWith, undefined);
    assert.deepEqual(await server.stream.upload("file", ["a"]).finished, { length: 1 });
  });

  it("fails for a value that waited for room and is found to be too long, while its source says no more", async () => {
    const names = ["A", "B", "D", "C"] as const;
    const contract = defineContract({ streams: { parts: stream({ input: z.string(), down: z.string() }) } });
    const errors: CallError[] = [];
    let start = (): void => undefined;
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    const implementation = implement(contract, {
      streams: {
        async *parts(name) {
          await started;
          yield name === "C" ? "x".repeat(5_000) : name;
          await new Promise(() => {});
        },
      },
      error: (error) => errors.push(error),
    });
    const pair = new PeerPair();
    pair.maxMessageLength = 1_000;
    implementation.accept(pair.server);
    const client = contractClient(contract, pair.client);
    const streams = names.map((name) => client.stream.parts(name));
    await settled();
    pair.hold();
    pair.maxQueued = 1;
    start();
    await settled();
    pair.release();
    assert.deepEqual(await Promise.all(streams.slice(0, 3).map(async (one) => (await one.next()).value)), [
      "A",
      "B",
      "D",
    ]);
    await assert.rejects(streams[3]!.next(), { code: "INVALID_OUTPUT" });
    assert.deepEqual(
      errors.map(({ code }) => code),
      ["INVALID_OUTPUT"],
    );
  });
});

describe("leaving a stream", () => {
  it("ends the generator, whose finally runs, and aborts its signal", async () => {
    let signal: AbortSignal | undefined;
    let isCleanedUp = false;
    const { server, serverErrors } = startTalk({
      streams: {
        async *count(_input, context) {
          signal = context.signal;
          try {
            for (let i = 0; ; i++) yield i;
          } finally {
            isCleanedUp = true;
          }
        },
      },
    });
    const counting = server.stream.count({ from: 0, to: 0 });
    for await (const value of counting) {
      if (value === 40) break;
    }
    await settled();
    assert.equal(isCleanedUp, true);
    assert.equal(signal?.reason.code, "ABORTED");
    await assert.rejects(counting.finished, { code: "ABORTED" });
    assert.deepEqual(await counting.next(), { done: true, value: undefined });
    assert.deepEqual(serverErrors, []);
  });

  it("frees a generator that waits, if it heeds its signal", async () => {
    let isCleanedUp = false;
    const { server, serverErrors } = startTalk({
      streams: {
        async *count(_input, { signal }) {
          yield 0;
          try {
            await new Promise((_resolve, reject) =>
              signal.addEventListener("abort", () => reject(signal.reason)),
            );
          } finally {
            isCleanedUp = true;
          }
          return "";
        },
      },
    });
    const counting = server.stream.count({ from: 0, to: 0 });
    await counting.next();
    counting.cancel();
    await settled();
    assert.equal(isCleanedUp, true);
    assert.deepEqual(serverErrors, []);
  });

  it("by a signal fails the reader", async () => {
    const { server } = startTalk();
    const controller = new AbortController();
    const counting = server.stream.count({ from: 0, to: 1000 }, { signal: controller.signal });
    await counting.next();
    controller.abort("enough");
    await assert.rejects(counting.next(), { name: "CallError", code: "ABORTED", cause: "enough" });
    assert.deepEqual(await counting.next(), { done: true, value: undefined });

    const never = server.stream.count({ from: 0, to: 1 }, { signal: AbortSignal.abort() });
    await assert.rejects(never.next(), { code: "ABORTED", mayHaveRun: false });
  });

  it("by the handler leaves the source of the values", async () => {
    let isLeft = false;
    const { server } = startTalk({
      streams: {
        async upload(_name, { values }) {
          const { value } = await values.next();
          return { length: value!.length };
        },
      },
    });
    async function* parts(): AsyncGenerator<string> {
      try {
        for (;;) yield "abc";
      } finally {
        isLeft = true;
      }
    }
    assert.deepEqual(await server.stream.upload("file", parts()).finished, { length: 3 });
    await settled();
    assert.equal(isLeft, true);
  });

  it("tells a handler that reads", async () => {
    let caught: unknown;
    const { server, serverErrors } = startTalk({
      streams: {
        async upload(_name, { values }) {
          try {
            for await (const _ of values);
          } catch (error) {
            caught = error;
            throw error;
          }
          return { length: 0 };
        },
      },
    });
    async function* parts(): AsyncGenerator<string> {
      yield "a";
      await new Promise(() => undefined);
    }
    const uploading = server.stream.upload("file", parts());
    await settled();
    uploading.cancel();
    await settled();
    assert.ok(caught instanceof CallError);
    assert.equal(caught.code, "ABORTED");
    assert.deepEqual(serverErrors, []);
    await assert.rejects(uploading.finished, { code: "ABORTED" });
  });
});

describe("an error of a stream", () => {
  it("comes behind the values, and is what the contract declares", async () => {
    const { server, serverErrors } = startTalk({
      streams: {
        async *count({ to }, context) {
          yield 1;
          yield 2;
          throw context.error("TOO_FAR", { to });
        },
      },
    });
    const counting = server.stream.count({ from: 0, to: 9 });
    const seen: number[] = [];
    await assert.rejects(
      async () => {
        for await (const value of counting) seen.push(value);
      },
      (error) => {
        assert.ok(error instanceof DeclaredError);
        assert.deepEqual([error.code, error.data], ["TOO_FAR", { to: 9 }]);
        return true;
      },
    );
    assert.deepEqual(seen, [1, 2]);
    await assert.rejects(counting.finished, { code: "TOO_FAR" });
    assert.deepEqual(serverErrors, []);
  });

  it("says nothing of what the contract does not declare", async () => {
    const secret = new Error("hunter2");
    const { server, serverErrors, line } = startTalk({
      streams: {
        async *count() {
          yield 1;
          throw secret;
        },
        upload: () => Promise.reject(secret),
        echo: () => {
          throw secret;
        },
      },
    });
    await assert.rejects(all(server.stream.count({ from: 0, to: 9 })), { code: "HANDLER_FAILED" });
    await assert.rejects(server.stream.upload("", ["a"]).finished, { code: "HANDLER_FAILED" });
    await assert.rejects(all(server.stream.echo(undefined, [])), { code: "HANDLER_FAILED" });
    assert.doesNotMatch(line.pair.log.join(), /hunter2/);
    assert.deepEqual(
      serverErrors.map(({ cause }) => cause),
      [secret, secret, secret],
    );
  });

  it("of its source is thrown here as it is, and there as SOURCE_FAILED", async () => {
    let caught: unknown;
    const { server, line } = startTalk({
      streams: {
        async upload(_name, { values }) {
          try {
            for await (const _ of values);
          } catch (error) {
            caught = error;
            throw error;
          }
          return { length: 0 };
        },
      },
    });
    const broken = new Error("disk of the user: hunter2");
    async function* parts(): AsyncGenerator<string> {
      yield "a";
      throw broken;
    }
    await assert.rejects(server.stream.upload("file", parts()).finished, broken);
    await settled();
    assert.ok(caught instanceof CallError);
    assert.equal(caught.code, "SOURCE_FAILED");
    assert.doesNotMatch(line.pair.log.join(), /hunter2/);
  });
});

describe("an error of a source", () => {
  it("comes behind the values that were sent before it", async () => {
    const got: string[] = [];
    const caught: string[] = [];
    const { server, serverErrors } = startTalk({
      streams: {
        async upload(_name, { values }) {
          try {
            for await (const value of values) {
              got.push(value);
              await settled();
            }
          } catch (error) {
            caught.push((error as CallError).code);
            throw error;
          }
          return { length: 0 };
        },
      },
    });
    async function* parts(): AsyncGenerator<string> {
      for (let i = 1; i <= 5; i++) yield `${i}`;
      throw new Error("broken");
    }
    await assert.rejects(server.stream.upload("file", parts()).finished, { message: "broken" });
    for (let i = 0; i < 10; i++) await settled();
    assert.deepEqual(got, ["1", "2", "3", "4", "5"]);
    assert.deepEqual(caught, ["SOURCE_FAILED"]);
    assert.deepEqual(serverErrors, []);
  });
});

describe("a value of a stream that does not fit", () => {
  it("is found where it is made", async () => {
    const { server, serverErrors, line } = startTalk({
      streams: {
        async *count() {
          yield 1;
          yield "secret" as never;
          return "";
        },
      },
    });
    await assert.rejects(all(server.stream.count({ from: 0, to: 1 })), { code: "INVALID_OUTPUT" });
    assert.equal(serverErrors[0]?.code, "INVALID_OUTPUT");
    assert.doesNotMatch(line.pair.log.join(), /secret/);
    await assert.rejects(server.stream.upload("file", [1 as never]).finished, { code: "INVALID_INPUT" });
    await assert.rejects(server.stream.count({ from: "a" as never, to: 1 }).finished, {
      code: "INVALID_INPUT",
      mayHaveRun: false,
    });
  });

  it("is found where it arrives", async () => {
    const { server } = startTalk({
      streams: {
        async *count() {
          yield 1;
          yield "text" as never;
          return "";
        },
      },
      server: { checkSent: false },
      client: { checkSent: false },
    });
    const counting = server.stream.count({ from: 0, to: 1 });
    assert.equal((await counting.next()).value, 1);
    await assert.rejects(counting.next(), { code: "INVALID_OUTPUT" });
    await assert.rejects(counting.finished, { code: "INVALID_OUTPUT" });
    await assert.rejects(server.stream.upload("file", [1 as never]).finished, (error) => {
      assert.ok(error instanceof CallError && error.code === "INVALID_INPUT");
      assert.equal(error.issues?.length, 1);
      return true;
    });
    await assert.rejects(all(server.stream.count({ from: "a" as never, to: 1 })), { code: "INVALID_INPUT" });
  });

  it("is found in the output", async () => {
    for (const checkSent of [true, false]) {
      const { server } = startTalk({
        streams: {
          async *count() {
            yield 1;
            return 1 as never;
          },
        },
        server: { checkSent },
      });
      await assert.rejects(all(server.stream.count({ from: 0, to: 1 })), { code: "INVALID_OUTPUT" });
    }
  });

  it("is a generator where the contract has no values down: `error` is told what is missing", async () => {
    const generators = [
      async function* () {
        yield "one";
      },
      function* () {
        yield "one";
      },
    ];
    for (const upload of generators) {
      for (const checkSent of [true, false]) {
        const { server, serverErrors } = startTalk({
          streams: { upload: upload as never },
          server: { checkSent },
        });
        await assert.rejects(server.stream.upload("file", []).finished, { code: "INVALID_OUTPUT" });
        assert.match(serverErrors[0]?.message ?? "", /stream upload: .*generator.*`down`/);
      }
    }
  });

  it("is a generator as well where the contract has no output either", async () => {
    const note = defineContract({ streams: { note: stream({ up: z.string() }) } });
    const pair = new PeerPair();
    const errors: CallError[] = [];
    implement(note, {
      // What has no output may return anything.
      streams: { async *note() {} },
      error: (error) => errors.push(error),
    }).accept(pair.server);
    const { finished } = contractClient(note, pair.client).stream.note(undefined, []);
    await assert.rejects(finished, { code: "INVALID_OUTPUT" });
    assert.match(errors[0]?.message ?? "", /stream note: .*generator.*`down`/);
  });
});

describe("the limits of streams", () => {
  it("hold at both ends", async () => {
    const forever = async function* (
      _input: unknown,
      { signal }: { signal: AbortSignal },
    ): AsyncGenerator<number, string> {
      yield 0;
      await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      return "";
    };
    const there = startTalk({ streams: { count: forever }, server: { maxStreams: 2 } });
    const open = range(2).map(() => there.server.stream.count({ from: 0, to: 0 }));
    await assert.rejects(all(there.server.stream.count({ from: 0, to: 0 })), {
      code: "TOO_MANY_STREAMS",
      mayHaveRun: false,
    });
    open[0]!.cancel();
    await settled();
    assert.equal((await there.server.stream.count({ from: 0, to: 0 }).next()).value, 0);

    const here = startTalk({ streams: { count: forever }, client: { maxStreams: 1 } });
    here.server.stream.count({ from: 0, to: 0 });
    await assert.rejects(all(here.server.stream.count({ from: 0, to: 0 })), { code: "TOO_MANY_STREAMS" });
  });

  it("count a handler until it has come to its end, whether or not anybody waits for it", async () => {
    let atWork = 0;
    let finish = (): void => undefined;
    const finishes = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { server, serverErrors } = startTalk({
      streams: {
        async *count({ from }) {
          atWork++;
          try {
            // One waits for its next value; the other, suspended where it gave one, takes its time to end.
            if (from === 0) await finishes;
            yield from;
          } finally {
            if (from === 1) await finishes;
            atWork--;
          }
          return "";
        },
        async upload() {
          atWork++;
          await finishes;
          atWork--;
          return { length: 0 };
        },
      },
      server: { maxStreams: 3 },
    });
    let refused = 0;
    for (let i = 0; i < 10; i++) {
      const opened =
        i % 3 === 2 ? server.stream.upload("file", []) : server.stream.count({ from: i % 3, to: 9 });
      void opened.finished.catch(({ code }) => {
        if (code === "TOO_MANY_STREAMS") refused++;
      });
      await settled();
      opened.cancel();
      await settled();
    }
    assert.deepEqual([atWork, refused], [3, 7]);
    finish();
    await settled();
    assert.equal(atWork, 0);
    assert.equal((await all(server.stream.count({ from: 2, to: 9 }))).length, 1);
    assert.deepEqual(serverErrors, []);
  });
});

describe("a session that ends", () => {
  for (const [how, code, end] of [
    ["by a reset", "SESSION_RESET", { code: 4200, reason: "", isReset: true }],
    ["in order", "SESSION_CLOSED", { code: 4400, reason: "", isReset: false }],
  ] as const) {
    it(`${how} ends streams at both ends, behind what had arrived`, async () => {
      let signal: AbortSignal | undefined;
      const { server, line, serverErrors } = startTalk({
        streams: {
          async *count(_input, context) {
            signal = context.signal;
            yield 1;
            yield 2;
            await new Promise((_resolve, reject) =>
              context.signal.addEventListener("abort", () => reject(context.signal.reason)),
            );
            return "";
          },
        },
      });
      const counting = server.stream.count({ from: 0, to: 0 });
      await settled();
      line.pair.end(end);
      await settled();
      assert.equal(signal?.reason.code, code);
      const seen: number[] = [];
      await assert.rejects(
        async () => {
          for await (const value of counting) seen.push(value);
        },
        { code },
      );
      assert.deepEqual(seen, [1, 2]);
      assert.deepEqual(serverErrors, []);
    });
  }

  it("is followed by one in which streams can be opened", async () => {
    const { server, line } = startTalk();
    await all(server.stream.count({ from: 0, to: 3 }));
    line.pair.reset();
    await assert.rejects(all(server.stream.count({ from: 0, to: 3 })), { code: "SESSION_CLOSED" });
    line.comeBack();
    assert.deepEqual(await all(server.stream.count({ from: 0, to: 3 })), [0, 1, 2]);
  });
});
