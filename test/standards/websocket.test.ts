import assert from "node:assert/strict";
import { once } from "node:events";
import { after, describe, it, type TestContext } from "node:test";
import { CloseEvent, ErrorEvent, WebSocket } from "hawser/client";
import { clampToUnsignedShort } from "#node/client/web-idl.js";
import { type EchoServer, echoServer } from "../client/echo-server.js";
import { headerOf, rawServer, serverFrame, switching } from "../client/raw-server.js";
import { freePort } from "../support/free-port.js";
import { leakCheck } from "../support/leak-check.js";
import { withTimeout } from "../support/with-timeout.js";

/** The next event of this type. */
function next(socket: WebSocket, type: "open"): Promise<Event>;
function next(socket: WebSocket, type: "message"): Promise<MessageEvent>;
function next(socket: WebSocket, type: "error"): Promise<ErrorEvent>;
function next(socket: WebSocket, type: "close"): Promise<CloseEvent>;
function next(socket: WebSocket, type: string): Promise<Event> {
  const event = new Promise<Event>((resolve) => socket.addEventListener(type, resolve, { once: true }));
  return withTimeout(event, 5_000, type);
}

async function opened(t: TestContext): Promise<{ socket: WebSocket; server: EchoServer }> {
  const server = await echoServer(t);
  const socket = new WebSocket(server.url);
  await next(socket, "open");
  return { socket, server };
}

async function ended(socket: WebSocket): Promise<void> {
  const close = next(socket, "close");
  socket.close();
  await close;
}

const domException = (name: string) => (error: unknown) =>
  error instanceof DOMException && error.name === name;

describe("WebSockets Standard, 3.1 Interface definition: the interface", () => {
  after(leakCheck());

  it("has its constants on the class and on the prototype, fixed and enumerable", () => {
    for (const [name, value] of Object.entries({ CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 })) {
      for (const object of [WebSocket, WebSocket.prototype]) {
        assert.deepEqual(Object.getOwnPropertyDescriptor(object, name), {
          value,
          enumerable: true,
          writable: false,
          configurable: false,
        });
      }
    }
  });

  it("has enumerable attributes and a name", () => {
    for (const name of [
      "url",
      "readyState",
      "bufferedAmount",
      "onopen",
      "onmessage",
      "binaryType",
      "send",
      "close",
    ]) {
      assert.equal(Object.getOwnPropertyDescriptor(WebSocket.prototype, name)?.enumerable, true, name);
    }
    assert.equal(Object.prototype.toString.call(WebSocket.prototype), "[object WebSocket]");
    assert.equal(WebSocket.length, 1);
    assert.ok(WebSocket.prototype instanceof EventTarget);
  });

  it("throws a TypeError where an attribute is read from something else", () => {
    const getter = Object.getOwnPropertyDescriptor(WebSocket.prototype, "url")?.get;
    assert.throws(() => getter?.call({}), TypeError);
    for (const name of Object.keys(Object.getOwnPropertyDescriptors(WebSocket.prototype))) {
      if (name in WebSocket || name === "constructor") continue; // constants
      const { get, set, value } = Object.getOwnPropertyDescriptor(WebSocket.prototype, name)!;
      for (const action of [get, set, value]) {
        // Arguments that would be refused as well are not looked at before.
        if (action !== undefined) assert.throws(() => action.call({}, 1001), TypeError, name);
      }
    }
    assert.throws(() => (WebSocket as unknown as () => void)(), TypeError);
  });
});

