import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { portableHost } from "hawser/protocol";
import { MessageAssembler } from "#protocol/message-assembler.js";
import { Opcode } from "#protocol/opcode.js";

function assembler(): MessageAssembler {
  return new MessageAssembler(Opcode.binary, false, portableHost({ randomMask: () => 0, nowMs: () => 0 }));
}

describe("MessageAssembler", () => {
  it("makes room a few times for many fragments, and not for each of them", () => {
    const message = assembler();
    const sizes = new Set<number>();
    const fragment = new Uint8Array(100);
    for (let i = 0; i < 20_000; i++) {
      message.addFrame(100, false);
      message.append(fragment, 0, 100);
      sizes.add(message.heldBytes);
    }
    assert.ok(sizes.size < 20, `${sizes.size} times`);
    assert.equal(message.concat().length, 2_000_000);
  });

  it("makes just the room that a message in one frame needs, once half of it is there", () => {
    const message = assembler();
    message.addFrame(100_000, true);
    message.append(new Uint8Array(65_000), 0, 65_000);
    message.append(new Uint8Array(35_000), 0, 35_000);
    assert.equal(message.concat().buffer.byteLength, 100_000);
  });
});
