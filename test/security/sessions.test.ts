// Sessions: their secrets, their packets, their memory. The rows are those of SECURITY.md.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mock, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { accept, createHub, type Hub, type HubOptions } from "hawser/hub";
import { type ListeningServer, serve } from "hawser/server";
import { CallLedgers, DEFAULT_LEDGER_LIMITS, MAX_LEFT_CALLS } from "#rpc/call-ledgers.js";
import { systemClock } from "#rpc/clock.js";
import { MAX_HTTP_REQUEST_BYTES } from "#session/wire/http-request.js";
import { PacketType } from "#session/wire/packet-type.js";
import { sameBytes } from "#session/wire/same-bytes.js";
import { SessionCode } from "#session/wire/session-code.js";
import { SeededRandom } from "#testbed/seeded-random.js";
import { SessionPair } from "#testing/session-pair.js";
import { startTalk } from "../rpc/talk.js";
import { ScriptedSession } from "../session/client/scripted-session.js";
import { textHost } from "../session/text-host.js";
import { frameFor } from "../support/frames.js";
import { RawClient } from "../support/raw-client.js";
import { ask, askForHead } from "../support/session/ask.js";
import { openOf, RawTransport, readAnswer } from "../support/session/raw-transport.js";
import { DIALERS, TestSession } from "../support/session/test-session.js";
import { rounds, until } from "../support/until.js";

interface Served extends AsyncDisposable {
  readonly hub: Hub;
  readonly server: ListeningServer;
  readonly url: string;
}

async function served(options: HubOptions = {}): Promise<Served> {
  const hub = createHub(options);
  const server = await serve({ routes: { "/live": hub } });
  return {
    hub,
    server,
    url: `${server.url}/live`,
    async [Symbol.asyncDispose]() {
      for (const session of hub.sessions.values()) session.end();
      await hub.shutdown({ drainTimeoutMs: 1 });
      await server.shutdown({ drainTimeoutMs: 100 });
    },
  };
}

/** Opens a WebSocket of a session by hand. */
async function rawSession(port: number, ...blocks: readonly Uint8Array[]): Promise<RawClient> {
  const headers = { "Sec-WebSocket-Protocol": "hawser.1" };
  const client = await RawClient.open({ port, path: "/live", headers });
  sendBlocks(client, ...blocks);
  return client;
}

function sendBlocks(client: RawClient, ...blocks: readonly Uint8Array[]): void {
  for (const payload of blocks) client.send(frameFor("server", { opcode: 2, payload }));
}

/** Waits until the server has closed a WebSocket, and lets go of it. */
async function closed(client: RawClient): Promise<void> {
  while ((await client.frames.next()).opcode !== 8);
  await client.destroy();
}

test("the secret of a session is compared to its end, wherever it differs", () => {
  // python websockets CVE-2021-33880
  const secret = randomBytes(16);
  const readsOf = (guess: Uint8Array): number => {
    let reads = 0;
    const counted = new Proxy(guess, {
      get(bytes, name) {
        if (typeof name === "string" && /^\d+$/.test(name)) reads++;
        return Reflect.get(bytes, name, bytes);
      },
    });
    assert.equal(sameBytes(secret, counted), secret.equals(guess));
    return reads;
  };
  const guesses = [0, 7, 15].map((at) => {
    const guess = Buffer.from(secret);
    guess[at]! ^= 1;
    return guess;
  });
  assert.deepEqual([secret, ...guesses].map(readsOf), [16, 16, 16, 16]);
});

test("who knows the id of a session and not its secret does not get it", async () => {
  // Socket.IO: the `sid` in the query of each request is all that it takes
  await using all = await served();
  const [id, token] = [randomBytes(16), randomBytes(16)];
  await new RawTransport(all.url).down(1, 0, [openOf({ id, token })]);
  const [session] = all.hub.sessions.values();
  for (const guess of [
    randomBytes(16),
    Buffer.alloc(16),
    Buffer.from([...token.subarray(0, 15), token[15]! ^ 1]),
  ]) {
    const open = openOf({ id, token: guess, epoch: 9, isResume: true });
    const { blocks } = readAnswer(await new RawTransport(all.url).down(1, 0, [open]));
    assert.equal(blocks[0]![0], PacketType.reset);
    assert.equal(blocks[0]!.readUInt8(2) | (blocks[0]!.readUInt8(3) << 7), SessionCode.refused | 0x80);
  }
  assert.equal(session!.state, "live");
});

