import assert from "node:assert/strict";
import { once } from "node:events";
import { after, describe, it } from "node:test";
import { CloseEvent, WebSocket } from "hawser/client";
import { type EchoServer, echoServer } from "../client/echo-server.js";
import { freePort } from "../support/free-port.js";
import { leakCheck } from "../support/leak-check.js";

/** What is given where the types say something else. */
const anything = (value: unknown): never => value as never;

const domException = (name: string) => (error: unknown) =>
  error instanceof DOMException && error.name === name;

async function gone(socket: WebSocket): Promise<void> {
  const closed = once(socket, "close");
  socket.close();
  await closed;
}

async function opened(server: EchoServer, ...rest: unknown[]): Promise<WebSocket> {
  const socket = new WebSocket(server.url, ...(rest as []));
  await once(socket, "open");
  return socket;
}

describe("WebSockets Standard, 3.1 Interface definition: new WebSocket(url, protocols), conversions", () => {
  after(leakCheck());

  it("is missing an argument without a url", () => {
    assert.throws(() => Reflect.construct(WebSocket, []), TypeError);
    assert.throws(() => new WebSocket(anything(undefined)), domException("SyntaxError"));
  });

  it("takes a url as USVString: what is no string is converted, and the conversion may throw", async () => {
    const port = await freePort();
    const socket = new WebSocket(anything({ toString: () => `ws://127.0.0.1:${port}/\ud800` }));
    assert.equal(socket.url, `ws://127.0.0.1:${port}/%EF%BF%BD`);
    await gone(socket);
    const thrown = new Error("mine");
    const failing = anything({
      toString() {
        throw thrown;
      },
    });
    assert.throws(() => new WebSocket(failing), thrown);
    assert.throws(() => new WebSocket(anything(Symbol("x"))), TypeError);
  });

  it("throws what it must throw first: conversions before steps, the url before protocols", () => {
    assert.throws(() => new WebSocket("ws://h/#x", anything(Symbol("x"))), TypeError);
    assert.throws(() => new WebSocket("ftp://h/", ["a", "a"]), domException("SyntaxError"));
  });

  it("takes protocols as (DOMString or sequence<DOMString>)", async (t) => {
    const server = await echoServer(t);
    const offered = async (protocols: unknown): Promise<string | undefined> => {
      await gone(await opened(server, protocols));
      return server.requests.at(-1)?.headers["sec-websocket-protocol"];
    };
    assert.equal(await offered(null), "null");
    assert.equal(await offered(5), "5");
    assert.equal(await offered({ toString: () => "one" }), "one");
    assert.equal(await offered({ [Symbol.iterator]: null, toString: () => "two" }), "two");
    assert.equal(await offered(new Set(["a", 1, "A"])), "a, 1, A");
    assert.equal(await offered(new String("abc")), "a, b, c");
    for (const protocols of [{ [Symbol.iterator]: 1 }, Symbol("x"), [Symbol("x")]]) {
      assert.throws(() => new WebSocket(server.url, anything(protocols)), TypeError);
    }
    await gone(await opened(server, undefined));
    assert.equal(server.requests.at(-1)?.headers["sec-websocket-protocol"], undefined);
  });
});

describe("WebSockets Standard, 3.1 Interface definition: send and close, conversions", () => {
  after(leakCheck());

  it("send needs an argument, and converts before it looks at the state", async (t) => {
    const server = await echoServer(t);
    const socket = new WebSocket(server.url);
    assert.throws(() => Reflect.apply(socket.send, socket, []), TypeError);
    assert.throws(() => socket.send(anything(Symbol("x"))), TypeError);
    assert.throws(() => socket.send("x"), domException("InvalidStateError"));
    await once(socket, "open");
    await gone(socket);
  });

  it("send takes every kind of view, and only what it shows", async (t) => {
    const server = await echoServer(t);
    const socket = await opened(server);
    socket.binaryType = "arraybuffer";
    const { buffer } = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    for (const view of [
      new DataView(buffer, 1, 3),
      new Uint16Array(buffer, 2, 2),
      new Uint8Array(buffer, 9),
    ]) {
      socket.send(view);
      const [{ data }] = (await once(socket, "message")) as [MessageEvent];
      const sent = new Uint8Array(buffer, view.byteOffset, view.byteLength);
      assert.deepEqual(new Uint8Array(data), sent);
    }
    await gone(socket);
  });

  it("close takes undefined for what was not supplied, and null for 0", async (t) => {
    const server = await echoServer(t);
    const socket = await opened(server);
    assert.throws(() => socket.close(anything(null)), domException("InvalidAccessError"));
    assert.throws(() => socket.close(anything("x")), domException("InvalidAccessError"));
    assert.throws(() => socket.close(anything(Symbol("x"))), TypeError);
    assert.throws(() => socket.close(1000, anything(Symbol("x"))), TypeError);
    const both = Promise.all([once(server.sockets[0]!, "close"), once(socket, "close")]);
    socket.close(undefined, anything(null)); // the reason "null", and so the code 1000
    const [code, reason] = (await both)[0] as [number, Buffer];
    assert.deepEqual([code, String(reason)], [1000, "null"]);
  });

  it("close sends a lone surrogate of the reason as U+FFFD, three bytes long", async (t) => {
    const server = await echoServer(t);
    const socket = await opened(server);
    assert.throws(() => socket.close(1000, `\ud800${"x".repeat(121)}`), domException("SyntaxError"));
    const both = Promise.all([once(server.sockets[0]!, "close"), once(socket, "close")]);
    socket.close(1000, "\udfff!");
    assert.equal(String((await both)[0][1]), "\ufffd!");
  });
});

describe("WebSockets Standard, 6 The CloseEvent interface", () => {
  it("is made of a type and a dictionary", () => {
    assert.throws(() => Reflect.construct(CloseEvent, []), TypeError);
    assert.throws(() => new CloseEvent("x", anything(5)), TypeError);
    const plain = new CloseEvent("close");
    assert.deepEqual([plain.wasClean, plain.code, plain.reason], [false, 0, ""]);
    const full = new CloseEvent(
      anything(7),
      anything({ wasClean: 1, code: 65_536 + 5, reason: "\ud800", bubbles: true }),
    );
    assert.deepEqual(
      [full.type, full.wasClean, full.code, full.reason, full.bubbles],
      ["7", true, 5, "\ufffd", true],
    );
    for (const [value, code] of [
      [-1, 65_535],
      ["12.9", 12],
      [Number.NaN, 0],
      [Number.POSITIVE_INFINITY, 0],
      [-0.5, 0],
    ]) {
      assert.equal(new CloseEvent("x", anything({ code: value })).code, code);
    }
    assert.throws(() => new CloseEvent("x", anything({ reason: Symbol("x") })), TypeError);
  });

  it("has its attributes on the prototype, which cannot be set", () => {
    const event = new CloseEvent("close", { code: 1000 });
    assert.deepEqual(Object.keys(CloseEvent.prototype), ["wasClean", "code", "reason"]);
    assert.equal(Object.hasOwn(event, "code"), false);
    assert.throws(() => {
      (event as { code: number }).code = 1;
    }, TypeError);
    assert.equal(Object.prototype.toString.call(event), "[object CloseEvent]");
  });
});
