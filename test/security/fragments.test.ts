// Fragments, lengths and control frames: what a peer can make us hold with few bytes. The rows are those of SECURITY.md.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ByteQueue } from "#core/byte-queue.js";
import { connected, FILLING, fill } from "../support/connected.js";
import { Endpoint, type EndpointOptions, type Role } from "../support/engine-pair.js";
import { frameFor, OP } from "../support/frames.js";
import { pingFrame } from "../support/raw-client.js";
import { rounds } from "../support/until.js";

const zeroed = { allocate: (byteLength: number): Uint8Array => new Uint8Array(byteLength) };

const ROLES: readonly Role[] = ["server", "client"];
const MEBIBYTE = 2 ** 20;

/** The code of the error that a peer's bytes end a connection with; undefined while it goes on. */
function problemOf(role: Role, options: EndpointOptions, ...frames: readonly Buffer[]): string | undefined {
  const endpoint = new Endpoint(role, options);
  for (const bytes of frames) endpoint.engine.receive(new Uint8Array(bytes));
  return endpoint.engine.isOpen ? undefined : endpoint.engine.transportClosed().error?.code;
}

test("empty fragments without end are charged for, and end the connection", () => {
  // ws CVE-2026-48779, undici CVE-2026-12151, Bandit CVE-2026-42786
  for (const role of ROLES) {
    const first = frameFor(role, { opcode: OP.text, fin: false });
    const empty = frameFor(role, { opcode: OP.more, fin: false });
    const options = { maxFragmentOverheadBytes: 64 * 100 };
    const frames = [first, ...Array.from({ length: 200 }, () => empty)];
    assert.equal(problemOf(role, options, ...frames), "TOO_MANY_FRAGMENTS");
    const byDefault = Buffer.concat(Array.from({ length: 70_000 }, () => empty));
    assert.equal(problemOf(role, {}, first, byDefault), "TOO_MANY_FRAGMENTS");
  }
});

test("tiny fragments are copied together, and keep alive nothing of the chunks that they came in", async () => {
  // ws CVE-2026-48779, undici CVE-2026-12151: the objects cost far more than the bytes that are counted.
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const queue = new ByteQueue(zeroed);
  const chunks = Array.from({ length: 100 }, () => {
    const chunk = new Uint8Array(65_536);
    queue.append(chunk, 0, 1);
    return new WeakRef(chunk.buffer);
  });
  await rounds(2);
  collect();
  assert.equal(chunks.filter((chunk) => chunk.deref() !== undefined).length, 0);
  assert.equal(queue.concat().length, 100);
});

test("a message that does not end is given up at its deadline", () => {
  // ws CVE-2026-48779, undici CVE-2026-12151: one tiny fragment now and then
  for (const role of ROLES) {
    const clock = { ms: 1_000 };
    const endpoint = new Endpoint(role, { clock, messageTimeoutMs: 5_000, pingIntervalMs: 0 });
    endpoint.receive(frameFor(role, { opcode: OP.text, fin: false, payload: "a" }));
    for (let i = 0; i < 10 && endpoint.engine.isOpen; i++) {
      clock.ms += 1_000;
      endpoint.receive(frameFor(role, { opcode: OP.more, fin: false, payload: "a" }));
      endpoint.engine.handleTimeout(clock.ms);
    }
    assert.equal(endpoint.engine.transportClosed().error?.code, "MESSAGE_TIMEOUT");
  }
});

test("a size limit counts over all fragments, and what a header announces before it comes", () => {
  // undici, June 2026
  for (const role of ROLES) {
    const half = frameFor(role, { opcode: OP.binary, fin: false, payload: new Uint8Array(600) });
    const header = frameFor(role, { opcode: OP.more, announce: 600n });
    assert.equal(problemOf(role, { maxMessageBytes: 1_000 }, half), undefined);
    assert.equal(problemOf(role, { maxMessageBytes: 1_000 }, half, header), "MESSAGE_TOO_BIG");
  }
});

test("a length above 2^53-1 is refused before anything is added to it", () => {
  // undici CVE-2026-1528, gorilla CVE-2020-27813, Tomcat CVE-2020-13935
  for (const role of ROLES) {
    for (const announce of [2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const unlimited = { maxMessageBytes: Infinity };
      assert.equal(
        problemOf(role, unlimited, frameFor(role, { opcode: OP.binary, announce })),
        "LENGTH_OVERFLOW",
      );
      assert.equal(problemOf(role, {}, frameFor(role, { opcode: OP.binary, announce })), "LENGTH_OVERFLOW");
    }
  }
});

test("no memory is taken for a length that is only announced", () => {
  // gorilla CVE-2020-27813
  for (const role of ROLES) {
    const endpoint = new Endpoint(role, { maxMessageBytes: 512 * MEBIBYTE });
    const before = process.memoryUsage().arrayBuffers;
    const announced = frameFor(role, { opcode: OP.binary, fin: false, announce: BigInt(256 * MEBIBYTE) });
    endpoint.receive(announced, Buffer.from("ten bytes."));
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * MEBIBYTE);
    assert.ok(endpoint.engine.isOpen);
  }
});