describe("WebSockets Standard, 3.1 Interface definition: new WebSocket(url, protocols)", () => {
  after(leakCheck());

  it("throws a SyntaxError for what is no URL of WebSocket", () => {
    for (const url of [
      "",
      "/relative",
      "ws://",
      "ws://h:99999",
      "ftp://h/",
      "mailto:x",
      "ws+unix:/a:/",
      "ws://h/#",
      "ws://h/#x",
    ]) {
      assert.throws(() => new WebSocket(url), domException("SyntaxError"), url);
    }
  });

  it("throws a SyntaxError for subprotocols that repeat or are no tokens", () => {
    for (const protocols of ["", "a b", "a,b", "é", ["a", "a"], ["a", ""], [" "]]) {
      assert.throws(
        () => new WebSocket("ws://h/", protocols),
        domException("SyntaxError"),
        String(protocols),
      );
    }
    assert.throws(() => new WebSocket("ws://h/", {} as string), domException("SyntaxError"));
  });

  it("serializes the URL, with http: as ws: and https: as wss:", async () => {
    const port = await freePort();
    const socket = new WebSocket(`HTTP://127.0.0.1:${port}/a b?\ud800`);
    assert.equal(socket.url, `ws://127.0.0.1:${port}/a%20b?%EF%BF%BD`);
    assert.equal(socket.readyState, 0);
    assert.equal(socket.extensions, "");
    assert.equal(socket.protocol, "");
    assert.equal(socket.bufferedAmount, 0);
    assert.equal(socket.binaryType, "blob");
    const secure = new WebSocket(new URL(`https://127.0.0.1:${port}/`));
    assert.equal(secure.url, `wss://127.0.0.1:${port}/`);
    await Promise.all([next(socket, "close"), next(secure, "close")]);
  });

  it("takes headers and limits as a third argument", async (t) => {
    const { url, requests } = await echoServer(t);
    const socket = new WebSocket(url, [], {
      headers: { "X-One": "1" },
      compression: false,
      maxMessageBytes: 3,
    });
    await next(socket, "open");
    assert.equal(requests[0]?.headers["x-one"], "1");
    assert.equal(socket.extensions, "");
    socket.send("four");
    const [error, close] = await Promise.all([next(socket, "error"), next(socket, "close")]);
    assert.match(error.error.code, /TOO_BIG/);
    assert.equal(close.code, 1006);
  });

  it("reports options that cannot work by events, as everything after the constructor", async () => {
    const socket = new WebSocket("ws://127.0.0.1:9/", [], { headers: { "x\n": "1" } });
    const [error] = await Promise.all([next(socket, "error"), next(socket, "close")]);
    assert.equal(error.error.code, "INVALID_HEADER");
  });
});

