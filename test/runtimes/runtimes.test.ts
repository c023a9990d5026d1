import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { connect } from "hawser/client";
import { testServer } from "hawser/conformance";
import { fetchedRuntime, type RuntimeName } from "#scripts/fetched-runtime.js";
import { projectPath } from "#scripts/project-root.js";
import { testCertificate } from "../support/certificate.js";
import { freePort } from "../support/free-port.js";
import { Inbox } from "../support/inbox.js";
import { suiteFate } from "../support/requirements.js";
import { NODE_AND_DENO_CHECKS, RUNTIME_CHECKS } from "./runtime-checks.js";

const PROGRAM = projectPath("build", "test", "runtimes", "runtime-program.js");
/** All of them take a quarter of a minute for each runtime, most of it for these: the rest is for a run by hand. */
const LEFT_OUT = ["9.*", "12.*", "13.*"];
const KEPT_OF_THEM = ["12.1.*", "12.5.*", "13.3.*", "13.7.*"];
/** On a busy machine Bun now and then resets what was ended while a flood goes on, and the refusal is lost on its way. */
const LOST_BY_BUN = /^20\.8\.\d+ non-strict: it ends the transport without an answer$/;

const ARGUMENTS: Readonly<Record<RuntimeName, readonly string[]>> = {
  bun: [],
  deno: ["run", "--allow-all", "--no-lock"],
};

for (const name of ["bun", "deno"] as const) {
  const title = `Hawser on ${name === "bun" ? "Bun" : "Deno"}`;
  const status = fetchedRuntime(name);
  if (!status.available) {
    if (suiteFate(status, process.env["HAWSER_REQUIRE_ALL"]) === "skip")
      describe(title, { skip: status.skip }, () => {});
    else describe(title, () => it(`needs ${name}`, () => assert.fail(status.skip)));
    continue;
  }

  const start = (...values: string[]): ChildProcess =>
    spawn(status.path, [...ARGUMENTS[name], PROGRAM, ...values], { stdio: ["ignore", "pipe", "inherit"] });

  describe(title, () => {
    const folder = mkdtempSync(join(tmpdir(), "hawser-runtimes-"));
    const outcomes = new Map<string, string | undefined>();

    before(async () => {
      const { cert, key } = testCertificate();
      writeFileSync(join(folder, "cert.pem"), cert);
      writeFileSync(join(folder, "key.pem"), key);
      const program = start("checks", join(folder, "cert.pem"), join(folder, "key.pem"));
      let output = "";
      program.stdout!.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      await once(program, "close");
      for (const line of output.split("\n").filter((text) => text.startsWith("{"))) {
        const { name: check, error } = JSON.parse(line) as { name: string; error?: string };
        outcomes.set(check, error);
      }
    });
    after(() => rmSync(folder, { recursive: true }));

    const checks = name === "bun" ? RUNTIME_CHECKS : { ...RUNTIME_CHECKS, ...NODE_AND_DENO_CHECKS };
    for (const check of Object.keys(checks)) {
      it(check, () => {
        assert.ok(outcomes.has(check), "the program ended before");
        assert.equal(outcomes.get(check), undefined);
      });
    }

    it("passes the conformance suite as a server, driven from Node", async () => {
      const program = start("echo");
      try {
        const [line] = (await once(program.stdout!, "data")) as [Buffer];
        const options = { agent: name, timeoutMs: 20_000, concurrency: 8 };
        const url = String(line).trim();
        const reports = [
          await testServer(url, { ...options, exclude: LEFT_OUT }),
          await testServer(url, { ...options, only: KEPT_OF_THEM }),
        ];
        const short = reports
          .flatMap(({ results }) => results)
          .filter(({ verdict }) => verdict !== "pass")
          .map(({ id, verdict, reason }) => `${id} ${verdict}: ${reason}`)
          .filter((line) => name !== "bun" || !LOST_BY_BUN.test(line));
        assert.deepEqual(short, []);
      } finally {
        const gone = once(program, "exit");
        program.kill("SIGKILL");
        await gone;
      }
    });

    it("shares a port among workers, and a broadcast among their clients", async () => {
      const port = await freePort();
      const example = projectPath("build", "examples", "cluster", "server.js");
      const program = spawn(status.path, [...ARGUMENTS[name], example], {
        env: { ...process.env, PORT: String(port), WORKERS: "2" },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exit = once(program, "exit");
      try {
        await once(program.stdout, "data");
        const inboxes = [0, 1, 2, 3].map(() => new Inbox<string | Buffer>("message"));
        const sockets = await Promise.all(
          inboxes.map((inbox) =>
            connect(`ws://127.0.0.1:${port}`, { message: (_socket, data) => inbox.push(data) }),
          ),
        );
        for (const inbox of inboxes) assert.match(String(await inbox.next()), /^worker \d+ greets you$/);
        sockets[0]!.send("ahoy");
        for (const inbox of inboxes.slice(1)) assert.equal(await inbox.next(), "ahoy");
        program.kill("SIGTERM");
        await exit;
        for (const socket of sockets) await socket.closed;
      } finally {
        program.kill("SIGKILL");
      }
    });
  });
}