test("a control frame is bounded, and cannot be fragmented", () => {
  // RFC 6455 §5.5: else it is a way around every limit on messages.
  for (const role of ROLES) {
    const long = frameFor(role, { opcode: OP.ping, announce: 126n });
    assert.equal(problemOf(role, {}, long), "CONTROL_FRAME_TOO_LONG");
    assert.equal(
      problemOf(role, {}, frameFor(role, { opcode: OP.ping, fin: false })),
      "FRAGMENTED_CONTROL_FRAME",
    );
  }
});

/** What came of `bytes`: in one piece, behind a frame that is read another way, and byte by byte. */
function inEachWay(role: Role, options: EndpointOptions, bytes: Buffer): (string | undefined)[] {
  const pong = frameFor(role, { opcode: OP.pong });
  return [[bytes], [Buffer.concat([pong, bytes])], Array.from(bytes, (byte) => Buffer.of(byte))].map(
    (frames) => problemOf(role, options, ...frames),
  );
}

const inAllThree = (problem: string): string[] => [problem, problem, problem];

test("text that is not UTF-8 is refused, whether its frame comes whole or in pieces", () => {
  for (const role of ROLES) {
    for (const payload of [Buffer.of(0xc3), Buffer.of(0x61, 0xed, 0xa0, 0x80), Buffer.alloc(300, 0xff)]) {
      const bytes = frameFor(role, { opcode: OP.text, payload });
      assert.deepEqual(inEachWay(role, {}, bytes), inAllThree("INVALID_UTF8"));
    }
  }
});

test("a frame that is not masked as it has to be is refused, whether it comes whole or in pieces", () => {
  for (const role of ROLES) {
    const other = role === "server" ? "client" : "server";
    const bytes = frameFor(other, { opcode: OP.binary, payload: new Uint8Array(40) });
    const problem = role === "server" ? "UNMASKED_FRAME" : "MASKED_FRAME";
    assert.deepEqual(inEachWay(role, {}, Buffer.concat([bytes, bytes])), inAllThree(problem));
    const endpoint = new Endpoint(role);
    endpoint.engine.receive(new Uint8Array(Buffer.concat([bytes, bytes])));
    assert.deepEqual(endpoint.messages, []);
  }
});

test("a length that is written with more bytes than it takes is refused, whether it comes whole or in pieces", () => {
  for (const role of ROLES) {
    for (const lengthBits of [16, 64] as const) {
      const bytes = frameFor(role, { opcode: OP.binary, payload: new Uint8Array(40), lengthBits });
      assert.deepEqual(inEachWay(role, {}, bytes), inAllThree("NON_MINIMAL_LENGTH"));
    }
  }
});

test("a reserved bit is refused, whether its frame comes whole or in pieces", () => {
  for (const role of ROLES) {
    for (const rsv of [1, 2, 4]) {
      const bytes = frameFor(role, { opcode: OP.binary, payload: "a", rsv });
      assert.deepEqual(inEachWay(role, {}, bytes), inAllThree("RESERVED_BITS"));
    }
  }
});

test("a message inside another one is refused, whether it comes whole or in pieces", () => {
  for (const role of ROLES) {
    const begin = frameFor(role, { opcode: OP.text, payload: "a", fin: false });
    const inside = frameFor(role, { opcode: OP.text, payload: "b" });
    assert.deepEqual(
      inEachWay(role, {}, Buffer.concat([begin, inside])),
      inAllThree("EXPECTED_CONTINUATION"),
    );
    assert.equal(problemOf(role, {}, begin, inside), "EXPECTED_CONTINUATION");
  }
});

test("the size limits hold for a message that comes whole in one frame", () => {
  for (const role of ROLES) {
    const bytes = frameFor(role, { opcode: OP.binary, payload: new Uint8Array(1_001) });
    assert.deepEqual(inEachWay(role, { maxMessageBytes: 1_000 }, bytes), inAllThree("MESSAGE_TOO_BIG"));
    assert.deepEqual(inEachWay(role, { maxFrameBytes: 1_000 }, bytes), inAllThree("FRAME_TOO_BIG"));
    assert.equal(problemOf(role, { maxMessageBytes: 1_001 }, bytes), undefined);
  }
});

test("pings of a peer that does not read its pongs end the connection", async () => {
  const options = { maxPendingPongs: 10, closeTimeoutMs: 60 };
  const { socket, client, errors, closes, end } = await connected(options, { paused: true });
  await fill(socket);
  socket.send(FILLING);
  client.send(...Array.from({ length: 50 }, () => pingFrame("flood")));
  await rounds(50);
  client.socket.destroy();
  assert.equal((await errors.next()).code, "TOO_MANY_PENDING_PONGS");
  await closes.next();
  await end();
});