test("who knows the id of a session that is being authenticated does not get it either", async () => {
  // python websockets CVE-2021-33880
  let isAsked = false;
  let answer = (): void => {};
  const hub = createHub({
    async authenticate() {
      isAsked = true;
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return accept();
    },
  });
  await using server = await serve({ routes: { "/live": hub } });
  const url = `${server.url}/live`;
  const [id, token] = [randomBytes(16), randomBytes(16)];
  const first = new RawTransport(url).down(1, 0, [openOf({ id, token })]);
  await until(() => isAsked, "it is being authenticated");
  const thief = readAnswer(await new RawTransport(url).down(1, 0, [openOf({ id, epoch: 2 })]));
  assert.equal(thief.blocks[0]![0], PacketType.reset);
  answer();
  assert.equal(readAnswer(await first).blocks[0]![0], PacketType.welcome);
  for (const session of hub.sessions.values()) session.end();
  await hub.shutdown({ drainTimeoutMs: 1 });
});

test("a page of another origin gets no session over HTTP, and no header field that lets it read", async () => {
  // socket.io CVE-2020-28481
  await using all = await served();
  const headers = { origin: "https://evil.example" };
  const answer = await new RawTransport(all.url).down(1, 0, [openOf()], { headers });
  assert.equal(answer.status, 403);
  assert.equal(answer.headers["access-control-allow-origin"], undefined);
  const asked = { ...headers, "access-control-request-method": "POST" };
  const preflight = await ask(all.url, { method: "OPTIONS", headers: asked });
  assert.equal(preflight.headers["access-control-allow-origin"], undefined);
  assert.equal(all.hub.counts.opened, 0);
});

test("the body of a request is refused above its limit, with a length and without one", async () => {
  // engine.io CVE-2020-36048
  await using all = await served();
  const large = Buffer.alloc(MAX_HTTP_REQUEST_BYTES + 1);
  const withLength = await askForHead(all.url, { headers: { "content-length": "1000000000000" } }).catch(
    () => undefined,
  );
  assert.equal(withLength?.statusCode, 413, "before anything of it came");
  withLength?.destroy();
  const chunked = await ask(all.url, { headers: { "transfer-encoding": "chunked" }, body: large });
  assert.equal(chunked.status, 413);
  assert.equal(chunked.headers.connection, "close");
});

test("bodies that are half there are bounded together", async () => {
  // engine.io CVE-2020-36048
  const { RequestBody } = await import("#node/transports/request-body.js");
  const { PassThrough } = await import("node:stream");
  const budget = { heldBytes: 0, maxBytes: 130_000 };
  const results: unknown[] = [];
  const streams = [0, 1, 2].map(() => Object.assign(new PassThrough(), { headers: {} }));
  for (const stream of streams) new RequestBody(stream as never, budget, (result) => results.push(result));
  for (const stream of streams) stream.write(Buffer.alloc(40_000));
  await rounds(3);
  assert.deepEqual(results, [503]);
  assert.equal(budget.heldBytes, 2 * (40_000 + 8_192), "with what a request takes");
  for (const stream of streams) stream.destroy();
  await until(() => budget.heldBytes === 0, "those that are gone hold nothing");
});

