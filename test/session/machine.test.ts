import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MessageOptions } from "#session/peer-port.js";
import { messageRecord } from "#session/wire/message-record.js";
import { SessionCode } from "#session/wire/session-code.js";
import { clientPhase } from "#testing/client-phase.js";
import { SessionPair, type SessionPairOptions } from "#testing/session-pair.js";
import { textHost } from "./text-host.js";

function pair(options: Omit<SessionPairOptions, "host"> = {}): SessionPair {
  return new SessionPair({ host: textHost, ...options });
}

/** A pair that is live. */
function livePair(options: Omit<SessionPairOptions, "host"> = {}): SessionPair {
  const made = pair(options);
  made.connect();
  return made;
}

const send = (made: SessionPair, ...texts: readonly string[]): string[] =>
  texts.map((text) => made.client.machine.send(made.client.machine.channel, text));
const answer = (made: SessionPair, ...texts: readonly string[]): string[] =>
  texts.map((text) => made.serverMachine.send(made.serverMachine.channel, text));

describe("a session", () => {
  it("carries text, bytes and ids both ways", () => {
    const made = livePair();
    const id = Uint8Array.of(1, 2, 3);
    made.client.machine.send(made.client.machine.channel, "hé €𐐷\0", { id });
    made.serverMachine.send(made.serverMachine.channel, Uint8Array.of(0, 255));
    made.carry();
    const [message] = made.server.of("message");
    assert.deepEqual([message!.data, message!.id, message!.channel], ["hé €𐐷\0", id, ""]);
    assert.deepEqual(made.client.messages, [Uint8Array.of(0, 255)]);
  });

  it("sends strings as text, whatever is said about bytes", () => {
    const made = livePair();
    for (const isText of [false, undefined, true])
      made.client.machine.send(made.client.machine.channel, "é", { isText });
    made.client.machine.send(made.client.machine.channel, Uint8Array.of(0x61), { isText: true });
    made.carry();
    assert.deepEqual(made.server.messages, ["é", "é", "é", "a"]);
  });

  it("writes what is sent in one turn as one block, and a message that is alone at once", () => {
    const made = livePair();
    send(made, "a", "b", "c");
    made.carry();
    assert.equal(made.carried.filter(({ from, block }) => from === "client" && block[0] === 1).length, 1);
    send(made, "d");
    made.flush();
    made.carry();
    assert.deepEqual(made.server.messages, ["a", "b", "c", "d"]);
    assert.equal(made.clock.nowMs, 0);
  });

  it("numbers what many get among what it sends alone", () => {
    const made = livePair();
    const id = Uint8Array.of(9);
    const share = (text: string): string => {
      const payload = new TextEncoder().encode(text);
      const options = { id, isText: true };
      return made.serverMachine.sendShared(messageRecord(payload, true, id), payload, options);
    };
    answer(made, "a");
    share("b");
    share("ü");
    answer(made, "d");
    const channel = made.serverMachine.openChannel("other");
    made.serverMachine.send(channel, "e");
    share("f");
    const cost = made.serverMachine.outboxBytes;
    assert.ok(cost > 6 * 64);
    made.carry();
    assert.deepEqual(made.client.messages, ["a", "b", "ü", "d", "e", "f"]);
    assert.deepEqual(made.client.of("message")[1]!.id, id);
    made.wait(25);
    assert.equal(made.serverMachine.outboxBytes, 0);
  });

  it("tells of what many get as of all else that was not confirmed, or queues it", () => {
    const made = livePair();
    const payload = new Uint8Array(1_000);
    const record = messageRecord(payload, false, undefined);
    const statuses = Array.from({ length: 2_000 }, () => made.serverMachine.sendShared(record, payload, {}));
    assert.deepEqual([...new Set(statuses)], ["sent", "queued", "dropped"]);
    const kept = statuses.filter((status) => status !== "dropped").length;
    made.serverMachine.end(SessionCode.closed);
    const [end] = made.server.of("ended");
    assert.equal(end!.end!.unconfirmed.length, kept);
    assert.equal(made.serverMachine.sendShared(record, payload, {}), "closed");
  });

  it("keeps what is sent before it is live, and sends it then", () => {
    const made = pair();
    assert.deepEqual(send(made, "early"), ["sent"]);
    made.connect();
    assert.deepEqual(made.server.messages, ["early"]);
  });

  it("acknowledges alone after 25 ms, with data at once, and at 64 KiB without waiting", () => {
    const made = livePair();
    send(made, "a");
    made.carry();
    assert.ok(made.client.machine.outboxBytes > 0);
    made.wait(24);
    assert.ok(made.client.machine.outboxBytes > 0);
    made.wait(1);
    assert.equal(made.client.machine.outboxBytes, 0);
    send(made, "b");
    made.carry();
    answer(made, "c");
    made.carry();
    assert.equal(made.client.machine.outboxBytes, 0);
    for (let i = 0; i < 5; i++) made.client.machine.send(made.client.machine.channel, new Uint8Array(16_000));
    made.carry();
    assert.ok(made.client.machine.outboxBytes < 16_000);
  });

  it("says something between the layers above", () => {
    const made = livePair();
    made.client.machine.signal(7, Uint8Array.of(1, 2));
    made.carry();
    const [signal] = made.server.of("signal");
    assert.deepEqual([signal!.code, signal!.data], [7, Uint8Array.of(1, 2)]);
  });
});

