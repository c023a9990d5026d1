import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UsageError } from "#core/hawser-error.js";
import { engineConfig } from "#protocol/engine-config.js";
import { PreparedMessage } from "#protocol/prepared-message.js";
import { Endpoint, EnginePair, type Role } from "../support/engine-pair.js";
import { closeFrameFor, frameFor, OP, readFrames } from "../support/frames.js";

const ROLES: readonly Role[] = ["server", "client"];
const SIZES = [0, 1, 125, 126, 127, 16_383, 16_384, 16_385, 65_535, 65_536, 70_000];

function usage(code: string): (error: unknown) => boolean {
  return (error) => error instanceof UsageError && error.code === code;
}

function patterned(length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => (i * 31) & 0xff);
}

describe("send()", () => {
  it("writes one frame in shortest form, masked by clients only, of bytes and of text", () => {
    for (const role of ROLES) {
      for (const host of ["portable", "node"] as const) {
        for (const length of SIZES) {
          const endpoint = new Endpoint(role, { host });
          const bytes = patterned(length);
          const text = "aé€😀".repeat(length).slice(0, length).toString();
          endpoint.engine.send(bytes, OP.binary);
          endpoint.engine.send(text, OP.text);
          const [first, second, ...rest] = endpoint.takeFrames();
          assert.deepEqual(rest, []);
          for (const [found, opcode, payload] of [
            [first!, OP.binary, Buffer.from(bytes)],
            [second!, OP.text, Buffer.from(text)],
          ] as const) {
            assert.deepEqual(
              [found.fin, found.rsv, found.opcode, found.masked],
              [true, 0, opcode, role === "client"],
            );
            assert.ok(found.payload.equals(payload));
            const size = payload.length;
            assert.equal(found.lengthBits, size < 126 ? 7 : size < 65_536 ? 16 : 64);
          }
        }
      }
    }
  });

  it("masks every frame with another key of the host", () => {
    const endpoint = new Endpoint("client");
    const keys = new Set<string>();
    for (let i = 0; i < 50; i++) {
      endpoint.engine.send(new Uint8Array(8), OP.binary);
      keys.add(endpoint.take().subarray(2, 6).toString("hex"));
    }
    assert.equal(keys.size, 50);
  });

  it("never changes the caller's bytes, of a Buffer or not, large or small, at any alignment", () => {
    for (const role of ROLES) {
      for (const length of [1, 5, 200, 16_384, 16_385, 100_001]) {
        for (const offset of [0, 1, 3]) {
          const mine = Buffer.alloc(length + offset).fill(0x5a);
          for (const bytes of [
            mine.subarray(offset),
            new Uint8Array(mine.buffer, mine.byteOffset + offset, length),
          ]) {
            const endpoint = new Endpoint(role);
            endpoint.engine.send(bytes, OP.binary);
            endpoint.engine.beginMessage(OP.binary);
            endpoint.engine.continueMessage(bytes, true);
            if (length <= 125) {
              endpoint.engine.ping(bytes);
              endpoint.engine.pong(bytes);
            }
            for (const found of endpoint.takeFrames()) assert.ok(found.payload.equals(bytes));
            assert.ok(mine.every((byte) => byte === 0x5a));
          }
        }
      }
    }
  });

  it("passes large bytes of a server on by reference, and copies small ones", () => {
    const endpoint = new Endpoint("server");
    const large = patterned(16_385);
    endpoint.engine.send(patterned(16_384), OP.binary);
    endpoint.engine.send(large, OP.binary);
    assert.deepEqual(endpoint.references.length, 1);
    assert.equal(endpoint.references[0], large);
  });

  it("refuses whatever is neither a string nor bytes, everywhere, and puts out nothing", () => {
    const wrong: readonly unknown[] = [
      5,
      0,
      null,
      true,
      {},
      [1, 2],
      { length: 3 },
      new Uint16Array(3),
      new Float64Array(1),
      new ArrayBuffer(4),
      new DataView(new ArrayBuffer(4)),
    ];
    for (const role of ROLES) {
      for (const deflate of [undefined, {}]) {
        const endpoint = new Endpoint(role, { host: "node", deflate, compressFromBytes: 0 });
        const { engine, host } = endpoint;
        for (const value of wrong as readonly Uint8Array[]) {
          const invalid = usage("INVALID_PAYLOAD");
          assert.throws(() => engine.send(value, OP.binary), invalid);
          assert.throws(() => engine.send(value, OP.text, true), invalid);
          assert.throws(() => engine.ping(value), invalid);
          assert.throws(() => engine.pong(value), invalid);
          assert.throws(() => new PreparedMessage(value, host), invalid);
          engine.beginMessage(OP.binary, false);
          assert.throws(() => engine.continueMessage(value, true), invalid);
          engine.continueMessage("", true);
          endpoint.takeFrames();
        }
        assert.equal(endpoint.take().length, 0);
      }
    }
  });

  it("never puts out a byte that it did not write", () => {
    const run = (role: Role, fill: number): Buffer => {
      const endpoint = new Endpoint(role, { fill, host: "node", deflate: {}, compressFromBytes: 40 });
      const { engine } = endpoint;
      for (const length of SIZES) engine.send(patterned(length), OP.binary, false);
      for (const text of ["", "a", "é".repeat(50), "€".repeat(41), "😀".repeat(9000), "\ud800"]) {
        engine.send(text, OP.text);
        engine.send(text, OP.text, false);
      }
      engine.ping();
      engine.ping(patterned(125));
      engine.pong();
      engine.beginMessage(OP.text);
      engine.continueMessage("€", false);
      engine.continueMessage("", true);
      engine.sendPrepared(new PreparedMessage("prepared €", endpoint.host));
      endpoint.receive(frameFor(role, { opcode: OP.ping, payload: "hello" }));
      engine.close(1000, "€uro");
      return endpoint.take();
    };
    for (const role of ROLES) assert.ok(run(role, 0x00).equals(run(role, 0xff)));
  });
});

