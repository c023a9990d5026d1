import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import type { Socket } from "node:net";
import { it } from "node:test";
import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import { closeFrame, maskedFrame, pingFrame, RawClient, textFrame } from "../../support/raw-client.js";
import { until } from "../../support/until.js";
import {
  type Api,
  type Client,
  describeBoth,
  hawser,
  listening,
  next,
  pair,
  patiently,
  several,
  ws,
} from "./implementations.js";

type Sent = readonly [data: unknown, isBinary: boolean];

describeBoth("websocket.send(data[, options][, callback])", (api) => {
  const cases: readonly (readonly [string, unknown, Sent])[] = [
    ["text", "häwser", ["häwser", false]],
    ["empty text", "", ["", false]],
    ["nothing", undefined, ["", true]],
    ["a number, as text", 42, ["42", false]],
    ["zero, as text", 0, ["0", false]],
    ["a Buffer", Buffer.from("ab"), ["ab", true]],
    ["a typed array", new Uint16Array([0x6261]), ["ab", true]],
    ["a DataView", new DataView(new Uint8Array([0x61, 0x62, 0x63]).buffer, 1), ["bc", true]],
    ["an ArrayBuffer", new Uint8Array([0x61]).buffer, ["a", true]],
    ["an array of numbers", [0x61, 0x62], ["ab", true]],
    ["a Blob", new Blob(["blob"]), ["blob", true]],
    ["an object with valueOf", { valueOf: () => Buffer.from("v") }, ["v", true]],
  ];
  for (const [title, data, [expected, isBinary]] of cases) {
    it(`sends ${title}`, async (t) => {
      const { client, socket } = await pair(t, api);
      const message = next(socket, "message");
      client.send(data as string, (error) => assert.ok(!error));
      const [received, kind] = await message;
      assert.ok(Buffer.isBuffer(received));
      assert.equal(String(received), expected);
      assert.equal(kind, isBinary);
    });
  }

  it("throws for what has no bytes", async (t) => {
    const { client } = await pair(t, api);
    for (const data of [true, {}, Symbol("s")]) assert.throws(() => client.send(data as never), TypeError);
  });

  it("sends bytes as text and text as bytes, as binary says", async (t) => {
    const { client, socket } = await pair(t, api);
    const messages = several(socket, "message", 3);
    client.send(Buffer.from("t"), { binary: false });
    client.send("b", { binary: true });
    client.send("d", {});
    assert.deepEqual(
      (await messages).map(([data, isBinary]) => [String(data), isBinary]),
      [
        ["t", false],
        ["b", true],
        ["d", false],
      ],
    );
  });

  for (const size of [1000, 20_000, 60_000]) {
    it(`sends ${size} bytes as they are: the buffer can be filled again`, async (t) => {
      const { client, socket } = await pair(t, api);
      for (const [from, to] of [
        [client, socket],
        [socket, client],
      ] as const) {
        const messages = several(to, "message", 4);
        const bytes = Buffer.alloc(size);
        for (let i = 1; i <= 4; i++) from.send(bytes.fill(i));
        assert.deepEqual(
          (await messages).map(([data]) => [(data as Buffer)[0], (data as Buffer).at(-1)]),
          [1, 2, 3, 4].map((i) => [i, i]),
        );
      }
    });
  }

  it("calls the callbacks in order, when the data has left", async (t) => {
    const { client, socket } = await pair(t, api);
    const order: number[] = [];
    const done = new Promise<void>((resolve) => {
      for (let i = 0; i < 20; i++) client.send("x".repeat(i * 1000), () => order.push(i));
      client.send("last", () => resolve());
    });
    assert.deepEqual(order, []);
    await several(socket, "message", 21);
    await patiently(done, "the last callback");
    assert.deepEqual(
      order,
      Array.from({ length: 20 }, (_, i) => i),
    );
  });

  it("takes null for its options and for those of ping", async (t) => {
    const { client, socket } = await pair(t, api);
    const messages = several(socket, "message", 2);
    const error = await new Promise((resolve) => client.send("text", null as never, resolve));
    assert.equal(error, null);
    client.send(Buffer.from("bytes"), null as never);
    assert.deepEqual(await messages, [
      [Buffer.from("text"), false],
      [Buffer.from("bytes"), true],
    ]);
    const ping = next(socket, "ping");
    client.ping(null as never, undefined, null as never);
    assert.deepEqual(await ping, [Buffer.alloc(0)]);
  });

  it("calls each callback where it was sent: in its AsyncLocalStorage", async (t) => {
    const { client } = await pair(t, api);
    const storage = new AsyncLocalStorage<number>();
    const found = await Promise.all(
      [1, 2, 3].map((i) =>
        storage.run(i, () => new Promise((resolve) => client.send("x", () => resolve(storage.getStore())))),
      ),
    );
    assert.deepEqual(found, [1, 2, 3]);
  });

  it("tells all that wait behind a Blob that cannot be read", async (t) => {
    const { client } = await pair(t, api);
    const blob = new Blob(["x"]);
    blob.arrayBuffer = () => Promise.reject(new Error("unreadable"));
    const told: string[] = [];
    const tell =
      (name: string) =>
      (error?: Error): void =>
        void told.push(`${name}: ${error?.message}`);
    const failed = next(client, "error");
    client.send(blob, tell("the blob"));
    client.send("a", tell("text"));
    client.ping("b", undefined, tell("ping") as never);
    client.send(new Blob(["y"]), tell("another blob"));
    assert.equal(((await failed)[0] as Error).message, "unreadable");
    assert.deepEqual(
      told,
      ["the blob", "text", "ping", "another blob"].map((name) => `${name}: unreadable`),
    );
  });

  for (const how of ["end", "destroySoon", "destroy"] as const) {
    it(`leaves before _socket.${how}() in the same turn, and so does close()`, async (t) => {
      const { wss, url } = await listening(t, api);
      wss.on("connection", (socket: Client & { _socket?: Socket }) => {
        socket.on("error", () => {});
        socket.send("last words");
        socket.close(4000, "why");
        socket._socket![how]();
      });
      const client = new api(url);
      const message = next(client, "message");
      const [code, reason] = await next(client, "close");
      assert.equal(String((await message)[0]), "last words");
      assert.deepEqual([code, String(reason)], [4000, "why"]);
    });
  }

  it("keeps the order of messages behind a Blob", async (t) => {
    const { client, socket } = await pair(t, api);
    const messages = several(socket, "message", 5);
    client.send("1");
    client.send(new Blob(["2"]));
    client.send("3");
    client.send(new Blob(["4"]));
    client.send("5");
    assert.deepEqual(
      (await messages).map(([data]) => String(data)),
      ["1", "2", "3", "4", "5"],
    );
  });

  it("closes behind a Blob that is being read", async (t) => {
    const { client, socket } = await pair(t, api);
    const message = next(socket, "message");
    const closed = next(socket, "close");
    client.send(new Blob(["all"]));
    client.close(3000);
    assert.equal(String((await message)[0]), "all");
    assert.equal((await closed)[0], 3000);
  });

  it("sends fragments by hand, with a ping between them", async (t) => {
    const { client, socket } = await pair(t, api);
    const message = next(socket, "message");
    const ping = next(socket, "ping");
    client.send("a", { fin: false });
    client.send("b", { fin: false });
    client.ping("between");
    client.send("c", { fin: true });
    assert.equal(String((await ping)[0]), "between");
    assert.deepEqual(await message, [Buffer.from("abc"), false]);
  });

  it("puts fragments on the wire as such", async (t) => {
    const { wss, port } = await listening(t, api);
    wss.on("connection", (socket) => {
      socket.send(Buffer.from("a"), { fin: false });
      socket.send("b", { fin: false });
      socket.send("", { fin: true });
      socket.send("next");
    });
    const client = await RawClient.open({ port });
    const frames = [await client.next(), await client.next(), await client.next(), await client.next()];
    assert.deepEqual(
      frames.map(({ fin, opcode, payload }) => [fin, opcode, payload.toString()]),
      [
        [false, 2, "a"],
        [false, 0, "b"],
        [true, 0, ""],
        [true, 1, "next"],
      ],
    );
    await client.destroy();
  });

  it("masks what a server sends only when told to", async (t) => {
    const { wss, port } = await listening(t, api);
    wss.on("connection", (socket) => {
      socket.send("plain");
      socket.send("masked", { mask: true });
    });
    const client = await RawClient.open({ port });
    assert.equal((await client.next()).masked, false);
    // The raw client takes the key for payload: it is not for us to send masked frames to.
    assert.equal((await client.next()).masked, true);
    await client.destroy();
  });

  it("throws while connecting", async (t) => {
    const { url } = await listening(t, api);
    const client = new api(url);
    for (const act of [() => client.send("x"), () => client.ping(), () => client.pong()])
      assert.throws(act, { message: "WebSocket is not open: readyState 0 (CONNECTING)" });
    client.terminate();
    await next(client, "error");
  });

  it("tells the callback what came too late, and counts it as buffered", async (t) => {
    const { client } = await pair(t, api);
    client.close();
    const before = client.bufferedAmount;
    const error = await patiently(new Promise((resolve) => client.send("late", resolve)), "the callback");
    assert.equal((error as Error).message, "WebSocket is not open: readyState 2 (CLOSING)");
    assert.ok(client.bufferedAmount >= before + 4 || client.bufferedAmount === 4);
    await next(client, "close");
    const after = await patiently(
      new Promise((resolve) => client.ping("late", false, resolve)),
      "the callback",
    );
    assert.equal((after as Error).message, "WebSocket is not open: readyState 3 (CLOSED)");
    client.send("without a callback");
  });
});

