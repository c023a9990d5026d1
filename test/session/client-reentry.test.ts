import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SessionCode } from "#session/wire/session-code.js";
import { SessionPair } from "#testing/session-pair.js";
import { textHost } from "./text-host.js";

/** A pair that is live; `during` is called while the client is given a message, with how many it got before. */
function pair(during: (count: number, made: SessionPair) => void = () => {}): SessionPair {
  const made = new SessionPair({ host: textHost, pieceBytes: 100 });
  made.connect();
  Object.defineProperty(made.client, "takesAtOnce", {
    get() {
      during(made.client.messages.length - 1, made);
      return true;
    },
  });
  return made;
}

/** Has the server say something, all of it in one block. */
function say({ serverMachine }: SessionPair, ...texts: readonly string[]): void {
  for (const text of texts) serverMachine.send(serverMachine.channel, text);
}

// What is read is read from one place for all sessions of a process, and what is written is put in one.
describe("a client, while it is given a message,", () => {
  it("may have other sessions read and write, and write itself", () => {
    const other = pair();
    const made = pair((count) => {
      say(other, `${count}`, "é".repeat(200));
      other.client.machine.send(other.client.machine.openChannel(`c${count}`), "x".repeat(150));
      other.carry();
      made.client.machine.send(made.client.machine.channel, `answer ${count}`);
      made.client.machine.signal(count, new Uint8Array(50));
      made.flush();
    });
    say(made, "a", "b", "c");
    made.carry();
    assert.deepEqual(made.client.messages, ["a", "b", "c"]);
    assert.deepEqual(made.server.messages, ["answer 0", "answer 1", "answer 2"]);
    assert.deepEqual(
      other.client.messages,
      [0, 1, 2].flatMap((count) => [`${count}`, "é".repeat(200)]),
    );
    assert.equal(other.server.messages.length, 3);
    for (const { client } of [made, other]) assert.equal(client.of("suspended").length, 0);
  });

  it("may be ended, closed, or get another transport: nothing behind it is looked at twice, or behind the end", () => {
    const ended = pair((count) => {
      if (count === 1) ended.client.machine.end(SessionCode.closed);
    });
    say(ended, "a", "b", "c");
    ended.carry();
    assert.deepEqual(ended.client.messages, ["a", "b"]);
    assert.equal(ended.client.machine.deadlineMs, Infinity);

    const closed = pair((count) => {
      if (count === 1) closed.client.machine.close();
    });
    say(closed, "a", "b", "c");
    closed.carry();
    assert.deepEqual(closed.client.messages, ["a", "b", "c"]);
    assert.equal(closed.client.of("ended")[0]?.end?.isReset, false);

    const moved = pair((count) => {
      if (count === 1) moved.connect();
    });
    say(moved, "a", "b", "c");
    moved.carry();
    assert.deepEqual(moved.client.messages, ["a", "b", "c"]);
    assert.equal(moved.client.machine.isEnded, false);
  });

  it("does not swallow what is thrown then, and takes nothing of it for a fault of the other side", () => {
    const made = pair((count) => {
      if (count === 0) throw new TypeError("of the host");
    });
    say(made, "a", "b");
    assert.throws(() => made.carry(), { name: "TypeError", message: "of the host" });
    assert.equal(made.client.machine.isEnded, false);
    assert.equal(made.client.of("suspended").length, 0);
  });
});