describe("receiving messages", () => {
  it("gives the same whatever the fragments, the masks and the control frames between them", () => {
    for (const role of ROLES) {
      for (const host of ["portable", "node"] as const) {
        const endpoint = new Endpoint(role, { host });
        endpoint.receive(
          frameFor(role, { opcode: OP.text, fin: false, payload: "frag" }),
          frameFor(role, { opcode: OP.ping, payload: "p1" }),
          frameFor(role, { opcode: OP.more, fin: false }),
          frameFor(role, { opcode: OP.pong, payload: "p2" }),
          frameFor(role, { opcode: OP.more, payload: "ment€d" }),
          frameFor(role, { opcode: OP.binary, payload: "" }),
        );
        assert.deepEqual(
          endpoint.events,
          [
            { type: "deadline" },
            { type: "ping", data: Buffer.from("p1") },
            { type: "pong", data: Buffer.from("p2"), roundTripMs: undefined },
            { type: "message", opcode: OP.text, data: Buffer.from("fragment€d") },
            { type: "message", opcode: OP.binary, data: Buffer.alloc(0) },
          ].filter(
            ({ type }) => type !== "deadline" || endpoint.events.some((event) => event.type === "deadline"),
          ),
        );
        const [pong] = endpoint.takeFrames();
        assert.deepEqual([pong?.opcode, pong?.payload.toString()], [OP.pong, "p1"]);
      }
    }
  });

  it("reads frames cut at any byte, control frames inside a message included", () => {
    const role = "server";
    const bytes = Buffer.concat([
      frameFor(role, { opcode: OP.text, fin: false, payload: "ab" }),
      frameFor(role, { opcode: OP.ping, payload: "ping payload", mask: [1, 2, 3, 4] }),
      frameFor(role, { opcode: OP.more, payload: "c€" }),
      frameFor(role, { opcode: OP.ping, payload: "x".repeat(125), mask: [9, 8, 7, 6] }),
    ]);
    for (let one = 0; one <= bytes.length; one++) {
      for (const two of [
        one,
        Math.min(one + 1, bytes.length),
        Math.min(one + 3, bytes.length),
        bytes.length,
      ]) {
        const endpoint = new Endpoint(role);
        endpoint.receive(bytes.subarray(0, one), bytes.subarray(one, two), bytes.subarray(two));
        assert.deepEqual(endpoint.texts, ["abc€"]);
        assert.deepEqual(
          endpoint.takeFrames().map(({ opcode, payload }) => [opcode, payload.toString()]),
          [
            [OP.pong, "ping payload"],
            [OP.pong, "x".repeat(125)],
          ],
        );
      }
    }
  });

  it("does not call binary ASCII that is put together from fragments", () => {
    const endpoint = new Endpoint("server");
    endpoint.receive(
      frameFor("server", { opcode: OP.binary, fin: false, payload: Uint8Array.of(0xff) }),
      frameFor("server", { opcode: OP.more, payload: Uint8Array.of(0x80) }),
    );
    assert.deepEqual([...endpoint.messages[0]!.data], [0xff, 0x80]);
  });

  it("joins large and small fragments of a large message", () => {
    const whole = Buffer.from(patterned(300_000));
    const endpoint = new Endpoint("server");
    let at = 0;
    for (const [i, size] of [1, 4095, 4096, 0, 70_000, 3, 100_000, 1e9].entries()) {
      const end = Math.min(whole.length, at + size);
      const spec = { opcode: i === 0 ? OP.binary : OP.more, fin: end === whole.length };
      endpoint.receive(frameFor("server", { ...spec, payload: whole.subarray(at, end) }));
      at = end;
    }
    assert.ok(endpoint.messages[0]?.data.equals(whole));
  });
});

