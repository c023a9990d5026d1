import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { projectPath } from "#scripts/project-root.js";
import { SessionCode } from "#session/wire/session-code.js";
import { SessionPair } from "#testing/session-pair.js";
import { textHost } from "./text-host.js";

const page = readFileSync(projectPath("docs", "wire", "session-v1.md"), "utf8");

describe("the test vectors of the session's wire format", () => {
  it("are what our two sides say to each other", () => {
    const [, block] = /```text\n([\s\S]*?)```/.exec(page)!;
    const vectors = block!.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const made = new SessionPair({ host: textHost });
    made.connect();
    const { machine: client } = made.client;
    const server = made.serverMachine;
    client.send(client.channel, "hi");
    client.send(client.channel, "é");
    made.carry();
    server.send(server.channel, Uint8Array.of(0, 255), { id: Uint8Array.of(7, 8) });
    made.wait(25);
    const chat = client.openChannel("chat");
    client.send(chat, "x".repeat(130));
    made.wait(25);
    client.probe();
    made.carry();
    made.open(true);
    made.wait(25);
    server.signal(5, Uint8Array.of(1));
    made.wait(25);
    client.closeChannel(chat);
    made.wait(25);
    client.close(SessionCode.closed, "bye");
    made.carry();
    assert.deepEqual(
      made.carried.map(({ from, block: bytes }) => `${from} ${Buffer.from(bytes).toString("hex")}`),
      vectors,
    );
  });

  const rows = [...page.matchAll(/^\| `([0-9a-f]+)` +\| `(transport|session|nothing)` +\| (.*?) +\|$/gm)];

  it("have a table of what is refused", () => assert.equal(rows.length, 19));

  for (const [, hex, refused, why] of rows) {
    it(`refuse ${refused} for ${hex}: ${why}`, () => {
      const made = new SessionPair({ host: textHost });
      const { server } = made.connect();
      for (const text of ["1", "2", "3"]) made.serverMachine.send(made.serverMachine.channel, text);
      made.wait(100);
      for (const text of ["4", "5"]) made.serverMachine.send(made.serverMachine.channel, text);
      made.flush();
      const block = Buffer.from(hex!, "hex");
      server.receiver.block(block, 0, block.length);
      const closedWith = {
        transport: SessionCode.badPacket,
        session: SessionCode.badMessage,
        nothing: undefined,
      };
      assert.equal(server.closedWith, closedWith[refused as keyof typeof closedWith]);
      assert.equal(made.serverMachine.isEnded, refused === "session");
    });
  }

  it("are those of varints that the page names", () => {
    for (const [text, value] of [
      ["00", 0],
      ["7f", 127],
      ["80 01", 128],
      ["ff ff ff ff ff ff ff 0f", Number.MAX_SAFE_INTEGER],
    ] as const) {
      assert.ok(page.includes(`\`${text}\``), text);
      const bytes = Buffer.from(text.replaceAll(" ", ""), "hex");
      assert.equal(
        bytes.reduce((sum, byte, i) => sum + (byte & 0x7f) * 128 ** i, 0),
        value,
      );
    }
  });
});