describe("a session whose transport is lost", () => {
  it("resumes without a message ever sent", () => {
    const made = pair();
    const first = made.connect();
    first.client.receiver.closed(0, "");
    made.connect();
    assert.deepEqual(
      made.client.of("live").map(({ isResumed }) => isResumed),
      [false, true],
    );
    assert.equal(clientPhase(made.client.machine), "live");
  });

  it("takes over at once from a transport that died in silence, and loses and doubles nothing", () => {
    const made = pair();
    const first = made.connect();
    send(made, "1", "2");
    answer(made, "a", "b");
    made.flush();
    // What the client sent arrives, what the server sent does not; nobody is told that the transport is dead.
    const [block] = first.client.sent;
    first.server.receiver.block(block!, 0, block!.length);
    first.client.sent = first.server.sent = [];
    const second = made.connect();
    assert.equal(first.server.closedWith, SessionCode.fenced);
    assert.equal(made.serverMachine.active?.transport, second.server);
    assert.deepEqual(made.server.messages, ["1", "2"]);
    assert.deepEqual(made.client.messages, ["a", "b"]);
  });

  it("does not look at what still comes from a fenced transport", () => {
    const made = pair();
    const first = made.connect();
    send(made, "late");
    made.flush();
    const [late] = first.client.sent;
    first.client.sent = [];
    made.connect();
    const { length } = made.server.events;
    first.server.receiver.block(late!, 0, late!.length);
    first.server.receiver.block(Uint8Array.of(0x7f, 0x00), 0, 2);
    first.server.receiver.closed(0, "");
    assert.equal(made.server.events.length, length);
    assert.deepEqual(made.server.messages, ["late"]);
  });

  it("refuses an open that comes behind that of a newer transport", () => {
    const made = pair();
    made.connect();
    const old = made.open(true);
    const [stale] = old.client.sent;
    old.client.isHeld = true;
    made.connect();
    old.server.receiver.block(stale!, 0, stale!.length);
    assert.equal(old.server.closedWith, SessionCode.fenced);
    assert.equal(made.serverMachine.isEnded, false);
  });

  it("is not resumed where another one was made under its id", () => {
    const made = pair();
    const first = made.connect();
    send(made, "1");
    made.carry();
    first.client.receiver.closed(0, "");
    // The session was forgotten, and a late open made it anew.
    let count = 0;
    const other = new SessionPair({
      host: {
        ...textHost,
        randomBytes: (length) => Uint8Array.from({ length }, () => (length === 8 ? 99 : ++count)),
      },
    });
    other.connect();
    made.server.machine = other.serverMachine as never;
    made.connect();
    const [end] = made.client.of("ended");
    assert.equal(end?.end?.code, SessionCode.expired);
    assert.equal(end?.end?.isReset, true);
  });

  it("sends again all that is not confirmed when the transport says that it lost something", () => {
    const made = pair();
    const { server } = made.connect();
    answer(made, "a", "b");
    made.flush();
    server.sent = [];
    server.receiver.lost();
    made.carry();
    assert.deepEqual(made.client.messages, ["a", "b"]);
  });

  it("keeps what is sent behind a part that is confirmed when it comes again", () => {
    const made = pair();
    const { client, server } = made.connect();
    const carryOnly = (from: typeof server, to: typeof client): void => {
      for (const block of from.sent.splice(0)) to.receiver.block(block, 0, block.length);
    };
    answer(made, "a", "b");
    made.flush();
    carryOnly(server, client);
    server.receiver.lost();
    answer(made, "c"); // goes out together with what is sent again
    made.clock.step(25);
    made.client.machine.flush();
    made.client.machine.handleTimeout();
    made.clock.step(50);
    made.client.machine.handleTimeout(); // the acknowledgement of the first two
    carryOnly(client, server);
    for (const transport of [client, server]) transport.receiver.closed(0, "");
    made.connect();
    assert.deepEqual(made.client.messages, ["a", "b", "c"]);
  });

  it("repeats a welcome that was lost", () => {
    const made = pair();
    const { client, server } = made.open();
    const [open] = client.sent;
    client.sent = [];
    server.receiver.block(open!, 0, open!.length);
    server.sent = [];
    server.receiver.lost();
    made.carry();
    assert.equal(clientPhase(made.client.machine), "live");
  });

  it("is expired after the resume window, and each side is told what was never confirmed", () => {
    const made = pair({ resumeWindowMs: 5_000 });
    const first = made.connect();
    send(made, "1");
    answer(made, "a", "b");
    made.flush();
    for (const transport of [first.client, first.server]) {
      transport.sent = [];
      transport.receiver.closed(0, "");
    }
    made.wait(5_000);
    const [end] = made.server.of("ended");
    assert.equal(end?.end?.code, SessionCode.expired);
    assert.deepEqual(
      end?.end?.unconfirmed.map(({ data }) => data),
      ["a", "b"],
    );
    made.connect();
    const [clientEnd] = made.client.of("ended");
    assert.equal(clientEnd?.end?.code, SessionCode.expired);
    assert.deepEqual(
      clientEnd?.end?.unconfirmed.map(({ data }) => data),
      ["1"],
    );
  });
});