describeBoth("sizes of messages", (api) => {
  for (const size of [0, 1, 125, 126, 127, 65_535, 65_536, 200_000, 1_000_000]) {
    it(`${size} bytes there and back`, async (t) => {
      const { client, socket } = await pair(t, api);
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
      const bytes = Buffer.alloc(size, "0123456789");
      const message = next(client, "message");
      client.send(bytes);
      const [data, isBinary] = await message;
      assert.ok(bytes.equals(data as Buffer));
      assert.equal(isBinary, true);
    });
  }

  it("leaves the bytes that are sent as they are", async (t) => {
    const { client, socket } = await pair(t, api);
    for (const size of [10, 100_000]) {
      const bytes = Buffer.alloc(size, "abc");
      const message = next(socket, "message");
      client.send(bytes);
      await message;
      assert.ok(bytes.equals(Buffer.alloc(size, "abc")));
    }
  });
});

describeBoth("websocket.binaryType", (api) => {
  it("is nodebuffer, and takes only what it knows", async (t) => {
    const { client } = await pair(t, api);
    assert.equal(client.binaryType, "nodebuffer");
    client.binaryType = "nonsense" as never;
    assert.equal(client.binaryType, "nodebuffer");
  });

  it("gives ArrayBuffers of just the message, lists of Buffers, or Blobs", async (t) => {
    const { client, socket } = await pair(t, api);
    const receive = async (type: string): Promise<unknown> => {
      client.binaryType = type as "nodebuffer";
      const message = next(client, "message");
      socket.send(Buffer.from("bytes"));
      return (await message)[0];
    };
    const arrayBuffer = await receive("arraybuffer");
    assert.ok(arrayBuffer instanceof ArrayBuffer);
    assert.equal(Buffer.from(arrayBuffer).toString(), "bytes");
    const fragments = await receive("fragments");
    assert.ok(Array.isArray(fragments));
    assert.equal(Buffer.concat(fragments as Buffer[]).toString(), "bytes");
    const blob = await receive("blob");
    assert.ok(blob instanceof Blob);
    assert.equal(await blob.text(), "bytes");
  });

  it("does not apply to text", async (t) => {
    const { client, socket } = await pair(t, api);
    client.binaryType = "arraybuffer";
    const message = next(client, "message");
    socket.send("text");
    assert.ok(Buffer.isBuffer((await message)[0]));
  });
});

