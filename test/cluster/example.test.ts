import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { connect } from "hawser/client";
import { projectPath } from "#scripts/project-root.js";
import { freePort } from "../support/free-port.js";
import { Inbox } from "../support/inbox.js";

describe("examples/cluster", () => {
  it("serves one port with its workers, and stops on SIGTERM", {
    skip: process.platform === "win32",
  }, async () => {
    const port = await freePort();
    const program = spawn(process.execPath, [projectPath("build", "examples", "cluster", "server.js")], {
      env: { ...process.env, PORT: String(port), WORKERS: "2" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = once(program, "exit");
    try {
      await once(program.stdout, "data");
      const texts = [0, 1, 2, 3].map(() => new Inbox<string | Buffer>("message"));
      const sockets = await Promise.all(
        texts.map((inbox) =>
          connect(`ws://127.0.0.1:${port}`, { message: (_socket, data) => inbox.push(data) }),
        ),
      );
      const greetings = await Promise.all(texts.map((inbox) => inbox.next()));
      assert.equal(new Set(greetings).size, 2);
      sockets[0]!.send("ahoy");
      for (const inbox of texts.slice(1)) assert.equal(await inbox.next(), "ahoy");
      program.kill("SIGTERM");
      assert.deepEqual(await exit, [0, null]);
      for (const socket of sockets) assert.equal((await socket.closed).code, 1001);
    } finally {
      program.kill("SIGKILL");
    }
  });
});