test("a request costs something before anything of its body has come", async () => {
  // A thousand streams of HTTP/2, with a body that never comes, cost a client some bytes each
  const { RequestBody } = await import("#node/transports/request-body.js");
  const { PassThrough } = await import("node:stream");
  const budget = { heldBytes: 0, maxBytes: 100 * 8_192 };
  const results: unknown[] = [];
  const streams = Array.from({ length: 103 }, () => Object.assign(new PassThrough(), { headers: {} }));
  for (const stream of streams) new RequestBody(stream as never, budget, (result) => results.push(result));
  assert.deepEqual(results, [503, 503, 503]);
  assert.equal(budget.heldBytes, budget.maxBytes);
  for (const stream of streams) stream.destroy();
  await until(() => budget.heldBytes === 0, "those that are gone hold nothing");
});

test("a body in pieces of one byte is held as its bytes, and keeps nothing of what it came in", async () => {
  // As tiny fragments, over HTTP: a piece of one byte takes some hundred, or the 64 KiB that were read with it
  const { RequestBody } = await import("#node/transports/request-body.js");
  const { PassThrough } = await import("node:stream");
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const stream = Object.assign(new PassThrough(), { headers: {} });
  const budget = { heldBytes: 0, maxBytes: Infinity };
  let body: unknown;
  new RequestBody(stream as never, budget, (result) => {
    body = result;
  });
  const pieces: WeakRef<object>[] = [];
  for (let i = 0; i < 2_000; i++) {
    const piece = Buffer.from(new Uint8Array(256).buffer, i % 256, 1).fill(i);
    pieces.push(new WeakRef(piece), new WeakRef(piece.buffer));
    stream.write(piece);
  }
  await rounds(3);
  assert.equal(stream.readableLength, 0, "all was taken");
  collect();
  assert.ok(pieces.filter((piece) => piece.deref() !== undefined).length < 10, "they are gone");
  assert.ok(
    budget.heldBytes <= 8_192 + 4_000 + 192,
    `${budget.heldBytes}: the buffer, and what a request takes`,
  );
  stream.end();
  await until(() => body !== undefined, "it is there");
  assert.deepEqual(body, Buffer.from(Array.from({ length: 2_000 }, (_, i) => i)));
});

test("whatever comes as blocks, nothing throws, and other sessions go on", async () => {
  // socket.io parser CVE-2022-2421, 2023-32695, 2026-33151
  await using all = await served({ message: (session, data) => void session.send(data) });
  const honest = await TestSession.open(all.url, { via: "sse" });
  const random = new SeededRandom(1);
  for (let i = 0; i < 60; i++) {
    const block = random.bytes(random.integer(1, 40));
    block[0] = 1 + (i % 10); // a packet of each kind
    const client = await rawSession(all.server.port, openOf(), block);
    await client.frames.next(); // the welcome, at least
    await client.destroy();
  }
  await closed(await rawSession(all.server.port, random.bytes(30)));
  for (let i = 0; i < 20; i++) await ask(`${all.url}?via=polling`, { body: random.bytes(40) });
  honest.send("still here");
  assert.deepEqual(await honest.messages(1), ["still here"]);
  await honest.close();
});

test("who asks and never fetches an answer has a kilobyte of pongs kept, as what they are", async () => {
  // On each transport of a session, and those are not counted
  await using all = await served({ message() {} });
  const raw = new RawTransport(all.url);
  await raw.down(1, 0, [openOf()]);
  const pings = Buffer.concat(Array.from({ length: 10_000 }, () => Buffer.from([PacketType.ping, 1, 1])));
  assert.equal((await raw.up(2, pings)).status, 204);
  const { blocks } = readAnswer(await raw.down(0, 1));
  assert.ok(blocks.length > 100 && blocks.length < 300, `${blocks.length} pongs`);
});

test("who sends and never reads has no acknowledgements kept, and gets one when it reads", () => {
  // One for each 25 ms or 64 KiB, as long as it likes: no transport over HTTP has a limit of its own
  const made = new SessionPair({ host: textHost });
  const { server } = made.connect();
  const { machine } = made.client;
  server.isHeld = true;
  server.bufferedBytes = 65_537;
  for (let i = 0; i < 20; i++) {
    machine.send(machine.channel as never, "x".repeat(5_000));
    made.wait(100);
  }
  assert.deepEqual(server.sent, []);
  server.isHeld = false;
  server.bufferedBytes = 0;
  server.receiver.drained();
  made.wait(100);
  assert.equal(made.client.machine.outboxBytes, 0, "all is confirmed");
});

