import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UsageError } from "#core/hawser-error.js";
import { Endpoint, type EndpointOptions, EnginePair, type Role } from "../support/engine-pair.js";
import { closeFrameFor, frameFor, OP, type ReadFrame, readClose } from "../support/frames.js";

const QUIET = { pingIntervalMs: 0, idleTimeoutMs: 0, messageTimeoutMs: 0, closeTimeoutMs: 0 } as const;
const START_MS = 1000;

/** Lets the clock of one engine run to `untilMs`, calling it at each of its deadlines. */
function runUntil(endpoint: Endpoint, untilMs: number): void {
  for (let calls = 0; endpoint.engine.deadlineMs <= untilMs; calls++) {
    assert.ok(calls < 1000, "deadlines come to an end");
    endpoint.clock.ms = Math.max(endpoint.clock.ms, endpoint.engine.deadlineMs);
    endpoint.engine.handleTimeout(endpoint.clock.ms);
  }
  endpoint.clock.ms = untilMs;
}

function endpointWith(options: EndpointOptions, role: Role = "server"): Endpoint {
  return new Endpoint(role, { ...QUIET, ...options, clock: { ms: START_MS } });
}

function answer(endpoint: Endpoint, ping: ReadFrame | undefined): void {
  endpoint.receive(frameFor(endpoint.role, { opcode: OP.pong, payload: ping!.payload }));
}

const pings = (endpoint: Endpoint): ReadFrame[] =>
  endpoint.takeFrames().filter(({ opcode }) => opcode === OP.ping);
const lastDisconnect = (endpoint: Endpoint): string | undefined =>
  endpoint.events.flatMap((event) => (event.type === "disconnect" ? [event.how] : [])).at(-1);

