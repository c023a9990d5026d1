import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { ProtocolError } from "#core/hawser-error.js";
import { PreparedMessage } from "#protocol/prepared-message.js";
import { DEFLATE, Endpoint, type EndpointOptions, EnginePair, type Role } from "../../support/engine-pair.js";
import { frameFor, OP, type ReadFrame, readClose } from "../../support/frames.js";

const ROLES: readonly Role[] = ["server", "client"];
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const NODE: EndpointOptions = { host: "node", deflate: {}, compressFromBytes: 0 };

/** Compresses as RFC 7692 §7.2.1 says, by zlib alone. */
function deflated(payload: string | Uint8Array, dictionary?: Buffer): Buffer {
  const flushed = deflateRawSync(payload, {
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(dictionary && { dictionary }),
  });
  assert.ok(flushed.subarray(-4).equals(TAIL));
  return flushed.subarray(0, -4);
}

/** Inflates one message as RFC 7692 §7.2.2 says, by zlib alone, with a window of this size. */
function inflated(payload: Uint8Array, windowBits = 15): Buffer {
  return inflateRawSync(Buffer.concat([payload, TAIL]), { windowBits, finishFlush: constants.Z_SYNC_FLUSH });
}

function compressed(role: Role, payload: Uint8Array, opcode: number = OP.text): Buffer {
  return frameFor(role, { opcode, rsv: 4, payload });
}

function failure(endpoint: Endpoint): [string | undefined, number | undefined] {
  const close = endpoint.takeFrames().at(-1);
  const { error } = endpoint.engine.transportClosed();
  assert.ok(error instanceof ProtocolError, `failed, not ${String(error)}`);
  return [error.code, close && readClose(close.payload).code];
}

function noise(length: number, seed: number): Buffer {
  let state = seed;
  return Buffer.from(
    new Uint8Array(length).map(() => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 16;
    }),
  );
}

/** Matches at every distance up to far beyond any window. */
function repetitive(length: number, seed: number): Buffer {
  const words = Array.from({ length: 40 }, (_, i) => noise(5 + ((i * 7) % 60), seed + i));
  const order = noise(length, seed + 99);
  const parts: Buffer[] = [];
  for (let size = 0, i = 0; size < length; i++) {
    const word = words[order[i]! % words.length]!;
    parts.push(word);
    size += word.length;
  }
  return Buffer.concat(parts).subarray(0, length);
}

describe("permessage-deflate between two engines", () => {
  const payloads = [
    Buffer.from(""),
    Buffer.from("a"),
    Buffer.from("Hello Hello Hello €"),
    repetitive(600, 1),
    repetitive(70_000, 2),
    noise(3000, 3),
    repetitive(70_000, 2),
    Buffer.from(""),
    Buffer.from("Hello Hello Hello €"),
  ];

  for (const serverNoContextTakeover of [false, true]) {
    for (const clientNoContextTakeover of [false, true]) {
      it(`works with no takeover: server ${serverNoContextTakeover}, client ${clientNoContextTakeover}`, () => {
        for (const sizes of [[Infinity], [1, 700]]) {
          const pair = new EnginePair({
            ...NODE,
            deflate: { serverNoContextTakeover, clientNoContextTakeover },
          });
          for (const payload of payloads) {
            pair.client.engine.send(payload, OP.binary);
            pair.server.engine.send(payload, OP.binary);
          }
          pair.settle(sizes);
          for (const { messages } of [pair.client, pair.server]) {
            assert.deepEqual(
              messages.map(({ data }) => data.toString("hex")),
              payloads.map((p) => p.toString("hex")),
            );
          }
        }
      });
    }
  }

  for (const bits of [8, 9, 10, 11, 12, 13, 14, 15]) {
    it(`works with a window of ${bits} bits, and a decompressor with no more inflates it`, () => {
      for (const role of ROLES) {
        const deflate = { serverMaxWindowBits: bits, clientMaxWindowBits: bits };
        const pair = new EnginePair({ ...NODE, deflate });
        const other = role === "client" ? pair.server : pair.client;
        for (const payload of payloads) pair[role].engine.send(payload, OP.binary);
        pair.settle();
        for (const [i, payload] of payloads.entries()) assert.ok(other.messages[i]?.data.equals(payload));

        // As a single raw stream with a window of exactly that size, which is what a foreign peer has. zlib's
        // inflater takes 8; nothing may refer further back.
        const endpoint = new Endpoint(role, { ...NODE, deflate });
        for (const payload of payloads) endpoint.engine.send(payload, OP.binary);
        const stream = Buffer.concat(endpoint.takeFrames().flatMap((found) => [found.payload, TAIL]));
        assert.ok(
          inflateRawSync(stream, { windowBits: bits, finishFlush: constants.Z_SYNC_FLUSH }).equals(
            Buffer.concat(payloads),
          ),
        );
      }
    });
  }
});