describeBoth("websocket.ping and pong", (api) => {
  it("pings are answered with their data, and told to both sides", async (t) => {
    const { client, socket } = await pair(t, api);
    const ping = next(socket, "ping");
    const pong = next(client, "pong");
    client.ping("data", true, (error) => assert.ok(!error));
    assert.deepEqual(await ping, [Buffer.from("data")]);
    assert.deepEqual(await pong, [Buffer.from("data")]);
  });

  it("takes the callback in any place, and numbers as text", async (t) => {
    const { client, socket } = await pair(t, api);
    const pings = several(socket, "ping", 3);
    const sent = Promise.all([
      new Promise((resolve) => (client.ping as (callback: unknown) => void)(resolve)),
      new Promise((resolve) => (client.ping as (data: unknown, callback: unknown) => void)(7, resolve)),
      new Promise((resolve) => client.ping(Buffer.from("b"), undefined, resolve)),
    ]);
    assert.deepEqual(
      (await pings).map(([data]) => String(data)),
      ["", "7", "b"],
    );
    await patiently(sent, "three callbacks");
  });

  it("sends pongs that nobody asked for", async (t) => {
    const { client, socket } = await pair(t, api);
    const pong = next(socket, "pong");
    client.pong("alive");
    assert.equal(String((await pong)[0]), "alive");
  });

  it("throws above 125 bytes", async (t) => {
    const { client } = await pair(t, api);
    for (const act of [() => client.ping("x".repeat(126)), () => client.pong(Buffer.alloc(126))])
      assert.throws(act, { name: "RangeError", message: "The data size must not be greater than 125 bytes" });
  });

  it("answers nothing with autoPong off", async (t) => {
    const { wss, port } = await listening(t, api, { autoPong: false });
    const pinged = new Promise((resolve) => {
      wss.on("connection", (socket) =>
        socket.on("ping", (data) => {
          socket.send("no pong");
          resolve(String(data));
        }),
      );
    });
    const client = await RawClient.open({ port });
    client.send(pingFrame("p"));
    assert.equal(await patiently(pinged, "ping"), "p");
    assert.equal(await client.nextText(), "no pong");
    await client.destroy();
  });

  it("answers by the method pong, so that overriding it is enough to fall silent", async (t) => {
    const { wss, port } = await listening(t, api);
    wss.on("connection", (socket) => {
      socket.pong = () => socket.send("instead");
    });
    const client = await RawClient.open({ port });
    client.send(pingFrame("p"));
    assert.equal(await client.nextText(), "instead");
    await client.destroy();
  });
});

