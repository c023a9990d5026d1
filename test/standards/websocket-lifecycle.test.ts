import assert from "node:assert/strict";
import { once } from "node:events";
import { after, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type CloseEvent, WebSocket } from "hawser/client";
import { echoServer } from "../client/echo-server.js";
import { rawServer, serverFrame, switching } from "../client/raw-server.js";
import { leakCheck } from "../support/leak-check.js";
import { rounds, until } from "../support/until.js";

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

describe("WebSockets Standard, 4 Feedback from the protocol", () => {
  after(leakCheck());

  it("fires nothing before the task that made it has ended, so that no listener is too late", async (t) => {
    const server = await echoServer(t);
    const socket = new WebSocket(server.url);
    await rounds(0);
    const seen: string[] = [];
    socket.addEventListener("open", () => seen.push("open"));
    await once(socket, "open");
    assert.deepEqual(seen, ["open"]);
    socket.close();
    await once(socket, "close");
  });

  it("is OPEN in open, CLOSING once the peer began to close, CLOSED in close", async (t) => {
    const server = await rawServer(t, (socket, head) => {
      const closeFrame = serverFrame(CLOSE, Buffer.of(0x03, 0xe8));
      socket.write(Buffer.concat([Buffer.from(switching(head)), serverFrame(TEXT, "x"), closeFrame]));
    });
    const socket = new WebSocket(server.url);
    const states: [string, number][] = [];
    for (const type of ["open", "message", "close"]) {
      socket.addEventListener(type, () => states.push([type, socket.readyState]));
    }
    // The server does not end TCP: the closing handshake is started, and not finished.
    await until(() => socket.readyState === WebSocket.CLOSING, "CLOSING");
    const closed = once(socket, "close");
    for (const one of server.sockets) one.end();
    await closed;
    assert.deepEqual(states, [
      ["open", 1],
      ["message", 1],
      ["close", 3],
    ]);
  });

  it("says nothing of a connection that was closed cleanly but close, and error before close of one that was not", async (t) => {
    const server = await echoServer(t);
    for (const isClean of [true, false]) {
      const socket = new WebSocket(server.url);
      const seen: string[] = [];
      for (const type of ["error", "close"]) socket.addEventListener(type, () => seen.push(type));
      await once(socket, "open");
      const other = server.sockets.at(-1)!;
      if (isClean) other.close(1001);
      else other.terminate();
      const [{ wasClean, code, reason }] = (await once(socket, "close")) as [CloseEvent];
      assert.deepEqual(seen, isClean ? ["close"] : ["error", "close"]);
      assert.deepEqual([wasClean, code, reason], isClean ? [true, 1001, ""] : [false, 1006, ""]);
    }
  });

  it("takes binaryType as it is when the message is delivered", async (t) => {
    const server = await echoServer(t);
    const socket = new WebSocket(server.url);
    await once(socket, "open");
    socket.send(Uint8Array.of(1));
    socket.send(Uint8Array.of(2));
    const first = ((await once(socket, "message")) as [MessageEvent])[0].data;
    assert.ok(first instanceof Blob);
    socket.binaryType = "arraybuffer";
    socket.send(Uint8Array.of(3));
    const kinds: string[] = [];
    socket.onmessage = ({ data }) => kinds.push(data.constructor.name);
    await until(() => kinds.includes("ArrayBuffer"), "an ArrayBuffer");
    assert.equal(kinds.at(-1), "ArrayBuffer");
    socket.close();
    await once(socket, "close");
  });

  it("delivers what a listener sends, closes or removes within an event as it must", async (t) => {
    const server = await echoServer(t);
    const socket = new WebSocket(server.url);
    const seen: string[] = [];
    socket.onopen = () => {
      for (const text of ["a", "b", "c"]) socket.send(text);
    };
    socket.onmessage = ({ data }) => {
      seen.push(data);
      if (data === "b") socket.close(3000); // what comes behind it is not delivered any more
    };
    const [{ code }] = (await once(socket, "close")) as [CloseEvent];
    assert.deepEqual(seen, ["a", "b"]);
    assert.equal(code, 3000);
  });
});

describe("WebSockets Standard, 5 Ping and Pong frames", () => {
  after(leakCheck());

  it("answers pings, and shows neither pings nor pongs", async (t) => {
    const answers: Buffer[] = [];
    const server = await rawServer(t, (socket, head) => {
      const frames = [serverFrame(PING, "hi"), serverFrame(PONG, "?"), serverFrame(TEXT, "end")];
      socket.write(Buffer.concat([Buffer.from(switching(head)), ...frames]));
      socket.on("data", (chunk) => answers.push(chunk));
    });
    const socket = new WebSocket(server.url);
    const seen: string[] = [];
    socket.onmessage = ({ data }) => seen.push(data);
    await once(socket, "message");
    await until(() => Buffer.concat(answers).length >= 8, "a pong");
    const pong = Buffer.concat(answers);
    assert.equal(pong[0], 0x80 | PONG);
    const text = pong.subarray(6, 8).map((byte, i) => byte ^ pong[2 + i]!);
    assert.equal(String(text), "hi");
    assert.deepEqual(seen, ["end"]);
    for (const one of server.sockets) one.destroy();
    await once(socket, "close");
  });
});

describe("WebSockets Standard, 7 Garbage collection", () => {
  after(leakCheck());
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;

  it("collects no socket whose connection is open, listeners or not, and any once it is gone", async (t) => {
    const server = await echoServer(t);
    let received = 0;
    const open = async (): Promise<[WeakRef<WebSocket>, Promise<unknown>]> => {
      const socket = new WebSocket(server.url);
      await once(socket, "open");
      socket.onmessage = () => received++;
      return [new WeakRef(socket), once(server.sockets.at(-1)!, "close")];
    };
    const [kept] = await open();
    const [silent, silentClosed] = await open();
    silent.deref()!.onmessage = null;
    for (let i = 0; i < 5; i++) {
      await rounds(2);
      collect();
    }
    server.sockets[0]!.send("still there");
    await until(() => received === 1, "a message");
    assert.equal(kept.deref()?.readyState, WebSocket.OPEN);
    assert.equal(silent.deref()?.readyState, WebSocket.OPEN);
    silent.deref()!.close();
    kept.deref()!.close();
    await silentClosed;
    await until(() => {
      collect();
      return kept.deref() === undefined && silent.deref() === undefined;
    }, "collected");
  });
});
