import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { type Api, hawser, listening, patiently, ws } from "./implementations.js";

const PROGRAM = new URL("./process-program.js", import.meta.url);

for (const [name, api] of [
  ["ws", ws],
  ["hawser/ws", hawser],
] as const satisfies readonly (readonly [string, Api])[]) {
  describe(`${name}: the process`, () => {
    it("dies of a listener that throws", async () => {
      const { code, stderr } = await run(name, "throw");
      assert.notEqual(code, 0);
      assert.match(stderr, /Error: thrown in a listener/);
    });

    it("dies of an error that nobody listens for", async () => {
      const { code, stderr } = await run(name, "unheard");
      assert.notEqual(code, 0);
      assert.match(stderr, /ECONNREFUSED/);
    });

    it("has sent what it sent before process.exit()", async (t) => {
      const { wss, url } = await listening(t, api);
      const message = new Promise((resolve) => {
        wss.on("connection", (socket) => {
          socket.on("error", () => {});
          socket.on("message", (data) => resolve(String(data)));
        });
      });
      await run(name, "exit", url);
      assert.equal(await patiently(message, "the last message"), "last words");
    });

    it("has sent what a handler of exit sent that was added late", async (t) => {
      const { wss, url } = await listening(t, api);
      const seen: string[] = [];
      const closed = new Promise<void>((resolve) => {
        wss.on("connection", (socket) => {
          socket.on("error", () => {});
          socket.on("message", (data) => seen.push(String(data)));
          socket.on("close", (code, reason) => {
            seen.push(`${code} ${String(reason)}`);
            resolve();
          });
        });
      });
      await run(name, "exit-handler", url);
      await patiently(closed, "the end of the connection");
      assert.deepEqual(seen, ["first", "last words", "1001 exiting"]);
    });

    it("has sent what a handler of exit sent after a listener ended the process", async (t) => {
      const { wss, url } = await listening(t, api);
      const message = new Promise((resolve) => {
        wss.on("connection", (socket) => {
          socket.on("error", () => {});
          socket.on("message", (data) => resolve(String(data)));
          socket.send("go");
        });
      });
      await run(name, "exit-in-listener", url);
      assert.equal(await patiently(message, "the last message"), "last words");
    });

    it("ends when all is closed", async () => {
      const { code, stderr } = await run(name, "quiet");
      assert.equal(stderr, "");
      assert.equal(code, 0);
    });
  });
}

describe("hawser/ws: a listener that throws where somebody catches", () => {
  it("loses no message, and hands out none before it is known", async () => {
    const { code, stdout } = await run("hawser/ws", "caught");
    assert.equal(code, 0);
    assert.equal(stdout.trim(), "1 2 caught-2 3 4 closed-1000");
  });
});

async function run(
  ...programArguments: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = fork(PROGRAM, programArguments, { silent: true });
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (data) => {
    stdout += data;
  });
  child.stderr!.on("data", (data) => {
    stderr += data;
  });
  const [code] = (await patiently(once(child, "close"), "the end of the program")) as [number];
  return { code, stdout, stderr };
}