describe("several transports at a time", () => {
  it("have the one that was attached as a probe carry the session once it is welcomed, which fences the others", () => {
    const made = pair();
    const first = made.connect();
    const second = made.open(true);
    send(made, "over the first");
    made.flush();
    assert.equal(made.client.machine.active?.transport, first.client);
    made.carry();
    assert.equal(made.client.machine.active?.transport, second.client);
    send(made, "over the second");
    made.carry();
    assert.equal(first.server.closedWith, SessionCode.fenced);
    assert.deepEqual(made.server.messages, ["over the first", "over the second"]);
    assert.equal(made.client.of("suspended").length, 0);
    assert.equal(made.server.of("suspended").length, 0);
    made.wait(100);
    assert.equal(first.client.closedWith, SessionCode.fenced);
  });

  it("race for a new session: the second one may win, and the first one comes too late", () => {
    const made = pair();
    const slow = made.open();
    const [late] = slow.client.sent;
    slow.client.isHeld = true;
    const quick = made.open(true);
    made.carry();
    assert.equal(clientPhase(made.client.machine), "live");
    slow.server.receiver.block(late!, 0, late!.length);
    assert.equal(slow.server.closedWith, SessionCode.fenced);
    assert.equal(made.serverMachine.active?.transport, quick.server);
  });

  it("are let go of if they are not welcomed", () => {
    const made = livePair();
    const { client, server } = made.open(true);
    server.isHeld = true;
    made.wait(10_000);
    assert.equal(client.closedWith, SessionCode.timeout);
    assert.equal(clientPhase(made.client.machine), "live");
  });

  it("do not end the session by a reset from where it is not known", () => {
    const made = livePair();
    const probe = made.open(true);
    probe.client.sent = [];
    probe.client.receiver.block(Uint8Array.of(8, 4, 0xe8, 0x20, 0, 0), 0, 6); // 4200
    assert.equal(made.client.machine.isEnded, false);
    assert.ok(probe.client.closedWith !== undefined);
  });
});

