import assert from "node:assert/strict";
import { Agent } from "node:http";
import { connect as connectTcp } from "node:net";
import { after, before, describe, it } from "node:test";
import { createHub, type Hub } from "hawser/hub";
import { type ListeningServer, serve } from "hawser/server";
import { MAX_HTTP_REQUEST_BYTES } from "#session/wire/http-request.js";
import { PacketType } from "#session/wire/packet-type.js";
import { leakCheck } from "../support/leak-check.js";
import { ask, askForHead } from "../support/session/ask.js";
import { framed, openOf, RawTransport, readAnswer } from "../support/session/raw-transport.js";
import { rounds, until } from "../support/until.js";

/** A record of a text, as the first packet of data in a session. */
function dataOf(first: number, ...texts: readonly string[]): Buffer {
  const records = texts.flatMap((text) => [0, text.length, ...Buffer.from(text)]);
  return Buffer.from([PacketType.data, 0, first, ...records]);
}

describe("sessions over HTTP, on the wire", () => {
  let hub: Hub;
  let server: ListeningServer;
  let url: string;
  const received: string[] = [];

  before(async () => {
    hub = createHub({
      origins: ["https://app.example"],
      message: (_session, data) => void received.push(String(data)),
    });
    server = await serve({ routes: { "/live": hub, "/raw": { message() {} } } });
    url = `${server.url}/live`;
  });
  after(async () => {
    for (const session of hub.sessions.values()) session.end(); // nobody confirms anything here
    await hub.shutdown({ drainTimeoutMs: 1 });
    await server.shutdown();
  });
  after(leakCheck());

  it("answers the first poll with the welcome, in answer 1", async () => {
    const answer = await new RawTransport(url).down(1, 0, [openOf()]);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-type"], "application/octet-stream");
    assert.equal(answer.headers["cache-control"], "no-store, no-transform");
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
    assert.equal(answer.headers["set-cookie"], undefined);
    assert.equal(answer.headers.connection, "keep-alive");
    const { number, blocks } = readAnswer(answer);
    assert.equal(number, 1);
    assert.deepEqual(
      blocks.map(([type]) => type),
      [PacketType.welcome],
    );
  });

  it("takes the blocks of a request once, however often it comes", async () => {
    received.length = 0;
    const raw = new RawTransport(url);
    await raw.down(1, 0, [openOf()]);
    const [first] = [await raw.up(2, dataOf(1, "a", "b"))];
    assert.deepEqual([first!.status, first!.body.length], [204, 0]);
    assert.equal((await raw.up(2, dataOf(3, "c"))).status, 204);
    assert.equal((await raw.up(5, dataOf(3, "d"))).status, 204);
    assert.equal((await raw.up(4, dataOf(4, "late"))).status, 204);
    await rounds(3);
    assert.deepEqual(received, ["a", "b", "d"]);
  });

  it("takes blocks with a poll, and answers it with what they led to", async () => {
    const raw = new RawTransport(url, "polling");
    await raw.down(1, 0, [openOf()]);
    const { number, blocks } = readAnswer(await raw.down(2, 1, [Buffer.from([PacketType.ping, 1, 42])]));
    assert.equal(number, 2);
    assert.deepEqual([...blocks[0]!], [PacketType.pong, 1, 42]);
    assert.deepEqual(readAnswer(await raw.down(0, 2)), { number: 0, blocks: [] });
  });

  it("lets a long poll wait, and answers it as soon as there is something", async () => {
    const raw = new RawTransport(url);
    await raw.down(1, 0, [openOf()]);
    const waiting = raw.down(0, 1);
    let isAnswered = false;
    void waiting.then(() => {
      isAnswered = true;
    });
    await rounds(20);
    assert.equal(isAnswered, false);
    await raw.up(2, Buffer.from([PacketType.ping, 1, 7]));
    assert.deepEqual([...readAnswer(await waiting).blocks[0]!], [PacketType.pong, 1, 7]);
  });

  it("answers a poll that waits, without blocks, when another one takes its place", async () => {
    const raw = new RawTransport(url);
    await raw.down(1, 0, [openOf()]);
    const first = raw.down(0, 1);
    await until(() => hub.counts.sessions > 0, "it is there");
    await rounds(20);
    const second = raw.down(0, 1);
    assert.deepEqual(readAnswer(await first), { number: 0, blocks: [] });
    await raw.up(2, Buffer.from([PacketType.ping, 1, 7]));
    assert.equal(readAnswer(await second).number, 2);
  });

  it("sends again what was in an answer that did not arrive, and takes no late poll for one", async () => {
    const raw = new RawTransport(url, "polling");
    const known = new Set(hub.sessions.keys());
    await raw.down(1, 0, [openOf()]);
    const session = [...hub.sessions.values()].find(({ id }) => !known.has(id))!;
    session.send("one");
    await rounds(2);
    const lost = readAnswer(await raw.down(0, 1));
    assert.equal(lost.number, 2);
    session.send("two");
    await rounds(2);
    const again = readAnswer(await raw.down(0, 1)); // answer 2 never came
    assert.equal(again.number, 3);
    const text = Buffer.concat(again.blocks).toString("latin1");
    assert.ok(text.includes("one") && text.includes("two"));
    assert.equal(readAnswer(await raw.down(0, 3)).number, 0);
    assert.deepEqual(readAnswer(await raw.down(0, 2)), { number: 0, blocks: [] });
  });

  it("says the welcome again if the answer with it did not arrive", async () => {
    const raw = new RawTransport(url);
    const open = openOf();
    await raw.down(1, 0, [open]);
    const { number, blocks } = readAnswer(await raw.down(1, 0, [open]));
    assert.equal(number, 2);
    assert.equal(blocks[0]![0], PacketType.welcome);
  });

  for (const via of ["stream", "sse"] as const) {
    it(`begins ${via} with filler, and the welcome behind it`, async () => {
      const raw = new RawTransport(url, via);
      const answer = await askForHead(raw.url, { body: raw.body(1, 1, 0, openOf()) });
      assert.equal(answer.headers["x-accel-buffering"], "no");
      assert.equal(answer.headers["cache-control"], "no-store, no-transform");
      assert.match(answer.headers["content-type"]!, via === "sse" ? /text\/event-stream/ : /octet-stream/);
      let bytes = Buffer.alloc(0);
      const isComplete = (): boolean =>
        via === "sse" ? /data: .*\n\n$/.test(bytes.toString()) : bytes.length > 2_060;
      for await (const piece of answer) {
        bytes = Buffer.concat([bytes, piece as Buffer]);
        if (isComplete()) break;
      }
      if (via === "sse") {
        const [filler, event] = bytes.toString().split("\n\n");
        assert.match(filler!, /^: {2048,}$/);
        assert.equal(Buffer.from(event!.replace("data: ", ""), "base64")[0], PacketType.welcome);
      } else {
        assert.ok(bytes.subarray(0, 2_048).every((byte) => byte === 0));
        assert.equal(bytes[2_049], PacketType.welcome);
      }
      answer.destroy();
    });
  }

  it("ends a stream whose first request is repeated", async () => {
    const raw = new RawTransport(url, "stream");
    const body = raw.body(1, 1, 0, openOf());
    const answer = await askForHead(raw.url, { body });
    answer.resume();
    const ended = new Promise((resolve) => answer.once("close", resolve));
    answer.on("error", () => {});
    assert.equal((await ask(raw.url, { body })).status, 410);
    await ended;
  });

  it("has a status for each mistake", async () => {
    const raw = new RawTransport(url);
    const post = async (body: Uint8Array, more: Parameters<typeof ask>[1] = {}): Promise<number> =>
      (await ask(raw.url, { ...more, body })).status;
    assert.equal(await post(Buffer.alloc(0)), 400, "nothing");
    assert.equal(await post(Buffer.alloc(10, 1)), 400, "half of a head");
    assert.equal(
      await post(Buffer.concat([Buffer.from([3]), raw.body(1, 1, 0, openOf()).subarray(1)])),
      400,
      "kind",
    );
    assert.equal(await post(raw.body(1, 1, 0)), 400, "a number without blocks");
    assert.equal(await post(raw.body(2, 2, 1, openOf())), 400, "got, in kind up");
    assert.equal(await post(raw.body(2, 2, 0, openOf())), 410, "no such transport");
    assert.equal(await post(raw.body(1, 0, 0)), 410, "no such transport");
    assert.equal((await ask(`${url}?via=pigeon`, { body: raw.body(1, 1, 0, openOf()) })).status, 404);
    assert.equal((await ask(url, { body: raw.body(1, 1, 0, openOf()) })).status, 404, "no via");
    assert.equal(await post(Buffer.alloc(MAX_HTTP_REQUEST_BYTES + 1)), 413);
    assert.equal(await post(raw.body(1, 1, 0, openOf()), { headers: { "content-encoding": "gzip" } }), 415);
    assert.equal((await ask(raw.url, { method: "PUT" })).status, 405);
    assert.equal((await ask(raw.url, { method: "DELETE" })).headers.allow, "POST, GET, HEAD, OPTIONS");
    const get = await ask(raw.url, { method: "GET" });
    assert.deepEqual([get.status, get.headers.upgrade], [426, "websocket"]);
    const head = await ask(raw.url, { method: "HEAD" });
    assert.deepEqual([head.status, head.body.length], [426, 0]);
    assert.equal((await ask(`${server.url}/raw`, { body: raw.body(1, 1, 0, openOf()) })).status, 426);
  });

  it("drops a transport whose requests break the rules", async () => {
    const raw = new RawTransport(url);
    await raw.down(1, 0, [openOf()]);
    assert.equal((await ask(raw.url, { body: raw.body(1, 0, 9) })).status, 400, "no answer had the number 9");
    assert.equal((await raw.down(0, 1)).status, 410);
    const other = new RawTransport(url);
    await other.down(1, 0, [openOf()]);
    const half = Buffer.concat([other.body(2, 2, 0, Buffer.from([6, 1, 7])), Buffer.from([40, 1])]);
    assert.equal((await ask(other.url, { body: half })).status, 400, "half of a block");
    assert.equal((await other.down(0, 1)).status, 410);
  });

  it("says why in blocks, and keeps the last ones for the next poll", async () => {
    const raw = new RawTransport(url);
    const { blocks } = readAnswer(await raw.down(1, 0, [Buffer.from([PacketType.ping, 1, 1])]));
    assert.equal(blocks[0]![0], PacketType.leave, "the first block is no open");
    const known = new Set(hub.sessions.keys());
    const next = new RawTransport(url);
    await next.down(1, 0, [openOf()]);
    const session = [...hub.sessions.values()].find(({ id }) => !known.has(id))!;
    session.end(4403, "go");
    await rounds(2);
    const last = readAnswer(await next.down(0, 1));
    assert.deepEqual(
      last.blocks.map(([type]) => type),
      [PacketType.reset],
    );
    assert.equal((await next.down(0, last.number)).status, 410);
  });

  it("ends the connection where it has not read a body, whatever version the request says it is of", async () => {
    for (const version of ["1.1", "2.0"]) {
      const socket = connectTcp(server.port, "127.0.0.1");
      socket.write(`POST /live?via=sse HTTP/${version}\r\nHost: a\r\nContent-Length: 999999999\r\n\r\nabc`);
      let answer = "";
      for await (const piece of socket) answer += piece; // to its end, or it would wait for ever
      assert.match(answer, /^HTTP\/1\.1 413 /);
      assert.match(answer, /^connection: close$/im);
    }
  });

  it("goes on over one connection, request after request", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const raw = new RawTransport(url, "polling");
    await raw.down(1, 0, [openOf()], { agent });
    let connections = 0;
    agent.on("free", () => connections++);
    for (let i = 0; i < 5; i++) assert.equal((await raw.down(0, 1, [], { agent })).status, 200);
    assert.equal(Object.values(agent.freeSockets).flat().length, 1);
    agent.destroy();
  });

  it("tells browsers what pages of other origins may do, if they are listed", async () => {
    const raw = new RawTransport(url);
    const asked = { origin: "https://app.example", "access-control-request-method": "POST" };
    const preflight = await ask(raw.url, { method: "OPTIONS", headers: asked });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers["access-control-allow-origin"], "https://app.example");
    assert.equal(preflight.headers["access-control-allow-methods"], "POST");
    assert.equal(preflight.headers["access-control-allow-headers"], "Content-Type");
    assert.equal(preflight.headers["access-control-max-age"], "7200");
    assert.equal(preflight.headers["access-control-allow-credentials"], undefined);
    const answer = await raw.down(1, 0, [openOf()], { headers: { origin: "https://app.example" } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["access-control-allow-origin"], "https://app.example");
    assert.equal(answer.headers.vary, "Origin");
  });

  it("takes `text/plain`, which a browser sends without asking before", async () => {
    const raw = new RawTransport(url);
    const answer = await raw.down(1, 0, [openOf()], { headers: { "content-type": "text/plain" } });
    assert.equal(readAnswer(answer).number, 1);
    assert.equal(framed(openOf())[1], PacketType.open);
  });
});
