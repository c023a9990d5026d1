import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Endpoint, type EndpointOptions, EnginePair, type Role } from "../support/engine-pair.js";
import { type FrameSpec, frame, frameFor, OP } from "../support/frames.js";

const role: fc.Arbitrary<Role> = fc.constantFrom("client", "server");
const host = fc.constantFrom("portable" as const, "node" as const);
const cutList = fc.array(fc.nat(), { maxLength: 10 });
const key = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });

interface AnyMessage {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly cuts: readonly number[];
  readonly pings: readonly boolean[];
}

const payloads = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 4000, max: 70_000 }).map((n) => new Uint8Array(n).map((_, i) => i >> 3)),
  },
);
const anyMessage: fc.Arbitrary<AnyMessage> = fc.record({
  opcode: fc.constant(OP.binary as number),
  payload: payloads.map((bytes) => Buffer.from(bytes)),
  cuts: fc.array(fc.nat(), { maxLength: 4 }),
  pings: fc.array(fc.boolean(), { maxLength: 5 }),
});
const anyTextMessage: fc.Arbitrary<AnyMessage> = fc.record({
  opcode: fc.constant(OP.text as number),
  payload: fc.string({ unit: "binary", maxLength: 200 }).map((text) => Buffer.from(text)),
  cuts: fc.array(fc.nat(), { maxLength: 4 }),
  pings: fc.array(fc.boolean(), { maxLength: 5 }),
});
const messages = fc.array(fc.oneof(anyMessage, anyTextMessage), { maxLength: 5 });

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.map((end, i) => bytes.subarray(at[i - 1] ?? 0, end));
}

/** The frames of a message, with pings where it says so. */
function framesOf(message: AnyMessage): FrameSpec[] {
  const parts = split(message.payload, message.cuts);
  return parts.flatMap((payload, i) => {
    const spec = { opcode: i === 0 ? message.opcode : OP.more, fin: i === parts.length - 1, payload };
    return message.pings[i] === true ? [{ opcode: OP.ping, payload: `${i}` }, spec] : [spec];
  });
}

function streamOf(to: Role, list: readonly AnyMessage[], keys: readonly (readonly number[])[]): Buffer {
  let i = 0;
  const mask = (): readonly number[] | undefined => (to === "server" ? keys[i++ % keys.length]! : undefined);
  return Buffer.concat(list.flatMap(framesOf).map((spec) => frame({ ...spec, mask: mask() })));
}

/** An engine that got these bytes, cut so. Asserts that it never throws and never holds what it may not. */
function received(to: Role, bytes: Buffer, cuts: readonly number[], options: EndpointOptions): Endpoint {
  const endpoint = new Endpoint(to, options);
  for (const piece of split(bytes, cuts)) endpoint.receive(piece);
  return endpoint;
}