describe("channels", () => {
  it("are opened and closed, in order with their messages", () => {
    const made = livePair();
    const { machine } = made.client;
    const channel = machine.openChannel("chat é");
    machine.send(channel, "1");
    machine.closeChannel(channel);
    assert.equal(machine.send(channel, "2"), "closed");
    made.carry();
    assert.deepEqual(
      made.server.events.slice(-3).map(({ type, channel: name, data }) => [type, name, data]),
      [
        ["channelOpened", "chat é", undefined],
        ["message", "chat é", "1"],
        ["channelClosed", "chat é", undefined],
      ],
    );
  });

  it("of a session that has ended are closed, and none is kept", () => {
    for (const side of ["client", "server"] as const) {
      const made = livePair();
      const machine = side === "client" ? made.client.machine : made.serverMachine;
      machine.end(SessionCode.expired);
      for (let i = 0; i < 10; i++)
        assert.equal(machine.send(machine.openChannel("late") as never, "lost"), "closed");
      if (machine === made.serverMachine) {
        const { outgoing } = machine as unknown as { readonly outgoing: { readonly size: number } };
        assert.equal(outgoing.size, 1, "the one that every session has");
      }
    }
  });

  it("are refused by the receiver, and the sender is told", () => {
    const made = livePair();
    const { machine } = made.client;
    const channel = machine.openChannel("secret");
    made.carry();
    made.serverMachine.refuseChannel(made.server.incoming.get("secret")!, SessionCode.forbidden);
    machine.send(channel, "on its way");
    made.carry();
    assert.deepEqual(made.server.messages, []);
    assert.equal(made.client.of("channelRefused")[0]?.code, SessionCode.forbidden);
    assert.equal(machine.send(channel, "more"), "closed");
    made.carry();
    assert.equal(made.server.of("channelClosed").length, 1);
  });

  it("are not refused by the number of one that was closed, which may be that of another one", () => {
    const made = new SessionPair({ host: textHost });
    const { server } = made.connect();
    const give = (hex: string): void => server.receiver.block(Buffer.from(hex, "hex"), 0, hex.length / 2);
    give("010001" + "80020161");
    const first = made.server.incoming.get("a")!;
    give("010002" + "810101" + "80020162");
    const before = made.serverMachine.outboxBytes;
    made.serverMachine.refuseChannel(first, SessionCode.forbidden);
    assert.equal(made.serverMachine.outboxBytes, before, "nothing is said of number 1");
    give("010004" + "08010168");
    assert.deepEqual(made.server.messages, ["h"]);
  });

  it("are refused above the limit, whoever opens them, and may be opened when others are closed", () => {
    const made = livePair({ maxChannels: 3 });
    for (const [here, there] of [
      [made.client, made.server],
      [made.server, made.client],
    ] as const) {
      const machine = here.machine!;
      const channels = Array.from({ length: 15 }, (_, i) => machine.openChannel(`c${i}`));
      for (const channel of channels) machine.send(channel as never, channel.name);
      made.carry();
      assert.equal(machine.isEnded, false);
      assert.deepEqual(there.messages, ["c0", "c1", "c2"]);
      const codes = here.of("channelRefused").map(({ code }) => code);
      assert.deepEqual(
        codes,
        Array.from({ length: 12 }, () => SessionCode.overflow),
      );
      assert.equal(there.of("channelOpened").length, 3);
      assert.equal(machine.send(channels[3] as never, "more"), "closed");
      machine.closeChannel(channels[0] as never);
      made.carry();
      machine.send(machine.openChannel("again") as never, "again");
      made.carry();
      assert.equal(there.messages.at(-1), "again");
    }
  });

  it("stop the sender of what is not taken, and let the others go on", () => {
    const made = livePair({ windowBytes: 1_000, pieceBytes: 100 });
    made.server.takesAtOnce = false;
    const { machine } = made.client;
    const other = machine.openChannel("other");
    for (let i = 0; i < 30; i++) machine.send(machine.channel, new Uint8Array(100));
    made.wait(1_000);
    assert.equal(made.server.messages.length, 7); // 7 times 164 is above 1,000
    machine.send(other, "through");
    made.wait(1_000);
    assert.equal(made.server.messages.at(-1), "through");
    for (const { channel } of made.server.of("message").slice(0, 7)) {
      assert.equal(channel, "");
    }
  });

  it("go on when messages are taken", () => {
    const made = livePair({ windowBytes: 1_000, pieceBytes: 100 });
    made.server.takesAtOnce = false;
    const { machine } = made.client;
    const channel = machine.openChannel("work");
    for (let i = 0; i < 30; i++) machine.send(channel, new Uint8Array(100));
    made.wait(1_000);
    let taken = 0;
    while (taken < made.server.messages.length) {
      taken++;
      made.serverMachine.taken(made.server.incoming.get("work")!, 100);
      made.wait(100);
      assert.ok(made.server.messages.length - taken <= 7);
    }
    assert.equal(taken, 30);
  });

  it("carry a message that is longer than the window", () => {
    const made = livePair({ windowBytes: 1_000, pieceBytes: 100 });
    made.server.takesAtOnce = false;
    const long = Uint8Array.from({ length: 20_000 }, (_, i) => i);
    made.client.machine.send(made.client.machine.channel, long);
    made.wait(1_000);
    assert.deepEqual(made.server.messages, [long]);
  });

  it("carry text that is cut within its characters", () => {
    const made = livePair({ pieceBytes: 10 });
    const text = "é€𐐷".repeat(50);
    made.client.machine.send(made.client.machine.channel, text);
    made.wait(100);
    assert.deepEqual(made.server.messages, [text]);
  });
});