describeBoth("websocket.close([code[, reason]])", (api) => {
  it("tells both sides the code and the reason, and that it was clean", async (t) => {
    const { client, socket } = await pair(t, api);
    const clean = new Promise((resolve) =>
      socket.addEventListener("close", (event) => resolve(event.wasClean)),
    );
    const both = Promise.all([next(client, "close"), next(socket, "close")]);
    client.close(3123, "the réason");
    assert.equal(client.readyState, api.CLOSING);
    for (const [code, reason] of await both) {
      assert.equal(code, 3123);
      assert.ok(Buffer.isBuffer(reason));
      assert.equal(reason.toString(), "the réason");
    }
    assert.equal(await clean, true);
    assert.equal(client.readyState, api.CLOSED);
    assert.equal(socket.readyState, api.CLOSED);
  });

  it("is 1005 without a code", async (t) => {
    const { client, socket } = await pair(t, api);
    const both = Promise.all([next(client, "close"), next(socket, "close")]);
    socket.close();
    for (const [code, reason] of await both) assert.deepEqual([code, String(reason)], [1005, ""]);
  });

  it("takes the reason as bytes", async (t) => {
    const { client, socket } = await pair(t, api);
    const closed = next(socket, "close");
    client.close(1000, Buffer.from("bytes"));
    assert.equal(String((await closed)[1]), "bytes");
  });

  it("throws for codes and reasons that may not be sent", async (t) => {
    const { client } = await pair(t, api);
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, "1000"])
      assert.throws(() => client.close(code as number), {
        name: "TypeError",
        message: "First argument must be a valid error code number",
      });
    assert.throws(() => client.close(1000, "x".repeat(124)), {
      name: "RangeError",
      message: "The message must not be greater than 123 bytes",
    });
    assert.throws(() => client.close(1000, [1] as never), TypeError);
    assert.equal(client.readyState, api.OPEN);
  });

  it("still sends what was sent before, and nothing after", async (t) => {
    const { client, socket } = await pair(t, api);
    const received: string[] = [];
    socket.on("message", (data) => received.push(String(data)));
    const closed = next(socket, "close");
    client.send("before");
    client.close();
    client.send("after");
    await closed;
    assert.deepEqual(received, ["before"]);
  });

  for (const [what, code, reason, [expectedCode, expectedReason]] of [
    ["a number as reason", 1000, 5, [1000, ""]],
    ["an object as reason", 1000, {}, [1000, ""]],
    ["true as reason", 1000, true, [1000, ""]],
    ["an ArrayBuffer as reason", 1000, new ArrayBuffer(2), [1000, ""]],
    ["a fraction as code", 1000.5, "a", [1000, "a"]],
    ["bytes of another realm", 1000, runInNewContext("new Uint8Array([65, 66])"), [1000, "AB"]],
  ] as const satisfies readonly (readonly [string, number, unknown, readonly [number, string]])[]) {
    it(`takes ${what}`, async (t) => {
      const { client, socket } = await pair(t, api);
      const closed = next(socket, "close");
      client.close(code, reason as string);
      const [givenCode, givenReason] = await closed;
      assert.deepEqual([givenCode, String(givenReason)], [expectedCode, expectedReason]);
    });
  }

  it("refuses an array as reason, and null", async (t) => {
    const { client } = await pair(t, api);
    for (const reason of [["a"], null])
      assert.throws(() => client.close(1000, reason as never), { name: "TypeError" });
    assert.equal(client.readyState, api.OPEN);
  });

  it("is called for the peer's close frame, where a program overrides it", async (t) => {
    const calls: unknown[] = [];
    class Own extends api {
      override close(code?: number, reason?: string | Buffer): void {
        calls.push([code, reason?.toString()]);
        super.close(code, reason);
      }
    }
    const server = { WebSocket: Own as never };
    const { client, socket } = await pair(t, api, { server });
    const closed = next(socket, "close");
    client.close(4000, "why");
    await closed;
    assert.deepEqual(calls, [[4000, "why"]]);
    const other = await pair(t, api, { server });
    const otherClosed = next(other.socket, "close");
    other.client.close();
    await otherClosed;
    assert.deepEqual(calls[1], [undefined, undefined]);
  });

  it("may be called again, which does nothing", async (t) => {
    const { client, socket } = await pair(t, api);
    const closed = next(socket, "close");
    client.close(1000);
    client.close(1001);
    client.close("no code" as never);
    assert.equal((await closed)[0], 1000);
    client.close();
    client.terminate();
  });

  it("hands out what comes before the peer's close frame", async (t) => {
    const { wss, port } = await listening(t, api);
    const received: string[] = [];
    const closed = new Promise((resolve) => {
      wss.on("connection", (socket) => {
        socket.on("message", (data) => received.push(String(data)));
        socket.on("close", (code, reason) => resolve([code, String(reason)]));
      });
    });
    const client = await RawClient.open({ port });
    client.send(textFrame("1"), textFrame("2"), closeFrame(4000, "bye"), textFrame("3"));
    assert.deepEqual(await client.nextClose(), { code: 4000, reason: "bye" });
    await client.gone;
    assert.deepEqual(await patiently(closed as Promise<unknown>, "close"), [4000, "bye"]);
    assert.deepEqual(received, ["1", "2"]);
  });

  it("drops the connection when the peer does not answer within closeTimeout", async (t) => {
    const { wss, port } = await listening(t, api, { closeTimeout: 20 });
    const closed = new Promise((resolve) => {
      wss.on("connection", (socket) => {
        socket.on("close", (code) => resolve(code));
        socket.close(1000);
      });
    });
    const client = await RawClient.open({ port });
    assert.equal((await client.nextClose()).code, 1000);
    assert.equal(await patiently(closed, "close"), 1006);
    await client.gone;
  });

  it("before it is open: error, then close with 1006", async (t) => {
    const { url } = await listening(t, api);
    for (const act of ["close", "terminate"] as const) {
      const client = new api(url);
      const events: unknown[] = [];
      client.on("error", (error) => events.push(error.message));
      client.on("open", () => events.push("open"));
      const closed = next(client, "close");
      client[act]();
      assert.equal(client.readyState, api.CLOSING);
      assert.deepEqual(events, []);
      assert.deepEqual((await closed)[0], 1006);
      assert.deepEqual(events, ["WebSocket was closed before the connection was established"]);
    }
  });
});

