import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { inflateRawSync } from "node:zlib";
import { accept, prepareMessage, type ServerConnection, serve } from "hawser/server";
import { leakCheck } from "../support/leak-check.js";
import { RawClient } from "../support/raw-client.js";

/** A server with three clients, which are named in the query. */
async function room(options: { compression?: boolean; maxBufferedBytes?: number; overflow?: "drop" } = {}) {
  const server = await serve({
    ...options,
    upgrade: (request) => accept({ name: request.query.get("name") }),
  });
  const clients: RawClient[] = [];
  for (const name of ["ada", "bob", "cyd"]) {
    const headers: Record<string, string> =
      name === "bob" ? { "Sec-WebSocket-Extensions": "permessage-deflate" } : {};
    clients.push(await RawClient.open({ port: server.port, path: `/?name=${name}`, headers }));
  }
  const end = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.destroy()));
    await server.shutdown();
  };
  return { server, clients, end };
}

function nameOf(socket: ServerConnection<unknown>): unknown {
  return (socket.data as { name: string }).name;
}

/** What came up to `end`. */
async function texts(client: RawClient): Promise<string[]> {
  const seen: string[] = [];
  do seen.push(await client.nextText());
  while (seen.at(-1) !== "end");
  return seen;
}

describe("broadcast", () => {
  after(leakCheck());

  it("sends to all, and counts them", async () => {
    const { server, clients, end } = await room();
    assert.deepEqual(server.broadcast("hi"), { sent: 3, queued: 0, dropped: 0, closed: 0 });
    for (const client of clients) assert.equal(await client.nextText(), "hi");
    await end();
  });

  it("leaves out `except`, and who `where` leaves out", async () => {
    const { server, clients, end } = await room();
    const [ada] = server.connections;
    assert.equal(server.broadcast("1", { except: ada }).sent, 2);
    assert.equal(server.broadcast("2", { where: (socket) => nameOf(socket) === "cyd" }).sent, 1);
    assert.equal(server.broadcast("3", { except: ada, where: (socket) => nameOf(socket) === "ada" }).sent, 0);
    server.broadcast("end");
    assert.deepEqual(await Promise.all(clients.map(texts)), [["end"], ["1", "end"], ["1", "2", "end"]]);
    await end();
  });

  it("sends to those of `to` alone, each once, and to nobody where nobody is", async () => {
    const { server, clients, end } = await room();
    const [ada, bob, cyd] = [...server.connections] as [ServerConnection, ServerConnection, ServerConnection];
    const rooms = new Map([["harbour", new Set([ada, cyd])]]);
    assert.equal(server.broadcast("1", { to: rooms.get("harbour")! }).sent, 2);
    assert.equal(server.broadcast("2", { to: [ada, ada, bob], except: bob }).sent, 1);
    assert.equal(server.broadcast("3", { to: rooms.get("harbour")!, where: (one) => one !== ada }).sent, 1);
    assert.equal(server.broadcast("4", { to: rooms.values().next().value!.values() }).sent, 2);
    assert.equal(server.broadcast("5", { to: [] }).sent, 0);
    void bob.close();
    assert.deepEqual(server.broadcast("6", { to: [bob] }), { sent: 0, queued: 0, dropped: 0, closed: 1 });
    server.broadcast("end");
    assert.deepEqual(await texts(clients[0]!), ["1", "2", "4", "end"]);
    assert.deepEqual(await texts(clients[2]!), ["1", "3", "4", "end"]);
    assert.equal((await clients[1]!.nextClose()).code, 1000);
    await end();
  });

  it("refuses a `to` that is nobody's list, so that an unknown room is not everybody, and a `where` that is no function", async () => {
    const { server, clients, end } = await room();
    const rooms = new Map<string, Set<ServerConnection>>();
    for (const to of [rooms.get("nowhere"), null, 5, "ada", {}, [undefined], new Set(["ada"]), [server]]) {
      assert.throws(() => server.broadcast("x", { to: to as never }), {
        code: "INVALID_OPTION",
        message: /^to must /,
      });
    }
    assert.throws(() => server.broadcast("x", { where: 5 as never }), { code: "INVALID_OPTION" });
    server.broadcast("end");
    for (const client of clients) assert.equal(await client.nextText(), "end");
    await end();
  });

  it("counts those that are closing", async () => {
    const { server, clients, end } = await room();
    const [ada] = server.connections;
    void ada!.close();
    assert.deepEqual(server.broadcast("hi"), { sent: 2, queued: 0, dropped: 0, closed: 1 });
    assert.equal((await clients[0]!.nextClose()).code, 1000);
    await end();
  });

  it("sends bytes as binary, text as bytes where told, and copies what it is given", async () => {
    const { server, clients, end } = await room();
    const bytes = Buffer.alloc(40_000, 7);
    server.broadcast(bytes);
    bytes.fill(8);
    server.broadcast(new Float64Array([1.5]));
    server.broadcast(Buffer.from("text"), { binary: false });
    for (const client of clients) {
      const frame = await client.next();
      assert.equal(frame.opcode, 2);
      assert.ok(frame.payload.equals(Buffer.alloc(40_000, 7)));
      assert.equal((await client.next()).payload.readDoubleLE(), 1.5);
      assert.equal((await client.next()).opcode, 1);
    }
    await end();
  });

  it("sends a prepared message, more than once", async () => {
    const { server, clients, end } = await room();
    const message = prepareMessage("prepared");
    assert.equal(server.broadcast(message).sent, 3);
    const [ada] = server.connections;
    assert.equal(ada!.send(message), "sent");
    assert.equal(await clients[0]!.nextText(), "prepared");
    assert.equal(await clients[0]!.nextText(), "prepared");
    assert.equal(await clients[2]!.nextText(), "prepared");
    await end();
  });

  it("compresses only for who negotiated it", async () => {
    const { server, clients, end } = await room({ compression: true });
    const text = "again and ".repeat(500);
    server.broadcast(text);
    server.broadcast(text, { compress: false });
    const [ada, bob] = clients;
    assert.equal(await ada!.nextText(), text);
    const compressed = await bob!.next();
    assert.equal(compressed.reservedBits, 4);
    const tail = Buffer.from([0, 0, 0xff, 0xff]);
    const inflated = inflateRawSync(Buffer.concat([compressed.payload, tail]), { finishFlush: 2 });
    assert.equal(inflated.toString(), text);
    assert.equal((await bob!.next()).reservedBits, 0);
    await end();
  });

  it("refuses what is neither text nor bytes", async () => {
    const { server, end } = await room();
    for (const value of [1, null, undefined, {}, []]) {
      assert.throws(() => server.broadcast(value as unknown as string), { code: "INVALID_PAYLOAD" });
    }
    await end();
  });
});