/** Either side of a pair, as one that sends to the other. */
function sideOf(made: SessionPair, role: "client" | "server") {
  const machine = role === "client" ? made.client.machine : made.serverMachine;
  return {
    machine,
    told: role === "client" ? made.client : made.server,
    other: role === "client" ? made.server : made.client,
    send: (channel: { readonly name: string }, data: string | Uint8Array, options?: MessageOptions): string =>
      machine.send(channel as never, data, options),
  };
}

for (const role of ["client", "server"] as const) {
  describe(`what a ${role} sends`, () => {
    /** One that is suspended, with room for 1,000 bytes on a channel: 10 messages of 36 bytes, each counting 64 more. */
    function suspended(policy: "block" | "drop-oldest" | "drop-newest" | "latest-per-key" | "disconnect") {
      const made = pair({ maxOutboxBytes: 100_000 });
      const { client, server } = made.connect();
      const { machine, told, other, send: put } = sideOf(made, role);
      const channel = machine.openChannel("c", { policy, maxQueuedBytes: 1_000, highWaterMarkBytes: 500 });
      made.carry();
      for (const transport of [client, server]) transport.receiver.closed(0, "");
      return {
        channel,
        told,
        put: (name: string, key?: string): string => put(channel, name.padEnd(36), { key }),
        arrived: (): string[] => {
          made.connect();
          made.wait(100);
          return other.messages.map((data) => String(data).trim());
        },
      };
    }
    const names = Array.from({ length: 12 }, (_, i) => String(i));

    it("is sent, then queued above the mark, then dropped", () => {
      const { put, channel, told, arrived } = suspended("block");
      assert.deepEqual(
        names.map((name) => put(name)),
        [...Array(5).fill("sent"), ...Array(5).fill("queued"), "dropped", "dropped"],
      );
      assert.equal(channel.dropped, 2);
      assert.equal(told.of("dropped").length, 2);
      assert.deepEqual(arrived(), names.slice(0, 10));
      assert.equal(told.of("ready").length, 1);
    });

    it("drops the oldest", () => {
      const { put, channel, arrived } = suspended("drop-oldest");
      for (const name of names) put(name);
      assert.equal(channel.dropped, 2);
      assert.deepEqual(arrived(), names.slice(2));
    });

    it("drops the newest", () => {
      const { put, arrived } = suspended("drop-newest");
      for (const name of names) put(name);
      assert.deepEqual(arrived(), names.slice(0, 10));
    });

    it("keeps the latest for each key, at its place in the line", () => {
      const { put, channel, arrived } = suspended("latest-per-key");
      put("a1", "a");
      put("b1", "b");
      put("a2", "a");
      for (let i = 0; i < 100; i++) put(`c${i}`, "c");
      assert.equal(channel.dropped, 100);
      assert.deepEqual(arrived(), ["a2", "b1", "c99"]);
    });

    it("takes turns: a short message waits for one piece, not for the whole of a long one", () => {
      const made = livePair({ pieceBytes: 1_000 });
      const { machine, other, send: put } = sideOf(made, role);
      const long = new Uint8Array(100_000).fill(7);
      put(machine.openChannel("upload"), long);
      put(machine.channel, "short");
      made.carry();
      assert.equal(other.messages[0], "short");
      assert.deepEqual(other.messages[1], long);
      const before = made.carried.findIndex(({ block }) => Buffer.from(block).includes("short"));
      const ahead = made.carried
        .slice(0, before + 1)
        .reduce((sum, { from, block }) => sum + (from === role ? block.length : 0), 0);
      assert.ok(ahead < 3_000, `${ahead} bytes were sent before it`);
    });

    it("comes back as what was never confirmed when the session ends", () => {
      const made = livePair({ pieceBytes: 100 });
      const { machine, send: put } = sideOf(made, role);
      const channel = machine.openChannel("c");
      made.carry();
      made.wait(50);
      const long = "é".repeat(500);
      const id = Uint8Array.of(9);
      put(channel, long, { id });
      put(channel, Uint8Array.of(1));
      made.flush();
      machine.end(SessionCode.evicted, "no room");
      assert.deepEqual(sideOf(made, role).told.of("ended")[0]?.end?.unconfirmed, [
        { channel: "c", data: long, id },
        { channel: "c", data: Uint8Array.of(1), id: undefined },
      ]);
    });
  });
}

