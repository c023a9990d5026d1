import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { accept, endpoint, type ListeningServer, type ServerConnection, serve } from "hawser/server";
import { leakCheck } from "../support/leak-check.js";
import { RawClient, textFrame } from "../support/raw-client.js";

/** Which type an expression has, exactly; a wrong one does not compile. */
type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<_Holds extends true>(): void {}

/** Says which endpoint a path led to, and with which parameters. */
const tells = (name: string) =>
  endpoint({
    open: (socket) => void socket.send(`${name} ${JSON.stringify(socket.request.params)}`),
  });

async function answerAt(server: ListeningServer, path: string): Promise<string | number> {
  const client = await RawClient.open({ port: server.port, path });
  const answer = client.status === 101 ? await client.nextText() : client.status;
  await client.destroy();
  return answer;
}

describe("the routes of a server", () => {
  after(leakCheck());

  it("lead to what is exact, has parameters or is below, and else nowhere", async () => {
    const server = await serve({
      routes: {
        "/rooms/:room": tells("room"),
        "/rooms/lobby": tells("lobby"),
        "/rooms/:room/seats/:seat": tells("seat"),
        "/files/*": tells("files"),
        "/chat": tells("chat"),
      },
    });
    assert.equal(await answerAt(server, "/chat"), "chat {}");
    assert.equal(await answerAt(server, "/chat?token=1/2"), "chat {}");
    assert.equal(await answerAt(server, "/rooms/lobby"), "lobby {}");
    assert.equal(await answerAt(server, "/rooms/a%20b%2Fc"), 'room {"room":"a b/c"}');
    assert.equal(await answerAt(server, "/rooms/1/seats/2"), 'seat {"room":"1","seat":"2"}');
    assert.equal(await answerAt(server, "/files/a/b/c"), "files {}");
    for (const path of [
      "/",
      "/chat/",
      "/Chat",
      "/rooms/",
      "/rooms/%ff",
      "/rooms/1/seats",
      "/rooms/1/2",
      "//chat",
    ]) {
      assert.equal(await answerAt(server, path), 404, path);
    }
    await server.shutdown();
  });

  it("lets a peer name no property of Object.prototype", async () => {
    const server = await serve({ routes: { "/:key": tells("any") } });
    assert.equal(await answerAt(server, "/__proto__"), 'any {"key":"__proto__"}');
    await server.shutdown();
    const other = await serve({ routes: { "/chat": tells("chat") } });
    assert.equal(await answerAt(other, "/constructor"), 404);
    assert.equal(await answerAt(other, "constructor"), 400);
    await other.shutdown();
  });

  it("serve every path with the handlers at the top level where there are none", async () => {
    const server = await serve(tells("all"));
    assert.equal(await answerAt(server, "/"), "all {}");
    assert.equal(await answerAt(server, "/any/where?x"), "all {}");
    await server.shutdown();
  });

  it("start from the options beside them, but not from the handlers", async () => {
    const opened: string[] = [];
    const server = await serve({
      protocols: ["shared"],
      maxMessageBytes: 3,
      open: () => void opened.push("top"),
      upgrade: () => assert.fail("the hook of no endpoint"),
      routes: {
        "/plain": { open: (socket) => void opened.push(`plain ${socket.protocol}`) },
        "/own": { protocols: ["own"], open: (socket) => void opened.push(`own ${socket.protocol}`) },
      },
    });
    const headers = { "Sec-WebSocket-Protocol": "own, shared" };
    const plain = await RawClient.open({ port: server.port, path: "/plain", headers });
    const own = await RawClient.open({ port: server.port, path: "/own", headers });
    assert.deepEqual(opened, ["plain shared", "own own"]);
    plain.send(textFrame("long"));
    assert.equal((await plain.nextClose()).code, 1009);
    await Promise.all([plain.destroy(), own.destroy()]);
    await server.shutdown();
  });

  it("may be objects of a class, whose methods are called on them", async () => {
    class Counter {
      readonly protocols = ["count"];
      #count = 0;
      upgrade() {
        this.#count += 10;
        return accept(undefined);
      }
      message(socket: ServerConnection) {
        socket.send(String(++this.#count));
      }
    }
    const server = await serve({ maxMessageBytes: 100, routes: { "/count": new Counter() } });
    const headers = { "Sec-WebSocket-Protocol": "count" };
    for (const expected of ["11", "22"]) {
      const client = await RawClient.open({ port: server.port, path: "/count", headers });
      assert.equal(client.header("Sec-WebSocket-Protocol"), "count");
      client.send(textFrame("x"));
      assert.equal(await client.nextText(), expected);
      await client.destroy();
    }
    await server.shutdown();
  });

  it("have data of their own types", async () => {
    const seen: unknown[] = [];
    const server = await serve({
      routes: {
        "/users": endpoint({
          upgrade: ({ query }) => accept({ user: query.get("name") ?? "nobody" }),
          open(socket) {
            assertType<Equals<typeof socket, ServerConnection<{ user: string }>>>();
            assertType<Equals<typeof socket.data, { user: string }>>();
            seen.push(socket.data);
          },
        }),
        "/count": endpoint({
          upgrade: async () => accept(7),
          open(socket) {
            assertType<Equals<typeof socket.data, number>>();
            socket.data += 1;
            seen.push(socket.data);
          },
        }),
        "/none": endpoint({
          open(socket) {
            assertType<Equals<typeof socket.data, undefined>>();
            seen.push(socket.data);
          },
        }),
      },
    });
    for (const path of ["/users?name=ada", "/count", "/none"]) {
      const client = await RawClient.open({ port: server.port, path });
      await client.destroy();
    }
    assert.deepEqual(seen, [{ user: "ada" }, 8, undefined]);
    await server.shutdown();
  });
});
