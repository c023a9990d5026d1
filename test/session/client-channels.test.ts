import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { PeerChannel } from "#session/peer-port.js";
import { SessionCode } from "#session/wire/session-code.js";
import { SessionPair, type SessionPairOptions } from "#testing/session-pair.js";
import { textHost } from "./text-host.js";

/** A pair that is live, or not yet. */
function pair(options: Omit<SessionPairOptions, "host"> = {}, isLive = true): SessionPair {
  const made = new SessionPair({ host: textHost, ...options });
  if (isLive) made.connect();
  return made;
}

/** A client's channel as applications have it. */
const channelOf = ({ client }: SessionPair, name: string, options = {}): PeerChannel =>
  client.machine.machine.channel(name, options);

describe("a channel of a client", () => {
  it("says to all that wait for room when there is none any more: closed, closed with its session, ended", async () => {
    for (const end of [
      (_: SessionPair, channel: PeerChannel) => channel.close(),
      ({ client }: SessionPair) => client.machine.end(SessionCode.closed),
    ]) {
      const made = pair({}, false);
      const channel = channelOf(made, "c", { highWaterMarkBytes: 10 });
      assert.equal(channel.send("x"), "queued");
      const waiting = [channel.ready(), channel.ready()];
      end(made, channel);
      assert.deepEqual(await Promise.all(waiting), [false, false]);
      assert.equal(await channel.ready(), false);
    }
    const made = pair({}, false);
    const channel = channelOf(made, "c", { highWaterMarkBytes: 10 });
    channel.send("x");
    made.client.machine.close();
    assert.equal(await channel.ready(), false);
  });

  it("is closed once, and another one of its name can be opened", () => {
    const made = pair();
    const first = channelOf(made, "c");
    assert.equal(channelOf(made, "c"), first);
    first.close();
    first.close();
    const second = channelOf(made, "c");
    assert.notEqual(second, first);
    assert.deepEqual([first.send("1"), second.send("2")], ["closed", "sent"]);
    made.carry();
    assert.deepEqual(made.server.messages, ["2"]);
    assert.equal(made.server.of("channelClosed").length, 1);
    assert.equal(made.client.machine.isEnded, false);
  });

  it("has room again for as much as was too much, not before", () => {
    const made = pair({ windowBytes: 1_000 });
    made.server.takesAtOnce = false;
    const channel = channelOf(made, "c", { maxQueuedBytes: 1_000 });
    const big = new Uint8Array(800);
    for (let i = 0; i < 3; i++) assert.notEqual(channel.send(new Uint8Array(436)), "dropped");
    made.carry();
    assert.equal(channel.send(new Uint8Array(436)), "sent");
    assert.equal(channel.send(big), "dropped");
    made.carry();
    assert.equal(made.client.of("ready").length, 0);
    for (let i = 0; i < 2; i++) made.serverMachine.taken(made.server.incoming.get("c")!, 436);
    made.carry();
    assert.equal(made.client.of("ready").length, 1);
    assert.notEqual(channel.send(big), "dropped");
  });

  it("keeps what has begun to leave, also where its key is used again", () => {
    const made = pair({ windowBytes: 300, pieceBytes: 100 });
    const channel = channelOf(made, "c", { policy: "latest-per-key" });
    channel.send("a".repeat(1_000), { key: "k" });
    made.flush();
    channel.send("b", { key: "k" });
    channel.send("c", { key: "k" });
    made.wait(1_000);
    assert.deepEqual(made.server.messages, ["a".repeat(1_000), "c"]);
    assert.equal(channel.dropped, 1);
  });

  it("makes room in a full session by what it drops itself", () => {
    for (const limits of [{ maxOutboxBytes: 400 }, { maxOutboxMessages: 4 }]) {
      const made = pair(limits, false); // the first thing that counts is that it is opened
      const channel = channelOf(made, "c", { policy: "drop-oldest" });
      for (const text of ["1", "2", "3", "4", "5", "6"]) channel.send(text.repeat(30));
      made.connect();
      assert.deepEqual(
        made.server.messages,
        ["4", "5", "6"].map((text) => text.repeat(30)),
      );
      assert.equal(channel.dropped, 3);
    }
  });

  it("takes its turn: of two long messages neither waits for the other", () => {
    const made = pair({ pieceBytes: 1_000 });
    for (const name of ["a", "b"]) channelOf(made, name).send(name.repeat(20_000));
    channelOf(made, "c").send("last");
    made.carry();
    assert.deepEqual(
      made.server.messages.map((data) => (data as string).slice(0, 4)),
      ["last", "aaaa", "bbbb"],
    );
    const blocks = made.carried
      .map(({ block }) => Buffer.from(block).toString("latin1"))
      .filter((text) => /(.)\1{50}/.test(text))
      .map((text) => (text.includes("aaaa") ? "a" : "") + (text.includes("bbbb") ? "b" : ""));
    assert.doesNotMatch(blocks.join(), /a,a,a|b,b,b/);
  });

  it("that is refused does not hold up the close of its session", () => {
    const made = pair({ windowBytes: 300 });
    made.server.takesAtOnce = false;
    const channel = channelOf(made, "c");
    for (let i = 0; i < 5; i++) channel.send(new Uint8Array(236));
    made.carry();
    made.client.machine.close();
    made.carry();
    assert.equal(made.client.machine.isEnded, false);
    made.serverMachine.refuseChannel(made.server.incoming.get("c")!, SessionCode.forbidden);
    made.carry();
    assert.equal(made.client.of("ended")[0]?.end?.isReset, false);
  });

  it("is not kept once the other side knows that it is closed", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const made = pair();
    const closed = Array.from({ length: 100 }, (_, i) => {
      const channel = channelOf(made, `c${i}`);
      channel.send("x");
      channel.close();
      return new WeakRef(channel);
    });
    made.wait(100);
    await setImmediate(); // a WeakRef keeps what it was made for until the turn ends
    collect();
    assert.equal(closed.filter((one) => one.deref() !== undefined).length, 0);
    assert.equal(made.client.machine.outboxBytes, 0);
  });

  it("keeps nothing behind the end", () => {
    const made = pair({}, false);
    const channel = channelOf(made, "c");
    channel.send("x");
    made.client.machine.end(SessionCode.closed);
    made.client.machine.signal(1, new Uint8Array(10));
    assert.equal(channel.queuedBytes, 0);
    assert.equal(made.client.machine.outboxBytes, 0);
  });
});

