import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SessionCode } from "#session/wire/session-code.js";
import { SessionPair } from "#testing/session-pair.js";
import { textHost } from "./text-host.js";

/** A server's session that is live, and what a client of ill will can do to it. */
function victim() {
  const made = new SessionPair({
    host: textHost,
    windowBytes: 1_000,
    maxMessageBytes: 500,
    maxChannels: 3,
    maxOutboxBytes: 2_000,
    maxInFlightBytes: 2_000,
  });
  const { client, server } = made.connect();
  // Three messages of the server are confirmed, and two are not.
  for (const text of ["1", "2", "3"]) made.serverMachine.send(made.serverMachine.channel, text);
  made.wait(100);
  for (const text of ["4", "5"]) made.serverMachine.send(made.serverMachine.channel, text);
  made.flush();
  const give = (block: Uint8Array): void => server.receiver.block(block, 0, block.length);
  return { made, client, server, give, machine: made.serverMachine };
}

const data = (hex: string): string => `010301${hex}`; // all three confirmed, first record 1
const message = "000168";

/** Faults of a packet: the transport is dropped, the session goes on. */
const BAD_PACKETS: readonly (readonly [string, string])[] = [
  ["is empty", ""],
  ["is of an unknown kind", "7f00"],
  ["is the first one again", "0200"],
  ["is one that only a server sends", "0300"],
  ["is longer than its block", "0502 03"],
  ["has no length", "05"],
  ["has a length in a longer form", "0581 00 03"],
  ["acknowledges nothing", "0500"],
  ["acknowledges what was never sent", "01 06 01 000168"],
  ["acknowledges alone what was never sent", "050163"],
  ["is a ping without anything", "0600"],
  ["is a ping of nine bytes", "0609010203040506070809"],
  ["is a reset with a code that is none", "0803010000"],
  ["is a leave with a reason that is too long", `0965a01f0000${"61".repeat(97)}`],
  ["has data without records", "010301"],
  ["has data that begins with record 0", `010300${message}`],
  ["has data with a gap", `010302${message}`],
  ["has data that is cut off in a number", "0183"],
  ["has a record that is cut off", data("00056869")],
  ["has a record without a length", data("00")],
  ["has a record with a length in a longer form", data("00818000")],
  ["has a record with a length in a longer form of two bytes", data("008000")],
  ["has an id that is cut off", data("100501")],
  ["has an id that is too long", data(`1021${"00".repeat(33)}00`)],
];

/** Faults of a record: the session is over. */
const BAD_RECORDS: readonly (readonly [string, string])[] = [
  ["has a reserved bit", "200168"],
  ["has another reserved bit", "400168"],
  ["is on a channel that is not open", "08050168"],
  ["names channel 0", "08000168"],
  ["has an empty id", "10000168"],
  ["continues nothing", "040168"],
  ["continues with an id", "020168140100 0168".replaceAll(" ", "")],
  ["begins a message within another", "020168000168"],
  ["continues as another kind", "020168050168"],
  ["is a piece of nothing", "0200"],
  ["is longer than allowed", `00f503${"61".repeat(501)}`],
  ["is longer than allowed in pieces", `02ac02${"61".repeat(300)}04ac02${"61".repeat(300)}`],
  ["is of an unknown kind", "8600"],
  ["opens channel 0", "80020061"],
  ["opens a channel without a number", "8000"],
  ["opens a channel twice", "800201618002 0161".replaceAll(" ", "")],
  ["opens a channel whose name is not UTF-8", "800201ff"],
  ["opens a channel whose name is too long", `80820201${"61".repeat(257)}`],
  ["opens too many channels", "8001018001028001038001 04".replaceAll(" ", "")],
  ["closes channel 0", "810100"],
  ["closes a channel that is not open", "810105"],
  ["gives credit without a limit", "830100"],
  ["is a signal that is too long", `8482400 1${"61".repeat(8193)}`.replaceAll(" ", "")],
  ["ends with a code that is none", "8503010000"],
];

describe("a packet that breaks the rules", () => {
  for (const [what, hex] of BAD_PACKETS) {
    it(`drops the transport if it ${what}`, () => {
      const { give, server, machine, made } = victim();
      give(Buffer.from(hex.replaceAll(" ", ""), "hex"));
      assert.equal(server.closedWith, SessionCode.badPacket);
      assert.equal(machine.isEnded, false);
      assert.equal(made.server.of("suspended")[0]?.code, SessionCode.badPacket);
      // What came before is handed over, what is wrong is not, and the session goes on over another transport.
      made.client.machine.send(made.client.machine.channel, "still here");
      made.connect();
      assert.deepEqual(made.server.messages.at(-1), "still here");
    });
  }
});

