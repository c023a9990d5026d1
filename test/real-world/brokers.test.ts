import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { connect } from "hawser/client";
import { type Broker, serve } from "hawser/server";
import { projectPath } from "#scripts/project-root.js";
import type { RequirementId } from "#scripts/system-requirements.js";
import { SeededRandom } from "#testbed/seeded-random.js";
import { checkBlocks } from "../docs/check-blocks.js";
import { codeBlocks } from "../docs/code-blocks.js";
import { RelayCluster } from "../relay/relay-cluster.js";
import { talk } from "../relay/talk.js";
import { freePort } from "../support/free-port.js";
import { leakCheck } from "../support/leak-check.js";
import { describeWith } from "../support/requirements.js";
import { TestSession } from "../support/session/test-session.js";
import { until } from "../support/until.js";
import { RealProgram } from "./real-program.js";

const HOW_TO = "docs/howto/behind-a-load-balancer.md";

interface Kind {
  readonly id: RequirementId;
  readonly name: string;
  /** What the how-to exports. */
  readonly maker: string;
  readonly scheme: string;
  readonly programArguments: (port: number) => readonly string[];
}

const KINDS: readonly Kind[] = [
  {
    id: "redis",
    name: "Redis",
    maker: "redisBroker",
    scheme: "redis",
    programArguments: (port) => [
      ...["--port", String(port), "--bind", "127.0.0.1"],
      ...["--save", "", "--appendonly", "no"],
    ],
  },
  {
    id: "nats",
    name: "NATS",
    maker: "natsBroker",
    scheme: "nats",
    programArguments: (port) => ["--port", String(port), "--addr", "127.0.0.1"],
  },
];

