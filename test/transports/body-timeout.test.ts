import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, IncomingMessage, request } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { describe, it, mock } from "node:test";
import { createHub } from "hawser/hub";
import { nowMs, schedule } from "#node/clock.js";
import { type BodyResult, RequestBody } from "#node/transports/request-body.js";
import { HttpRequestKind, MAX_HTTP_REQUEST_BYTES } from "#session/wire/http-request.js";
import { Inbox } from "../support/inbox.js";
import { openOf, RawTransport } from "../support/session/raw-transport.js";

/** As if so much time had gone by for all that waits: in a process of its own, since it never comes back. */
function leap(ms: number): void {
  const before = nowMs();
  const clock = performance.now.bind(performance);
  mock.method(performance, "now", () => clock() + ms);
  schedule({ timerNext: null, timerPrevious: null, timerSlot: -1, onDeadline: () => Infinity }, before);
}

describe("the body of a request", () => {
  it("that does not come in time is answered with 408, and its transport goes on", async () => {
    const got: string[] = [];
    const hub = createHub({ message: (_session, data) => void got.push(String(data)) });
    const begun = new Inbox<IncomingMessage>("request");
    const http = createServer((incoming, response) => {
      hub.handleRequest(incoming, response);
      begun.push(incoming);
    }).listen(0, "127.0.0.1");
    await once(http, "listening");
    const raw = new RawTransport(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`);
    assert.equal((await raw.down(1, 0, [openOf()])).status, 200);
    await begun.next();

    // data: nothing received, record 1 is the text "hi"
    const block = Buffer.from("01000100026869", "hex");
    const body = raw.body(HttpRequestKind.up, 2, 0, block);
    const slow = request(raw.url, { method: "POST", headers: { "content-length": body.length } });
    slow.write(body.subarray(0, -1));
    await begun.next();
    leap(10_100);
    const [answer] = (await once(slow, "response")) as [IncomingMessage];
    assert.equal(answer.statusCode, 408);
    assert.equal(answer.headers.connection, "close", "what still comes is not taken for another request");
    slow.destroy();

    assert.deepEqual(got, []);
    assert.equal((await raw.up(3, block)).status, 204);
    assert.deepEqual(got, ["hi"]);
    for (const session of hub.sessions.values()) session.end();
    await hub.shutdown({ drainTimeoutMs: 1 });
    http.close();
    http.closeAllConnections();
    mock.restoreAll();
  });

  it("that goes on behind its refusal is thrown away, and takes no room", () => {
    const incoming = new IncomingMessage(new Socket());
    const budget = { heldBytes: 0, maxBytes: 10 * MAX_HTTP_REQUEST_BYTES };
    const results: BodyResult[] = [];
    new RequestBody(incoming, budget, (result) => results.push(result));
    for (const byteLength of [MAX_HTTP_REQUEST_BYTES, 1, 100_000])
      incoming.emit("data", Buffer.alloc(byteLength));
    incoming.emit("end");
    assert.deepEqual(results, [413]);
    assert.equal(budget.heldBytes, 0);
  });
});
