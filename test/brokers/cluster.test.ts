import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import cluster from "node:cluster";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { clusterBroker } from "hawser/server";
import { brokerContract } from "../contracts/broker-contract.js";
import { rounds } from "../support/until.js";

// Between processes: test/cluster/workers.test.ts.
describe("clusterBroker within one process", () => {
  brokerContract(() => ({ publisher: clusterBroker(), subscriber: clusterBroker() }));

  it("takes no notice of what others send over the channel, nor of what is malformed", async () => {
    const broker = clusterBroker();
    let calls = 0;
    broker.subscribe("a", () => void calls++);
    for (const message of [
      null,
      1,
      "joined",
      {},
      { hawserBroker: 1 },
      { hawserBroker: ["a", 1] },
      { hawserBroker: ["a"] },
    ]) {
      cluster.emit("message", { process: {}, isConnected: () => false }, message);
    }
    await rounds(2);
    assert.equal(calls, 0);
    await broker.close();
  });

  it("refuses a limit that is none", () => {
    for (const maxBufferedBytes of [-1, Number.NaN]) {
      assert.throws(() => clusterBroker({ maxBufferedBytes }), { code: "INVALID_OPTION" });
    }
  });
});

describe("clusterBroker in a worker that the program forked by itself", () => {
  it("warns that the primary has none: it reaches nobody", async () => {
    assert.equal(
      await said("without"),
      "the primary of this cluster has no clusterBroker(): what is published here reaches no other worker. Make one there, or use startWorkers\nwaited\n",
    );
  });

  it("says nothing where the primary has one", async () => {
    assert.equal(await said("with"), "waited\n");
  });
});

/** What the program printed. */
async function said(primary: "with" | "without"): Promise<string> {
  const program = fileURLToPath(new URL("lonely-worker-program.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--no-warnings", program, primary]);
  return stdout;
}
