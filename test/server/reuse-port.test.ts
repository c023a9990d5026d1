import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serve } from "hawser/server";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const isKnownToNode = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);

describe("reusePort", () => {
  if (!isKnownToNode) {
    it("is refused where Node does not know it, for Node would ignore it", async () => {
      await assert.rejects(serve({ reusePort: true }), {
        code: "INVALID_OPTION",
        message: /22\.12 or 23\.1/,
      });
    });
  } else if (process.platform === "linux") {
    it("lets two servers listen on one port", async () => {
      const first = await serve({ reusePort: true });
      const second = await serve({ reusePort: true, port: first.port });
      assert.equal(second.port, first.port);
      await first.shutdown();
      await second.shutdown();
    });
  } else {
    it("fails to listen where the system does not know it", async () => {
      await assert.rejects(serve({ reusePort: true }), { code: "LISTEN_FAILED" });
    });
  }

  it("is refused for a path, and is no trouble when it is false", async () => {
    await assert.rejects(serve({ reusePort: true, path: "/nowhere.sock" }), { code: "INVALID_OPTION" });
    const server = await serve({ reusePort: false });
    await server.shutdown();
  });
});
