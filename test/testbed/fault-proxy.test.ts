import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { FaultProxy, type FaultProxyOptions } from "#testbed/fault-proxy.js";
import { SeededRandom } from "#testbed/seeded-random.js";
import { until } from "../support/until.js";

type Faults = Partial<Omit<FaultProxyOptions, "seed" | "targetPort">>;

describe("FaultProxy", () => {
  let echo: Server;
  let port = 0;
  const servers = new Set<Socket>();

  before(async () => {
    echo = createServer({ allowHalfOpen: true }, (socket) => {
      servers.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => servers.delete(socket));
      socket.pipe(socket);
    });
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
    port = (echo.address() as AddressInfo).port;
  });
  after(() => echo.close());

  async function proxied(faults: Faults = {}, seed = 1): Promise<{ proxy: FaultProxy; socket: Socket }> {
    const proxy = await FaultProxy.start({ targetPort: port, seed, ...faults });
    const socket = connect({ port: proxy.port, host: "127.0.0.1" });
    socket.on("error", () => {});
    await once(socket, "connect");
    return { proxy, socket };
  }

  /** Sends all of it, ends, and gives the hash of what comes back. */
  async function echoed(socket: Socket, bytes: Buffer): Promise<string> {
    const hash = createHash("sha1");
    socket.on("data", (chunk) => hash.update(chunk));
    socket.end(bytes);
    await once(socket, "end");
    return hash.digest("hex");
  }

  function hashOf(bytes: Buffer): string {
    return createHash("sha1").update(bytes).digest("hex");
  }

  it("hands on every byte in order, and the end behind them", async () => {
    const bytes = new SeededRandom(7).bytes(3_000_000);
    const { proxy, socket } = await proxied({
      toServer: {
        maxPieceBytes: 3,
        piecesWithinBytes: 2_000,
        delayMs: 2,
        jitterMs: 10,
        stallShare: 0.05,
        stallMs: 20,
      },
      toClient: { maxPieceBytes: 1, piecesWithinBytes: 2_000, delayMs: 2, jitterMs: 10 },
    });
    assert.equal(await echoed(socket, bytes), hashOf(bytes));
    await until(() => proxy.size === 0, "the end of the connection");
    assert.equal(proxy.counts.bytesToServer, bytes.length);
    assert.equal(proxy.counts.bytesToClient, bytes.length);
    await proxy.close();
  });

  it("holds back bytes for the delay", async () => {
    const { proxy, socket } = await proxied({ toServer: { delayMs: 40 }, toClient: { delayMs: 40 } });
    const startedAt = performance.now();
    socket.write("x");
    await once(socket, "data");
    const tookMs = performance.now() - startedAt;
    socket.destroy();
    await proxy.close();
    assert.ok(tookMs >= 76, `${tookMs} ms`); // Node's timers count whole ms, and may come one early each
  });

  it("resets both ends of a black hole when the network forgets it", async () => {
    const { proxy, socket } = await proxied({ forgetsAfterMs: 30 });
    await echoed(socket, Buffer.from("x"));
    proxy.cutAll("black-hole");
    await closeOf(socket);
    await until(() => proxy.size === 0, "the end of the connection");
    await proxy.close();
  });

  it("keeps to the bandwidth, and pauses the sender", async () => {
    const { proxy, socket } = await proxied({ toServer: { bytesPerSecond: 1_000_000 } });
    const startedAt = performance.now();
    await echoed(socket, Buffer.alloc(200_000));
    const tookMs = performance.now() - startedAt;
    await proxy.close();
    assert.ok(tookMs >= 185, `${tookMs} ms`);
  });

  it("cuts at the byte that the seed says, and at the same one again", async () => {
    const lengths: number[] = [];
    for (let i = 0; i < 2; i++) {
      const { proxy, socket } = await proxied({ cutShare: 1, cutWithinBytes: 5_000, cuts: ["fin"] }, 42);
      socket.resume();
      socket.write(Buffer.alloc(20_000));
      await closeOf(socket);
      await until(() => proxy.size === 0, "the end of the connection");
      assert.equal(proxy.counts.fin, 1);
      lengths.push(Math.min(proxy.counts.bytesToServer, 5_001) + Math.min(proxy.counts.bytesToClient, 5_001));
      await proxy.close();
    }
    assert.ok(lengths[0]! > 0);
    assert.equal(lengths[0], lengths[1]);
  });

  it("resets both sides with cutAll", async () => {
    const { proxy, socket } = await proxied();
    socket.write("x");
    await once(socket, "data");
    const [server] = servers;
    const reset = once(server!, "error");
    proxy.cutAll("rst");
    await closeOf(socket);
    assert.equal(((await reset)[0] as NodeJS.ErrnoException).code, "ECONNRESET");
    await until(() => proxy.size === 0 && servers.size === 0, "the end of the connection");
    await proxy.close();
  });

  it("passes a reset of one side on to the other", async () => {
    const { proxy, socket } = await proxied();
    socket.write("x");
    await once(socket, "data");
    socket.resetAndDestroy();
    await until(() => proxy.size === 0 && servers.size === 0, "the end of the connection");
    await proxy.close();
  });

  it("lets neither side of a black hole know of the other", async () => {
    const { proxy, socket } = await proxied();
    socket.write("x");
    await once(socket, "data");
    proxy.cutAll("black-hole");
    let heard = 0;
    socket.on("data", () => heard++);
    socket.write("y");
    socket.destroy();
    await delay(50);
    assert.equal(heard, 0);
    assert.equal(servers.size, 1);
    assert.equal(proxy.size, 1);
    for (const server of servers) server.destroy();
    await until(() => proxy.size === 0, "the end of the connection");
    await proxy.close();
  });

  it("moves nothing while stalled, and all of it afterwards", async () => {
    const { proxy, socket } = await proxied();
    proxy.stallAll(60);
    await until(() => proxy.size === 1, "the connection");
    proxy.stallAll(60);
    const startedAt = performance.now();
    socket.write("abc");
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.equal(answer.toString(), "abc");
    assert.ok(performance.now() - startedAt >= 50);
    socket.destroy();
    await proxy.close();
  });

  it("resets new connections while it is blocked", async () => {
    const { proxy, socket } = await proxied();
    socket.write("x");
    await once(socket, "data");
    proxy.block();
    const refused = connect({ port: proxy.port, host: "127.0.0.1" });
    refused.on("error", () => {});
    await closeOf(refused);
    socket.write("y");
    await once(socket, "data"); // those of before go on
    proxy.unblock();
    assert.equal(proxy.counts.refused, 1);
    socket.destroy();
    await proxy.close();
  });

  it("turns bits only when told to", async () => {
    const { proxy, socket } = await proxied({ toServer: { corruptShare: 1 } });
    const bytes = Buffer.alloc(1_000);
    assert.notEqual(await echoed(socket, bytes), hashOf(bytes));
    await proxy.close();
  });

  it("leaves nothing behind when it is closed", async () => {
    const { proxy, socket } = await proxied({ toServer: { delayMs: 60_000 } });
    socket.write("x");
    await until(() => proxy.size === 1, "the connection");
    const closed = closeOf(socket);
    await proxy.close();
    await closed;
    assert.equal(proxy.size, 0);
    await until(() => servers.size === 0, "the end of the connection");
  });
});

/** `once` would reject for a reset. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}