describe("a channel that comes to a client", () => {
  it("goes on with a long message when one that began before it is complete, or refused", () => {
    const limits = { windowBytes: 1_000, pieceBytes: 100, maxMessageBytes: 5_000 };
    const long = new Uint8Array(5_000);
    const made = pair(limits);
    for (const name of ["a", "b"]) made.serverMachine.send(made.serverMachine.openChannel(name), long);
    made.wait(1_000);
    assert.deepEqual(made.client.messages, [long, long]);

    const other = new SessionPair({ host: textHost, ...limits });
    const { server } = other.connect();
    other.serverMachine.send(other.serverMachine.openChannel("a"), long);
    other.flush();
    server.bufferedBytes = 100_000; // no more of it leaves
    other.carry();
    other.client.machine.refuseChannel(other.client.incoming.get("a")!, SessionCode.forbidden);
    server.bufferedBytes = 0;
    server.receiver.drained();
    other.serverMachine.send(other.serverMachine.openChannel("b"), long);
    other.wait(1_000);
    assert.deepEqual(other.client.messages, [long]);
  });

  it("is given no credit behind its end, when its number may be that of another one", () => {
    const made = pair({ windowBytes: 1_000 });
    made.client.takesAtOnce = false;
    const channel = made.serverMachine.openChannel("c");
    for (let i = 0; i < 3; i++) made.serverMachine.send(channel, new Uint8Array(236));
    made.serverMachine.closeChannel(channel);
    made.wait(100);
    assert.equal(made.client.messages.length, 3);
    const before = made.client.machine.outboxBytes;
    for (let i = 0; i < 3; i++) made.client.machine.taken(made.client.incoming.get("c")!, 236);
    assert.equal(made.client.machine.outboxBytes, before);
  });

  it("is refused once, and is given no credit then", () => {
    const made = pair({ windowBytes: 1_000 });
    made.client.takesAtOnce = false;
    const channel = made.serverMachine.openChannel("c");
    for (let i = 0; i < 3; i++) made.serverMachine.send(channel, new Uint8Array(236));
    made.wait(100);
    const incoming = made.client.incoming.get("c")!;
    made.client.machine.refuseChannel(incoming, SessionCode.forbidden);
    const { outboxBytes } = made.client.machine;
    made.client.machine.refuseChannel(incoming, SessionCode.forbidden);
    for (let i = 0; i < 3; i++) made.client.machine.taken(incoming, 236);
    assert.equal(made.client.machine.outboxBytes, outboxBytes);
  });
});
