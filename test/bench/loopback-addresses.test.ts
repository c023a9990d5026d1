import assert from "node:assert/strict";
import process from "node:process";
import { it } from "node:test";
import { loadTarget } from "#bench/load-target.js";
import { loopbackAddresses } from "#bench/loopback-addresses.js";

it("connects from several addresses only where one has too few ports, and the server is on this machine", () => {
  const near = loadTarget("ws://127.0.0.1:8080");
  assert.deepEqual(loopbackAddresses(near, 20_000), []);
  assert.deepEqual(loopbackAddresses(loadTarget("ws://example.com"), 50_000), []);
  const many = process.platform === "linux" ? ["127.0.0.2", "127.0.0.3", "127.0.0.4"] : [];
  assert.deepEqual(loopbackAddresses(near, 50_000), many);
});
