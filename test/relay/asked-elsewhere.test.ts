import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { after, describe, it } from "node:test";
import { incomingHead } from "#node/server/incoming-head.js";
import { UpgradeRequest } from "#node/server/upgrade-request.js";
import { HttpTransports } from "#node/transports/http-transports.js";
import { REQUEST_BYTES } from "#node/transports/request-body.js";
import { leakCheck } from "../support/leak-check.js";
import { until } from "../support/until.js";

type Done = (status: number, body: Uint8Array) => void;

/** A poll for a transport that is not here. */
const POLL = Uint8Array.of(1, ...new Uint8Array(16).fill(7), 0, 0);

/** A server whose requests are all for the transports of another node, which answers when the test says so. */
async function gate(maxBodyBytes = 1_000_000) {
  const asked: Done[] = [];
  let cancelled = 0;
  const transports = new HttpTransports({
    transports: new Set(["long-polling"] as const),
    maxTransports: 10,
    maxBodyBytes,
    allowsCookies: false,
    opened() {},
    elsewhere: {
      ask(_transport, _body, _request, done) {
        asked.push(done);
        return () => void cancelled++;
      },
    },
  });
  const server = createServer((incoming, response) => {
    const request = new UpgradeRequest(incomingHead(incoming), incoming.socket, incoming);
    transports.handle(incoming, response, request, "same-origin");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const agent = new Agent({ keepAlive: true });
  const { port } = server.address() as AddressInfo;
  const poll = (): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      httpRequest({ port, host: "127.0.0.1", method: "POST", agent }, resolve)
        .once("error", reject)
        .end(POLL);
    });
  const end = async (): Promise<void> => {
    agent.destroy();
    server.close();
    await once(server, "close");
  };
  return { transports, asked, poll, end, cancelled: () => cancelled };
}

describe("a request for a transport of another node", () => {
  after(leakCheck());

  it("does not hold up a shutdown: a poll is answered, and the connection ends, also where it came afterwards", async () => {
    const { transports, asked, poll, end, cancelled } = await gate();
    const held = poll();
    await until(() => asked.length === 1, "the other node is asked");
    transports.shutDown();
    for (const answer of [await held, await poll()]) {
      assert.deepEqual([answer.statusCode, answer.headers.connection], [200, "close"]);
      assert.deepEqual([...(await buffer(answer))], [0]);
    }
    assert.equal(cancelled(), 2);
    await end();
  });

  it("counts 8 KiB beside its body until it is answered, and is refused where there is no room for it", async () => {
    const { asked, poll, end } = await gate(2 * REQUEST_BYTES + POLL.length - 1);
    const first = poll();
    await until(() => asked.length === 1, "the other node is asked");
    const second = await poll();
    assert.deepEqual([second.statusCode, second.headers["retry-after"]], [503, "5"]);
    second.resume();
    asked[0]!(200, Uint8Array.of(0));
    (await first).resume();
    const third = poll();
    await until(() => asked.length === 2, "there is room again");
    asked[1]!(410, new Uint8Array(0));
    assert.equal((await third).statusCode, 410);
    (await third).resume();
    await end();
  });
});