describeBoth("how a connection ends otherwise", (api) => {
  it("terminate(): 1006 on both sides, behind what was sent", async (t) => {
    const { client, socket } = await pair(t, api);
    const message = next(socket, "message");
    const both = Promise.all([next(client, "close"), next(socket, "close")]);
    client.send("last words");
    client.terminate();
    assert.equal(client.readyState, api.CLOSING);
    assert.equal(String((await message)[0]), "last words");
    for (const [code, reason] of await both) assert.deepEqual([code, String(reason)], [1006, ""]);
  });

  it("a peer that vanishes: 1006 and no error", async (t) => {
    const { wss, port } = await listening(t, api);
    const errors: unknown[] = [];
    const closed = new Promise<number>((resolve) => {
      wss.on("connection", (socket) => {
        socket.on("error", (error) => errors.push(error));
        socket.on("close", resolve);
      });
    });
    const client = await RawClient.open({ port });
    client.socket.resetAndDestroy();
    assert.equal(await patiently(closed, "close"), 1006);
    assert.deepEqual(errors, []);
  });

  it("a peer that ends without a close frame: 1006", async (t) => {
    const { wss, port } = await listening(t, api);
    const closed = new Promise((resolve) => {
      wss.on("connection", (socket) =>
        socket.addEventListener("close", ({ code, wasClean }) => resolve([code, wasClean])),
      );
    });
    const client = await RawClient.open({ port });
    client.socket.end();
    await client.gone;
    assert.deepEqual(await patiently(closed as Promise<unknown>, "close"), [1006, false]);
  });

  it("a program that destroys the socket underneath", async (t) => {
    const { client, socket } = await pair(t, api);
    const both = Promise.all([next(client, "close"), next(socket, "close")]);
    (socket as unknown as { _socket: { destroy(): void } })._socket.destroy();
    for (const [code] of await both) assert.equal(code, 1006);
  });
});

