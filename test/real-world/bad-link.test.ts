import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { testCertificate } from "../support/certificate.js";
import { describeWith } from "../support/requirements.js";
import { BadLink, linkObstacle, SERVER } from "./bad-link.js";

const PLAIN = `ws://${SERVER}:8080`;
const SECURE = `wss://${SERVER}:8443`;
/** Of a client without a heartbeat of its own. */
const QUIET = { pingIntervalMs: 0, idleTimeoutMs: 0 };

describeWith("python3-websockets", "over a bad link", (python) => {
  const obstacle = linkObstacle(python);
  describe("between two kernels", { skip: obstacle ?? false }, () => {
    let link: BadLink;
    const { key, cert } = testCertificate();
    // The name is not the point here, and the certificate is for another address.
    const tls = { rejectUnauthorized: false };

    before(async () => {
      link = await BadLink.start(python);
      await link.server.call("start", SERVER, [8080, 8443], { key, cert });
    });

    after(() => link?.end());

    afterEach(() => link.set({ delay_ms: 0, loss: 0, is_up: true, reset_after: null }));

    it("with 100 ms there and back and 5 % of all packets lost: all messages, in order, unchanged", async () => {
      await link.set({ delay_ms: 50, loss: 0.05 });
      const exchange = async (url: string, seed: number): Promise<void> => {
        const options = { tls, pingIntervalMs: 250, pongTimeoutMs: 15_000 };
        await link.client.call("open", url, `${url}/`, options);
        const firstMs = await link.client.call<number>("exchange", url, 60, 12_000, seed);
        assert.ok(firstMs >= 100, `${firstMs} ms: it did not go over the link`);
        assert.ok((await link.client.call<number>("ping", url)) >= 100);
        assert.equal(await link.client.call("close", url, 4001), "4001 none");
        assert.equal(await link.server.call("nextClose", "/"), "4001 none");
      };
      await Promise.all([exchange(PLAIN, 7), exchange(SECURE, 8)]);
    });

    it("that is down: both ends notice by their heartbeats, with 1006 and PONG_TIMEOUT", async () => {
      const options = { pingIntervalMs: 250, pongTimeoutMs: 500 };
      await link.client.call("open", "strict", `${PLAIN}/strict`, options);
      await link.client.call("open", "quiet", `${PLAIN}/quiet`, QUIET);
      await link.set({ is_up: false });
      // Without a heartbeat what was sent waits, and nobody knows.
      await link.client.call("send", "quiet", 10_000);
      assert.equal(await link.client.call("closed", "strict"), "1006 PONG_TIMEOUT");
      assert.equal(await link.server.call("nextClose", "/strict"), "1006 PONG_TIMEOUT");
      assert.equal(await link.client.call("state", "quiet"), "open");
      await link.set({ is_up: true });
      assert.equal(await link.client.call("receive", "quiet"), 10_000);
      assert.equal(await link.client.call("close", "quiet", 4004), "4004 none");
      assert.equal(await link.server.call("nextClose", "/quiet"), "4004 none");
    });

    it("that is down for a while: who was patient has lost nothing", async () => {
      await link.client.call("open", "patient", `${PLAIN}/`, { pingIntervalMs: 250, pongTimeoutMs: 15_000 });
      const exchanged = link.client.call("exchange", "patient", 30, 5_000, 8);
      await link.set({ is_up: false });
      await delay(800);
      await link.set({ is_up: true });
      await exchanged;
      assert.equal(await link.client.call("close", "patient", 4002), "4002 none");
    });

    it("that is down: an opening and a closing handshake end when they are to", async () => {
      await link.client.call("open", "closing", `${PLAIN}/hasty`, { ...QUIET, closeTimeoutMs: 400 });
      await link.set({ is_up: false });
      const ends = await Promise.all([
        link.client.call("failToOpen", PLAIN, { handshakeTimeoutMs: 400 }),
        link.client.call("close", "closing", 4003),
      ]);
      assert.deepEqual(ends, ["HANDSHAKE_TIMEOUT tcp", "1006 CLOSE_TIMEOUT"]);
    });

    it("that resets a connection in the middle of a message: 1006 at both ends, and no message", async () => {
      await link.client.call("open", "reset", `${PLAIN}/quiet`, QUIET);
      await link.server.call("countMessages");
      await link.set({ reset_after: 20 });
      await link.client.call("send", "reset", 2_000_000);
      // A reset behind bytes that were not read yet is told as an end by libuv.
      const lost = /^1006 (?:TRANSPORT_ERROR|CONNECTION_LOST)$/;
      assert.match(await link.client.call("closed", "reset"), lost);
      assert.match(await link.server.call("nextClose", "/quiet"), lost);
      assert.equal(await link.server.call("countMessages"), 0);
    });

    it("that is down: a shutdown ends when it is to", async () => {
      await link.client.call("open", "last", `${PLAIN}/quiet`, QUIET);
      await link.set({ is_up: false });
      await link.server.call("shutdown", 300);
      assert.equal(await link.server.call("nextClose", "/quiet"), "1006 TERMINATED");
    });
  });
});