describe("pause() and resume()", () => {
  const stream = Buffer.concat([
    frameFor("server", { opcode: OP.text, payload: "one" }),
    frameFor("server", { opcode: OP.ping, payload: "two" }),
    frameFor("server", { opcode: OP.text, fin: false, payload: "thr" }),
    frameFor("server", { opcode: OP.more, payload: "ee" }),
    frameFor("server", { opcode: OP.binary, payload: "x".repeat(500) }),
    frameFor("server", { opcode: OP.text, payload: "five" }),
    closeFrameFor("server", 1000, "six"),
  ]);

  it("lose nothing, double nothing and keep the order, with a pause at every event", () => {
    for (const streaming of [false, true]) {
      for (const size of [Infinity, 1, 3, 7, 50]) {
        const plain = new Endpoint("server", { streaming });
        for (let at = 0; at < stream.length; at += size) plain.receive(stream.subarray(at, at + size));

        const endpoint = new Endpoint("server", { streaming });
        endpoint.onEvent = () => endpoint.engine.pause();
        let held = Buffer.alloc(0);
        let pauses = 0;
        for (let at = 0; at < stream.length; at += size) {
          held = Buffer.concat([held, stream.subarray(at, at + size)]);
          while (held.length > 0) {
            const took = endpoint.engine.receive(held);
            held = Buffer.from(held.subarray(took));
            if (!endpoint.engine.isPaused) break;
            pauses++;
            endpoint.engine.resume();
          }
        }
        assert.deepEqual(endpoint.events, plain.events);
        assert.ok(endpoint.take().equals(plain.take()));
        assert.ok(pauses >= 5);
      }
    }
  });

  it("stop behind the message during which it was called", () => {
    const endpoint = new Endpoint("server");
    endpoint.onEvent = () => endpoint.engine.pause();
    const chunk = new Uint8Array(stream);
    const took = endpoint.engine.receive(chunk);
    assert.equal(took, frameFor("server", { opcode: OP.text, payload: "one" }).length);
    assert.deepEqual([...chunk.subarray(took)], [...stream.subarray(took)], "the rest is untouched");
    endpoint.engine.resume();
    assert.ok(endpoint.engine.receive(chunk, took) > took, "it goes on inside the same chunk");
  });

  it("take nothing at all of a chunk that comes while paused", () => {
    const endpoint = new Endpoint("server");
    endpoint.engine.pause();
    const chunk = new Uint8Array(stream);
    assert.equal(endpoint.engine.receive(chunk), 0);
    assert.equal(endpoint.engine.receive(chunk, 5), 5);
    assert.deepEqual(endpoint.events, []);
    assert.deepEqual([...chunk], [...stream]);
    endpoint.engine.resume();
    endpoint.receive(chunk);
    assert.deepEqual(endpoint.texts.length, 4);
  });

  it("do not hold up the end: once closed all is taken", () => {
    const endpoint = new Endpoint("server");
    endpoint.onEvent = (event) => {
      if (event.type === "closing") endpoint.engine.pause();
    };
    endpoint.receive(Buffer.concat([closeFrameFor("server", 1000), stream]));
    assert.deepEqual(endpoint.texts, []);
  });
});