test("a small message that waits for its receiver keeps nothing of what came around it, and counts what it takes", async () => {
  // The window counts messages; each could keep 8 KiB of the block that Node makes small buffers of
  const kept: Buffer[] = [];
  let release = (): void => {};
  const busy = new Promise<void>((resolve) => {
    release = resolve;
  });
  await using all = await served({
    channel: () => true,
    message(_session, data, channel) {
      if (channel === "") kept.push(data as Buffer);
      return kept.length === 1 ? busy : undefined;
    },
  });
  const client = await rawSession(all.server.port, openOf());
  const small = Buffer.from([1, 1, 7]); // a binary message of one byte
  const large = Buffer.concat([Buffer.from([9, 1, 0xa0, 0x1f]), Buffer.alloc(4_000)]); // on channel 1
  const openChannel = Buffer.from([0x80, 2, 1, 0x61]);
  const records = Array.from({ length: 10 }, () => [small, large]).flat();
  sendBlocks(client, Buffer.concat([Buffer.from([PacketType.data, 0, 1]), openChannel, ...records]));
  await until(() => all.hub.counts.heldBytes > 0, "they wait");
  await rounds(3);
  assert.ok(all.hub.counts.heldBytes >= 9 * 300, `${all.hub.counts.heldBytes} are counted for nine`);
  release();
  await until(() => kept.length === 10, "all were handed over");
  for (const data of kept.slice(1)) {
    assert.ok(Buffer.isBuffer(data));
    assert.equal(data.buffer.byteLength, 1);
  }
});

test("the oldest result of all that are kept is found at once, however many were forgotten before it", () => {
  // Clients that never confirm would make each call of everybody dearer: a walk over all that a Map has deleted
  const ledgers = new CallLedgers({
    ...DEFAULT_LEDGER_LIMITS,
    maxKeptResultBytes: 200_000,
    clock: systemClock,
  });
  const clients = Array.from({ length: 40 }, (_, i) => ledgers.begin(`client ${i}`, 1, 1));
  const entry = (n: number) => ({ n, outcome: undefined });
  let walks = 0;
  const entries = mock.method(Map.prototype, "entries", function (this: Map<unknown, unknown>) {
    if (this.size > 500) walks++;
    return this[Symbol.iterator]();
  });
  const iterator = Map.prototype[Symbol.iterator];
  Map.prototype[Symbol.iterator] = function (this: Map<unknown, unknown>) {
    if (this.size > 500) walks++;
    return iterator.call(this);
  } as typeof iterator;
  try {
    for (let i = 0; i < 20_000; i++) {
      const client = clients[i % 40]!;
      client.calls.set(i, entry(i));
      ledgers.done(client, i, "x".repeat(72));
      assert.ok(ledgers.keptBytes <= 200_000);
    }
  } finally {
    Map.prototype[Symbol.iterator] = iterator;
    entries.mock.restore();
  }
  assert.ok(ledgers.keptBytes > 199_000);
  assert.ok(walks <= 2, `${walks} walks from the beginning`);
});

test("who sends credentials without end has them judged now and then: only the last ones count", async () => {
  // Each is a question to the application: as costly as the first one, of which an address has so many a second
  const judged: string[] = [];
  let heard = 0;
  await using all = await served({
    authenticate({ credentials }) {
      judged.push(credentials);
      return accept();
    },
    message: () => void heard++,
  });
  const begunAt = performance.now();
  const client = await rawSession(all.server.port, openOf());
  await client.frames.next(); // the welcome
  for (let i = 1; i <= 60; i++) {
    const credentials = Buffer.from([0x84, 3, 1, 0x30 + Math.floor(i / 10), 0x30 + (i % 10)]);
    const message = Buffer.from([0, 1, 0x61]);
    sendBlocks(client, Buffer.concat([Buffer.from([PacketType.data, 0, 2 * i - 1]), credentials, message]));
    await until(() => heard === i, "it has come");
  }
  await until(() => judged.at(-1) === "60", "the last ones are judged in the end");
  const most = 13 + (performance.now() - begunAt) / 1_000;
  assert.ok(judged.length > 11 && judged.length <= most, `${judged.length} questions`);
});

