import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TestNode, TwoNodes } from "./two-nodes.js";

function send(nodes: TwoNodes, hex: string, index = 0): void {
  const bytes = Buffer.from(hex, "hex");
  nodes.at(nodes.owner, () => nodes.owner.served[index]!.transport.send(bytes, 0, bytes.length));
}

describe("a relay between two nodes", () => {
  it("carries blocks both ways, and the request that the transport came in", () => {
    const nodes = new TwoNodes();
    const { transport, failed } = nodes.relay();
    nodes.wait(10);
    const [served] = nodes.owner.served;
    assert.deepEqual([served!.request, served!.told, served!.transport.name], ["{}", ["aa"], "websocket"]);
    send(nodes, "01");
    send(nodes, "02");
    nodes.wait(10);
    nodes.at(nodes.gate, () => {
      transport.says("b1");
      transport.says("b2");
    });
    nodes.wait(10);
    assert.deepEqual([transport.sent, served!.told, failed], [["01", "02"], ["aa", "b1", "b2"], []]);
    assert.deepEqual([nodes.gate.relay.counts.gates, nodes.owner.relay.counts.served], [1, 1]);
  });

  it("ends with the transport of the client, behind what came before", () => {
    const nodes = new TwoNodes();
    const { transport } = nodes.relay();
    nodes.wait(10);
    nodes.at(nodes.gate, () => {
      transport.says("b1");
      transport.receiver.closed(4003, "enough");
    });
    nodes.wait(10);
    assert.deepEqual(nodes.owner.served[0]!.told, ["aa", "b1", "closed 4003 enough"]);
    assert.deepEqual([nodes.gate.relay.counts.gates, nodes.owner.relay.counts.served], [0, 0]);
  });

  it("ends when the session ends it, behind what was sent", () => {
    const nodes = new TwoNodes();
    const { transport } = nodes.relay();
    nodes.wait(10);
    send(nodes, "01");
    nodes.at(nodes.owner, () => nodes.owner.served[0]!.transport.close(4400, "bye"));
    nodes.wait(10);
    assert.deepEqual([transport.sent, transport.closedWith], [["01"], 4400]);
    assert.deepEqual(nodes.owner.served[0]!.told, ["aa", "closed 4400 bye"]);
    assert.equal(nodes.owner.relay.counts.served, 1, "the gate has not said that it is closed");
    nodes.at(nodes.gate, () => transport.receiver.closed(4400, "bye"));
    nodes.wait(10);
    assert.deepEqual([nodes.gate.relay.counts.gates, nodes.owner.relay.counts.served], [0, 0]);
  });

  it("forgets a transport that was closed when the gate never says so", () => {
    const nodes = new TwoNodes();
    nodes.relay();
    nodes.wait(10);
    nodes.at(nodes.owner, () => nodes.owner.served[0]!.transport.close(4400, ""));
    nodes.wait(11_000);
    assert.equal(nodes.owner.relay.counts.served, 0);
  });

  for (const lost of ["gate", "owner"] as const) {
    it(`asks again until it is answered: what the ${lost} says is lost twice`, () => {
      const nodes = new TwoNodes();
      let left = 2;
      nodes.broker.times = (from, to) => (from === lost && !to.includes("all") && left-- > 0 ? 0 : 1);
      const { transport, failed } = nodes.relay();
      nodes.wait(5);
      if (lost === "owner") send(nodes, "01"); // as a welcome
      nodes.wait(2_000);
      const { told } = nodes.owner.served.at(-1)!;
      if (lost === "owner") {
        assert.ok(told.includes("lost"), "the session is told, and says it again");
        send(nodes, "02");
      }
      nodes.at(nodes.gate, () => transport.says("b1"));
      nodes.wait(10);
      assert.deepEqual([told.at(-1), failed], ["b1", []]);
      assert.deepEqual(transport.sent, lost === "owner" ? ["02"] : []);
    });
  }

  it("says that an owner is gone that never answers, if the broker is there", () => {
    const nodes = new TwoNodes();
    const { transport, failed } = nodes.relay(Buffer.from("nobody".padEnd(12)));
    nodes.wait(2_400);
    assert.deepEqual(failed, []);
    nodes.wait(200);
    assert.deepEqual([failed, transport.closedWith, nodes.gate.relay.counts.gates], [["gone"], undefined, 0]);
  });

  it("says nothing of an owner when the broker is silent", () => {
    const nodes = new TwoNodes();
    nodes.broker.times = () => 0;
    const { failed } = nodes.relay();
    nodes.wait(2_600);
    assert.deepEqual(failed, ["silent"]);
  });

  it("knows at once that a node has left", () => {
    const nodes = new TwoNodes();
    nodes.at(nodes.owner, () => {
      nodes.owner.relay.leave();
      nodes.owner.relay.close();
    });
    nodes.wait(10);
    assert.deepEqual(nodes.relay().failed, ["gone"]);
  });

  it("knows at once that a node has left which had something to say until the end", () => {
    const nodes = new TwoNodes();
    nodes.relay();
    nodes.wait(10);
    nodes.at(nodes.owner, () => {
      nodes.owner.served[0]!.transport.close(4004, "");
      nodes.owner.relay.leave();
      nodes.owner.relay.close();
    });
    nodes.wait(10);
    assert.deepEqual(nodes.relay().failed, ["gone"]);
  });

  it("says that an owner has no room", () => {
    const nodes = new TwoNodes({ maxRelays: 1 });
    nodes.relay();
    const { failed } = nodes.relay();
    nodes.wait(10);
    assert.deepEqual(failed, ["full"]);
  });

  for (const late of ["its answer", "a block"]) {
    it(`tells an owner whose gate has nothing any more, when ${late} comes`, () => {
      const nodes = new TwoNodes();
      let isLost = false;
      nodes.broker.times = (from) => (from === "gate" && isLost ? 0 : 1);
      if (late === "its answer") nodes.owner.end.sleep(3_000);
      const { transport } = nodes.relay();
      nodes.wait(2_450);
      isLost = true; // the word that it was given up
      if (late === "a block") nodes.at(nodes.gate, () => transport.receiver.closed(0, ""));
      nodes.wait(100);
      isLost = false;
      assert.equal(nodes.gate.relay.counts.gates, 0);
      if (late === "a block") send(nodes, "01");
      nodes.wait(500);
      assert.deepEqual(nodes.owner.served[0]!.told, ["aa", "closed 0 the gate has it no more"]);
      assert.equal(nodes.owner.relay.counts.served, 0);
    });
  }

  it("says nothing any more once nothing goes on between nodes", () => {
    const nodes = new TwoNodes();
    const { transport } = nodes.relay();
    nodes.wait(10_000);
    nodes.at(nodes.gate, () => transport.receiver.closed(0, ""));
    nodes.wait(10_000);
    const { length } = nodes.broker.published;
    nodes.wait(60_000);
    assert.equal(nodes.broker.published.length, length);
  });

  it("refuses a block before the welcome", () => {
    const nodes = new TwoNodes();
    const { transport, failed } = nodes.relay();
    nodes.at(nodes.gate, () => transport.says("b1"));
    assert.deepEqual([transport.closedWith, failed], [4001, []]);
    nodes.wait(20_000);
    assert.deepEqual([nodes.gate.relay.counts.gates, nodes.owner.relay.counts.served], [0, 0]);
  });

  it("hands on the reset of a page that is left, which waits for no welcome", () => {
    const nodes = new TwoNodes();
    const { transport } = nodes.relay();
    nodes.at(nodes.gate, () => {
      const bytes = Buffer.from("0800", "hex");
      transport.receiver.block(bytes, 0, 2);
      bytes.fill(0xff); // they were its own during the call only
    });
    assert.equal(nodes.owner.served.length, 0, "the owner has not heard of it");
    nodes.wait(10);
    assert.deepEqual(nodes.owner.served[0]!.told, ["aa", "0800"]);
  });

  it("takes what comes twice once", () => {
    const nodes = new TwoNodes();
    nodes.broker.times = () => 2;
    const { transport } = nodes.relay();
    nodes.wait(10);
    send(nodes, "01");
    nodes.at(nodes.gate, () => transport.says("b1"));
    nodes.wait(10);
    assert.deepEqual(transport.sent, ["01"]);
    assert.deepEqual(
      nodes.owner.served[0]!.told.filter((what) => what !== "lost"),
      ["aa", "b1"],
    );
  });

  for (const from of ["owner", "gate"] as const) {
    it(`gives a transport up when something of the ${from} was lost, and tells both`, () => {
      const nodes = new TwoNodes();
      const { transport } = nodes.relay();
      nodes.wait(10);
      const say = (hex: string): void => {
        if (from === "owner") send(nodes, hex);
        else nodes.at(nodes.gate, () => transport.says(hex));
        nodes.wait(10);
      };
      say("01");
      nodes.broker.times = () => 0;
      say("02");
      nodes.broker.times = () => 1;
      say("03");
      assert.equal(transport.closedWith, 4002);
      const told = nodes.owner.served[0]!.told.join(", ");
      assert.match(told, /^aa,( 01,)? closed 0 /);
      const { gate, owner } = nodes;
      assert.deepEqual([gate.relay.counts.gates, owner.relay.counts.served], [0, 0]);
      assert.equal(gate.relay.counts.lost + owner.relay.counts.lost > 0, true);
    });
  }

  it("drops what was on its way when the transport lost what was before it", () => {
    const nodes = new TwoNodes();
    const { transport } = nodes.relay();
    nodes.wait(10);
    send(nodes, "01");
    nodes.wait(10);
    send(nodes, "02");
    nodes.at(nodes.gate, () => transport.receiver.lost());
    nodes.wait(10);
    assert.deepEqual([transport.sent, nodes.owner.served[0]!.told.at(-1)], [["01"], "lost"]);
    send(nodes, "01");
    nodes.wait(10);
    assert.deepEqual(transport.sent, ["01", "01"]);
  });

  it("counts what the client's transport has not taken, and says when it is drained", () => {
    const nodes = new TwoNodes();
    const { transport } = nodes.relay();
    nodes.wait(10);
    const [{ transport: relayed, told }] = nodes.owner.served as [(typeof nodes.owner.served)[0]];
    transport.bufferedBytes = 100_000; // a client that does not read
    const block = Buffer.alloc(40_000);
    for (let i = 0; i < 2; i++) nodes.at(nodes.owner, () => relayed.send(block, 0, block.length));
    nodes.wait(1_000);
    assert.deepEqual([relayed.bufferedBytes, told.includes("drained")], [80_000, false]);
    transport.bufferedBytes = 0;
    nodes.at(nodes.gate, () => transport.receiver.drained());
    nodes.wait(10);
    assert.deepEqual([relayed.bufferedBytes, told.at(-1)], [0, "drained"]);
  });

  it("does not read a client any more that is far ahead, and gives up one that goes on", () => {
    const nodes = new TwoNodes();
    const { transport } = nodes.relay();
    nodes.wait(10);
    const block = Buffer.alloc(65_536).toString("hex");
    nodes.owner.end.sleep(2_000);
    for (let i = 0; i < 9; i++) nodes.at(nodes.gate, () => transport.says(block));
    assert.equal(transport.isPaused, true);
    nodes.wait(3_000);
    assert.deepEqual(
      [transport.isPaused, transport.closedWith],
      [false, undefined],
      "the owner has caught up",
    );
    nodes.owner.end.sleep(2_000);
    for (let i = 0; i < 65; i++) nodes.at(nodes.gate, () => transport.says(block));
    assert.equal(transport.closedWith, 4006);
  });

  for (const dead of ["owner", "gate"] as const) {
    it(`gives its transports up 6 s after the last word of the ${dead}`, () => {
      const nodes = new TwoNodes();
      const { transport } = nodes.relay();
      nodes.wait(60_000);
      assert.equal(transport.closedWith, undefined, "two nodes that are there tell each other");
      nodes[dead].end.isDead = true;
      nodes.wait(8_200);
      if (dead === "owner") assert.equal(transport.closedWith, 4002);
      else assert.match(nodes.owner.served[0]!.told.at(-1)!, /^closed 0/);
      const { gate, owner } = nodes;
      assert.equal(dead === "owner" ? gate.relay.counts.gates : owner.relay.counts.served, 0);
    });
  }

  it("tells an owner that took long to answer that the gate is there", () => {
    const nodes = new TwoNodes({ timeoutMs: 10_000 });
    nodes.owner.end.sleep(7_000);
    const { transport, failed } = nodes.relay();
    nodes.wait(60_000);
    assert.deepEqual(failed, []);
    assert.equal(transport.closedWith, undefined);
    assert.deepEqual(nodes.owner.served[0]!.told, ["aa"]);
    assert.deepEqual([nodes.gate.relay.counts.gates, nodes.owner.relay.counts.served], [1, 1]);
  });

  it("sends clients away when the gate leaves", () => {
    const nodes = new TwoNodes();
    const { transport } = nodes.relay();
    nodes.wait(10);
    nodes.at(nodes.gate, () => nodes.gate.relay.sendAway(4004, "", 5, 10));
    nodes.wait(10);
    assert.deepEqual([transport.closedWith, transport.sent.length], [4004, 1]);
    assert.deepEqual(nodes.owner.served[0]!.told, ["aa", "closed 4004"]);
  });

  it("finds a session, and does not find one that nobody has", () => {
    const nodes = new TwoNodes();
    nodes.owner.sessions.add("11".repeat(16));
    const found: (string | undefined)[] = [];
    for (const byte of [0x11, 0x22]) {
      nodes.at(nodes.gate, () =>
        nodes.gate.relay.findSession(Buffer.alloc(16, byte), (owner) =>
          found.push(owner === undefined ? undefined : Buffer.from(owner).toString().trim()),
        ),
      );
    }
    nodes.wait(10);
    assert.deepEqual(found, ["owner"]);
    nodes.wait(400);
    assert.deepEqual(found, ["owner", undefined]);
  });

  it("takes nothing that has no proof of the same key, and warns once", () => {
    const nodes = new TwoNodes({ keys: ["a secret of sixteen", "another of sixteen"] });
    const { failed } = nodes.relay();
    nodes.wait(3_000);
    assert.deepEqual([failed, nodes.owner.served.length], [["gone"], 0]);
    assert.ok(nodes.owner.relay.counts.malformed > 3);
    assert.equal(nodes.owner.warnings.length, 1);
    const same = new TwoNodes({ keys: ["a secret of sixteen", "a secret of sixteen"] });
    same.relay();
    same.wait(10);
    assert.equal(same.owner.served.length, 1);
    // What was meant for one topic is nothing for another one.
    const [open] = same.broker.published.filter(({ topic }) =>
      topic.endsWith(same.owner.name.reduce((hex, byte) => hex + byte.toString(16).padStart(2, "0"), "")),
    );
    same.broker.bring("test.relay.all", open!.bytes);
    same.wait(10);
    assert.deepEqual([same.owner.served.length, same.owner.relay.counts.malformed], [1, 1]);
  });

  it("outlives a broker that throws and rejects, and warns once", async () => {
    for (const publish of [throws, () => Promise.reject(new Error("no connection"))]) {
      const { clock } = new TwoNodes();
      const node = new TestNode(clock, "alone", () => ({ publish, subscribe: () => () => {}, close() {} }));
      for (let i = 0; i < 2; i++) node.end.run(() => node.relay.leave());
      await new Promise(setImmediate);
      assert.deepEqual(node.warnings, ["Error: no connection"]);
    }
  });
});