describe("ping() and pong()", () => {
  it("answer a ping with its payload, of any size, cut at any byte", () => {
    for (const size of [0, 1, 124, 125]) {
      const bytes = frameFor("server", { opcode: OP.ping, payload: "p".repeat(size) });
      for (const cut of [0, 1, 3, 6, 7, bytes.length >> 1, bytes.length - 1]) {
        const endpoint = new Endpoint("server");
        endpoint.receive(bytes.subarray(0, cut), bytes.subarray(cut));
        const [pong, ...rest] = endpoint.takeFrames();
        assert.deepEqual([pong?.opcode, pong?.payload.length, rest.length], [OP.pong, size, 0]);
      }
    }
  });

  it("do not answer where the handler says no", () => {
    const endpoint = new Endpoint("server", { answersPings: false });
    endpoint.receive(frameFor("server", { opcode: OP.ping, payload: "x" }));
    assert.equal(endpoint.take().length, 0);
  });

  it("measure the round trip", () => {
    const pair = new EnginePair();
    const trips: (number | undefined)[] = [];
    assert.equal(pair.client.engine.latencyMs, undefined);
    pair.client.engine.ping(undefined, (ms) => trips.push(ms));
    pair.client.engine.ping(Uint8Array.of(1, 2), (ms) => trips.push(ms));
    pair.carry("client");
    pair.clock.ms += 42.5;
    pair.settle();
    assert.deepEqual(trips, [42.5, 42.5]);
    assert.equal(pair.client.engine.latencyMs, 42.5);
    assert.deepEqual(pair.server.events.filter(({ type }) => type === "ping").length, 2);
  });

  it("take the answer to the latest ping for all before it (RFC 6455 §5.5.3)", () => {
    const endpoint = endpointWith({});
    const trips: string[] = [];
    for (const name of ["a", "b", "c"]) {
      endpoint.engine.ping(Buffer.from(name), (ms) => trips.push(`${name} ${ms}`));
      endpoint.clock.ms += 10;
    }
    const sent = pings(endpoint);
    answer(endpoint, sent[1]);
    assert.deepEqual(trips, ["a 30", "b 20"]);
    assert.equal(endpoint.engine.latencyMs, 20);
    answer(endpoint, sent[0]);
    assert.deepEqual(endpoint.events.at(-1), {
      type: "pong",
      data: Buffer.from("a"),
      roundTripMs: undefined,
    });
    answer(endpoint, sent[2]);
    assert.deepEqual(trips, ["a 30", "b 20", "c 10"]);
  });

  it("ignore a pong that nobody asked for, but for telling the handler", () => {
    const endpoint = endpointWith({});
    let trips = 0;
    endpoint.receive(frameFor("server", { opcode: OP.pong, payload: "early" }));
    endpoint.engine.ping(Buffer.from("payload"), () => trips++);
    for (const payload of ["", "payloa", "payloae", "payload!", "Payload"]) {
      endpoint.receive(frameFor("server", { opcode: OP.pong, payload }));
    }
    assert.equal(trips, 0);
    assert.equal(endpoint.engine.latencyMs, undefined);
    assert.ok(endpoint.events.every((event) => event.type === "pong" && event.roundTripMs === undefined));
    assert.equal(endpoint.events.length, 6);
    assert.equal(endpoint.engine.isOpen, true);
  });

  it("ask with bytes of the host's chance, so that no peer can answer ahead", () => {
    const endpoint = endpointWith({});
    endpoint.engine.ping();
    endpoint.engine.ping();
    const [a, b] = pings(endpoint);
    assert.equal(a?.payload.length, 4);
    assert.notEqual(a?.payload.toString("hex"), b?.payload.toString("hex"));
  });

  it("do not look at the caller's bytes later", () => {
    const endpoint = endpointWith({});
    const mine = Buffer.from("mine");
    const trips: (number | undefined)[] = [];
    endpoint.engine.ping(mine, (ms) => trips.push(ms));
    mine.fill(0);
    answer(endpoint, pings(endpoint)[0]);
    assert.deepEqual(trips, [0]);
  });

  it("take 125 bytes and refuse more", () => {
    const { engine } = endpointWith({});
    for (const call of [(p: Uint8Array) => engine.ping(p), (p: Uint8Array) => engine.pong(p)]) {
      call(new Uint8Array(125));
      assert.throws(
        () => call(new Uint8Array(126)),
        (error) => error instanceof UsageError && error.code === "CONTROL_PAYLOAD_TOO_LONG",
      );
    }
  });

  it("say undefined for a ping that is never answered", () => {
    const endpoint = endpointWith({});
    const trips: (number | undefined)[] = [];
    endpoint.engine.ping(undefined, (ms) => trips.push(ms));
    endpoint.engine.close(1000);
    assert.equal(trips.length, 0);
    assert.equal(endpoint.engine.isOpen, false);
    endpoint.engine.ping(undefined, (ms) => void trips.push(ms));
    assert.deepEqual(trips, [undefined]);
    endpoint.engine.transportClosed();
    assert.deepEqual(trips, [undefined, undefined]);
  });

  it("send a pong of their own accord", () => {
    const endpoint = new Endpoint("client");
    endpoint.engine.pong();
    endpoint.engine.pong(Buffer.from("beat"));
    assert.deepEqual(
      endpoint.takeFrames().map((f) => [f.opcode, f.masked, f.payload.toString()]),
      [
        [OP.pong, true, ""],
        [OP.pong, true, "beat"],
      ],
    );
  });
});