describe("WebSockets Standard, 2.2 Opening handshake", () => {
  after(leakCheck());

  it("fires open with the subprotocol and extensions set", async (t) => {
    const server = await rawServer(t, (socket, head) => {
      socket.write(
        switching(head, "Sec-WebSocket-Protocol: b\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"),
      );
    });
    const socket = new WebSocket(server.url, ["a", "b"]);
    await next(socket, "open");
    assert.equal(socket.readyState, WebSocket.OPEN);
    assert.equal(socket.protocol, "b");
    assert.equal(socket.extensions, "permessage-deflate");
    assert.equal(headerOf(server.requests[0] ?? "", "sec-websocket-protocol"), "a, b");
    for (const one of server.sockets) one.destroy();
    await next(socket, "close");
  });

  it("fails if the server chooses none of the subprotocols", async (t) => {
    const server = await rawServer(t, (socket, head) => socket.write(switching(head)));
    const socket = new WebSocket(server.url, "a");
    const [error, close] = await Promise.all([next(socket, "error"), next(socket, "close")]);
    assert.equal((error.error.cause as { code?: string }).code, "MISSING_PROTOCOL");
    assert.equal(close.code, 1006);
  });

  it("follows no redirect", async (t) => {
    const server = await rawServer(t, (socket) => socket.write("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"));
    const socket = new WebSocket(server.url);
    await next(socket, "close");
    assert.equal(server.requests.length, 1);
  });

  it("fires error, then close with 1006, and is CLOSED in both, if it fails", async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${await freePort()}/`);
    const seen: unknown[] = [];
    socket.onerror = (event) =>
      seen.push([event.type, event instanceof ErrorEvent, event.error.code, socket.readyState]);
    socket.onclose = (event) =>
      seen.push([
        event.type,
        event instanceof CloseEvent,
        event.code,
        event.reason,
        event.wasClean,
        socket.readyState,
      ]);
    await next(socket, "close");
    assert.deepEqual(seen, [
      ["error", true, "CONNECT_FAILED", 3],
      ["close", true, 1006, "", false, 3],
    ]);
  });
});

describe("WebSockets Standard, 4 Feedback from the protocol: messages", () => {
  after(leakCheck());

  it("come as string, Blob or ArrayBuffer, with the origin of the URL", async (t) => {
    const { socket } = await opened(t);
    socket.send("grüße \ud800");
    const text = await next(socket, "message");
    assert.ok(text instanceof MessageEvent);
    assert.equal(text.data, "grüße \ufffd");
    assert.equal(text.origin, new URL(socket.url).origin);
    socket.send(Buffer.of(1, 2, 3).subarray(1));
    const blob = (await next(socket, "message")).data as Blob;
    assert.ok(blob instanceof Blob);
    assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), Uint8Array.of(2, 3));
    socket.binaryType = "arraybuffer";
    socket.send(Uint16Array.of(0x0201).buffer);
    const buffer = (await next(socket, "message")).data as ArrayBuffer;
    assert.ok(buffer instanceof ArrayBuffer);
    assert.deepEqual(new Uint8Array(buffer), Uint8Array.of(1, 2));
    await ended(socket);
  });

  it("keep a binaryType that is assigned nonsense", async (t) => {
    const { socket } = await opened(t);
    socket.binaryType = "arraybuffer";
    socket.binaryType = "nodebuffer" as "blob";
    assert.equal(socket.binaryType, "arraybuffer");
    await ended(socket);
  });

  it("are not delivered once closing began", async (t) => {
    const { socket, server } = await opened(t);
    const seen: unknown[] = [];
    socket.onmessage = (event) => seen.push(event.data);
    socket.close();
    server.sockets[0]?.send("late");
    await next(socket, "close");
    assert.deepEqual(seen, []);
  });

  it("that come with the answer are delivered behind open", async (t) => {
    const server = await rawServer(t, (socket, head) => {
      socket.end(Buffer.concat([Buffer.from(switching(head)), serverFrame(1, "hi"), serverFrame(8, "")]));
    });
    const socket = new WebSocket(server.url);
    const seen: string[] = [];
    for (const type of ["open", "message", "error", "close"])
      socket.addEventListener(type, () => seen.push(type));
    const close = await next(socket, "close");
    assert.deepEqual(seen, ["open", "message", "close"]);
    assert.deepEqual([close.code, close.wasClean], [1005, true]);
  });
});

describe("WebSockets Standard, 3.1 Interface definition: send(data) and bufferedAmount", () => {
  after(leakCheck());

  it("throws an InvalidStateError while connecting", async (t) => {
    const { url } = await echoServer(t);
    const socket = new WebSocket(url);
    assert.throws(() => socket.send("x"), domException("InvalidStateError"));
    assert.equal(socket.bufferedAmount, 0);
    await next(socket, "open");
    await ended(socket);
  });

  it("keeps the order of Blobs and what is sent behind them, close included", async (t) => {
    const { socket, server } = await opened(t);
    const seen: string[] = [];
    const other = server.sockets[0]!;
    other.on("message", (data, isBinary) => seen.push(`${isBinary ? "binary" : "text"} ${String(data)}`));
    const bytes = Buffer.from("three");
    socket.send(new Blob(["one"]));
    socket.send("two");
    socket.send(bytes);
    bytes.fill(0);
    socket.send(new Blob(["four"]));
    const close = next(socket, "close");
    socket.close(3000, "bye");
    assert.equal(socket.readyState, WebSocket.CLOSING);
    assert.equal(socket.bufferedAmount, 15);
    const [code, reason] = (await once(other, "close")) as [number, Buffer];
    assert.deepEqual(seen, ["binary one", "text two", "binary three", "binary four"]);
    assert.deepEqual([code, String(reason)], [3000, "bye"]);
    assert.equal((await close).wasClean, true);
    assert.equal(socket.bufferedAmount, 0);
  });

  it("sends what is neither bytes nor a Blob as a string", async (t) => {
    const { socket } = await opened(t);
    for (const [value, text] of [
      [5, "5"],
      [null, "null"],
      [undefined, "undefined"],
      [{ length: 100 }, "[object Object]"],
    ] as const) {
      socket.send(value as unknown as string);
      assert.equal((await next(socket, "message")).data, text);
    }
    assert.throws(() => socket.send(new SharedArrayBuffer(1) as unknown as ArrayBuffer), TypeError);
    assert.throws(() => socket.send(new Uint8Array(new SharedArrayBuffer(1))), TypeError);
    await ended(socket);
  });

  it("counts payload in bufferedAmount, until it has left", async (t) => {
    const { socket } = await opened(t);
    socket.send("é");
    socket.send(new Uint8Array(10));
    socket.send(new Blob(["xyz"]));
    socket.send("\ud800");
    assert.equal(socket.bufferedAmount, 2 + 10 + 3 + 3);
    let received = 0;
    socket.addEventListener("message", () => received++);
    while (received < 4) await next(socket, "message");
    assert.equal(socket.bufferedAmount, 0);
    const large = 300_000;
    socket.send(new Uint8Array(large));
    assert.equal(socket.bufferedAmount, large, "in the task that sent it, on its way or not");
    await next(socket, "message");
    assert.equal(socket.bufferedAmount, 0);
    await ended(socket);
  });

  it("counts what waits for a peer that does not read", async (t) => {
    const server = await rawServer(t, (socket, head) => {
      socket.pause();
      socket.write(switching(head));
    });
    const socket = new WebSocket(server.url);
    await next(socket, "open");
    const size = 1_000_000;
    for (let i = 0; i < 12; i++) socket.send(new Uint8Array(size));
    assert.equal(socket.bufferedAmount, 12 * size);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const waiting = socket.bufferedAmount;
    assert.ok(waiting > 0 && waiting <= 12 * size && waiting % size === 0, String(waiting));
    for (const one of server.sockets) one.resetAndDestroy();
    await next(socket, "close");
    const after = socket.bufferedAmount;
    assert.ok(after > 0, "closing does not reset it");
    socket.send("abc");
    assert.equal(socket.bufferedAmount, after + 3);
  });

  it("grows bufferedAmount and sends nothing once closing began", async (t) => {
    const { socket } = await opened(t);
    socket.close();
    socket.send("abc");
    socket.send(new Blob(["de"]));
    assert.equal(socket.bufferedAmount, 5);
    await next(socket, "close");
    socket.send(new ArrayBuffer(4));
    assert.equal(socket.bufferedAmount, 9);
  });
});

describe("WebSockets Standard, 3.1 Interface definition: close(code, reason)", () => {
  after(leakCheck());

  it("throws an InvalidAccessError for codes that a page may not send", async (t) => {
    const { socket } = await opened(t);
    for (const code of [0, 999, 1001, 1005, 1006, 2999, 5000, Number.NaN, -1, 65_536 + 1000]) {
      assert.throws(() => socket.close(code), domException("InvalidAccessError"), String(code));
    }
    assert.throws(() => socket.close(1000, "é".repeat(62)), domException("SyntaxError"));
    assert.equal(socket.readyState, WebSocket.OPEN);
    const close = next(socket, "close");
    socket.close("3000.4" as unknown as number, "é".repeat(61));
    assert.equal((await close).code, 3000);
  });

  it("clamps codes as WebIDL does", () => {
    const cases = [
      [-5, 0],
      [70_000, 65_535],
      [0.5, 0],
      [1.5, 2],
      [2.5, 2],
      [2.51, 3],
      [Number.NaN, 0],
      ["7", 7],
      [null, 0],
    ];
    for (const [value, expected] of cases) assert.equal(clampToUnsignedShort(value), expected, String(value));
  });

  it("sends no code without arguments, and 1000 with a reason only", async (t) => {
    const { socket, server } = await opened(t);
    const closed = once(server.sockets[0]!, "close");
    const close = next(socket, "close");
    socket.close();
    assert.equal(socket.readyState, WebSocket.CLOSING);
    socket.close(4000);
    assert.equal((await closed)[0], 1005);
    assert.deepEqual([(await close).code, (await close).wasClean], [1005, true]);
    assert.equal(socket.readyState, WebSocket.CLOSED);
    const second = new WebSocket(server.url);
    await next(second, "open");
    const secondClosed = once(server.sockets[1]!, "close");
    const secondClose = next(second, "close");
    second.close(undefined, "why");
    const [code, reason] = (await secondClosed) as [number, Buffer];
    assert.deepEqual([code, String(reason)], [1000, "why"]);
    assert.equal((await secondClose).code, 1000);
    second.close();
    assert.equal(second.readyState, WebSocket.CLOSED);
  });

  it("while connecting gives up: CLOSING, then error, then close with 1006", async (t) => {
    const server = await rawServer(t, () => {});
    const socket = new WebSocket(server.url);
    const seen: string[] = [];
    for (const type of ["open", "error", "close"]) socket.addEventListener(type, () => seen.push(type));
    socket.close();
    assert.equal(socket.readyState, WebSocket.CLOSING);
    assert.deepEqual(seen, []);
    const close = await next(socket, "close");
    assert.deepEqual(seen, ["error", "close"]);
    assert.deepEqual([close.code, close.wasClean], [1006, false]);
  });

  it("by the server is reported with its code and reason, without an error", async (t) => {
    const { socket, server } = await opened(t);
    socket.onerror = () => assert.fail("no error");
    const close = next(socket, "close");
    server.sockets[0]?.close(4999, "über");
    assert.deepEqual(
      [(await close).code, (await close).reason, (await close).wasClean],
      [4999, "über", true],
    );
  });

  it("without a handshake is an error and 1006", async (t) => {
    const { socket, server } = await opened(t);
    const both = Promise.all([next(socket, "error"), next(socket, "close")]);
    server.sockets[0]?.terminate();
    const [error, close] = await both;
    assert.equal(error.error.name, "ConnectionError");
    assert.deepEqual([close.code, close.wasClean], [1006, false]);
  });
});

describe("WebSockets Standard, 3.1 Interface definition: event handler IDL attributes", () => {
  after(leakCheck());

  it("keep their place among the listeners when another function is set", async (t) => {
    const { socket } = await opened(t);
    const seen: string[] = [];
    socket.addEventListener("message", () => seen.push("first"));
    socket.onmessage = () => seen.push("replaced");
    socket.addEventListener("message", () => seen.push("last"));
    const handler = function (this: WebSocket): void {
      seen.push(this === socket ? "attribute" : "wrong this");
    };
    socket.onmessage = handler;
    assert.equal(socket.onmessage, handler);
    socket.send("x");
    await next(socket, "message");
    assert.deepEqual(seen, ["first", "attribute", "last"]);
    seen.length = 0;
    socket.onmessage = null;
    socket.onmessage = handler;
    socket.send("x");
    await next(socket, "message");
    assert.deepEqual(seen, ["first", "last", "attribute"]);
    await ended(socket);
  });

  it("are null for what is no object, and never call what is no function", async (t) => {
    const { socket } = await opened(t);
    assert.equal(socket.onopen, null);
    for (const value of [undefined, 1, "x", true]) {
      socket.onmessage = value as unknown as null;
      assert.equal(socket.onmessage, null);
    }
    const object = { handleEvent: () => assert.fail("called") };
    socket.onmessage = object as unknown as null;
    assert.equal(socket.onmessage, object);
    socket.send("x");
    await next(socket, "message");
    await ended(socket);
  });
});
