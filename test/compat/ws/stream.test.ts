import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { it } from "node:test";
import { maskedFrame, RawClient } from "../../support/raw-client.js";
import { type Client, describeBoth, listening, next, pair, patiently, several } from "./implementations.js";

describeBoth("createWebSocketStream(websocket[, options])", (api) => {
  it("is a Duplex; each chunk is a message, and end closes the socket", async (t) => {
    const { client, socket } = await pair(t, api);
    const duplex = api.createWebSocketStream(client, { encoding: "utf8" });
    assert.ok(duplex instanceof Duplex);
    const messages = several(socket, "message", 2);
    const closed = next(socket, "close");
    duplex.write("one");
    duplex.end("two");
    assert.deepEqual(
      (await messages).map(([data]) => String(data)),
      ["one", "two"],
    );
    assert.equal((await closed)[0], 1005);
    duplex.resume();
    await next(duplex, "close");
  });

  it("writes once the socket is open", async (t) => {
    const { wss, url } = await listening(t, api);
    const connection = next(wss, "connection");
    const duplex = api.createWebSocketStream(new api(url));
    duplex.end("early");
    const [socket] = (await connection) as [Client];
    assert.equal(String((await next(socket, "message"))[0]), "early");
    duplex.resume();
    await next(duplex, "close");
  });

  it("pipes more than fits, there and back", async (t) => {
    const { client, socket } = await pair(t, api);
    const [there, back] = [api.createWebSocketStream(client), api.createWebSocketStream(socket)];
    back.pipe(back);
    const chunk = Buffer.alloc(100_000, "z");
    let byteLength = 0;
    const finished = new Promise<void>((resolve) => {
      there.on("data", (data: Buffer) => {
        byteLength += data.length;
        if (byteLength === 30 * chunk.length) there.end();
      });
      there.on("close", () => resolve());
    });
    for (let i = 0; i < 30; i++) there.write(chunk);
    await patiently(finished, "the end");
    assert.equal(byteLength, 30 * chunk.length);
  });

  it("pauses the socket while nobody reads", async (t) => {
    const { client, socket } = await pair(t, api);
    const duplex = api.createWebSocketStream(client, { readableHighWaterMark: 10 });
    const messages = several(client, "message", 1);
    socket.send("more than ten bytes");
    await messages;
    assert.equal(client.isPaused, true);
    assert.equal(String(duplex.read()), "more than ten bytes");
    await new Promise(setImmediate);
    assert.equal(client.isPaused, false);
    duplex.destroy();
    await next(duplex, "close");
  });

  it("gives text as strings with readableObjectMode", async (t) => {
    const { client, socket } = await pair(t, api);
    const duplex = api.createWebSocketStream(client, { readableObjectMode: true });
    const chunks = several(duplex, "data", 2);
    socket.send("text");
    socket.send(Buffer.from("bytes"));
    assert.deepEqual(await chunks, [["text"], [Buffer.from("bytes")]]);
    duplex.destroy();
    await next(duplex, "close");
  });

  it("ends and closes when the peer closes", async (t) => {
    const { client, socket } = await pair(t, api);
    const duplex = api.createWebSocketStream(client);
    const events: string[] = [];
    for (const name of ["end", "finish", "close"]) duplex.on(name, () => events.push(name));
    duplex.on("end", () => duplex.end());
    duplex.resume();
    const closed = next(duplex, "close");
    socket.close();
    await closed;
    assert.ok(events.includes("end"));
    assert.equal(events.at(-1), "close");
  });

  it("drops the socket when it is destroyed, and tells the error that it is given", async (t) => {
    const { client, socket } = await pair(t, api);
    const duplex = api.createWebSocketStream(client);
    const failed = next(duplex, "error");
    const closed = next(socket, "close");
    const error = new Error("mine");
    duplex.destroy(error);
    assert.equal((await failed)[0], error);
    assert.equal((await closed)[0], 1006);
  });

  it("fails with the error of the socket, whose close frame still leaves", async (t) => {
    const { wss, port } = await listening(t, api);
    const failed = new Promise<Error>((resolve) => {
      wss.on("connection", (socket) => api.createWebSocketStream(socket).on("error", resolve));
    });
    const client = await RawClient.open({ port });
    client.send(maskedFrame(0x85, Buffer.alloc(0)));
    assert.equal((await client.nextClose()).code, 1002);
    assert.match((await patiently(failed, "error")).message, /invalid opcode 5/);
    await client.gone;
  });
});