test("a server that reads nothing has no pongs kept by its client", async () => {
  // Over HTTP they wait for a request to be answered, and in a browser for its WebSocket: neither has a limit
  const scripted = new ScriptedSession(["websocket"]);
  await rounds(1);
  const transport = scripted.dials[0]!.open();
  transport.welcome();
  const ping = new Uint8Array([PacketType.ping, 1, 1]);
  const pongs = (): number => transport.sent.filter(([type]) => type === PacketType.pong).length;
  transport.receiver.block(ping, 0, 3);
  transport.bufferedBytes = 65_536;
  for (let i = 0; i < 100; i++) transport.receiver.block(ping, 0, 3);
  assert.equal(pongs(), 1);
  transport.bufferedBytes = 0;
  transport.receiver.block(ping, 0, 3);
  assert.equal(pongs(), 2);
  transport.end("reset", SessionCode.closed);
});

test("a server that asks for credentials without end has the application asked once at a time", async () => {
  let asked = 0;
  let give = (): void => {};
  const scripted = new ScriptedSession(["websocket"], {
    credentials() {
      if (++asked === 1) return "first";
      return new Promise((resolve) => {
        give = () => resolve("later");
      });
    },
  });
  await rounds(1);
  const transport = scripted.dials[0]!.open();
  transport.welcome();
  let number = 0;
  const ask = (): void =>
    transport.receiver.block(new Uint8Array([PacketType.data, 0, ++number, 0x84, 1, 2]), 0, 6);
  for (let i = 0; i < 100; i++) ask();
  await rounds(2);
  assert.equal(asked, 2, "once for the session, and once more");
  give();
  await rounds(2);
  ask();
  await rounds(2);
  assert.equal(asked, 3);
  transport.end("reset", SessionCode.closed);
  await rounds(2);
  assert.equal(scripted.session.state.status, "closed");
});

test("who makes calls and resets the session has no more handlers at work than a server can know of", async () => {
  // What runs goes on behind a reset, for a client that comes back; sessions that are there are counted, and others were not
  const many = 10_050;
  let running = 0;
  let aborted = 0;
  const { server, line } = startTalk({
    server: { maxConcurrentCalls: many },
    client: { maxPendingCalls: many },
    calls: {
      slow: (_text, { signal }) => {
        running++;
        signal.addEventListener("abort", () => void aborted++);
        return new Promise<string>(() => {});
      },
    },
  });
  const outcomes = Array.from({ length: many }, () => server.call.slow("x").catch(() => {}));
  await until(() => running === many, "all run");
  line.pair.reset();
  assert.equal(aborted, many - MAX_LEFT_CALLS);
  server.close();
  await Promise.all(outcomes);
});

test("a message is refused above its limit, however small its pieces are", async () => {
  // socket.io parser CVE-2020-36049
  await using all = await served({ maxMessageBytes: 10_000 });
  const piece = (first: number, head: number): Buffer =>
    Buffer.from([PacketType.data, 0, first, head, 0xe8, 0x07, ...Buffer.alloc(1_000)]);
  const client = await rawSession(all.server.port, openOf());
  for (let i = 0; i < 11; i++) sendBlocks(client, piece(i + 1, i === 0 ? 0x03 : 0x07));
  await closed(client);
  assert.deepEqual(Object.entries(all.hub.counts.resets), [["badMessage", 1]]);
});

test("no more channels are opened than allowed", async () => {
  // socket.io parser CVE-2026-33151
  let asked = 0;
  await using all = await served({ maxChannels: 8, channel: () => ++asked > 0 });
  const client = await rawSession(all.server.port, openOf());
  const records = Array.from({ length: 40 }, (_, i) => [0x80, 2, i + 1, 0x61]).flat();
  sendBlocks(client, Buffer.from([PacketType.data, 0, 1, ...records]));
  await until(() => asked > 0, "they have come");
  assert.deepEqual([asked, all.hub.counts.sessions], [8, 1]);
});

