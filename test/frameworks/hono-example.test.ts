import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { type ConnectError, connect } from "hawser/client";
import { projectPath } from "#scripts/project-root.js";
import { freePort } from "../support/free-port.js";
import { Inbox } from "../support/inbox.js";

describe("examples/hono", () => {
  it("is a chat with rooms, beside pages of Hono, and stops on SIGTERM", {
    skip: process.platform === "win32",
  }, async () => {
    const port = await freePort();
    const program = spawn(process.execPath, [projectPath("build", "examples", "hono", "server.js")], {
      env: { ...process.env, PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = once(program, "exit");
    try {
      await once(program.stdout, "data");
      program.stdout.resume();
      const join = async (name: string) => {
        const inbox = new Inbox<string | Buffer>(`message to ${name}`);
        const url = `ws://127.0.0.1:${port}/rooms/harbour?name=${name}`;
        return { inbox, socket: await connect(url, { message: (_socket, data) => inbox.push(data) }) };
      };
      const ada = await join("Ada");
      assert.equal(await ada.inbox.next(), "Ada is here");
      const bob = await join("Bob");
      assert.equal(await ada.inbox.next(), "Bob is here");
      assert.equal(await bob.inbox.next(), "Bob is here");
      bob.socket.send("ahoy");
      assert.equal(await ada.inbox.next(), "Bob: ahoy");
      const page = await fetch(`http://127.0.0.1:${port}/rooms`);
      assert.deepEqual(await page.json(), { harbour: 2 });
      await bob.socket.close();
      assert.equal(await ada.inbox.next(), "Bob has left");
      await assert.rejects(connect(`ws://127.0.0.1:${port}/rooms/harbour`), ({ status }: ConnectError) => {
        return status === 401;
      });
      program.kill("SIGTERM");
      assert.equal((await ada.socket.closed).code, 1001);
      assert.deepEqual(await exit, [0, null]);
    } finally {
      program.kill("SIGKILL");
    }
  });
});