describe("receiving piece by piece", () => {
  it("hands out pieces as they come, and says which is the last", () => {
    const endpoint = new Endpoint("client", { streaming: true });
    const chunks = (): unknown[] =>
      endpoint.takeEvents().map((event) => event.type === "chunk" && [event.data.toString(), event.last]);
    const bytes = frameFor("client", { opcode: OP.text, fin: false, payload: "abcdef" });
    endpoint.receive(bytes.subarray(0, 4));
    assert.deepEqual(chunks(), [["ab", false]]);
    endpoint.receive(bytes.subarray(4));
    assert.deepEqual(chunks(), [["cdef", false]]);
    endpoint.receive(frameFor("client", { opcode: OP.more, fin: false }));
    assert.deepEqual(chunks(), []);
    endpoint.receive(frameFor("client", { opcode: OP.more }));
    assert.deepEqual(chunks(), [["", true]]);
    endpoint.receive(frameFor("client", { opcode: OP.text, payload: "whole" }));
    assert.deepEqual(chunks(), [["whole", true]]);
    endpoint.receive(frameFor("client", { opcode: OP.binary }));
    assert.deepEqual(chunks(), [["", true]]);
  });

  it("counts the whole message against the limit", () => {
    const endpoint = new Endpoint("server", { streaming: true, maxMessageBytes: 10 });
    endpoint.receive(
      frameFor("server", { opcode: OP.binary, fin: false, payload: "12345" }),
      frameFor("server", { opcode: OP.more, fin: false, payload: "12345" }),
      frameFor("server", { opcode: OP.more, fin: false, payload: "1" }),
    );
    assert.equal(endpoint.engine.transportClosed().error?.code, "MESSAGE_TOO_BIG");
  });
});

