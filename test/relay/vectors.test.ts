import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { projectPath } from "#scripts/project-root.js";
import { EnvelopeWriter, readEnvelope, readMessages } from "#session/relay/relay-envelope.js";
import { type RelayMessage, RelayMessageType } from "#session/relay/relay-message.js";

const page = readFileSync(projectPath("docs", "wire", "relay-v1.md"), "utf8");
const [, block] = /```text\n([\s\S]*?)```/.exec(page)!;
const vectors = block!
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => {
    const [from, ...hex] = line.split(/ +/);
    return { from: from!, bytes: Buffer.from(hex.join(""), "hex") };
  });
const NAMES = {
  gate: Buffer.from([...Array(12).keys()]),
  owner: Buffer.from([...Array(12).keys()].map((n) => n + 16)),
};

function read(bytes: Buffer): { messages: RelayMessage[]; isRight: boolean; sender: Uint8Array } {
  const envelope = readEnvelope(bytes, "any", undefined);
  assert.ok(envelope !== undefined);
  const messages: RelayMessage[] = [];
  const isRight = readMessages(bytes, envelope, (message) => messages.push(message));
  return { messages, isRight, sender: envelope.sender };
}

/** The fields of a message, as it is written. */
function fieldsOf(message: RelayMessage, bytes: Buffer): (number | Uint8Array)[] {
  const { id, number, taken, heard, code, field, type } = message;
  const rest = bytes.subarray(message.start, message.end);
  switch (type) {
    case RelayMessageType.open:
      return [id, 1, field.length, field, rest];
    case RelayMessageType.upBlock:
      return [id, number, taken, rest];
    case RelayMessageType.downBlock:
      return [id, number, taken, heard, rest];
    case RelayMessageType.upLost:
      return [id, number, taken];
    case RelayMessageType.upClose:
      return [id, number, taken, code, rest];
    case RelayMessageType.accepted:
      return [id, number];
    case RelayMessageType.find:
      return [id, code, field];
    case RelayMessageType.answer:
      return [id, code, rest];
    case RelayMessageType.beat:
      return [];
    default:
      return [id];
  }
}

describe("the test vectors of relays", () => {
  it("are read, and written as they are", () => {
    assert.equal(vectors.length, 7);
    for (const { from, bytes } of vectors.slice(0, -1)) {
      const { messages, isRight, sender } = read(bytes);
      const name = NAMES[from as "gate" | "owner"];
      assert.ok(isRight);
      assert.deepEqual(Buffer.from(sender), name);
      const writer = new EnvelopeWriter((length) => Buffer.alloc(length), name);
      for (const message of messages) writer.add(message.type, fieldsOf(message, bytes));
      assert.equal(Buffer.from(writer.take("any", undefined)).toString("hex"), bytes.toString("hex"));
    }
  });

  it("say what the page says", () => {
    const messages = vectors.flatMap(({ bytes }) => read(bytes).messages);
    const names = new Map(Object.entries(RelayMessageType).map(([name, type]) => [type as number, name]));
    assert.deepEqual(
      messages.map(({ type, id, number, taken, heard, code }) => [
        names.get(type),
        id,
        number,
        taken,
        heard,
        code,
      ]),
      [
        ["open", 1, 0, 0, 0, 0],
        ["accepted", 1, 1, 0, 0, 0],
        ["downBlock", 1, 1, 0, 0, 0],
        ["upBlock", 1, 1, 3, 0, 0],
        ["upLost", 1, 2, 3, 0, 0],
        ["upClose", 1, 3, 3, 0, 4007],
        ["find", 2, 0, 0, 0, 1],
        ["found", 2, 0, 0, 0, 0],
        ["held", 3, 0, 0, 0, 0],
        ["answer", 3, 0, 0, 0, 204],
        ["beat", 0, 0, 0, 0, 0],
      ],
    );
  });
});
