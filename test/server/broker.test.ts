import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type Broker, memoryBroker, type ServeOptions, serve } from "hawser/server";
import { encodeEnvelope, SENDER_BYTES } from "#node/server/broadcast-envelope.js";
import { Opcode } from "#protocol/opcode.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient } from "../support/raw-client.js";
import { rounds } from "../support/until.js";
import { warnings } from "../support/warnings.js";

/** Servers with a client each. */
async function nodes(...all: readonly Partial<ServeOptions>[]) {
  const servers = await Promise.all(all.map((options) => serve({ ...options })));
  const clients = await Promise.all(servers.map(({ port }) => RawClient.open({ port })));
  const end = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.destroy()));
    await Promise.all(servers.map((server) => server.shutdown()));
  };
  return { servers, clients, end };
}

function foreign(payload: Uint8Array, opcode: typeof Opcode.text | typeof Opcode.binary): Uint8Array {
  return encodeEnvelope({ sender: new Uint8Array(SENDER_BYTES), opcode, compress: undefined, payload });
}

describe("a server with a broker", () => {
  after(leakCheck());

  it("broadcasts to the connections of all servers, text as text and bytes as bytes, and counts its own", async () => {
    const broker = memoryBroker();
    const { servers, clients, end } = await nodes({ broker }, { broker }, { broker });
    assert.deepEqual(servers[0]!.broadcast("⚓"), { sent: 1, queued: 0, dropped: 0, closed: 0 });
    assert.equal(servers[1]!.broadcast(Uint8Array.of(0xff)).sent, 1);
    for (const client of clients) {
      const [first, second] = [await client.frames.next(), await client.frames.next()];
      const byOpcode = new Map([first, second].map(({ opcode, payload }) => [opcode, payload]));
      assert.equal(byOpcode.get(1)?.toString(), "⚓");
      assert.deepEqual(byOpcode.get(2), Buffer.of(0xff));
    }
    await rounds(3);
    for (const client of clients) assert.equal(client.frames.size, 0);
    await end();
  });

  it("leaves `except` out here, and nobody elsewhere", async () => {
    const broker = memoryBroker();
    const { servers, clients, end } = await nodes({ broker }, { broker });
    const [here] = servers[0]!.connections;
    assert.equal(servers[0]!.broadcast("1", { except: here }).sent, 0);
    assert.equal(await clients[1]!.nextText(), "1");
    assert.equal(clients[0]!.frames.size, 0);
    await end();
  });

  it("keeps here what is `local`, and refuses `to` and `where` for what is not", async () => {
    const broker = memoryBroker();
    const { servers, clients, end } = await nodes({ broker }, { broker });
    servers[0]!.broadcast("1", { local: true });
    servers[0]!.broadcast("2", { local: true, where: () => true });
    servers[0]!.broadcast("3", { local: true, to: servers[0]!.connections });
    for (const options of [
      { where: () => true },
      { to: servers[0]!.connections },
      { to: undefined as never },
    ])
      assert.throws(() => servers[0]!.broadcast("nobody's", options), { code: "INVALID_OPTION" });
    servers[0]!.broadcast("4");
    assert.equal(await clients[1]!.nextText(), "4");
    assert.equal(await clients[0]!.nextText(), "1");
    assert.equal(await clients[0]!.nextText(), "2");
    assert.equal(await clients[0]!.nextText(), "3");
    assert.equal(await clients[0]!.nextText(), "4");
    await end();
  });

  it("hears only servers of its topic", async () => {
    const broker = memoryBroker();
    const { servers, clients, end } = await nodes({ broker, brokerTopic: "a" }, { broker }, { broker });
    servers[0]!.broadcast("of a");
    servers[1]!.broadcast("of the default");
    assert.equal(await clients[2]!.nextText(), "of the default");
    assert.equal(await clients[0]!.nextText(), "of a");
    await rounds(3);
    assert.equal(clients[0]!.frames.size, 0);
    await end();
  });

  it("hears nothing more once it shuts down, nor when it could not listen", async () => {
    let subscriptions = 0;
    const broker: Broker = {
      publish() {},
      subscribe() {
        subscriptions++;
        return () => subscriptions--;
      },
      close() {},
    };
    const { servers, end } = await nodes({ broker });
    assert.equal(subscriptions, 1);
    await assert.rejects(serve({ broker, port: servers[0]!.port }), { code: "LISTEN_FAILED" });
    assert.equal(subscriptions, 1);
    await end();
    assert.equal(subscriptions, 0);
  });

  it("drops what is no broadcast, and text that is not UTF-8, and says so once", async () => {
    const broker = memoryBroker();
    const { clients, end } = await nodes({ broker });
    using seen = warnings();
    broker.publish("hawser", Buffer.from("something else"));
    broker.publish("hawser", foreign(Uint8Array.of(0xc3, 0x28), Opcode.text));
    broker.publish("hawser", null as unknown as Uint8Array);
    broker.publish("hawser", foreign(Buffer.from("good"), Opcode.text));
    assert.equal(await clients[0]!.nextText(), "good");
    await rounds(2);
    assert.equal(seen.messages.length, 1);
    assert.match(seen.messages[0]!, /broker, topic "hawser": something was published .* no broadcast/);
    await end();
  });

  it("goes on without a broker that throws, or whose promise is rejected", async () => {
    for (const publish of [
      () => {
        throw new Error("gone");
      },
      () => Promise.reject(new Error("gone")),
    ]) {
      const broker: Broker = { publish, subscribe: () => () => {}, close() {} };
      const { servers, clients, end } = await nodes({ broker });
      using seen = warnings();
      assert.equal(servers[0]!.broadcast("1").sent, 1);
      assert.equal(servers[0]!.broadcast("2").sent, 1);
      assert.equal(await clients[0]!.nextText(), "1");
      await rounds(2);
      assert.equal(seen.messages.length, 1);
      assert.match(seen.messages[0]!, /broker, topic "hawser": gone/);
      await end();
    }
  });

  it("refuses a topic that is none", async () => {
    for (const brokerTopic of ["", 1 as unknown as string]) {
      await assert.rejects(serve({ broker: memoryBroker(), brokerTopic }), { code: "INVALID_OPTION" });
    }
  });
});