describe("the outbox", () => {
  it("drops the transport of a peer that is too slow, and resumes", () => {
    const made = pair({ windowBytes: 300 });
    const { client } = made.connect();
    made.server.takesAtOnce = false;
    const channel = made.client.machine.openChannel("c", { policy: "disconnect", maxQueuedBytes: 500 });
    const statuses: string[] = [];
    for (let i = 0; i < 12; i++) {
      statuses.push(made.client.machine.send(channel, "x".repeat(36)));
      made.carry();
    }
    assert.equal(statuses.at(-1), "dropped");
    assert.equal(client.closedWith, SessionCode.tooSlow);
    assert.equal(made.client.machine.isEnded, false);
  });

  it("has a limit for the whole session, in which a long message that is alone counts as a piece", () => {
    const made = pair({ maxOutboxBytes: 2_000, pieceBytes: 500 });
    const { machine } = made.client;
    const upload = machine.openChannel("upload");
    assert.equal(machine.send(upload, new Uint8Array(50_000)), "sent");
    assert.ok(machine.outboxBytes < 1_000);
    assert.equal(machine.send(machine.channel, "short"), "sent");
    assert.equal(machine.send(machine.channel, "x".repeat(1_900)), "dropped");
  });

  it("does not look at all that waits for each message that makes room for itself", () => {
    // No time is measured: where all that waits was looked at for each message, this took half an hour.
    const count = 100_000;
    const made = pair({ maxOutboxMessages: count, maxOutboxBytes: 100 * count });
    const { client, server } = made.connect();
    const { machine } = sideOf(made, "server");
    const channel = made.serverMachine.openChannel("c", { policy: "drop-oldest", maxQueuedBytes: Infinity });
    made.carry();
    for (const transport of [client, server]) transport.receiver.closed(0, "");
    for (let i = 0; i < 2 * count; i++) assert.notEqual(machine.send(channel as never, `${i}`), "dropped");
    const { dropped } = channel;
    assert.ok(dropped >= count, String(dropped));
    machine.end(SessionCode.evicted, "no room");
    const { unconfirmed = [] } = sideOf(made, "server").told.of("ended")[0]?.end ?? {};
    assert.equal(unconfirmed.length, 2 * count - dropped);
    assert.equal(unconfirmed[0]?.data, String(dropped));
    assert.equal(unconfirmed.at(-1)?.data, String(2 * count - 1));
  });

  it("has a limit on messages", () => {
    const made = pair({ maxOutboxMessages: 3 });
    assert.deepEqual(send(made, "1", "2", "3", "4"), ["sent", "sent", "sent", "dropped"]);
  });

  it("counts in the budget of the server, and is limited by it", () => {
    const serverBudget = { heldBytes: 0, leavingBytes: 0, maxBytes: 500 };
    const made = pair({ serverBudget });
    const { server } = made.connect();
    server.receiver.closed(0, "");
    assert.deepEqual(answer(made, "x".repeat(200), "y".repeat(200)), ["sent", "dropped"]);
    assert.equal(serverBudget.heldBytes, 264);
    made.serverMachine.end(SessionCode.evicted);
    assert.equal(serverBudget.heldBytes, 0);
  });

  it("does not send what the other side does not take", () => {
    const made = livePair({ maxMessageBytes: 100 });
    assert.deepEqual(send(made, "x".repeat(101), "é".repeat(51), "x".repeat(100)), [
      "too-long",
      "too-long",
      "sent",
    ]);
    made.wait(100);
    assert.deepEqual(made.server.messages, ["x".repeat(100)]);
    assert.equal(made.client.machine.channel.dropped, 2);
  });

  it("waits while the transport is full, and goes on when it has drained", () => {
    const made = pair();
    const { client } = made.connect();
    client.bufferedBytes = 100_000;
    send(made, "1");
    made.carry();
    assert.deepEqual(made.server.messages, []);
    client.bufferedBytes = 0;
    client.receiver.drained();
    made.carry();
    assert.deepEqual(made.server.messages, ["1"]);
  });

  it("copies short bytes that wait, so that they may change", () => {
    const made = pair();
    const data = Buffer.from([1, 2, 3]);
    made.client.machine.send(made.client.machine.channel, data);
    data.fill(0);
    made.connect();
    assert.deepEqual(made.server.messages, [Uint8Array.of(1, 2, 3)]);
  });
});

