import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { leakCheck } from "./leak-check.js";

describe("leakCheck", () => {
  it("finds a server and a timer that were left, and is content when they are gone", async () => {
    const check = leakCheck(40);
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const timer = setTimeout(() => {}, 60_000);
    try {
      await assert.rejects(check, /1 TCPServerWrap.*1 Timeout/);
    } finally {
      server.close();
      clearTimeout(timer);
    }
    await check();
  });
});
