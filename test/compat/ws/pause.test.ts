import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { frame, OP } from "../../support/frames.js";
import {
  binaryFrame,
  closeFrame,
  maskedFrame,
  pingFrame,
  RawClient,
  textFrame,
} from "../../support/raw-client.js";
import { rounds, until } from "../../support/until.js";
import {
  type Client,
  describeBoth,
  listening,
  next,
  pair,
  patiently,
  type Server,
} from "./implementations.js";
import { acceptKeyOf, rawServer } from "./raw-opening.js";

/** Long enough for what is not to happen to happen, and for what has come to be read, also where the process stood still. */
async function aWhile(ms = 50): Promise<void> {
  await delay(ms);
  await rounds(5);
}

/** Each message, ping and close of a socket, as text. */
function watch(socket: Client): string[] {
  const seen: string[] = [];
  socket.on("message", (data) => seen.push(String(data)));
  socket.on("ping", () => seen.push("ping"));
  socket.on("close", (code) => seen.push(`closed-${code}`));
  return seen;
}

/** The next connection, paused before anything else happens to it. */
function pausedConnection(
  wss: Server,
  pause: (socket: Client) => void = (socket) => socket.pause(),
): Promise<Client> {
  const connection = new Promise<Client>((resolve) => {
    wss.on("connection", (socket) => {
      socket.on("error", () => {});
      pause(socket);
      resolve(socket);
    });
  });
  return patiently(connection, "a connection");
}

