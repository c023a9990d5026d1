import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ListeningServer, serve } from "hawser/server";
import { nowMs } from "#node/clock.js";
import type { HttpTransport } from "#node/transports/http-transport.js";
import { HttpTransports } from "#node/transports/http-transports.js";
import type { Transport, TransportName } from "#session/transport-port.js";
import {
  LONG_POLL_MS,
  POLLING_IDLE_MS,
  POLLING_LINGER_MS,
  STREAM_BEAT_MS,
} from "#session/wire/http-request.js";
import { RecordingReceiver } from "../contracts/transport-contract.js";
import { leakCheck } from "../support/leak-check.js";
import { askForHead } from "../support/session/ask.js";
import { openOf, RawTransport, readAnswer } from "../support/session/raw-transport.js";
import { rounds, until } from "../support/until.js";

/** As if so much time had gone by. */
function later(transport: HttpTransport, ms: number): void {
  transport.onDeadline(nowMs() + ms + 1);
}

describe("what HTTP transports do in time", () => {
  const opened: Transport[] = [];
  let http: HttpTransports;
  let server: ListeningServer;

  before(async () => {
    http = new HttpTransports({
      transports: new Set<TransportName>(["stream", "sse", "long-polling", "polling"]),
      maxTransports: 2,
      maxBodyBytes: 1_000_000,
      allowsCookies: false,
      opened(transport) {
        transport.receiver = new RecordingReceiver();
        opened.push(transport);
      },
    });
    server = await serve({
      http: (incoming, response, { request, origins }) => http.handle(incoming, response, request, origins),
    });
  });
  after(() => server.shutdown({ drainTimeoutMs: 100 }));
  after(leakCheck());

  const last = (): HttpTransport => opened.at(-1) as HttpTransport;
  const told = (transport: Transport): RecordingReceiver => transport.receiver as RecordingReceiver;

  for (const [via, beat] of [
    ["stream", "\0"],
    ["sse", ":\n\n"],
  ] as const) {
    it(`writes something that says nothing into a silent answer: ${via}`, async () => {
      const raw = new RawTransport(server.url, via);
      const answer = await askForHead(raw.url, { body: raw.body(1, 1, 0, openOf()) });
      let text = "";
      answer.on("data", (piece: Buffer) => {
        text += piece.toString("latin1");
      });
      await until(() => text.length >= 2_048, "the filler");
      text = "";
      later(last(), STREAM_BEAT_MS - 5_000); // not yet
      await rounds(5);
      assert.equal(text, "");
      later(last(), STREAM_BEAT_MS);
      await until(() => text.length > 0, "the beat");
      assert.equal(text, beat);
      answer.destroy();
      await until(() => http.size === 0, "it is forgotten");
    });
  }

  it("answers a long poll that has waited for long, without blocks, and goes on", async () => {
    const raw = new RawTransport(server.url);
    const first = raw.down(1, 0, [openOf()]);
    await until(() => http.size === 1, "it is there");
    const transport = last();
    later(transport, LONG_POLL_MS);
    assert.deepEqual(readAnswer(await first), { number: 0, blocks: [] });
    const second = raw.down(0, 0);
    await rounds(20);
    transport.send(Buffer.from("abc"), 0, 3);
    assert.equal(readAnswer(await second).number, 1);
    later(transport, POLLING_IDLE_MS - 5_000);
    assert.equal(told(transport).ends.length, 0);
    const receiver = told(transport);
    later(transport, POLLING_IDLE_MS);
    assert.deepEqual(
      receiver.ends.map(({ code }) => code),
      [0],
      "nobody asked any more",
    );
    assert.equal((await raw.down(0, 1)).status, 410);
    assert.equal(http.size, 0);
  });

  it("keeps the last words of a transport that was closed for a while, and not for ever", async () => {
    const raw = new RawTransport(server.url, "polling");
    await raw.down(1, 0, [openOf()]);
    const transport = last();
    transport.send(Buffer.from("bye"), 0, 3);
    transport.close(4004, "");
    later(transport, POLLING_LINGER_MS - 5_000);
    assert.equal(http.size, 1);
    assert.deepEqual(readAnswer(await raw.down(0, 0)).blocks.map(String), ["bye"]);
    assert.equal(http.size, 0);
    const other = new RawTransport(server.url, "polling");
    await other.down(1, 0, [openOf()]);
    last().close(4004, "");
    later(last(), POLLING_LINGER_MS);
    assert.equal((await other.down(0, 0)).status, 410);
  });

  it("refuses more transports than there may be, with a time to come back", async () => {
    const raws = [0, 1, 2].map(() => new RawTransport(server.url, "polling"));
    const answers = [];
    for (const raw of raws) answers.push(await raw.down(1, 0, [openOf()]));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 503],
    );
    assert.equal(answers[2]!.headers["retry-after"], "5");
    for (const transport of opened.slice(-2)) (transport as HttpTransport).drop("enough");
  });

  it("goes on where a client was not reached for some time, without a message lost at the end of the answers", async () => {
    const raw = new RawTransport(server.url, "polling");
    await raw.down(1, 0, [openOf()]);
    const transport = last();
    transport.send(Buffer.from("1"), 0, 1);
    assert.equal(readAnswer(await raw.down(0, 0)).number, 1);
    transport.send(Buffer.from("2"), 0, 1);
    assert.equal(told(transport).losses, 0);
    assert.deepEqual(
      readAnswer(await raw.down(0, 0)).blocks,
      [],
      "what waited is the session's to send again",
    );
    assert.equal(told(transport).losses, 1);
    transport.drop("enough");
  });
});
