import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { messageRecord } from "#session/wire/message-record.js";
import { type PairTransport, SessionPair } from "#testing/session-pair.js";
import { textHost } from "./text-host.js";

/** Sessions of one server, each with its client. */
class Hall {
  readonly pairs: readonly SessionPair[];
  readonly transports: readonly PairTransport[];

  constructor(count: number) {
    this.pairs = Array.from({ length: count }, () => new SessionPair({ host: textHost }));
    this.transports = this.pairs.map((pair) => pair.connect().server);
  }

  broadcast(text: string): void {
    const record = messageRecord(new TextEncoder().encode(text), true, undefined);
    const payload = record.subarray(record.length - text.length);
    for (const { serverMachine } of this.pairs) serverMachine.sendShared(record, payload, { isText: true });
  }

  answer(at: number, text: string): void {
    const { serverMachine } = this.pairs[at]!;
    serverMachine.send(serverMachine.channel, text);
  }

  /** Ends the turn: the blocks of each session that were written. */
  flush(): readonly (readonly Uint8Array[])[] {
    for (const pair of this.pairs) pair.flush();
    return this.transports.map(({ sent }) => [...sent]);
  }

  carry(): void {
    for (const pair of this.pairs) pair.carry();
  }

  get messages(): readonly (readonly unknown[])[] {
    return this.pairs.map(({ client }) => client.messages);
  }
}

describe("what many sessions are sent", () => {
  it("is the very same block where they go in step", () => {
    const hall = new Hall(4);
    hall.broadcast("a");
    hall.broadcast("b");
    const [first, second, third, fourth] = hall.flush().map(([block]) => block!);
    assert.deepEqual(first, second);
    assert.notEqual(first, second); // until there were two with the same numbers it was copied
    assert.equal(second, third);
    assert.equal(third, fourth);
    hall.carry();
    assert.deepEqual(hall.messages, Array(4).fill(["a", "b"]));
  });

  it("is no block of more than two pieces, with what a session sends alone before and behind it", () => {
    const hall = new Hall(1);
    const own = "o".repeat(5_000);
    const texts = [own, own, own, "a".repeat(15_000), "b".repeat(15_000), own];
    for (const text of texts) {
      if (text === own) hall.answer(0, text);
      else hall.broadcast(text);
    }
    for (const block of hall.flush()[0]!) assert.ok(block.length < 2 * 16_384 + 300, `${block.length} bytes`);
    hall.carry();
    assert.deepEqual(hall.messages, [texts]);
  });

  it("lies in memory once, whatever numbers each gives it", () => {
    const hall = new Hall(5);
    hall.answer(1, "own");
    hall.answer(3, "own");
    hall.carry();
    hall.broadcast("a");
    const [zero, one, two, three, four] = hall.flush().map(([block]) => block!);
    // In turns with others: nobody's numbers get into the block of somebody else.
    assert.deepEqual([zero, two], [two, four]);
    assert.deepEqual(one, three);
    assert.notDeepEqual(zero, one);
    hall.carry();
    hall.broadcast("b");
    hall.carry();
    const others = ["a", "b"];
    assert.deepEqual(hall.messages, [others, ["own", ...others], others, ["own", ...others], others]);
  });

  it("does not change for those who have it when others number it", () => {
    const hall = new Hall(4);
    hall.answer(3, "own");
    hall.carry();
    hall.broadcast("a");
    const [, second, third, fourth] = hall.flush().map(([block]) => block!);
    assert.equal(second, third);
    assert.notDeepEqual(third, fourth);
    const before = new Uint8Array(third!);
    // The last one sends it again, over another transport.
    hall.transports[3]!.sent = [];
    hall.pairs[3]!.connect();
    assert.deepEqual(hall.messages[3], ["own", "a"]);
    assert.deepEqual(third, before);
    hall.carry();
    assert.deepEqual(hall.messages, [["a"], ["a"], ["a"], ["own", "a"]]);
  });

  it("goes into one block with what a session sends alone in the same turn", () => {
    const hall = new Hall(3);
    hall.answer(0, "before");
    hall.broadcast("a");
    hall.broadcast("b");
    hall.answer(1, "behind");
    const blocks = hall.flush();
    assert.deepEqual(
      blocks.map(({ length }) => length),
      [1, 1, 1],
    );
    hall.carry();
    assert.deepEqual(hall.messages, [
      ["before", "a", "b"],
      ["a", "b", "behind"],
      ["a", "b"],
    ]);
  });

  it("counts in full against what each session may keep, and is told of if it never arrives", () => {
    const hall = new Hall(2);
    const text = "x".repeat(1_000);
    for (const transport of hall.transports) transport.isHeld = true;
    for (let i = 0; i < 10; i++) {
      hall.broadcast(text);
      hall.answer(0, `own ${i}`);
      hall.flush();
    }
    const cost = 10 * (messageRecord(new Uint8Array(1_000), true, undefined).length + 64);
    const own = 10 * (messageRecord(new Uint8Array(5), true, undefined).length + 64);
    assert.deepEqual(
      hall.pairs.map(({ serverMachine }) => serverMachine.outboxBytes),
      [cost + own, cost],
    );
    for (const { serverMachine } of hall.pairs) serverMachine.end(4400);
    const [first, second] = hall.pairs.map(({ server }) => server.of("ended")[0]!.end!.unconfirmed);
    assert.deepEqual(
      first!.map(({ data }) => data),
      Array.from({ length: 10 }, (_, i) => [text, `own ${i}`]).flat(),
    );
    assert.deepEqual(
      second!.map(({ data }) => data),
      Array(10).fill(text),
    );
    assert.deepEqual(
      hall.pairs.map(({ serverMachine }) => serverMachine.outboxBytes),
      [0, 0],
    );
  });

  it("leaves room for what a session sends alone, in between and for long", () => {
    const hall = new Hall(2);
    const expected: string[][] = [[], []];
    for (let i = 0; i < 300; i++) {
      const text = `${i}`.padEnd((i * 37) % 900, "x");
      hall.broadcast(text);
      for (const list of expected) list.push(text);
      if (i % 3 === 0) hall.flush();
      if (i % 2 === 0) {
        hall.answer(0, text);
        expected[0]!.push(text);
      }
      if (i % 7 === 0) hall.flush();
      if (i % 5 === 0) hall.carry();
      if (i % 11 === 0) for (const pair of hall.pairs) pair.wait(25);
    }
    hall.carry();
    assert.deepEqual(hall.messages, expected);
  });

  it("waits for its turn as it is, if it is text: no session has a copy of its own", () => {
    const pair = new SessionPair({ host: textHost });
    const { server } = pair.connect();
    const record = messageRecord(new TextEncoder().encode("later"), true, undefined);
    const payload = record.subarray(record.length - 5);
    server.receiver.closed(0, "");
    assert.equal(pair.serverMachine.sendShared(record, payload, { isText: true }), "sent");
    assert.equal([...pair.serverMachine.channel.queue][0]?.data, payload);
    pair.connect();
    assert.deepEqual(pair.client.messages, ["later"]);
  });
});