describe("keepalive", () => {
  const options = { pingIntervalMs: 100, pongTimeoutMs: 40 };

  it("pings at the interval, counted from the pong", () => {
    const endpoint = endpointWith(options);
    assert.equal(endpoint.engine.deadlineMs, START_MS + 100);
    endpoint.engine.handleTimeout(START_MS + 99);
    assert.equal(endpoint.take().length, 0);
    runUntil(endpoint, START_MS + 130);
    const [ping, ...more] = pings(endpoint);
    assert.deepEqual(more, []);
    answer(endpoint, ping);
    assert.equal(endpoint.engine.latencyMs, 30);
    assert.equal(endpoint.engine.deadlineMs, START_MS + 230);
    runUntil(endpoint, START_MS + 235);
    assert.equal(pings(endpoint).length, 1, "and on it goes");
    assert.equal(endpoint.engine.deadlineMs, START_MS + 270);
  });

  it("drops a peer that is silent: 1006, PONG_TIMEOUT", () => {
    const endpoint = endpointWith(options);
    runUntil(endpoint, START_MS + 139);
    assert.equal(endpoint.engine.isOpen, true);
    runUntil(endpoint, START_MS + 1000);
    assert.equal(lastDisconnect(endpoint), "destroy");
    assert.equal(endpoint.takeFrames().length, 1, "a ping, and no close frame");
    const result = endpoint.engine.transportClosed();
    assert.deepEqual([result.error?.code, result.code, result.initiator], ["PONG_TIMEOUT", 1006, "local"]);
  });

  it("waits for the pong of a peer that is sending something else", () => {
    const endpoint = endpointWith(options);
    runUntil(endpoint, START_MS + 120);
    endpoint.receive(
      frameFor("server", { opcode: OP.binary, fin: false, payload: "part of something long" }),
    );
    runUntil(endpoint, START_MS + 141);
    assert.equal(endpoint.engine.isOpen, true);
    runUntil(endpoint, START_MS + 181);
    assert.equal(endpoint.engine.isOpen, false);
  });

  it("remembers what a peer sent when it is asked before the deadline", () => {
    const endpoint = endpointWith(options);
    runUntil(endpoint, START_MS + 120);
    endpoint.receive(
      frameFor("server", { opcode: OP.binary, fin: false, payload: "part of something long" }),
    );
    endpoint.engine.handleTimeout(START_MS + 130);
    runUntil(endpoint, START_MS + 141);
    assert.equal(endpoint.engine.isOpen, true);
    runUntil(endpoint, START_MS + 181);
    assert.equal(endpoint.engine.isOpen, false);
  });

  it("takes the pong of a ping of the application as well", () => {
    const endpoint = endpointWith(options);
    runUntil(endpoint, START_MS + 110);
    endpoint.take();
    endpoint.engine.ping(Buffer.from("app"));
    answer(endpoint, pings(endpoint)[0]);
    assert.equal(endpoint.engine.deadlineMs, START_MS + 210);
  });

  it("pings on and never drops where the pong has no deadline", () => {
    const endpoint = endpointWith({ ...options, pongTimeoutMs: 0 });
    runUntil(endpoint, START_MS + 1050);
    assert.equal(pings(endpoint).length, 10);
    assert.equal(endpoint.engine.isOpen, true);
  });

  it("is off with an interval of 0", () => {
    assert.equal(endpointWith({ pingIntervalMs: 0 }).engine.deadlineMs, Infinity);
  });
});