describe("sending piece by piece", () => {
  it("makes one fragment a piece, with control frames between them", () => {
    for (const role of ROLES) {
      const endpoint = new Endpoint(role);
      const { engine } = endpoint;
      engine.beginMessage(OP.text);
      assert.equal(engine.isSendingMessage, true);
      engine.continueMessage("a€", false);
      engine.ping(Uint8Array.of(1));
      engine.continueMessage(new Uint8Array(0), false);
      engine.pong(Uint8Array.of(2));
      endpoint.receive(frameFor(role, { opcode: OP.ping, payload: "\u0003" }));
      engine.continueMessage("b", true);
      assert.equal(engine.isSendingMessage, false);
      engine.send("next", OP.text);
      assert.deepEqual(
        endpoint.takeFrames().map((f) => [f.opcode, f.fin, f.payload.toString()]),
        [
          [OP.text, false, "a€"],
          [OP.ping, true, "\u0001"],
          [OP.more, false, ""],
          [OP.pong, true, "\u0002"],
          [OP.pong, true, "\u0003"],
          [OP.more, true, "b"],
          [OP.text, true, "next"],
        ],
      );
    }
  });

  it("lets no other message in before it is finished", () => {
    const endpoint = new Endpoint("server");
    const { engine } = endpoint;
    const inProgress = usage("MESSAGE_IN_PROGRESS");
    assert.throws(() => engine.continueMessage("x", true), inProgress);
    engine.beginMessage(OP.binary);
    assert.throws(() => engine.send("x", OP.text), inProgress);
    assert.throws(() => engine.beginMessage(OP.text), inProgress);
    assert.throws(() => engine.sendPrepared(new PreparedMessage("x", endpoint.host)), inProgress);
    assert.equal(endpoint.take().length, 0);
    engine.continueMessage("y", true);
    assert.throws(() => engine.continueMessage("z", true), inProgress);
    assert.deepEqual(
      endpoint.takeFrames().map((f) => [f.opcode, f.payload.toString()]),
      [[OP.binary, "y"]],
    );
  });

  it("ends where the connection is closed, with a close frame between two fragments", () => {
    const pair = new EnginePair();
    pair.client.engine.beginMessage(OP.text);
    pair.client.engine.continueMessage("half", false);
    pair.client.engine.close(1001);
    pair.client.engine.continueMessage("other", true);
    pair.settle();
    assert.deepEqual(pair.server.texts, []);
    assert.equal(pair.results?.server.code, 1001);
    assert.equal(pair.results?.server.wasClean, true);
  });

  it("arrives as one message, whatever the pieces", () => {
    const pair = new EnginePair({ streaming: true, maxMessageBytes: 1e6 });
    const pieces = [patterned(3), patterned(0), patterned(100_000), patterned(17)];
    pair.client.engine.beginMessage(OP.binary);
    for (const piece of pieces) {
      pair.client.engine.continueMessage(piece, false);
      pair.settle([1000]);
    }
    pair.client.engine.continueMessage("", true);
    pair.settle();
    assert.ok(pair.server.messages[0]?.data.equals(Buffer.concat(pieces)));
  });
});

describe("prepared messages", () => {
  it("are the same bytes for all peers of a server, and masked for each by a client", () => {
    const message = new PreparedMessage("hej €", new Endpoint("server").host);
    for (const role of ROLES) {
      const outputs = [1, 2].map((seed) => {
        const endpoint = new Endpoint(role, { seed });
        endpoint.engine.sendPrepared(message);
        return endpoint.take();
      });
      assert.equal(outputs[0]!.equals(outputs[1]!), role === "server");
      for (const output of outputs) {
        const [found] = readFrames(output);
        assert.deepEqual(
          [found?.opcode, found?.masked, found?.payload.toString()],
          [OP.text, role === "client", "hej €"],
        );
      }
    }
  });

  it("copy the bytes they are made of, and take binary and text as told", () => {
    const { host } = new Endpoint("server");
    const bytes = Uint8Array.of(104, 105);
    const [asText, asBinary] = [{ binary: false }, {}].map(
      (options) => new PreparedMessage(bytes, host, options),
    );
    bytes.fill(0);
    assert.deepEqual([asText!.opcode, asBinary!.opcode], [OP.text, OP.binary]);
    assert.equal(Buffer.from(asText!.payload).toString(), "hi");
    assert.equal(new PreparedMessage("x", host, { binary: true }).opcode, OP.binary);
  });

  it("leave large ones by reference, unchanged", () => {
    const { host } = new Endpoint("server");
    const payload = patterned(100_000);
    const message = new PreparedMessage(payload, host);
    for (const role of ROLES) {
      for (let i = 0; i < 2; i++) {
        const endpoint = new Endpoint(role);
        endpoint.engine.sendPrepared(message);
        assert.ok(endpoint.takeFrames()[0]?.payload.equals(payload));
      }
    }
    assert.deepEqual(message.payload, payload);
  });

  it("are not sent once closing began", () => {
    const endpoint = new Endpoint("server");
    endpoint.engine.close(1000);
    endpoint.take();
    endpoint.engine.sendPrepared(new PreparedMessage("x", endpoint.host));
    assert.equal(endpoint.take().length, 0);
  });
});

