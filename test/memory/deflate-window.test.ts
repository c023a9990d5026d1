import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ZlibInflateContext } from "#node/deflate/inflate-context.js";
import { nodeHost } from "#node/node-host.js";

const CONTEXTS = 400;
const MESSAGE_BYTES = 2_000;

it("a window of permessage-deflate holds its own bytes, and pins no block of a buffer pool", async (t) => {
  const { poolSize } = Buffer;
  t.after(() => {
    Buffer.poolSize = poolSize;
  });
  Buffer.poolSize = 65_536; // as on Node 26, whatever this one has
  const message = Buffer.alloc(MESSAGE_BYTES, "the quick brown fox ");
  const before = buffersBytes();
  const contexts = Array.from({ length: CONTEXTS }, () => {
    const deflate = nodeHost.createDeflate!(15);
    const deflated = deflate.deflate(message);
    const inflate = new ZlibInflateContext(15);
    const inflated = inflate.inflate(deflated.subarray(0, -4), true, MESSAGE_BYTES);
    assert.equal(inflated.length, MESSAGE_BYTES);
    Buffer.allocUnsafe(20_000); // what else a program takes from the pool meanwhile
    return { deflate, inflate };
  });
  let each = Infinity;
  // What is garbage is not always freed by the first collection: newer engines free buffers beside the program.
  for (let round = 0; round < 50 && each >= 2 * MESSAGE_BYTES + 200; round++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    each = (buffersBytes() - before) / CONTEXTS;
  }
  assert.ok(each < 2 * MESSAGE_BYTES + 200, `${each} bytes for two windows of ${MESSAGE_BYTES}`);
  assert.equal(contexts.length, CONTEXTS);
});

function buffersBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  return process.memoryUsage().arrayBuffers;
}
