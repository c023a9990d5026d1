import assert from "node:assert/strict";
import cluster from "node:cluster";
import { describe, it } from "node:test";
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