describeBoth("websocket.pause()", (api) => {
  const ways: readonly (readonly [string, (socket: Client) => void, (socket: Client) => void])[] = [
    ["pause()", (socket) => socket.pause(), (socket) => socket.resume()],
    ["_socket.pause()", (socket) => streamOf(socket).pause(), (socket) => streamOf(socket).resume()],
  ];
  for (const [title, pause, resume] of ways) {
    it(`${title} in "connection" holds what came with the request, for listeners that come late`, async (t) => {
      const { wss, port } = await listening(t, api);
      const connection = pausedConnection(wss, pause);
      const client = await RawClient.open({
        port,
        firstBytes: Buffer.concat([textFrame("a"), textFrame("b")]),
      });
      const socket = await connection;
      await aWhile();
      const seen = watch(socket);
      client.send(textFrame("c"));
      await aWhile();
      assert.deepEqual(seen, []);
      resume(socket);
      assert.deepEqual(seen, []); // never inside the call
      await until(() => seen.length === 3, "three messages");
      assert.deepEqual(seen, ["a", "b", "c"]);
      await client.destroy();
    });
  }

  it('in "open" holds what came with the answer', async (t) => {
    const server = await rawServer(t, (socket, key) => {
      const head = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Accept: ${acceptKeyOf(key)}`,
      ];
      const messages = ["a", "b"].map((payload) => frame({ opcode: OP.text, payload }));
      socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), ...messages]));
    });
    const client = new api(`ws://127.0.0.1:${server.port}`);
    t.after(() => client.terminate());
    client.on("open", () => client.pause());
    const seen = watch(client);
    await next(client, "open");
    await aWhile();
    assert.deepEqual(seen, []);
    client.resume();
    await until(() => seen.length === 2, "two messages");
    assert.deepEqual(seen, ["a", "b"]);
  });

  for (const [title, frames] of [
    ["nothing", []],
    ["a message", [textFrame("last")]],
  ] as const) {
    it(`sees that the peer reset the connection, and hands out ${title} that came before`, async (t) => {
      const { wss, port } = await listening(t, api);
      const connection = pausedConnection(wss);
      const client = await RawClient.open({ port });
      const socket = await connection;
      const seen = watch(socket);
      client.send(...frames);
      await aWhile();
      assert.deepEqual(seen, []);
      assert.equal(wss.clients.size, 1);
      const closed = next(socket, "close");
      client.socket.resetAndDestroy();
      assert.equal((await closed)[0], 1006);
      assert.deepEqual(seen, frames.length === 0 ? ["closed-1006"] : ["last", "closed-1006"]);
      assert.equal(wss.clients.size, 0);
    });
  }

  it("hands out what came before close() timed out, the peer's close frame among it", async (t) => {
    const { wss, port } = await listening(t, api, { closeTimeout: 100 });
    const connection = pausedConnection(wss);
    const client = await RawClient.open({ port });
    const socket = await connection;
    const seen = watch(socket);
    const closed = next(socket, "close");
    client.send(textFrame("last"), closeFrame(1001));
    socket.close(1001);
    await closed;
    assert.deepEqual(seen, ["last", "closed-1001"]);
    await client.destroy();
  });

  const ends = { "a close frame": closeFrame(1000), "a broken rule": maskedFrame(0x83, Buffer.alloc(0)) };
  for (const [title, last] of Object.entries(ends)) {
    it(`sees that the peer is gone behind ${title}, and more than is held back`, async (t) => {
      const { wss, port } = await listening(t, api);
      const connection = pausedConnection(wss, () => {});
      const client = await RawClient.open({ port });
      const socket = await connection;
      const seen = watch(socket);
      socket.on("message", () => socket.pause());
      const closed = next(socket, "close");
      client.send(textFrame("last"), last, binaryFrame(Buffer.alloc(1_000_000)));
      await patiently(closed, "the close");
      assert.equal(seen[0], "last");
      assert.equal(seen.length, 2);
      await client.destroy();
    });
  }

  it("hands out what came before terminate()", async (t) => {
    const { wss, port } = await listening(t, api);
    const connection = pausedConnection(wss);
    const client = await RawClient.open({ port });
    const socket = await connection;
    const seen = watch(socket);
    client.send(textFrame("last"));
    await aWhile();
    const closed = next(socket, "close");
    socket.terminate();
    await closed;
    assert.deepEqual(seen, ["last", "closed-1006"]);
    await client.gone;
  });

  it("goes on where so much waited for ticks of its own that reading had stopped", async (t) => {
    const { client, socket } = await pair(t, api, { server: { allowSynchronousEvents: false } });
    const count = 400;
    let seen = 0;
    socket.on("message", () => {
      if (++seen === 10) socket.pause();
    });
    for (let i = 0; i < count; i++) client.send(Buffer.alloc(1000));
    await until(() => seen >= 10, "the first messages");
    await aWhile(200);
    assert.ok(seen < count);
    socket.resume();
    await until(() => seen === count, "all messages");
  });

  it("leaves what is too much to the peer", async (t) => {
    const { client, socket } = await pair(t, api);
    socket.pause();
    let count = 0;
    socket.on("message", () => count++);
    const bytes = Buffer.alloc(1_000_000);
    for (let i = 0; i < 40; i++) client.send(bytes);
    await aWhile(200);
    assert.ok(client.bufferedAmount > 10_000_000);
    assert.ok(streamOf(socket).bytesRead < 1_000_000);
    assert.equal(count, 0);
    socket.resume();
    await until(() => count === 40, "all messages");
  });
});

describeBoth("websocket.terminate()", (api) => {
  it("in a listener: the rest of what was read is handed out", async (t) => {
    const { wss, port } = await listening(t, api);
    const connection = pausedConnection(wss, () => {});
    const client = await RawClient.open({ port });
    const socket = await connection;
    const seen = watch(socket);
    socket.on("message", () => socket.terminate());
    const closed = next(socket, "close");
    client.send(textFrame("1"), textFrame("2"), pingFrame(), textFrame("3"));
    await closed;
    assert.deepEqual(seen, ["1", "2", "ping", "3", "closed-1006"]);
    await client.gone;
  });
});

function streamOf(socket: Client): Socket {
  return (socket as Client & { readonly _socket: Socket })._socket;
}
