import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { endBlock } from "#session/wire/end-packet.js";
import { PacketType, SESSION_VERSION } from "#session/wire/packet-type.js";
import { SessionCode } from "#session/wire/session-code.js";
import { type PairTransport, SessionPair } from "#testing/session-pair.js";
import { textHost } from "./text-host.js";

const pair = (): SessionPair => new SessionPair({ host: textHost });
const waitsMs = ({ client, clock }: SessionPair): number => client.machine.waitingUntilMs - clock.nowMs;

/** What a server says, by hand. */
function say({ receiver }: PairTransport, block: Uint8Array): void {
  receiver.block(block, 0, block.length);
}

/** The welcome that the server said, with another number in it: of the last record that it has. */
function welcome({ carried }: SessionPair, received: number): Uint8Array {
  const block = new Uint8Array(carried.find(({ block }) => block[0] === PacketType.welcome)!.block);
  assert.deepEqual([...block.subarray(2, 4)], [SESSION_VERSION, 0]);
  block[3] = received;
  return block;
}

describe("the timers of a client", () => {
  it("are not left behind by a transport that is gone", () => {
    const made = pair();
    const { machine } = made.client;
    made.open().client.receiver.closed(0, "");
    assert.equal(machine.deadlineMs, Infinity);
    const { client } = made.connect();
    made.wait(6_000);
    client.receiver.closed(0, ""); // it worked: what is dialled is not waited for
    assert.equal(machine.deadlineMs, Infinity);
  });

  it("are not left behind by an end", () => {
    const waiting = pair();
    waiting.client.machine.dialFailed(0, "", 0);
    const attaching = pair();
    attaching.open();
    const closing = pair();
    closing.connect();
    closing.client.machine.close();
    for (const { client } of [waiting, attaching, closing]) {
      assert.ok(client.machine.deadlineMs < Infinity);
      client.machine.end(SessionCode.closed);
      assert.equal(client.machine.deadlineMs, Infinity);
    }
  });
});

describe("the silence of a server", () => {
  it("proves nothing where the machine slept while it waited for an answer", () => {
    const made = pair();
    const { client } = made.connect();
    client.sent = [];
    made.client.machine.probe();
    made.clock.step(3_600_000);
    made.client.machine.handleTimeout();
    assert.deepEqual(
      client.sent.map((block) => block[0]),
      [PacketType.ping, PacketType.ping],
    );
    assert.equal(made.client.of("suspended").length, 0);
  });

  it("is looked at soon again once more than pings came", () => {
    const made = pair();
    made.connect();
    const pings = (): number =>
      made.carried.filter(({ from, block }) => from === "client" && block[0] === PacketType.ping).length;
    made.wait(31_000);
    assert.equal(pings(), 2);
    made.serverMachine.send(made.serverMachine.channel, "x");
    made.wait(60_000);
    assert.ok(pings() >= 3, `${pings()}`);
  });

  it("is doubted as soon where what it says confirms nothing", () => {
    const made = pair();
    const { client, server } = made.connect();
    client.isHeld = true;
    made.client.machine.send(made.client.machine.channel, "x");
    made.wait(1_000);
    made.serverMachine.send(made.serverMachine.channel, "y");
    made.carry();
    server.isHeld = true;
    made.wait(3_999);
    const pings = (): number => client.sent.filter((block) => block[0] === PacketType.ping).length;
    assert.deepEqual([made.client.messages, pings()], [["y"], 0]);
    made.wait(1);
    assert.equal(pings(), 1);
  });

  it("is broken by the answer to the last ping only, and once", () => {
    const made = pair();
    const { client } = made.connect();
    client.isHeld = true;
    client.sent = [];
    made.client.machine.probe();
    made.clock.step(2_000);
    made.client.machine.probe();
    made.clock.step(3_000);
    const [early, late] = client.sent.map((ping) => Uint8Array.of(PacketType.pong, ...ping.subarray(1)));
    say(client, early!);
    assert.equal(made.client.machine.roundTripMs, 0);
    say(client, late!);
    assert.equal(made.client.machine.roundTripMs, 250);
    made.clock.step(4_000);
    say(client, late!);
    assert.equal(made.client.machine.roundTripMs, 250);
    assert.equal(made.client.of("suspended").length, 0);
  });
});