for (const { id, name, maker, scheme, programArguments } of KINDS) {
  describeWith(id, `a broker over ${name}, as the how-to has it`, (path) => {
    const noLeak = leakCheck();
    let port = 0;
    let program: RealProgram;
    let make: (url: string) => Promise<Broker>;
    let opened: Broker[] = [];

    const start = (): Promise<RealProgram> =>
      RealProgram.start({
        program: path,
        programArguments: () => programArguments(port),
        ports: [port],
        files: () => ({}),
      });

    /** Brokers of so many nodes. */
    async function brokers(count: number): Promise<Broker[]> {
      const made = await Promise.all(
        Array.from({ length: count }, () => make(`${scheme}://127.0.0.1:${port}`)),
      );
      opened.push(...made);
      return made;
    }

    async function closeBrokers(): Promise<void> {
      for (const broker of opened) await broker.close();
      opened = [];
    }

    before(async () => {
      const [block] = codeBlocks(HOW_TO, readFileSync(projectPath(HOW_TO), "utf8")).filter(({ code }) =>
        code.includes(`function ${maker}(`),
      );
      const { errors, programOf } = checkBlocks([block!], `docs-broker-${id}`);
      assert.deepEqual(errors, []);
      const made: Record<string, typeof make> = await import(pathToFileURL(programOf(block!)).href);
      make = made[maker]!;
      port = await freePort();
      program = await start();
    });

    after(async () => {
      await closeBrokers();
      await program?.end();
      await noLeak();
    });

    it("brings bytes to all nodes, unchanged and in the order of their publisher", async () => {
      const [here, there] = (await brokers(2)) as [Broker, Broker];
      const heard: [string[], string[]] = [[], []];
      const take = (node: 0 | 1) => (bytes: Uint8Array) =>
        void heard[node].push(Buffer.from(bytes).toString("hex"));
      const ends = [here.subscribe("a", take(0)), there.subscribe("a", take(1))];
      there.subscribe("b", () => heard[1].push("another topic"));
      // A subscription takes its time.
      await until(async () => {
        here.publish("a", Buffer.from("first"));
        await new Promise((resolve) => setTimeout(resolve, 20));
        return heard.every(({ length }) => length > 0);
      }, "both have subscribed");
      const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const sent = Array.from({ length: 100 }, (_, i) => all.subarray(i));
      for (const bytes of sent) here.publish("a", bytes);
      const wanted = sent.map((bytes) => Buffer.from(bytes).toString("hex"));
      await until(() => heard.every((one) => one.at(-1) === wanted.at(-1)), "all came");
      for (const one of heard) assert.deepEqual(one.slice(-100), wanted);
      for (const end of ends) end();
      await closeBrokers();
    });

    it("carries broadcasts to the sockets of every node", async () => {
      const made = await brokers(2);
      const servers = await Promise.all(made.map((broker) => serve({ broker })));
      const sockets = await Promise.all(servers.map(({ url }) => connect(url)));
      const heard = sockets.map((socket) => {
        const messages: unknown[] = [];
        void (async () => {
          for await (const message of socket) messages.push(message);
        })();
        return messages;
      });
      await until(async () => {
        servers[0]!.broadcast("to all");
        await new Promise((resolve) => setTimeout(resolve, 20));
        return heard[1]!.length > 0;
      }, "it came to the other node");
      assert.deepEqual([heard[0]![0], heard[1]![0]], ["to all", "to all"]);
      await Promise.all(sockets.map((socket) => socket.close()));
      await Promise.all(servers.map((server) => server.shutdown()));
      await closeBrokers();
    });

    for (const via of ["websocket", "stream", "sse", "long-polling", "polling"] as const) {
      it(`loses, doubles and reorders nothing of a session behind a balancer that is not sticky: ${via}`, async () => {
        const made = await brokers(3);
        const received: string[] = [];
        const nodes = await RelayCluster.open(3, (node) => ({
          broker: made[node]!,
          brokerKey: "a secret of all nodes",
          message: (_session, data) => void received.push(String(data)),
        }));
        const client = await TestSession.open(nodes.url, { via, reconnectDelayMs: 1 });
        await talk(client, nodes, received, 3, new SeededRandom(3));
        assert.deepEqual([client.end, nodes.opened], [undefined, 1]);
        await client.close();
        await nodes.close();
        await closeBrokers();
      });
    }

    it("is there again when its server is, and a session comes back over another node with nothing lost", async () => {
      const made = await brokers(2);
      const received: string[] = [];
      let heard = 0;
      made[1]!.subscribe("again", () => void heard++);
      const nodes = await RelayCluster.open(2, (node) => ({
        broker: made[node]!,
        message: (_session, data) => void received.push(String(data)),
      }));
      const client = await TestSession.open(nodes.urlOf(1));
      const [session] = nodes.owner.sessions.values();
      client.send("before");
      await until(() => received.length === 1, "the first came");
      await program.end();
      // Who is at the node of its session notices nothing.
      client.send("while it is away");
      await until(() => received.length === 2, "the second came");
      const say = (): unknown =>
        Promise.resolve(made[0]!.publish("again", Buffer.from("now"))).catch(() => {});
      say(); // It may be rejected, and nobody hears it.
      assert.equal(heard, 0);
      program = await start();
      await until(async () => {
        say();
        await new Promise((resolve) => setTimeout(resolve, 20));
        return heard > 0;
      }, "they hear each other again");
      client.url = nodes.urlOf(0);
      client.cut();
      await until(() => nodes.hubs[0]!.counts.relays.gates === 1, "it came back over the other node");
      client.send("after");
      session!.send("answer");
      await client.messages(1);
      await until(() => received.length === 3, "the third came");
      assert.deepEqual(received, ["before", "while it is away", "after"]);
      assert.deepEqual([client.received, client.end, nodes.opened], [["answer"], undefined, 1]);
      await client.close();
      await nodes.close();
      await closeBrokers();
    });

    it("is closed, and keeps nothing alive, while its server is away", async () => {
      const [broker] = (await brokers(1)) as [Broker];
      broker.subscribe("before", () => {});
      await program.end();
      broker.subscribe("away", () => {});
      await closeBrokers(); // It once waited for the server to answer, for ever.
      program = await start();
    });
  });
}

describe("the brokers of the how-to", () => {
  it("are those that are tested", () => {
    const text = readFileSync(projectPath(HOW_TO), "utf8");
    assert.deepEqual(
      [...text.matchAll(/export async function (\w+Broker)\(/g)].map(([, maker]) => maker),
      KINDS.map(({ maker }) => maker),
    );
  });
});
