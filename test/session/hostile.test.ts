import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SessionCode } from "#session/wire/session-code.js";
import { SessionPair } from "#testing/session-pair.js";
import { textHost } from "./text-host.js";

type Role = "client" | "server";

/** A session that is live, at one side, and what the other side can do to it if it is of ill will. */
function victim(role: Role = "server") {
  const made = new SessionPair({
    host: textHost,
    windowBytes: 1_000,
    maxMessageBytes: 500,
    maxChannels: 3,
    maxOutboxBytes: 2_000,
    maxInFlightBytes: 2_000,
  });
  const { client, server } = made.connect();
  const machine = role === "client" ? made.client.machine : made.serverMachine;
  const other = role === "client" ? made.serverMachine : made.client.machine;
  const told = role === "client" ? made.client : made.server;
  const transport = role === "client" ? client : server;
  // Three of its messages are confirmed, and two are not.
  for (const text of ["1", "2", "3"]) machine.send(machine.channel as never, text);
  made.wait(100);
  for (const text of ["4", "5"]) machine.send(machine.channel as never, text);
  made.flush();
  const give = (block: Uint8Array): void => transport.receiver.block(block, 0, block.length);
  return { made, transport, give, machine, other, told };
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
  [
    "opens far more channels than it may",
    Array.from({ length: 16 }, (_, i) => `8001${(i + 1).toString(16).padStart(2, "0")}`).join(""),
  ],
  ["closes channel 0", "810100"],
  ["closes a channel that is not open", "810105"],
  ["gives credit without a limit", "830100"],
  ["is a signal that is too long", `8482400 1${"61".repeat(8193)}`.replaceAll(" ", "")],
  ["ends with a code that is none", "8503010000"],
];

for (const role of ["server", "client"] as const) {
  describe(`a packet to a ${role} that breaks the rules`, () => {
    for (const [what, hex] of BAD_PACKETS) {
      it(`drops the transport if it ${what}`, () => {
        const { give, transport, machine, other, told, made } = victim(role);
        give(Buffer.from(hex.replaceAll(" ", ""), "hex"));
        assert.equal(transport.closedWith, SessionCode.badPacket);
        assert.equal(machine.isEnded, false);
        assert.equal(told.of("suspended")[0]?.code, SessionCode.badPacket);
        // What came before is handed over, what is wrong is not, and the session goes on over another transport.
        other.send(other.channel as never, "still here");
        made.connect();
        made.carry();
        assert.deepEqual(told.messages.at(-1), "still here");
      });
    }
  });

  describe(`a record to a ${role} that breaks the rules`, () => {
    for (const [what, hex] of BAD_RECORDS) {
      it(`ends the session if it ${what}`, () => {
        const { give, transport, machine, told } = victim(role);
        give(Buffer.from(data(hex), "hex"));
        assert.equal(machine.isEnded, true);
        const end = told.of("ended")[0]?.end;
        assert.equal(end?.code, SessionCode.badMessage);
        assert.deepEqual(
          end?.unconfirmed.map(({ data: text }) => text),
          ["4", "5"],
        );
        assert.equal(transport.sent.at(-1)?.[0], 8);
        assert.equal(transport.closedWith, SessionCode.badMessage);
      });
    }

    it("ends the session if it goes beyond the window", () => {
      const { give, machine, told } = victim(role);
      told.takesAtOnce = false;
      give(Buffer.from(data(message.repeat(16)), "hex")); // 16 times 65 is above 1,000
      assert.equal(machine.isEnded, false);
      give(Buffer.from(`010311${message}`, "hex"));
      assert.equal(told.of("ended")[0]?.end?.code, SessionCode.badMessage);
      assert.equal(told.messages.length, 16);
    });
  });
}

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

for (const role of ["server", "client"] as const) {
  describe(`who is of ill will to a ${role}`, () => {
    it("and never confirms gets no more records, however many it asks for", () => {
      const { made, give, machine, told } = victim(role);
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
      assert.equal(told.of("ended")[0]?.end?.code, SessionCode.overflow);
    });

    it("holds at most two messages of the longest kind in pieces, and a window for each channel", () => {
      const { give, machine, told } = victim(role);
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
      assert.equal(told.messages.length, 0);
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
          const { made, give, told } = victim(role);
          for (const one of blocks) {
            give(Buffer.from(one, "hex"));
            made.flush();
            made.ring();
          }
          assert.ok(told.of("ended").length <= 1);
        }),
        { numRuns: 300 },
      );
    });
  });
}

describe("a client that is not connected yet", () => {
  it("does not throw either, whatever it is sent", () => {
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