describe("ending", () => {
  it("in order is told behind all that was sent, and nothing is unconfirmed", () => {
    const made = livePair();
    send(made, "last");
    made.client.machine.close(4_450, "done");
    assert.equal(send(made, "too late")[0], "closed");
    made.carry();
    assert.deepEqual(made.server.messages, ["last"]);
    for (const side of [made.client, made.server]) {
      assert.deepEqual(side.of("ended")[0]?.end, {
        code: 4_450,
        reason: "done",
        isReset: false,
        unconfirmed: [],
      });
    }
  });

  it("in order waits for what is queued", () => {
    const made = pair();
    send(made, "1");
    made.client.machine.close();
    made.connect();
    assert.deepEqual(made.server.messages, ["1"]);
    assert.equal(made.client.of("ended")[0]?.end?.isReset, false);
  });

  it("in order gives up after closeTimeoutMs, and says what was not confirmed", () => {
    const made = pair({ closeTimeoutMs: 3_000 });
    const { client } = made.connect();
    client.receiver.closed(0, "");
    send(made, "1");
    made.client.machine.close();
    made.wait(3_000);
    const end = made.client.of("ended")[0]?.end;
    assert.equal(end?.isReset, true);
    assert.deepEqual(end?.unconfirmed, [{ channel: "", data: "1", id: undefined }]);
  });

  it("before anything was sent needs nobody", () => {
    const made = pair();
    made.client.machine.close();
    assert.equal(made.client.of("ended")[0]?.end?.isReset, false);
  });

  it("at once tells the other side, and what of its messages was never confirmed", () => {
    const made = pair({ pieceBytes: 100 });
    made.connect();
    const channel = made.client.machine.openChannel("c");
    made.carry();
    made.wait(50);
    const long = "é".repeat(500);
    const id = Uint8Array.of(9);
    made.client.machine.send(channel, long, { id });
    made.client.machine.send(channel, Uint8Array.of(1));
    made.flush();
    made.serverMachine.end(SessionCode.evicted, "no room");
    made.carry();
    const end = made.client.of("ended")[0]?.end;
    assert.deepEqual(end, {
      code: SessionCode.evicted,
      reason: "no room",
      isReset: true,
      unconfirmed: [
        { channel: "c", data: long, id },
        { channel: "c", data: Uint8Array.of(1), id: undefined },
      ],
    });
  });

  it("is for good: nothing works and nothing throws", () => {
    const made = livePair();
    const { machine } = made.client;
    machine.end(SessionCode.closed);
    assert.equal(machine.send(machine.channel, "x"), "closed");
    assert.equal(machine.send(machine.openChannel("c"), "x"), "closed");
    machine.flush();
    machine.signal(1, new Uint8Array(0));
    machine.close();
    machine.end(SessionCode.closed);
    machine.probe();
    machine.retryNow(true);
    machine.handleTimeout();
    machine.dialFailed(0, "", 0);
    const { client } = made.open();
    assert.ok(client.closedWith !== undefined);
    assert.equal(made.client.of("ended").length, 1);
    assert.equal(machine.deadlineMs, Infinity);
  });

  it("while something is written leaves no timer behind", () => {
    const made = pair({ maxMessageBytes: 1_000, pieceBytes: 100 });
    const { machine } = made.client;
    const tooLong = (): void => machine.end(SessionCode.closed);
    machine.send(machine.channel, new Uint8Array(1_000));
    machine.send(machine.channel, new Uint8Array(1_001), { tooLong });
    made.connect();
    assert.equal(made.client.of("ended").length, 1);
    assert.equal(machine.deadlineMs, Infinity);
  });
});

