import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { PolledAnswer } from "#node/transports/http-transport.js";
import { PolledTransport } from "#node/transports/polled-transport.js";
import { POLLING_IDLE_MS, readHttpRequest } from "#session/wire/http-request.js";
import { leakCheck } from "../support/leak-check.js";

describe("an answer to a poll over HTTP/2", () => {
  after(leakCheck());

  it("is dropped where its client opens no window for it", () => {
    const timeouts: [ms: number, call: () => void][] = [];
    let isDestroyed = false;
    const stream = {
      setTimeout: (ms: number, call: () => void) => void timeouts.push([ms, call]),
      destroy: () => {
        isDestroyed = true;
      },
    };
    const response = { stream, on() {}, writeHead() {}, end() {} } as unknown as PolledAnswer;
    const transport = new PolledTransport("polling");
    transport.receiver = { block() {}, drained() {}, lost() {}, closed() {} };
    const body = Uint8Array.of(1, ...new Uint8Array(16), 0, 0);
    assert.equal(transport.answer(readHttpRequest(body)!, body, response), "answered");
    assert.deepEqual(
      timeouts.map(([ms]) => ms),
      [POLLING_IDLE_MS],
    );
    timeouts[0]![1]();
    assert.ok(isDestroyed);
    transport.drop("the test is over");
  });
});