describe("any message", () => {
  it("arrives the same with any fragments, any masks and any cuts of the bytes", () => {
    fc.assert(
      fc.property(
        role,
        host,
        fc.boolean(),
        messages,
        fc.array(key, { minLength: 1, maxLength: 5 }),
        cutList,
        (to, hostName, streaming, list, keys, cuts) => {
          const endpoint = received(to, streamOf(to, list, keys), cuts, { host: hostName, streaming });
          assert.equal(endpoint.engine.isOpen, true);
          assert.deepEqual(
            endpoint.messages.map(({ opcode, data }) => [opcode, data.toString("hex")]),
            list.map(({ opcode, payload }) => [opcode, payload.toString("hex")]),
          );
          const expected = list.flatMap(framesOf).filter((spec) => spec.opcode === OP.ping);
          const pongs = endpoint.takeFrames();
          assert.deepEqual(
            pongs.map(({ opcode, payload }) => [opcode, payload.toString()]),
            expected.map(({ payload }) => [OP.pong, payload]),
          );
        },
      ),
      { numRuns: 400 },
    );
  });

  it("is read back from what an engine wrote for it", () => {
    fc.assert(
      fc.property(role, host, messages, fc.integer(), (from, hostName, list, seed) => {
        const endpoint = new Endpoint(from, { host: hostName, seed });
        for (const { opcode, payload } of list) {
          endpoint.engine.send(opcode === OP.text ? payload.toString() : payload, opcode as 1 | 2);
        }
        assert.deepEqual(
          endpoint.takeFrames().map((f) => [f.opcode, f.fin, f.rsv, f.masked, f.payload.toString("hex")]),
          list.map(({ opcode, payload }) => [opcode, true, 0, from === "client", payload.toString("hex")]),
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe("any bytes", () => {
  const LIMITS = { maxMessageBytes: 5000, maxFragmentOverheadBytes: 64 * 20 };
  /** All that an engine handed out and put out is within what the limits allow for so much input. */
  function check(endpoint: Endpoint): void {
    for (const { data } of endpoint.messages) assert.ok(data.length <= LIMITS.maxMessageBytes);
    endpoint.takeFrames();
    endpoint.engine.handleTimeout(1e9);
    endpoint.takeFrames();
    const result = endpoint.engine.transportClosed();
    assert.ok(result.code === 1006 || result.received !== undefined);
    assert.equal(endpoint.engine.deadlineMs, Infinity);
  }

  const options = fc.record({
    host,
    streaming: fc.boolean(),
    deflate: fc.constantFrom(undefined, {}),
  });

  it("never make an engine throw", () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(role, options, bytes, cutList, (to, chosen, random, cuts) => {
        const deflate = chosen.host === "node" ? chosen.deflate : undefined;
        check(received(to, Buffer.from(random), cuts, { ...chosen, deflate, ...LIMITS }));
      }),
      { numRuns: 1000 },
    );
  });

  it("never make an engine throw that were a good stream before they were changed", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(role, options, messages, changes, cutList, (to, chosen, list, edits, cuts) => {
        const deflate = chosen.host === "node" ? chosen.deflate : undefined;
        const bytes = streamOf(to, list, [[0, 0, 0, 0]]);
        for (const [at, value] of edits) if (bytes.length > 0) bytes[at % bytes.length]! ^= value;
        check(received(to, bytes, cuts, { ...chosen, deflate, ...LIMITS }));
      }),
      { numRuns: 600 },
    );
  });

  it("never make an engine throw that are compressed, or nearly so", () => {
    const data = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(role, data, fc.boolean(), (to, payload, valid) => {
        const sender = new Endpoint(to === "server" ? "client" : "server", { host: "node", deflate: {} });
        sender.engine.send(payload, OP.binary, true);
        const [good] = sender.takeFrames();
        const bytes = frameFor(to, { opcode: OP.binary, rsv: 4, payload: valid ? good!.payload : payload });
        const endpoint = received(to, bytes, [], { host: "node", deflate: {}, ...LIMITS });
        if (valid) assert.deepEqual([...endpoint.messages[0]!.data], [...payload]);
        check(endpoint);
      }),
      { numRuns: 300 },
    );
  });
});

type Action =
  | { readonly kind: "message"; readonly by: Role; readonly isStreamed: boolean; readonly size: number }
  | { readonly kind: "ping" | "pong"; readonly by: Role }
  | { readonly kind: "close"; readonly by: Role }
  | { readonly kind: "carry"; readonly by: Role; readonly chunk: number };

describe("two engines", () => {
  const action: fc.Arbitrary<Action> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("message" as const),
        isStreamed: fc.boolean(),
        by: role,
        size: fc.oneof(fc.nat(300), fc.nat(20_000)),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom("ping" as const, "pong" as const), by: role }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), by: role }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("carry" as const),
        by: role,
        chunk: fc.integer({ min: 1, max: 5000 }),
      }),
    },
  );

  it("deliver everything that was sent, in order, once, and end cleanly", () => {
    const deflate = fc.constantFrom(undefined, {}, { serverNoContextTakeover: true, clientMaxWindowBits: 9 });
    fc.assert(
      fc.property(
        deflate,
        fc.boolean(),
        fc.array(action, { maxLength: 30 }),
        (parameters, streaming, actions) => {
          const options = { host: "node" as const, deflate: parameters, streaming, compressFromBytes: 20 };
          const pair = new EnginePair({ ...options });
          const sent: Record<Role, string[]> = { client: [], server: [] };
          const pings: Record<Role, number> = { client: 0, server: 0 };
          let serial = 0;
          for (const one of actions) {
            const { engine } = pair[one.by];
            if (one.kind === "carry") pair.carry(one.by, [one.chunk]);
            else if (one.kind === "close") engine.close(4000);
            if (!engine.isOpen) continue;
            switch (one.kind) {
              case "ping":
                engine.ping(undefined, () => pings[one.by]--);
                pings[one.by]++;
                break;
              case "pong":
                engine.pong();
                break;
              case "message": {
                const text = `${serial++} ${"é".repeat(one.size)}`;
                sent[one.by].push(text);
                if (!one.isStreamed) {
                  engine.send(text, OP.text);
                  break;
                }
                engine.beginMessage(OP.text);
                engine.continueMessage(text.slice(0, one.size >> 1), false);
                engine.continueMessage(text.slice(one.size >> 1), true);
              }
            }
          }
          pair.client.engine.close(1000);
          pair.settle();
          const { client, server } = pair.results!;
          assert.deepEqual(
            [client.wasClean, server.wasClean, client.error, server.error],
            [true, true, undefined, undefined],
          );
          // Who closes first still receives all; what the other sends behind the close frame it saw is not sent at all.
          assert.deepEqual(pair.server.texts, sent.client);
          assert.deepEqual(pair.client.texts, sent.server);
          assert.deepEqual(pings, { client: 0, server: 0 });
        },
      ),
      { numRuns: 200 },
    );
  });
});