function throws(): never {
  throw new Error("no connection");
}

describe("a request for a transport of another node", () => {
  const transport = Buffer.alloc(16, 7);

  function ask(nodes: TwoNodes, body = "body"): { results: string[]; cancel: () => void } {
    const results: string[] = [];
    let cancel = (): void => {};
    nodes.at(nodes.gate, () => {
      cancel = nodes.gate.relay.ask(transport, Buffer.from(body), (result) =>
        results.push(typeof result === "string" ? result : `${result.status} ${Buffer.from(result.body)}`),
      );
    });
    return { results, cancel };
  }

  it("is answered there; the next one needs no question to all", () => {
    const nodes = new TwoNodes();
    nodes.owner.transports.add(transport.toString("hex"));
    const { results } = ask(nodes);
    nodes.wait(10);
    assert.equal(nodes.owner.held[0]!.body, "body");
    nodes.wait(20_000); // as a long poll waits
    nodes.at(nodes.owner, () => nodes.owner.held[0]!.request.answer(200, Buffer.from("blocks")));
    nodes.wait(10);
    assert.deepEqual(results, ["200 blocks"]);
    const asked = nodes.broker.published.filter(({ topic }) => topic.endsWith(".all")).length;
    ask(nodes, "again");
    nodes.wait(10);
    assert.equal(nodes.owner.held.length, 2);
    assert.equal(nodes.broker.published.filter(({ topic }) => topic.endsWith(".all")).length, asked);
    assert.equal(nodes.gate.relay.counts.requests, 2);
  });

  it("is taken once, however often it has to be said", () => {
    const nodes = new TwoNodes();
    nodes.owner.transports.add(transport.toString("hex"));
    let count = 0;
    nodes.broker.times = () => (++count % 3 === 0 ? 2 : count % 2);
    const { results } = ask(nodes);
    nodes.wait(1_000);
    assert.equal(nodes.owner.held.length, 1);
    nodes.broker.times = () => 1;
    nodes.at(nodes.owner, () => nodes.owner.held[0]!.request.answer(204, new Uint8Array(0)));
    nodes.wait(10);
    assert.deepEqual(results, ["204 "]);
  });

  it("is gone where nobody has the transport, or its node does not answer", () => {
    const nodes = new TwoNodes();
    const { results } = ask(nodes);
    nodes.wait(2_700);
    assert.deepEqual(results, ["gone"]);
    nodes.owner.transports.add(transport.toString("hex"));
    ask(nodes);
    nodes.wait(10);
    nodes.owner.end.isDead = true;
    const { results: later } = ask(nodes);
    nodes.wait(2_700);
    assert.deepEqual(later, ["gone"]);
  });

  it("cannot be asked where the broker is silent", () => {
    const nodes = new TwoNodes();
    nodes.broker.times = () => 0;
    const { results } = ask(nodes);
    nodes.wait(2_700);
    assert.deepEqual(results, ["silent"]);
  });

  it("is let go of when the client goes", () => {
    const nodes = new TwoNodes();
    nodes.owner.transports.add(transport.toString("hex"));
    const { results, cancel } = ask(nodes);
    nodes.wait(10);
    let isCancelled = false;
    nodes.owner.held[0]!.request.onCancel = () => {
      isCancelled = true;
    };
    nodes.at(nodes.gate, cancel);
    nodes.wait(10);
    assert.deepEqual([isCancelled, results], [true, []]);
    nodes.at(nodes.owner, () => nodes.owner.held[0]!.request.answer(200, new Uint8Array(0)));
    nodes.wait(10);
    assert.deepEqual(results, []);
  });
});