test("who opens channels without end is let go", async () => {
  // What was refused is remembered until its sender has closed it
  await using all = await served({ maxChannels: 4, channel: () => true });
  const client = await rawSession(all.server.port, openOf());
  const records = Array.from({ length: 21 }, (_, i) => [0x80, 2, i + 1, 0x61]).flat();
  sendBlocks(client, Buffer.from([PacketType.data, 0, 1, ...records]));
  await closed(client);
  assert.deepEqual(Object.entries(all.hub.counts.resets), [["badMessage", 1]]);
});

test("what many sessions hold together is bounded: those that wait for their clients go first", async () => {
  // Several: each may hold what is allowed, and all together more than there is
  await using all = await served({ maxHeldBytes: 100_000 });
  const away = await TestSession.open(all.url, { reconnectDelayMs: 1_000_000_000 });
  const here = await TestSession.open(all.url);
  const [awayOne, hereOne] = all.hub.sessions.values();
  away.cut();
  await until(() => all.hub.counts.suspended === 1, "one waits");
  for (let i = 0; i < 9; i++) awayOne!.send(new Uint8Array(10_000));
  hereOne!.send(new Uint8Array(10_000));
  hereOne!.send(new Uint8Array(10_000));
  await until(() => all.hub.sessions.size === 1, "one was evicted");
  assert.equal(hereOne!.state, "live");
  assert.ok(all.hub.counts.heldBytes < 100_000);
  await here.messages(2);
  away.giveUp();
});

test("half of a message is held like anything else: a flood of them is ended", async () => {
  // Several: bytes that wait for their message to be complete are not counted
  await using all = await served({ maxHeldBytes: 300_000 });
  const piece = (first: number): Buffer =>
    Buffer.from([
      PacketType.data,
      0,
      first,
      first === 1 ? 0x03 : 0x07,
      0x80,
      0xfa,
      0x01,
      ...Buffer.alloc(32_000),
    ]);
  const clients: RawClient[] = [];
  for (let i = 0; i < 4; i++) {
    const client = await rawSession(all.server.port, openOf());
    for (let first = 1; first <= 4; first++) sendBlocks(client, piece(first));
    clients.push(client);
  }
  await until(() => (all.hub.counts.resets["evicted"] ?? 0) > 0, "some were ended");
  assert.ok(all.hub.counts.heldBytes <= 300_000);
  for (const session of all.hub.sessions.values()) session.end();
  assert.equal(all.hub.counts.heldBytes, 0, "who has ended holds nothing");
  await Promise.all(clients.map((client) => client.destroy()));
});

test("a session is given back to its client alone, and what it cost is free again when it has ended", async () => {
  // Several: sessions that are never given up
  await using all = await served({ maxSessionsPerAddress: 2 });
  for (const via of DIALERS.keys()) {
    const client = await TestSession.open(all.url, { via });
    await client.close();
    await until(() => all.hub.sessions.size === 0, "it is gone");
  }
  assert.deepEqual([all.hub.counts.sessions, all.hub.counts.heldBytes], [0, 0]);
});

test("answers are stored nowhere, set no cookies, and say nothing secret in a header field", async () => {
  // Several: a proxy that keeps an answer hands it to the next one
  await using all = await served();
  for (const via of ["stream", "sse", "long-polling", "polling"]) {
    const raw = new RawTransport(all.url, via);
    const answer = await askForHead(raw.url, { body: raw.body(1, 1, 0, openOf()) });
    assert.equal(answer.headers["cache-control"], "no-store, no-transform");
    assert.equal(answer.headers["set-cookie"], undefined);
    assert.ok(!JSON.stringify(answer.headers).includes(raw.id.toString("hex")));
    answer.destroy();
  }
});