describe("liveness", () => {
  const pings = (made: SessionPair, from: "client" | "server"): number =>
    made.carried.filter((one) => one.from === from && one.block[0] === 6).length;

  it("is asked for by the client after 10 s of silence, then less often", () => {
    const made = livePair();
    made.wait(9_999);
    assert.equal(pings(made, "client"), 0);
    made.wait(1);
    assert.equal(pings(made, "client"), 1);
    made.wait(19_999);
    assert.equal(pings(made, "client"), 1);
    made.wait(1);
    assert.equal(pings(made, "client"), 2);
    made.wait(100_000);
    assert.equal(pings(made, "client"), 6);
    assert.equal(made.client.machine.roundTripMs, 0);
  });

  it("is asked for by the server, too, where the client is silent", () => {
    const made = pair();
    const { client } = made.connect();
    made.clock.step(15_000); // the timer of the client is frozen
    made.serverMachine.handleTimeout();
    made.clock.step(20_000);
    made.serverMachine.handleTimeout();
    assert.equal(made.server.of("suspended")[0]?.code, SessionCode.timeout);
    assert.equal(client.closedWith, undefined);
  });

  it("is doubted after 2.5 s if records are not confirmed, and the transport is dropped 5 s later", () => {
    const made = pair();
    const { client } = made.connect();
    const wait = (durationMs: number): void => {
      client.sent = [];
      made.clock.step(made.clock.nowMs + durationMs);
      made.client.machine.handleTimeout();
    };
    send(made, "1");
    made.flush();
    wait(2_500);
    assert.equal(client.sent[0]?.[0], 6);
    wait(4_999);
    assert.equal(made.client.of("suspended").length, 0);
    wait(1);
    assert.equal(made.client.of("suspended")[0]?.code, SessionCode.timeout);
  });

  it("is asked for at once, and nobody is taken for dead, when the machine has slept", () => {
    const made = pair();
    const { client } = made.connect();
    client.sent = [];
    made.clock.step(3_600_000);
    made.client.machine.handleTimeout();
    assert.equal(made.client.of("suspended").length, 0);
    assert.deepEqual(
      client.sent.map((block) => block[0]),
      [6],
    );
    made.clock.step(3_605_000);
    made.client.machine.handleTimeout();
    assert.equal(made.client.of("suspended")[0]?.code, SessionCode.timeout);
  });

  it("is asked for when the host says so", () => {
    const made = livePair();
    made.client.machine.probe();
    made.carry();
    assert.equal(pings(made, "client"), 1);
  });

  it("gives up a transport whose open is not answered in 10 s", () => {
    const made = pair();
    const { client } = made.open();
    client.sent = [];
    made.clock.step(10_000);
    made.client.machine.handleTimeout();
    assert.equal(made.client.of("linkLost")[0]?.code, SessionCode.timeout);
  });
});

describe("coming back", () => {
  it("is tried at once if the transport worked for a while, else after a random part of a delay that doubles to a cap", () => {
    const made = pair();
    const { machine } = made.client;
    machine.start();
    const first = made.connect();
    made.wait(6_000);
    first.client.receiver.closed(0, "");
    assert.equal(made.client.of("dial").length, 2);
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      machine.dialFailed(0, "", 0);
      assert.equal(clientPhase(machine), "waiting");
      waits.push(machine.waitingUntilMs - made.clock.nowMs);
      made.wait(machine.waitingUntilMs - made.clock.nowMs);
      assert.equal(made.client.of("dial").length, 3 + i);
    }
    // Half of it: the dice of these tests always say 0.5.
    assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  });

  it("waits as long as the server says, and for a random part of its window", () => {
    const made = livePair();
    made.serverMachine.sendAway(SessionCode.goingAway, "restart", 60_000, 20_000);
    made.carry();
    assert.equal(made.client.machine.waitingUntilMs - made.clock.nowMs, 70_000);
    assert.equal(made.client.of("suspended")[0]?.code, SessionCode.goingAway);
  });

  it("is tried at once when the host says so", () => {
    const made = pair();
    made.client.machine.start();
    made.client.machine.dialFailed(0, "", 0);
    made.client.machine.retryNow(true);
    assert.equal(made.client.of("dial").length, 2);
    assert.equal(clientPhase(made.client.machine), "connecting");
  });

  for (const [code, isReset] of [
    [SessionCode.unauthorized, true],
    [SessionCode.refused, true],
  ] as const) {
    it(`ends with the code ${code}`, () => {
      const made = pair();
      made.client.machine.start();
      made.client.machine.dialFailed(code, "no", 0);
      assert.deepEqual(made.client.of("ended")[0]?.end, { code, reason: "no", isReset, unconfirmed: [] });
    });
  }
});

describe("text that is longer in bytes than in characters", () => {
  it("arrives whole where its length takes more room for that", () => {
    const made = new SessionPair({ host: textHost });
    made.connect();
    const texts = [100, 127, 128, 200].map((length) => "é".repeat(length));
    for (const text of texts) made.serverMachine.send(made.serverMachine.channel, text);
    made.wait(100);
    assert.deepEqual(made.client.messages, texts);
  });
});
