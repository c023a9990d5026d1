import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CATEGORIES, testServer, type Verdict } from "hawser/conformance";
import { serve } from "hawser/server";
import { PATIENCE_MS } from "../support/inbox.js";
import { type Fault, sloppyServer } from "./sloppy-server.js";

/** For each category a fault, and a case that finds it. Categories for clients only are in `broken-client.test.ts`. */
const FAULTS: readonly (readonly [category: string, fault: Fault, id: string])[] = [
  ["1", "cuts long echoes", "1.1.3"],
  ["2", "ignores pings", "2.2"],
  ["3", "ignores reserved bits", "3.1"],
  ["4", "ignores opcodes", "4.1.1"],
  ["5", "continues anything", "5.9"],
  ["6", "takes any text", "6.3.1"],
  ["7", "takes any close frame", "7.9.1"],
  ["9", "loses large messages", "9.1.1"],
  ["10", "echoes fragments", "10.1.1"],
  ["12", "flips compressed bytes", "12.1.3"],
  ["13", "answers any parameters", "13.1.3"],
  ["20", "takes any request", "20.1.1"],
  ["21", "accepts any extension", "21.4.1"],
  ["22", "misreads 16-bit lengths", "22.1.14"],
  ["23", "expects whole frames", "23.4.7"],
  ["24", "echoes after close", "24.1.2"],
  ["26", "takes any mask", "26.1.1"],
  ["27", "swallows bad data", "27.2.1"],
];
/** How long a fault may take; what has none has all the time that it needs. */
const FAULT_TIMEOUT_MS = 1_000;

async function verdictOf(id: string, ...faults: readonly Fault[]): Promise<Verdict> {
  const server = await sloppyServer(...faults);
  try {
    const timeoutMs = faults.length === 0 ? PATIENCE_MS : FAULT_TIMEOUT_MS;
    const { results } = await testServer(server.url, { only: [id], timeoutMs });
    assert.equal(results.length, 1, `there is no case ${id}`);
    return results[0]!.verdict;
  } finally {
    await server.stop();
  }
}

describe("a server with one fault", () => {
  for (const [category, fault, id] of FAULTS) {
    it(`that ${fault} fails in category ${category}, which it passes without`, async () => {
      assert.equal(await verdictOf(id), "pass", `case ${id} without the fault`);
      assert.equal(await verdictOf(id, fault), "fail", `case ${id} with the fault`);
    });
  }

  it("exists for every category that servers are tested in", () => {
    const covered = new Set(FAULTS.map(([category]) => category));
    const missing = [...CATEGORIES.keys()].filter((category) => !covered.has(category));
    // The faults of 29 are those of a server for HTTP/2: http2.test.ts has one.
    assert.deepEqual(missing, ["25", "28", "29"]);
  });

  it("is told what it did wrong, and shown the wire", async () => {
    const server = await sloppyServer("cuts long echoes");
    try {
      const { results } = await testServer(server.url, { only: ["1.1.3"] });
      assert.equal(results[0]?.reason, "the echo has 125 bytes and not 126");
      assert.ok(
        results[0].wire.some(({ words }) => words.some((line) => /^text, 125 bytes "\*+"…$/.test(line))),
      );
    } finally {
      await server.stop();
    }
  });

  it("fails a case that takes too long, with what it waited for", async () => {
    const server = await sloppyServer("ignores pings");
    try {
      const { results } = await testServer(server.url, { only: ["2.2"], timeoutMs: 1_000 });
      assert.equal(results[0]?.reason, "not done after 1000 ms: still waiting for the pong");
    } finally {
      await server.stop();
    }
  });

  it("gives each echo the time limit anew, and tells of a case when it begins", async (t) => {
    const server = await serve({
      message: (socket, data) => void setTimeout(() => socket.send(data), 20),
    });
    t.after(() => server.shutdown());
    const started: string[] = [];
    // 100 echoes of 20 ms each, and a limit of three times 400 ms.
    const { results } = await testServer(server.url, {
      agent: "slow",
      only: ["9.7.1"],
      timeoutMs: 400,
      onStart: (id, agent) => started.push(`${agent} ${id}`),
    });
    assert.deepEqual(
      results.map(({ verdict, reason }) => `${verdict}${reason}`),
      ["pass"],
    );
    assert.ok(results[0]!.durationMs > 1_200);
    assert.deepEqual(started, ["slow 9.7.1"]);
  });

  it("fails every case if nobody listens", async () => {
    const server = await sloppyServer();
    await server.stop();
    const { results } = await testServer(server.url, { only: ["1.1.1"] });
    assert.match(results[0]!.reason, /^no connection to the server: /);
  });
});