describe("the trace", () => {
  it("sees every frame in both directions, and is not asked while nobody looks", () => {
    const seen: unknown[] = [];
    const trace = {
      isEnabled: true,
      frame: (_owner: Endpoint, ...frame: readonly unknown[]) => void seen.push(frame),
    };
    const endpoint = new Endpoint("client", { trace });
    endpoint.engine.send("abc", OP.text);
    endpoint.engine.send(new Uint8Array(20_000), OP.binary);
    endpoint.receive(frameFor("client", { opcode: OP.ping, payload: "xy" }));
    trace.isEnabled = false;
    endpoint.engine.send("abc", OP.text);
    assert.deepEqual(seen, [
      ["sent", 0x81, true, 3],
      ["sent", 0x82, true, 20_000],
      ["received", 0x89, false, 2],
      ["sent", 0x8a, true, 2],
    ]);
  });
});

describe("the trace of prepared messages", () => {
  it("tells the length that is on the wire", () => {
    for (const compress of [false, true]) {
      for (const size of [10, 5000, 70_000]) {
        const lengths: number[] = [];
        const trace = {
          isEnabled: true,
          frame: (...[, , , , length]: readonly [Endpoint, string, number, boolean, number]) =>
            void lengths.push(length),
        };
        const endpoint = new Endpoint("server", { host: "node", deflate: {}, trace });
        endpoint.engine.sendPrepared(new PreparedMessage("x".repeat(size), endpoint.host, { compress }));
        assert.deepEqual(
          lengths,
          endpoint.takeFrames().map(({ payload }) => payload.length),
        );
      }
    }
  });
});

describe("engineConfig", () => {
  it("refuses numbers that are none, negative or not whole", () => {
    const { host, engine } = new Endpoint("server");
    const { handler } = engine.config;
    for (const name of [
      "maxMessageBytes",
      "maxFrameBytes",
      "maxFragmentOverheadBytes",
      "compressFromBytes",
      "pingIntervalMs",
      "pongTimeoutMs",
      "idleTimeoutMs",
      "messageTimeoutMs",
      "closeTimeoutMs",
      "maxLifetimeMs",
    ]) {
      for (const value of [-1, 1.5, Number.NaN, "5", null as unknown, {}, 2n ** 60n]) {
        if (value === null) continue;
        assert.throws(
          () => engineConfig({ role: "server", host, handler, [name]: value }),
          usage("INVALID_OPTION"),
        );
      }
      for (const value of [0, 5, Infinity]) engineConfig({ role: "server", host, handler, [name]: value });
    }
  });

  it("takes the limit of a frame from that of a message, and has finite limits by default", () => {
    const { host, engine } = new Endpoint("server");
    const { handler } = engine.config;
    const config = engineConfig({ role: "server", host, handler, maxMessageBytes: 77 });
    assert.equal(config.maxFrameBytes, 77);
    const standard = engineConfig({ role: "server", host, handler });
    for (const limit of [
      standard.maxMessageBytes,
      standard.maxFrameBytes,
      standard.maxFragmentOverheadBytes,
    ]) {
      assert.ok(Number.isFinite(limit) && limit > 0);
    }
    assert.ok(standard.messageTimeoutMs > 0);
    assert.equal(engineConfig({ role: "server", host, handler, streaming: true }).messageTimeoutMs, 0);
  });
});

describe("a handler that calls receive()", () => {
  it("does not mix up its connection with another one", () => {
    const first = new Endpoint("server");
    const other = new Endpoint("server");
    let isNested = false;
    first.onEvent = (event) => {
      if (event.type !== "ping" || isNested) return;
      isNested = true;
      first.receive(frameFor("server", { opcode: OP.ping, payload: "inner" }));
    };
    const half = frameFor("server", {
      opcode: OP.text,
      payload: "a message of which half has come",
    }).subarray(0, 20);
    first.receive(Buffer.concat([frameFor("server", { opcode: OP.ping, payload: "outer" }), half]));
    const text = frameFor("server", { opcode: OP.text, payload: "not theirs" });
    other.receive(text.subarray(0, 8), text.subarray(8));
    assert.deepEqual(other.texts, ["not theirs"]);
    assert.deepEqual(first.texts, []);
  });
});
