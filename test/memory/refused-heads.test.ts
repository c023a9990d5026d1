import assert from "node:assert/strict";
import process from "node:process";
import { it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { serve } from "hawser/server";
import { RawClient } from "../support/raw-client.js";

const HEADS = 150;
const HEAD_BYTES = 40_000;

it("a head that is refused is not held until the deadline of its handshake", async () => {
  const server = await serve({});
  const headers = { "X-Large": "x".repeat(HEAD_BYTES) };
  const before = buffersBytes();
  for (let i = 0; i < HEADS; i++) {
    const client = await RawClient.open({ port: server.port, headers });
    assert.equal(client.status, 431);
    await client.destroy();
  }
  let held = Infinity;
  // What is garbage is not always freed by the first collection.
  for (let round = 0; round < 50 && held >= (HEADS * HEAD_BYTES) / 4; round++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    held = buffersBytes() - before;
  }
  assert.ok(held < (HEADS * HEAD_BYTES) / 4, `${held} bytes are held`);
  await server.shutdown();
});

function buffersBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  return process.memoryUsage().arrayBuffers;
}
