import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EnvelopeWriter, readEnvelope, readMessages } from "#session/relay/relay-envelope.js";
import { type RelayMessage, RelayMessageType } from "#session/relay/relay-message.js";
import { SeededRandom } from "#testbed/seeded-random.js";
import { TwoNodes } from "./two-nodes.js";

const SEED = 20_261_126;
const ENVELOPES = 8_000;
/** All but the one that is believed: that a node has left. */
const TYPES = Object.values(RelayMessageType).filter((type) => type !== RelayMessageType.leaving);

/** A message with fields of all kind, right and wrong. */
function randomFields(random: SeededRandom): (number | Uint8Array)[] {
  return Array.from({ length: random.integer(0, 6) }, () =>
    random.chance(0.7)
      ? random.pick([
          0,
          1,
          1,
          2,
          3,
          127,
          128,
          204,
          4_000,
          4_007,
          4_599,
          4_600,
          70_000,
          Number.MAX_SAFE_INTEGER,
        ])
      : random.bytes(random.pick([0, 1, 2, 16, 40, 300, 66_000])),
  );
}

/** An envelope that is nearly right: of messages of all kinds, with some bits of it changed. */
function randomEnvelope(random: SeededRandom, senders: readonly Uint8Array[]): Buffer {
  const writer = new EnvelopeWriter((length) => Buffer.alloc(length), random.pick(senders));
  for (let i = random.integer(1, 4); i > 0; i--)
    writer.add(random.chance(0.9) ? random.pick(TYPES) : random.integer(0x50, 0xff), randomFields(random));
  let bytes = Buffer.from(writer.take("any", undefined));
  if (random.chance(0.2)) bytes = bytes.subarray(0, random.integer(0, bytes.length));
  for (let i = random.pick([0, 0, 1, 3]); i > 0 && bytes.length > 0; i--)
    bytes[random.integer(0, bytes.length - 1)] = random.integer(0x50, 0xff);
  return bytes;
}

describe("what a broker may bring", () => {
  it("is read within its bounds, or not at all, whatever it is", () => {
    const random = new SeededRandom(SEED);
    const senders = [Buffer.alloc(12, 1)];
    let read = 0;
    let refused = 0;
    for (let i = 0; i < ENVELOPES; i++) {
      const bytes = randomEnvelope(random, senders);
      const envelope = readEnvelope(bytes, "any", undefined);
      if (envelope === undefined) {
        refused++;
        continue;
      }
      const isRight = readMessages(bytes, envelope, ({ start, end, code, number }: RelayMessage) => {
        read++;
        assert.ok(start <= end && start >= 16 && end <= bytes.length);
        assert.ok(Number.isSafeInteger(number) && Number.isSafeInteger(code));
      });
      if (!isRight) refused++;
    }
    assert.ok(read > 2_000 && refused > 2_000, `${read} read, ${refused} refused`);
    for (const nothing of [undefined, null, 5, "hwr", [], {}, new Uint8Array(0), new ArrayBuffer(20)])
      assert.equal(readEnvelope(nothing, "any", undefined), undefined);
  });

  it("neither throws nor adds up in a node that relays", () => {
    const random = new SeededRandom(SEED + 1);
    const nodes = new TwoNodes({ maxRelays: 20 });
    const { gate, owner, broker } = nodes;
    for (let i = 0; i < 5; i++) nodes.relay();
    nodes.wait(10);
    const senders = [gate.name, owner.name, Buffer.alloc(12, 9), Buffer.alloc(12, 8)];
    const topics = [
      "test.relay.all",
      ...[gate, owner].map(({ name }) => `test.relay.${Buffer.from(name).toString("hex")}`),
    ];
    for (let i = 0; i < ENVELOPES / 2; i++) {
      broker.bring(random.pick(topics), randomEnvelope(random, senders));
      if (i % 50 === 0) nodes.wait(10);
      if (i % 500 === 0) broker.published.length = 0;
    }
    nodes.wait(100);
    assert.ok(owner.relay.counts.served <= 20, "the limit holds");
    for (const { warnings } of [gate, owner]) {
      assert.equal(warnings.length, 1, `${warnings}`);
      assert.match(warnings[0]!, /no relay/);
    }
    for (const { relay } of [gate, owner]) assert.ok(relay.counts.malformed > 100);
    // Those who said so much are not there: nobody holds anything for them for long.
    nodes.wait(60_000);
    const left = gate.relay.counts.gates;
    assert.ok(left <= 5, "at most those that were there before");
    assert.equal(owner.relay.counts.served, left);
    const { transport } = nodes.relay();
    nodes.wait(10);
    assert.equal(owner.relay.counts.served, left + 1, "and who is right is still served");
    assert.equal(transport.closedWith, undefined);
  });
});