describeBoth("websocket.pause() and resume()", (api) => {
  it("stop and go on handing out", async (t) => {
    const { client, socket } = await pair(t, api);
    assert.equal(socket.isPaused, false);
    socket.pause();
    assert.equal(socket.isPaused, true);
    let count = 0;
    socket.on("message", () => count++);
    await patiently(new Promise<unknown>((resolve) => client.send("held", resolve)), "sent");
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    assert.equal(count, 0);
    socket.resume();
    assert.equal(socket.isPaused, false);
    await until(() => count === 1, "the message");
  });

  it("do nothing before and after", async (t) => {
    const { url } = await listening(t, api);
    const client = new api(url);
    client.pause();
    assert.equal(client.isPaused, false);
    client.resume();
    await next(client, "open");
    client.terminate();
    await next(client, "close");
    client.pause();
    assert.equal(client.isPaused, false);
  });
});

describeBoth("fake timers of tests", (api) => {
  it("messages arrive although process.nextTick stands still", async (t) => {
    const { client, socket } = await pair(t, api);
    const waiting: (() => void)[] = [];
    const tick = t.mock.method(
      process,
      "nextTick",
      (call: (...args: unknown[]) => void, ...args: unknown[]) => {
        waiting.push(() => call(...args));
      },
    );
    t.after(() => {
      tick.mock.restore();
      for (const call of waiting) call();
    });
    socket.on("message", (data) => socket.send(`${String(data)} and back`));
    const answer = new Promise((resolve) => client.on("message", (data) => resolve(String(data))));
    client.send("there");
    assert.equal(await patiently(answer, "the answer"), "there and back");
  });
});

