import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CallError } from "hawser/contract";
import { chat } from "./chat-contract.js";
import { settled, startTalk } from "./talk.js";

describe("an event", () => {
  it("goes to the side that the contract says, or both ways", async () => {
    const atServer: unknown[] = [];
    const atClient: unknown[] = [];
    const { server, client } = startTalk({
      events: {
        typing: ({ who }, { remote }) => remote.emit.message({ from: who, text: "…" }),
        cursor: (position) => atServer.push(position),
      },
    });
    server.on.message((message) => atClient.push(message));
    server.on.cursor((position) => atClient.push(position));
    assert.equal(server.emit.typing({ who: "ada" }), "sent");
    assert.equal(server.emit.cursor({ x: 1, y: 2 }), "sent");
    assert.equal(client.emit.cursor({ x: 3, y: 4 }), "sent");
    await settled();
    assert.deepEqual(atServer, [{ x: 1, y: 2 }]);
    assert.deepEqual(atClient, [
      { x: 3, y: 4 },
      { from: "ada", text: "…" },
    ]);
    for (const [surface, names] of [
      [server.emit, ["typing", "cursor"]],
      [server.on, ["message", "cursor"]],
      [client.emit, ["message", "cursor"]],
      [client.on, ["typing", "cursor"]],
    ] as const) {
      for (const name of ["typing", "message", "cursor", "toString"]) {
        assert.equal(name in surface, names.includes(name as "cursor"), name);
      }
    }
  });

  it("is in order with the others and with calls", async () => {
    const order: string[] = [];
    const { server } = startTalk({
      events: { typing: ({ who }) => order.push(who) },
      calls: {
        ping: () => {
          order.push("ping");
        },
      },
    });
    server.emit.typing({ who: "a" });
    const pong = server.call.ping();
    server.emit.typing({ who: "b" });
    await pong;
    await settled();
    assert.deepEqual(order, ["a", "ping", "b"]);
  });

  it("is heard by all who listen, until they stop", async () => {
    const { server, client } = startTalk();
    const heard: string[] = [];
    const listener = ({ x }: { x: number }): void => void heard.push(`same ${x}`);
    const stops = [
      server.on.cursor(({ x }) => heard.push(`first ${x}`)),
      server.on.cursor(listener),
      server.on.cursor(listener),
    ];
    client.emit.cursor({ x: 1, y: 0 });
    await settled();
    stops[1]!();
    client.emit.cursor({ x: 2, y: 0 });
    await settled();
    for (const stop of stops) stop();
    client.emit.cursor({ x: 3, y: 0 });
    await settled();
    assert.deepEqual(heard, ["first 1", "same 1", "same 1", "first 2", "same 2"]);
  });

  it("is heard in the next session, too", async () => {
    const { server, line } = startTalk({
      events: { typing: ({ who }, { remote }) => remote.emit.message({ from: who, text: "" }) },
    });
    const heard: string[] = [];
    server.on.message(({ from }) => heard.push(from));
    line.pair.reset();
    assert.equal(server.emit.typing({ who: "lost" }), "closed");
    line.comeBack();
    server.emit.typing({ who: "ada" });
    await settled();
    assert.deepEqual(heard, ["ada"]);
  });

  it("says what became of it", () => {
    const { server, line } = startTalk();
    line.pair.hold();
    line.pair.maxQueued = 1;
    assert.equal(server.emit.cursor({ x: 1, y: 1 }), "sent");
    assert.equal(server.emit.cursor({ x: 2, y: 2 }), "dropped");
    line.pair.reset();
    assert.equal(server.emit.cursor({ x: 3, y: 3 }), "closed");
  });

  it("is refused with its issues where it is sent, if it does not fit", () => {
    const { server, line } = startTalk();
    assert.throws(
      () => server.emit.cursor({ x: 1 } as never),
      (error) => {
        assert.ok(error instanceof CallError);
        assert.deepEqual([error.code, error.issues?.[0]?.path], ["INVALID_INPUT", ["y"]]);
        return true;
      },
    );
    assert.throws(() => server.emit.cursor({ x: 1, y: 2n } as never), { code: "INVALID_INPUT" });
    assert.deepEqual(line.pair.client.sent, []);
  });

  it("does not reach a handler if it does not fit, and is told", async () => {
    const heard: unknown[] = [];
    const { server, serverErrors, line } = startTalk({
      events: { cursor: (position) => heard.push(position) },
      client: { checkSent: false },
    });
    server.emit.cursor({ x: "1" } as never);
    await settled();
    assert.deepEqual(heard, []);
    assert.deepEqual(
      serverErrors.map(({ code }) => code),
      ["INVALID_INPUT"],
    );
    assert.equal(line.pair.server.state, "live");
  });

  it("is encoded once for many clients", async () => {
    const { implementation, line, server } = startTalk();
    const heard: string[] = [];
    server.on.message(({ text }) => heard.push(text));
    const data = implementation.encode.message({ from: "server", text: "to all" });
    for (let i = 0; i < 2; i++) line.pair.server.channel(chat.channel).send(data);
    await settled();
    assert.deepEqual(heard, ["to all", "to all"]);
    assert.throws(() => implementation.encode.message({ from: 1 } as never), { code: "INVALID_INPUT" });
    assert.equal("typing" in implementation.encode, false);
  });

  it("is told a few times and no more if it is wrong again and again", async () => {
    const { line, serverErrors, server } = startTalk();
    for (let i = 0; i < 1000; i++) line.pair.client.channel("contract").send('[1,"newer",{}]');
    await server.call.ping();
    assert.equal(serverErrors.length, 16);
  });

  it("that is unknown is told and does no harm", async () => {
    const { serverErrors, line, server } = startTalk();
    line.pair.client.channel("contract").send('[1,"newer",{}]');
    line.pair.client.channel("contract").send('[1,"constructor",{}]');
    line.pair.client.channel("contract").send('[1,"message",{}]');
    await settled();
    assert.deepEqual(
      serverErrors.map(({ code }) => code),
      ["UNKNOWN_NAME", "UNKNOWN_NAME", "UNKNOWN_NAME"],
    );
    assert.equal(await server.call.add({ a: 1, b: 1 }), 2);
  });

  it("does no harm if its handler throws, at once or later", async () => {
    const failure = new Error("broken");
    const heard: number[] = [];
    const { server, client, clientErrors, serverErrors } = startTalk({
      events: {
        typing: () => Promise.reject(failure),
      },
    });
    server.on.cursor(() => {
      throw failure;
    });
    server.on.cursor(({ x }) => heard.push(x));
    client.emit.cursor({ x: 1, y: 1 });
    server.emit.typing({ who: "ada" });
    await settled();
    assert.deepEqual(heard, [1]);
    for (const errors of [clientErrors, serverErrors]) {
      assert.deepEqual(
        errors.map(({ code, cause }) => [code, cause]),
        [["HANDLER_FAILED", failure]],
      );
    }
  });
});

describe("error", () => {
  it("does no harm if it throws, and is console.error if nobody gave another", async (context) => {
    const written = context.mock.method(console, "error", () => undefined);
    const { server } = startTalk({
      calls: {
        ping: () => {
          throw new Error("first");
        },
        slow: () => {
          throw new Error("second");
        },
      },
      server: {
        error: (error) => {
          throw new Error(`error threw: ${error.message}`);
        },
      },
    });
    await assert.rejects(server.call.ping(), { code: "HANDLER_FAILED" });
    assert.match(
      String(written.mock.calls[0]?.arguments[0]),
      /error threw: call ping: the handler threw: first/,
    );

    const silent = startTalk({
      calls: {
        ping: () => {
          throw new Error("first");
        },
      },
      server: { error: undefined },
    });
    await assert.rejects(silent.server.call.ping(), { code: "HANDLER_FAILED" });
    assert.equal(written.mock.callCount(), 2);
  });
});
