import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { buildFrame, FrameReader, FuzzingServer, type Verdict } from "hawser/conformance";
import { headText, takeHead } from "#conformance/http-head.js";
import { wsClient } from "./echo-client.js";

const MASK = Buffer.from([1, 2, 3, 4]);

/** A client that believes every answer and echoes what comes. */
async function gullibleClient(url: string, key: string): Promise<void> {
  const { hostname, port, pathname, search } = new URL(url);
  const socket = connectTcp(Number(port), hostname);
  const head = headText(`GET ${pathname}${search} HTTP/1.1`, [
    ["Host", hostname],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", key],
    ["Sec-WebSocket-Version", "13"],
  ]);
  socket.write(head);
  socket.on("error", () => {});
  const reader = new FrameReader(({ opcode, payload }) => {
    if (opcode !== 9) socket.write(buildFrame({ opcode, payload, mask: MASK }));
  });
  let received: Buffer | undefined = Buffer.alloc(0);
  socket.on("data", (bytes) => {
    if (received === undefined) return reader.push(bytes);
    received = Buffer.concat([received, bytes]);
    const taken = takeHead(received);
    if (taken === undefined) return undefined;
    received = undefined;
    return reader.push(taken.rest);
  });
  await new Promise((resolve) => socket.on("close", resolve));
}

async function verdictOf(t: TestContext, id: string, key: string): Promise<Verdict | undefined> {
  const server = await FuzzingServer.listen({ port: 0, only: [id], timeoutMs: 1_000 });
  t.after(() => server.close());
  await gullibleClient(`${server.url}/runCase?case=1&agent=gullible`, key);
  await wsClient(`${server.url}/updateReports?agent=gullible`);
  return server.reports[0]?.results[0]?.verdict;
}

describe("a client that believes everything", () => {
  const GOOD_KEY = "AQIDBAUGBwgJCgsMDQ4PEA==";

  for (const id of ["25.1.1", "25.2.1", "25.3.1", "25.4.1", "26.2.2"]) {
    it(`fails case ${id}`, async (t) => assert.equal(await verdictOf(t, id, GOOD_KEY), "fail"));
  }

  it("passes what needs no doubts", async (t) => assert.equal(await verdictOf(t, "1.1.2", GOOD_KEY), "pass"));

  it("fails in category 28 with a key of 15 bytes", async (t) => {
    assert.equal(await verdictOf(t, "28.1.6", GOOD_KEY), "pass");
    assert.equal(await verdictOf(t, "28.1.6", Buffer.alloc(15, 1).toString("base64")), "fail");
  });
});