describeBoth("events as in browsers", (api) => {
  it("calls onopen, onmessage, onerror and onclose with events", async (t) => {
    const { wss, url } = await listening(t, api);
    wss.on("connection", (socket) => {
      socket.send("text");
      socket.send(Buffer.from("bytes"));
      socket.close(1000, "done");
    });
    const client = new api(url);
    const seen: unknown[] = [];
    client.onopen = (event) => seen.push([event.type, event.target === client]);
    client.onmessage = (event) => seen.push([event.type, event.data, event.target === client]);
    await patiently(
      new Promise<void>((resolve) => {
        client.onclose = (event) => {
          seen.push([event.type, event.code, event.reason, event.wasClean, event.target === client]);
          resolve();
        };
      }),
      "close",
    );
    assert.deepEqual(seen, [
      ["open", true],
      ["message", "text", true],
      ["message", Buffer.from("bytes"), true],
      ["close", 1000, "done", true, true],
    ]);
  });

  it("tells an error by an event with error and message", async () => {
    const client = new api("ws://127.0.0.1:1");
    const closed = next(client, "close");
    const event = await patiently(
      new Promise<{ type: string; message: string; error: Error }>((resolve) => {
        client.onerror = resolve;
      }),
      "error",
    );
    assert.equal(event.type, "error");
    assert.equal(event.message, event.error.message);
    assert.equal((event.error as NodeJS.ErrnoException).code, "ECONNREFUSED");
    assert.equal((await closed)[0], 1006);
  });

  it("gives back what was set, and null otherwise", async (t) => {
    const { client } = await pair(t, api);
    const listener = (): void => {};
    for (const name of ["onopen", "onmessage", "onerror", "onclose"] as const) {
      assert.equal(client[name], null);
      client[name] = listener;
      assert.equal(client[name], listener);
      client[name] = () => {};
      assert.notEqual(client[name], listener);
      client[name] = null;
      assert.equal(client[name], null);
      client[name] = "no function" as never;
      assert.equal(client[name], null);
    }
    assert.equal(client.listenerCount("message"), 0);
  });

  it("events have nothing to be written into a log: no URL, no headers", async (t) => {
    const client = new api("ws://127.0.0.1:1/?token=secret", { headers: { authorization: "Bearer secret" } });
    t.after(() => client.terminate());
    const failed = new Promise<unknown>((resolve) => {
      client.onerror = resolve;
    });
    const closed = new Promise<unknown>((resolve) => {
      client.onclose = resolve;
    });
    for (const event of [await failed, await closed]) {
      assert.equal(JSON.stringify(event), "{}");
      assert.deepEqual(Object.keys(event as object), []);
    }
    const { client: other, socket } = await pair(t, api);
    const event = new Promise<object>((resolve) => {
      other.onmessage = resolve;
    });
    socket.send("text");
    const names: string[] = [];
    for (const name in await event) names.push(name);
    assert.deepEqual(names.sort(), ["data", "target", "type"]);
    assert.equal(JSON.stringify(await event), "{}");
  });

  it("events say in a console what happened", async (t) => {
    const { client, socket } = await pair(t, api);
    const message = new Promise<unknown>((resolve) => {
      client.onmessage = resolve;
    });
    const closed = new Promise<unknown>((resolve) => {
      client.onclose = resolve;
    });
    socket.send("the text");
    socket.close(4001, "the reason");
    const failing = new api("ws://127.0.0.1:1/");
    const failed = new Promise<unknown>((resolve) => {
      failing.onerror = resolve;
    });
    assert.match(inspect(await message), /^MessageEvent \{.*type.*'message'.*'the text'/s);
    assert.match(inspect(await closed), /^CloseEvent \{.*type.*'close'.*4001.*'the reason'/s);
    assert.match(inspect(await failed), /^ErrorEvent \{.*type.*'error'.*ECONNREFUSED/s);
  });

  it("addEventListener: once however often it is added, with once, and with handleEvent", async (t) => {
    const { client, socket } = await pair(t, api);
    const seen: string[] = [];
    const twice = (event: { data: unknown }): number => seen.push(`twice ${String(event.data)}`);
    const object = {
      handleEvent: (event: { data: unknown }): number => seen.push(`object ${String(event.data)}`),
    };
    client.addEventListener("message", twice);
    client.addEventListener("message", twice);
    client.addEventListener("message", object);
    client.addEventListener("message", (event) => seen.push(`once ${String(event.data)}`), { once: true });
    client.addEventListener("nonsense" as "message", twice);
    const messages = several(client, "message", 2);
    socket.send("1");
    socket.send("2");
    await messages;
    assert.deepEqual(seen, ["twice 1", "object 1", "once 1", "twice 2", "object 2"]);
    client.removeEventListener("message", twice);
    client.removeEventListener("message", object);
    assert.equal(client.listenerCount("message"), 0);
  });

  it("removeEventListener does not take off onmessage", async (t) => {
    const { client } = await pair(t, api);
    const listener = (): void => {};
    client.onmessage = listener;
    client.removeEventListener("message", listener);
    assert.equal(client.onmessage, listener);
  });
});

describeBoth("options of both sides", (api) => {
  it("allowSynchronousEvents: false tells one event a tick", async (t) => {
    for (const allowSynchronousEvents of [true, false]) {
      const { wss, port } = await listening(t, api, { allowSynchronousEvents });
      const ticks: number[] = [];
      let tick = 0;
      const closed = new Promise((resolve) => {
        wss.on("connection", (socket) => {
          const note = (): void => {
            ticks.push(tick);
            setImmediate(() => tick++);
          };
          for (const event of ["message", "ping"] as const) socket.on(event, note);
          socket.on("close", resolve);
        });
      });
      const client = await RawClient.open({ port });
      client.send(textFrame("1"), pingFrame("2"), textFrame("3"), closeFrame(1000));
      await patiently(closed, "close");
      await client.gone;
      assert.equal(new Set(ticks).size, allowSynchronousEvents ? 1 : 3, String(ticks));
    }
  });

  it("skipUTF8Validation: text is taken as it comes, in fragments as well", async (t) => {
    const { wss, port } = await listening(t, api, { skipUTF8Validation: true });
    const messages = new Promise<Buffer[]>((resolve) => {
      const found: Buffer[] = [];
      wss.on("connection", (socket) =>
        socket.on("message", (data) => {
          if (found.push(data as Buffer) === 2) resolve(found);
        }),
      );
    });
    const client = await RawClient.open({ port });
    const bad = Buffer.from([0xff, 0xfe, 0x80]);
    client.send(maskedFrame(0x81, bad), maskedFrame(0x01, bad), maskedFrame(0x80, bad));
    const [whole, joined] = await patiently(messages, "two messages");
    assert.deepEqual(whole, bad);
    assert.deepEqual(joined, Buffer.concat([bad, bad]));
    await client.destroy();
  });

  it("maxPayload: the largest message passes, and one byte more does not", async (t) => {
    const { client, socket } = await pair(t, api, { server: { maxPayload: 1000 } });
    const message = next(socket, "message");
    client.send("x".repeat(1000));
    await message;
    const error = next(socket, "error");
    client.send("x".repeat(1001));
    assert.equal(((await error)[0] as NodeJS.ErrnoException).code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
    assert.equal((await next(client, "close"))[0], 1009);
  });
});

// What one side of each does to the other.
for (const [serverApi, clientApi, title] of [
  [ws, hawser, "a server of ws and a client of hawser/ws"],
  [hawser, ws, "a server of hawser/ws and a client of ws"],
] as const satisfies readonly (readonly [Api, Api, string])[]) {
  it(`${title}: messages, pings and close`, async (t) => {
    const { client, socket } = await pair(t, serverApi, {
      clientApi,
      server: { perMessageDeflate: true },
      protocols: ["one"],
    });
    assert.equal(client.extensions, "permessage-deflate");
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    const messages = several(client, "message", 40);
    for (let i = 0; i < 40; i++) client.send(`${i} `.repeat(i * 50), { compress: i % 2 === 0 });
    assert.deepEqual(
      (await messages).map(([data]) => String(data)),
      Array.from({ length: 40 }, (_, i) => `${i} `.repeat(i * 50)),
    );
    const pong = next(client, "pong");
    client.ping("p");
    await pong;
    const both: Promise<unknown[]>[] = [next(client, "close"), next(socket, "close")];
    (socket as Client).close(1001, "moving");
    for (const [code, reason] of await Promise.all(both))
      assert.deepEqual([code, String(reason)], [1001, "moving"]);
  });
}