describe("what permessage-deflate sends", () => {
  const sizes = (endpoint: Endpoint): number[] => endpoint.takeFrames().map(({ payload }) => payload.length);

  it("sets RSV1, leaves the tail out, and refers to the message before only with takeover", () => {
    const text = noise(300, 7).toString("hex");
    for (const role of ROLES) {
      for (const isReset of [false, true]) {
        const deflate = { serverNoContextTakeover: isReset, clientNoContextTakeover: isReset };
        const endpoint = new Endpoint(role, { ...NODE, deflate });
        endpoint.engine.send(text, OP.text);
        endpoint.engine.send(text, OP.text);
        const [first, second] = endpoint.takeFrames() as [ReadFrame, ReadFrame];
        assert.deepEqual([first.rsv, second.rsv, first.fin], [4, 4, true]);
        assert.ok(!first.payload.subarray(-4).equals(TAIL));
        assert.equal(inflated(first.payload).toString(), text);
        assert.equal(second.payload.length < 60, !isReset);
        if (isReset) assert.equal(inflated(second.payload).toString(), text);
      }
    }
  });

  it("takes the parameters of its own direction", () => {
    const text = noise(300, 7).toString("hex");
    for (const role of ROLES) {
      const endpoint = new Endpoint(role, {
        ...NODE,
        deflate: { serverNoContextTakeover: role === "client", clientNoContextTakeover: role === "server" },
      });
      for (let i = 0; i < 2; i++) endpoint.engine.send(text, OP.text);
      assert.ok(sizes(endpoint)[1]! < 60, "the other side's promise does not bind us");
    }
  });

  it("compresses from the threshold on, or as told", () => {
    const endpoint = new Endpoint("server", { ...NODE, compressFromBytes: 100 });
    const { engine } = endpoint;
    engine.send("x".repeat(99), OP.text);
    engine.send("x".repeat(100), OP.text);
    engine.send("x".repeat(99), OP.text, true);
    engine.send("x".repeat(100), OP.text, false);
    engine.send(new Uint8Array(99), OP.binary);
    engine.send(new Uint8Array(100), OP.binary);
    engine.beginMessage(OP.text);
    engine.continueMessage("x", true);
    engine.beginMessage(OP.text, false);
    engine.continueMessage("x", true);
    assert.deepEqual(
      endpoint.takeFrames().map(({ rsv }) => rsv),
      [0, 4, 4, 0, 0, 4, 4, 0],
    );
    const without = new Endpoint("server", { host: "node" });
    without.engine.send("x".repeat(5000), OP.text, true);
    assert.equal(without.engine.hasDeflate, false);
    assert.equal(without.takeFrames()[0]?.rsv, 0);
  });

  it("sends one byte for an empty message (RFC 7692 §7.2.3.6)", () => {
    const endpoint = new Endpoint("server", NODE);
    endpoint.engine.send("", OP.text, true);
    endpoint.engine.sendPrepared(new PreparedMessage("", endpoint.host, { compress: true }));
    endpoint.engine.beginMessage(OP.text);
    endpoint.engine.continueMessage("", true);
    for (const { payload, rsv } of endpoint.takeFrames()) assert.deepEqual([[...payload], rsv], [[0], 4]);
  });

  it("sets RSV1 on the first fragment only, and compresses over the fragments", () => {
    const pair = new EnginePair(NODE);
    const { engine } = pair.client;
    for (let i = 0; i < 3; i++) {
      engine.beginMessage(OP.text);
      engine.continueMessage("Hello ".repeat(20), false);
      engine.ping();
      engine.continueMessage("", false);
      engine.continueMessage("Hello €", i % 2 === 0);
      if (i % 2 === 1) engine.continueMessage("", true);
    }
    const bytes = pair.client.take();
    const reader = new Endpoint("server", NODE);
    reader.receive(bytes);
    assert.deepEqual(reader.texts, Array(3).fill(`${"Hello ".repeat(20)}Hello €`));
    const again = new Endpoint("client", NODE);
    again.engine.beginMessage(OP.text);
    again.engine.continueMessage("a", false);
    again.engine.continueMessage("b", true);
    assert.deepEqual(
      again.takeFrames().map((f) => [f.opcode, f.rsv, f.fin]),
      [
        [OP.text, 4, false],
        [OP.more, 0, true],
      ],
    );
  });

  it("never changes the caller's bytes", () => {
    for (const role of ROLES) {
      const mine = repetitive(50_000, 5);
      const before = Buffer.from(mine);
      const endpoint = new Endpoint(role, NODE);
      endpoint.engine.send(mine, OP.binary);
      endpoint.engine.send(noise(50_000, 4), OP.binary);
      assert.ok(mine.equals(before));
    }
  });
});