describe("how long a client waits", () => {
  /** One that failed three times. */
  const failed = (): SessionPair => {
    const made = pair();
    for (let i = 0; i < 3; i++) {
      made.client.machine.dialFailed(0, "", 0);
      made.client.machine.retryNow();
    }
    return made;
  };

  it("is as in the beginning once a transport worked for a while", () => {
    const made = failed();
    const { client } = made.connect();
    made.wait(6_000);
    client.receiver.closed(0, "");
    made.client.machine.dialFailed(0, "", 0);
    assert.equal(waitsMs(made), 250);
  });

  it("is as in the beginning where one that worked was replaced by one that did not", () => {
    const made = failed();
    const first = made.connect();
    const second = made.open(true);
    made.carry();
    assert.equal(made.client.machine.active?.transport, second.client);
    assert.equal(first.client.closedWith, undefined);
    second.client.receiver.closed(0, "");
    assert.equal(first.client.closedWith, SessionCode.fenced);
    assert.equal(waitsMs(made), 250);
  });

  it("is what the server told any of the transports that failed, and not the next time", () => {
    const made = pair();
    const { client } = made.open();
    say(client, endBlock(PacketType.leave, SessionCode.goingAway, new Uint8Array(0), 30_000));
    made.client.machine.dialFailed(0, "", 0);
    assert.equal(waitsMs(made), 30_000);
    made.client.machine.retryNow(true);
    made.client.machine.dialFailed(0, "", 0);
    assert.equal(waitsMs(made), 500);
  });

  it("is what the server said, unless somebody asks, and no longer for what fails meanwhile", () => {
    const made = pair();
    const { machine } = made.client;
    machine.dialFailed(0, "", 60_000);
    machine.retryNow();
    machine.dialFailed(0, "", 90_000);
    assert.equal(made.client.of("dial").length, 0);
    assert.equal(waitsMs(made), 60_000);
    machine.retryNow(true);
    assert.equal(made.client.of("dial").length, 1);
  });

  it("is over with a transport that comes late", () => {
    const made = pair();
    made.client.machine.dialFailed(0, "", 0);
    made.open();
    made.clock.step(250);
    made.client.machine.handleTimeout();
    assert.equal(made.client.of("dial").length, 0);
  });
});

describe("a welcome", () => {
  it("is no news a second time", () => {
    const made = pair();
    const { client } = made.connect();
    say(client, welcome(made, 0));
    assert.equal(made.client.of("live").length, 1);
    assert.equal(client.closedWith, undefined);
  });

  it("of another server is not taken", () => {
    const made = pair();
    const first = made.connect();
    const { client } = made.open();
    const other = welcome(made, 0);
    other[other.length - 1]! ^= 1;
    say(client, other);
    assert.equal(client.closedWith, SessionCode.notNeeded);
    assert.equal(made.client.machine.active?.transport, first.client);
  });

  it("that confirms the end is the end, and carries nothing", () => {
    const made = pair();
    const first = made.connect();
    made.client.machine.close();
    made.flush();
    first.client.receiver.closed(0, "");
    const { client } = made.open();
    say(client, welcome(made, 1));
    assert.deepEqual(made.client.of("ended")[0]?.end, {
      code: SessionCode.closed,
      reason: "",
      isReset: false,
      unconfirmed: [],
    });
    assert.equal(made.client.of("live").length, 1);
    assert.equal(made.client.machine.deadlineMs, Infinity);
  });
});

describe("a close", () => {
  it("of the server is confirmed", () => {
    const made = pair();
    made.connect();
    made.serverMachine.close();
    made.carry();
    for (const side of [made.client, made.server]) assert.equal(side.of("ended")[0]?.end?.isReset, false);
  });

  it("says what it said first", () => {
    const made = pair();
    made.connect();
    made.client.machine.close(4_501, "first");
    made.client.machine.close(4_502, "second");
    made.carry();
    const { code, reason } = made.server.of("ended")[0]!.end!;
    assert.deepEqual([code, reason], [4_501, "first"]);
    assert.equal(made.client.machine.deadlineMs, Infinity);
  });
});

describe("what a client was given", () => {
  it("is acknowledged at 64 KiB without waiting", () => {
    const made = pair();
    made.connect();
    for (let i = 0; i < 5; i++) made.serverMachine.send(made.serverMachine.channel, new Uint8Array(16_000));
    made.carry();
    assert.ok(made.serverMachine.outboxBytes < 17_000);
  });
});