describe("deadlines", () => {
  it("do not count against the peer while we do not read", () => {
    for (const options of [
      { pingIntervalMs: 100, pongTimeoutMs: 40 },
      { idleTimeoutMs: 50 },
      { messageTimeoutMs: 60 },
    ]) {
      const endpoint = endpointWith(options);
      endpoint.receive(frameFor("server", { opcode: OP.text, fin: false, payload: "a" }));
      endpoint.engine.pause();
      runUntil(endpoint, START_MS + 1000);
      assert.equal(endpoint.engine.isOpen, true);
      endpoint.engine.resume();
      runUntil(endpoint, START_MS + 1001);
      assert.equal(endpoint.engine.isOpen, true, "what came meanwhile is read first");
      runUntil(endpoint, START_MS + 1300);
      assert.equal(endpoint.engine.isOpen, false, "and then they count again");
    }
  });

  it("leave a message what was left of its time, however often reading was paused", () => {
    const endpoint = endpointWith({ messageTimeoutMs: 100 });
    endpoint.receive(frameFor("server", { opcode: OP.text, fin: false, payload: "a" }));
    for (let i = 0; i < 9; i++) {
      runUntil(endpoint, endpoint.clock.ms + 10);
      endpoint.engine.pause();
      assert.equal(endpoint.engine.deadlineMs, Infinity);
      runUntil(endpoint, endpoint.clock.ms + 500);
      endpoint.engine.resume();
      assert.equal(endpoint.engine.deadlineMs, endpoint.clock.ms + 90 - 10 * i);
    }
    runUntil(endpoint, endpoint.clock.ms + 9);
    assert.equal(endpoint.engine.isOpen, true);
    runUntil(endpoint, endpoint.clock.ms + 1);
    assert.equal(endpoint.engine.isOpen, false);
  });

  it("of the closing handshake counts also while we do not read", () => {
    const endpoint = endpointWith({ closeTimeoutMs: 50 });
    endpoint.engine.pause();
    endpoint.engine.close(1000);
    runUntil(endpoint, START_MS + 50);
    assert.equal(lastDisconnect(endpoint), "destroy");
  });

  it("close a connection that hears nothing, with 1001", () => {
    const endpoint = endpointWith({ idleTimeoutMs: 100, closeTimeoutMs: 50 });
    runUntil(endpoint, START_MS + 99);
    assert.equal(endpoint.engine.isOpen, true);
    runUntil(endpoint, START_MS + 100);
    assert.deepEqual(readClose(endpoint.takeFrames()[0]!.payload), { code: 1001, reason: "idle timeout" });
    assert.equal(lastDisconnect(endpoint), undefined);
    endpoint.receive(closeFrameFor("server", 1001));
    const result = endpoint.engine.transportClosed();
    assert.deepEqual([result.error?.code, result.code, result.wasClean], ["IDLE_TIMEOUT", 1001, true]);
  });

  it("never take a peer for idle that sends a byte within the time, and find silence within twice the time", () => {
    const endpoint = endpointWith({ idleTimeoutMs: 100 });
    const stream = frameFor("server", { opcode: OP.binary, payload: new Uint8Array(100) });
    for (const [i, byte] of stream.subarray(0, 20).entries()) {
      runUntil(endpoint, START_MS + 90 * (i + 1));
      endpoint.receive(Uint8Array.of(byte));
      assert.equal(endpoint.engine.isOpen, true);
    }
    runUntil(endpoint, endpoint.clock.ms + 200);
    assert.equal(endpoint.engine.isOpen, false);
  });

  it("close a connection whose message does not end, with 1008, and hand out none of it", () => {
    for (const streaming of [false, true]) {
      const endpoint = endpointWith({ messageTimeoutMs: 100, closeTimeoutMs: 50, streaming });
      endpoint.receive(frameFor("server", { opcode: OP.text, fin: false, payload: "a" }));
      assert.deepEqual(endpoint.events.filter(({ type }) => type === "deadline").length, 1);
      assert.equal(endpoint.engine.deadlineMs, START_MS + 100);
      for (let ms = 10; ms < 100; ms += 10) {
        runUntil(endpoint, START_MS + ms);
        endpoint.receive(frameFor("server", { opcode: OP.more, fin: false, payload: "b" }));
      }
      runUntil(endpoint, START_MS + 100);
      assert.deepEqual(readClose(endpoint.takeFrames()[0]!.payload), {
        code: 1008,
        reason: "message timeout",
      });
      assert.equal(lastDisconnect(endpoint), "end");
      endpoint.receive(frameFor("server", { opcode: OP.more, payload: "c" }));
      assert.deepEqual(endpoint.texts, []);
      runUntil(endpoint, START_MS + 150);
      assert.equal(lastDisconnect(endpoint), "destroy");
      assert.equal(endpoint.engine.transportClosed().error?.code, "MESSAGE_TIMEOUT");
    }
  });

  it("count a message anew from its first piece, and one that is whole not at all", () => {
    const endpoint = endpointWith({ messageTimeoutMs: 100 });
    for (let i = 0; i < 5; i++) {
      endpoint.receive(frameFor("server", { opcode: OP.text, fin: false, payload: "a" }));
      runUntil(endpoint, endpoint.clock.ms + 80);
      endpoint.receive(frameFor("server", { opcode: OP.more, payload: "b" }));
      assert.equal(endpoint.engine.deadlineMs, Infinity);
      endpoint.receive(frameFor("server", { opcode: OP.text, payload: "whole" }));
      assert.equal(endpoint.engine.deadlineMs, Infinity);
    }
    assert.equal(endpoint.texts.length, 10);
  });

  it("drop a peer that does not answer our close frame", () => {
    const endpoint = endpointWith({
      pingIntervalMs: 10,
      idleTimeoutMs: 20,
      maxLifetimeMs: 30,
      closeTimeoutMs: 200,
    });
    endpoint.engine.close(1000);
    assert.equal(endpoint.engine.deadlineMs, START_MS + 200);
    runUntil(endpoint, START_MS + 199);
    assert.equal(lastDisconnect(endpoint), undefined);
    runUntil(endpoint, START_MS + 200);
    assert.equal(lastDisconnect(endpoint), "destroy");
    assert.equal(endpoint.takeFrames().length, 1);
    const result = endpoint.engine.transportClosed();
    assert.deepEqual([result.error?.code, result.code, result.wasClean], ["CLOSE_TIMEOUT", 1006, false]);
  });

  it("do not wait longer for the answer to our close frame when the peer begins messages", () => {
    const endpoint = endpointWith({ messageTimeoutMs: 1000, closeTimeoutMs: 200 });
    endpoint.engine.close(1000);
    for (let ms = 20; ms < 200; ms += 20) {
      runUntil(endpoint, START_MS + ms);
      endpoint.receive(
        frameFor("server", { opcode: OP.text, fin: false, payload: "a" }),
        frameFor("server", { opcode: OP.more, fin: ms < 100, payload: "b" }),
      );
      if (ms >= 100) break;
    }
    assert.equal(endpoint.engine.deadlineMs, START_MS + 200);
    runUntil(endpoint, START_MS + 200);
    assert.equal(lastDisconnect(endpoint), "destroy");
  });

  it("come to an end when a connection is terminated whose transport takes its time", () => {
    const endpoint = endpointWith({
      pingIntervalMs: 10,
      idleTimeoutMs: 20,
      maxLifetimeMs: 100,
      closeTimeoutMs: 30,
    });
    endpoint.engine.terminate();
    assert.equal(endpoint.engine.deadlineMs, Infinity);
    endpoint.engine.handleTimeout(START_MS + 1e6);
    assert.equal(endpoint.engine.transportClosed().error?.code, "TERMINATED");
  });

  it("drop a transport that does not end after the handshake, which stays clean", () => {
    const endpoint = endpointWith({ closeTimeoutMs: 200 }, "client");
    endpoint.receive(closeFrameFor("client", 1000));
    assert.equal(lastDisconnect(endpoint), undefined);
    runUntil(endpoint, START_MS + 200);
    assert.equal(lastDisconnect(endpoint), "destroy");
    const result = endpoint.engine.transportClosed();
    assert.deepEqual([result.error, result.code, result.wasClean], [undefined, 1000, true]);
  });

  it("tell the host when closing makes the deadline earlier", () => {
    const endpoint = endpointWith({ pingIntervalMs: 1000, closeTimeoutMs: 200 });
    endpoint.engine.close(1000);
    assert.deepEqual(endpoint.events, [{ type: "deadline" }]);
    for (const end of [() => endpoint.engine.receiveEnd(), () => endpoint.engine.transportClosed()]) end();
    assert.equal(endpoint.engine.deadlineMs, Infinity);
  });

  it("end a connection at its maximum lifetime, with 1001 and no error", () => {
    const endpoint = endpointWith({ maxLifetimeMs: 100, closeTimeoutMs: 50 });
    for (let ms = 10; ms < 100; ms += 10) {
      runUntil(endpoint, START_MS + ms);
      endpoint.receive(frameFor("server", { opcode: OP.text, payload: "busy" }));
    }
    runUntil(endpoint, START_MS + 100);
    assert.equal(readClose(endpoint.takeFrames()[0]!.payload).code, 1001);
    endpoint.receive(closeFrameFor("server", 1001));
    assert.equal(endpoint.engine.transportClosed().error, undefined);
  });

  it("are all met when the host comes much too late", () => {
    const endpoint = endpointWith({
      pingIntervalMs: 100,
      pongTimeoutMs: 40,
      idleTimeoutMs: 500,
      maxLifetimeMs: 900,
    });
    endpoint.clock.ms = START_MS + 1e6;
    endpoint.engine.handleTimeout(endpoint.clock.ms);
    assert.equal(endpoint.engine.isOpen, false);
  });
});