describe("prepared messages with permessage-deflate", () => {
  it("are compressed once, and mix with others under context takeover", () => {
    let compressions = 0;
    const { host } = new Endpoint("server", NODE);
    const counting = {
      ...host,
      createDeflate: (bits: number) => {
        compressions++;
        return host.createDeflate!(bits);
      },
    };
    const text = noise(400, 1).toString("hex");
    const message = new PreparedMessage(text, counting);
    for (let i = 0; i < 3; i++) {
      const pair = new EnginePair(NODE);
      const { engine } = pair.server;
      const expected: string[] = [];
      const send = (data: string): void => {
        engine.send(data, OP.text);
        expected.push(data);
      };
      const inject = (): void => {
        engine.sendPrepared(message);
        expected.push(text);
      };
      inject();
      send(text);
      send(text);
      inject();
      inject();
      send(text.slice(100));
      send("");
      inject();
      send(text);
      pair.settle([500]);
      assert.deepEqual(pair.client.texts, expected);
    }
    assert.equal(compressions, 1);
  });

  it("are compressed for each window in use, and not against the wish of who made them", () => {
    const { host } = new Endpoint("server", NODE);
    const text = repetitive(40_000, 3).toString("base64");
    for (const bits of [9, 15]) {
      const message = new PreparedMessage(text, host);
      const endpoint = new Endpoint("server", { ...NODE, deflate: { serverMaxWindowBits: bits } });
      endpoint.engine.sendPrepared(message);
      const [found] = endpoint.takeFrames();
      assert.equal(inflated(found!.payload, bits).toString(), text);
    }
    for (const role of ROLES) {
      const endpoint = new Endpoint(role, { ...NODE, compressFromBytes: 100 });
      const prepared = (data: string, compress?: boolean): void =>
        endpoint.engine.sendPrepared(new PreparedMessage(data, host, { compress }));
      prepared("x".repeat(100));
      prepared("x".repeat(99));
      prepared("x".repeat(500), false);
      prepared("x", true);
      assert.deepEqual(
        endpoint.takeFrames().map(({ rsv }) => rsv),
        [4, 0, 0, 4],
      );
    }
  });
});