describe("a record that breaks the rules", () => {
  for (const [what, hex] of BAD_RECORDS) {
    it(`ends the session if it ${what}`, () => {
      const { give, server, machine, made } = victim();
      give(Buffer.from(data(hex), "hex"));
      assert.equal(machine.isEnded, true);
      const end = made.server.of("ended")[0]?.end;
      assert.equal(end?.code, SessionCode.badMessage);
      assert.deepEqual(
        end?.unconfirmed.map(({ data: text }) => text),
        ["4", "5"],
      );
      assert.equal(server.sent.at(-1)?.[0], 8);
      assert.equal(server.closedWith, SessionCode.badMessage);
    });
  }

  it("ends the session if it goes beyond the window", () => {
    const { give, machine, made } = victim();
    made.server.takesAtOnce = false;
    give(Buffer.from(data(message.repeat(16)), "hex")); // 16 times 65 is above 1,000
    assert.equal(machine.isEnded, false);
    give(Buffer.from(`010311${message}`, "hex"));
    assert.equal(made.server.of("ended")[0]?.end?.code, SessionCode.badMessage);
    assert.equal(made.server.messages.length, 16);
  });
});

describe("what a later version may say", () => {
  it("is skipped where it says so", () => {
    const { give, machine, made } = victim();
    give(Buffer.from(`80020000${data(`c0020000${message}`)}`, "hex"));
    assert.deepEqual(made.server.messages, ["h"]);
    assert.equal(machine.isEnded, false);
    assert.equal(machine.active !== undefined, true);
  });

  it("is skipped behind the fields that are known", () => {
    const { give, machine } = victim();
    give(Buffer.from("0503030909", "hex"));
    assert.equal(machine.active !== undefined, true);
  });
});

describe("a peer of ill will", () => {
  it("that never confirms gets no more records, however many it asks for", () => {
    const { made, give, machine } = victim();
    let number = 1;
    const append = (value: number): string => {
      const bytes: number[] = [];
      for (let rest = value; ; rest = Math.floor(rest / 128)) {
        bytes.push(rest >= 128 ? (rest % 128) | 128 : rest);
        if (rest < 128) return Buffer.from(bytes).toString("hex");
      }
    };
    for (let i = 0; i < 100_000 && !machine.isEnded; i++) {
      give(Buffer.from(`0103${append(number++)}${message}`, "hex"));
      made.flush();
      assert.ok(machine.outboxBytes < 80_000);
    }
    assert.equal(made.server.of("ended")[0]?.end?.code, SessionCode.overflow);
  });

  it("holds at most two messages of the longest kind in pieces, and a window for each channel", () => {
    const { made, give, machine } = victim();
    let held = 0;
    give(Buffer.from(data("800101800102800103"), "hex"));
    let number = 4;
    for (let round = 0; round < 30 && !machine.isEnded; round++) {
      for (const channel of ["01", "02", "03"]) {
        give(
          Buffer.from(
            `0103${(number++).toString(16).padStart(2, "0")}0a${channel}14${"61".repeat(20)}`,
            "hex",
          ),
        );
        if (!machine.isEnded) held += 20;
      }
    }
    assert.ok(held <= 2 * 500 + 3 * 1_000);
    assert.equal(made.server.messages.length, 0);
  });

  it("never makes anything throw, whatever bytes it sends", () => {
    const record = fc.oneof(
      fc.constant(message),
      fc.constantFrom(...BAD_RECORDS.map(([, hex]) => hex)),
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("hex")),
      fc.constantFrom(
        "80020161",
        "0801026869",
        "0a0102 6869".replace(" ", ""),
        "0c01026869",
        "810101",
        "830200ff0f",
      ),
    );
    const block = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("hex")),
      fc.constantFrom(...BAD_PACKETS.map(([, hex]) => hex.replaceAll(" ", ""))),
      fc
        .tuple(fc.nat(8), fc.nat(20), fc.array(record, { minLength: 1, maxLength: 5 }))
        .map(([ack, first, records]) => `01${hex(ack)}${hex(first)}${records.join("")}`),
    );
    fc.assert(
      fc.property(fc.array(block, { maxLength: 12 }), (blocks) => {
        const { made, give } = victim();
        for (const one of blocks) {
          give(Buffer.from(one, "hex"));
          made.flush();
          made.ring();
        }
        assert.ok(made.server.of("ended").length <= 1);
      }),
      { numRuns: 300 },
    );
  });

  it("never makes a client throw either", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
        fc.boolean(),
        (blocks, isLive) => {
          const made = new SessionPair({ host: textHost });
          const { client } = made.open();
          if (isLive) made.carry();
          for (const block of blocks) {
            client.receiver.block(block, 0, block.length);
            made.flush();
          }
          assert.ok(made.client.of("ended").length <= 1);
        },
      ),
      { numRuns: 300 },
    );
  });
});

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