describe("what permessage-deflate receives", () => {
  it("inflates the examples of RFC 7692 §7.2.3", () => {
    const examples: readonly (readonly [string, string])[] = [
      ["f248cdc9c90700", "Hello"],
      ["f200110000", "Hello"], // only behind the first, whose window it refers to
      ["000500faff48656c6c6f00", "Hello"], // a block without compression
      ["f348cdc9c9070000", "Hello"], // BFINAL=1
      ["f24805000000ffffcac9c90700", "Hello"], // two blocks
      ["00", ""],
    ];
    for (const role of ROLES) {
      const endpoint = new Endpoint(role, NODE);
      for (const [hex] of examples) endpoint.receive(compressed(role, Buffer.from(hex, "hex")));
      assert.deepEqual(
        endpoint.texts,
        examples.map(([, text]) => text),
      );
    }
  });

  it("inflates over fragments cut at any byte, with control frames between", () => {
    const payload = deflated("Hello Hello €uro Hello");
    for (const streaming of [false, true]) {
      for (let cut = 0; cut <= payload.length; cut++) {
        const endpoint = new Endpoint("server", { ...NODE, streaming });
        endpoint.receive(
          frameFor("server", { opcode: OP.text, rsv: 4, fin: false, payload: payload.subarray(0, cut) }),
          frameFor("server", { opcode: OP.ping }),
          frameFor("server", { opcode: OP.more, payload: payload.subarray(cut) }),
        );
        assert.deepEqual(endpoint.texts, ["Hello Hello €uro Hello"]);
      }
    }
  });

  it("takes messages that are not compressed beside those that are, and keeps the window over them", () => {
    const text = noise(200, 8).toString("hex");
    const endpoint = new Endpoint("server", NODE);
    endpoint.receive(
      compressed("server", deflated(text)),
      frameFor("server", { opcode: OP.text, payload: "plain" }),
      compressed("server", deflated(text, Buffer.from(text))),
    );
    assert.deepEqual(endpoint.texts, [text, "plain", text]);
  });

  it("goes on behind a block with BFINAL=1, within a message and in the next (RFC 7692 §7.2.3.4)", () => {
    const finished = (data: string, dictionary?: Buffer): Buffer =>
      deflateRawSync(data, dictionary === undefined ? {} : { dictionary });
    const text = noise(100, 5).toString("hex");
    const window = Buffer.from(text);
    for (const padding of [[0], []]) {
      const endpoint = new Endpoint("server", NODE);
      endpoint.receive(
        compressed("server", Buffer.concat([finished(text), Buffer.from(padding)])),
        compressed("server", Buffer.concat([finished(text, window), Buffer.from(padding)])),
        compressed("server", Buffer.concat([finished("a"), finished("b"), deflated("c")])),
        compressed("server", deflated(`${text}abc`, Buffer.from(`${text}${text}abc`))),
      );
      assert.deepEqual(endpoint.texts, [text, text, "abc", `${text}abc`]);
    }
  });

  it("forgets the window where the peer promised to", () => {
    const text = noise(100, 5).toString("hex");
    const second = deflated(text, Buffer.from(text));
    for (const role of ROLES) {
      const peer = role === "server" ? "clientNoContextTakeover" : "serverNoContextTakeover";
      const endpoint = new Endpoint(role, { ...NODE, deflate: { [peer]: true } });
      endpoint.receive(compressed(role, deflated(text)), compressed(role, second));
      assert.deepEqual(failure(endpoint), ["INVALID_COMPRESSED_DATA", 1007]);
    }
  });

  it("fails on what is not DEFLATE data, with 1007", () => {
    for (const hex of ["ff", "07", "ffffffff", "00050000000000"]) {
      for (const streaming of [false, true]) {
        const endpoint = new Endpoint("server", { ...NODE, streaming });
        endpoint.receive(compressed("server", Buffer.from(hex, "hex")));
        assert.deepEqual(endpoint.messages, [], hex);
        assert.deepEqual(failure(endpoint), ["INVALID_COMPRESSED_DATA", 1007], hex);
      }
    }
  });

  it("fails on text that is not UTF-8 once inflated, with 1007", () => {
    for (const bytes of [[0xff], [0xc3], [0x61, 0xed, 0xa0, 0x80]]) {
      for (const streaming of [false, true]) {
        const endpoint = new Endpoint("client", { ...NODE, streaming });
        endpoint.receive(compressed("client", deflated(Uint8Array.from(bytes))));
        assert.deepEqual(failure(endpoint), ["INVALID_UTF8", 1007]);
        const binary = new Endpoint("client", { ...NODE, streaming });
        binary.receive(compressed("client", deflated(Uint8Array.from(bytes)), OP.binary));
        assert.deepEqual([...binary.messages[0]!.data], bytes);
      }
    }
  });

  it("stops a bomb at the limit, in one frame and over fragments, with 1009", () => {
    const bomb = deflated(new Uint8Array(50_000_000));
    assert.ok(bomb.length < 60_000);
    for (const streaming of [false, true]) {
      for (const size of [bomb.length, 1000]) {
        const endpoint = new Endpoint("server", { ...NODE, streaming, maxMessageBytes: 100_000 });
        const memory = process.memoryUsage().arrayBuffers;
        for (let at = 0; at < bomb.length; at += size) {
          endpoint.receive(
            frameFor("server", {
              opcode: at === 0 ? OP.binary : OP.more,
              rsv: at === 0 ? 4 : 0,
              fin: at + size >= bomb.length,
              payload: bomb.subarray(at, at + size),
            }),
          );
        }
        assert.ok(process.memoryUsage().arrayBuffers - memory < 10_000_000);
        assert.ok(endpoint.messages.length === 0);
        assert.deepEqual(failure(endpoint), ["MESSAGE_TOO_BIG", 1009]);
      }
    }
  });

  it("lets exactly the limit pass, in one block or in many with BFINAL=1", () => {
    const half = deflateRawSync(new Uint8Array(500));
    for (const [limit, passes] of [
      [1000, true],
      [999, false],
    ] as const) {
      for (const payload of [deflated(new Uint8Array(1000)), Buffer.concat([half, half, Buffer.from([0])])]) {
        const endpoint = new Endpoint("server", { ...NODE, maxMessageBytes: limit });
        endpoint.receive(compressed("server", payload, OP.binary));
        assert.deepEqual(
          endpoint.messages.map(({ data }) => data.length),
          passes ? [1000] : [],
        );
        if (!passes) assert.deepEqual(failure(endpoint), ["MESSAGE_TOO_BIG", 1009]);
      }
    }
    const oneMore = new Endpoint("server", { ...NODE, maxMessageBytes: 500 });
    oneMore.receive(
      compressed("server", Buffer.concat([half, deflateRawSync("a"), Buffer.from([0])]), OP.binary),
    );
    assert.deepEqual(
      failure(oneMore),
      ["MESSAGE_TOO_BIG", 1009],
      "where nothing is left, one byte is too much",
    );
    const none = new Endpoint("server", { ...NODE, maxMessageBytes: 1 });
    none.receive(compressed("server", Buffer.from([0])), compressed("server", deflated("a").subarray(0, 1)));
    assert.equal(none.texts[0], "");
  });

  it("inflates where no limit is set", () => {
    for (const maxMessageBytes of [Infinity, Number.MAX_SAFE_INTEGER]) {
      const endpoint = new Endpoint("server", { ...NODE, maxMessageBytes });
      endpoint.receive(compressed("server", deflated("Hello")));
      assert.deepEqual(endpoint.texts, ["Hello"]);
    }
  });

  it("does not spend minutes on a message of nothing but blocks with BFINAL=1", () => {
    const endpoint = new Endpoint("server", NODE);
    endpoint.receive(compressed("server", Buffer.alloc(2_000_000, Buffer.from([3, 0])), OP.binary));
    assert.deepEqual(failure(endpoint), ["MESSAGE_TOO_BIG", 1009]);
    const fair = new Endpoint("server", NODE);
    const part = deflateRawSync("x");
    fair.receive(compressed("server", Buffer.concat([...Array<Buffer>(30).fill(part), Buffer.from([0])])));
    assert.deepEqual(fair.texts, ["x".repeat(30)]);
  });

  it("counts blocks with BFINAL=1 over all pieces of a message that is handed out in pieces", () => {
    const endpoint = new Endpoint("server", { ...NODE, streaming: true });
    const frames = Array.from({ length: 40 }, (_, i) =>
      frameFor("server", {
        opcode: i === 0 ? OP.binary : OP.more,
        rsv: i === 0 ? 4 : 0,
        fin: false,
        payload: Buffer.from([3, 0]),
      }),
    );
    endpoint.receive(...frames);
    assert.deepEqual(failure(endpoint), ["MESSAGE_TOO_BIG", 1009]);
  });

  it("takes no message that ends in the middle of a block", () => {
    const payload = Buffer.from(JSON.stringify(Array.from({ length: 50 }, (_, i) => ({ i, square: i * i }))));
    const whole = deflated(payload);
    for (let cut = 1; cut < whole.length; cut++) {
      const endpoint = new Endpoint("server", NODE);
      endpoint.receive(compressed("server", whole.subarray(0, cut), OP.binary));
      assert.deepEqual(failure(endpoint), ["INVALID_COMPRESSED_DATA", 1007], `cut at ${cut}`);
      const streaming = new Endpoint("server", { ...NODE, streaming: true });
      streaming.receive(
        frameFor("server", { opcode: OP.binary, rsv: 4, fin: false, payload: whole.subarray(0, cut >> 1) }),
        frameFor("server", { opcode: OP.more, payload: whole.subarray(cut >> 1, cut) }),
      );
      assert.deepEqual(failure(streaming), ["INVALID_COMPRESSED_DATA", 1007], `cut at ${cut}, in pieces`);
    }
  });

  it("takes a block with BFINAL=1 also without anything behind it", () => {
    for (const streaming of [false, true]) {
      const endpoint = new Endpoint("server", { ...NODE, streaming });
      endpoint.receive(compressed("server", deflateRawSync("Hello")));
      assert.deepEqual(endpoint.texts, ["Hello"]);
    }
  });

  it("counts what is inflated and what is not alike against the limit before inflating", () => {
    const endpoint = new Endpoint("server", { ...NODE, maxMessageBytes: 10 });
    endpoint.receive(frameFor("server", { opcode: OP.text, rsv: 4, announce: 11n }));
    assert.deepEqual(failure(endpoint), ["MESSAGE_TOO_BIG", 1009]);
  });

  it("does not take RSV1 without the extension", () => {
    const endpoint = new Endpoint("server", { host: "node" });
    endpoint.receive(compressed("server", deflated("x")));
    assert.deepEqual(failure(endpoint), ["RESERVED_BITS", 1002]);
  });

  it("hands out pieces as they are inflated where the host can inflate them", () => {
    const endpoint = new Endpoint("server", { ...NODE, streaming: true, maxMessageBytes: 8 });
    // A host for which DEFLATE is the identity, to see what the engine does with the pieces.
    const calls: unknown[] = [];
    endpoint.host.createInflate = () => ({
      isIncremental: true,
      inflate(bytes, last, maxOutputBytes) {
        calls.push([bytes.length, last, maxOutputBytes]);
        return bytes.length > maxOutputBytes ? "too-big" : Uint8Array.from(bytes);
      },
      reset: () => calls.push("reset"),
      dispose: () => calls.push("dispose"),
    });
    endpoint.receive(
      frameFor("server", { opcode: OP.text, rsv: 4, fin: false, payload: "ab" }),
      frameFor("server", { opcode: OP.more, fin: false, payload: "" }),
      frameFor("server", { opcode: OP.more, fin: true, payload: "cde" }),
    );
    assert.deepEqual(endpoint.texts, ["abcde"]);
    assert.deepEqual(calls, [
      [2, false, 8],
      [0, false, 6],
      [3, true, 6],
    ]);
    endpoint.engine.transportClosed();
    assert.equal(calls.at(-1), "dispose");
    assert.equal(DEFLATE.clientNoContextTakeover, false);
  });
});
