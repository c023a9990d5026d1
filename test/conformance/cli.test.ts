import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import type { ConformanceReport } from "hawser/conformance";
import { projectPath } from "#scripts/project-root.js";
import { drive, wsClient } from "./echo-client.js";
import { sloppyServer } from "./sloppy-server.js";

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(...commandArguments: readonly string[]): { child: ChildProcess; finished: Promise<Finished> } {
  const child = spawn(process.execPath, [projectPath("dist", "cli", "main.js"), ...commandArguments]);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const finished = new Promise<Finished>((resolve) =>
    child.on("close", (code) => resolve({ code, stdout, stderr })),
  );
  return { child, finished };
}

const hawser = (...commandArguments: readonly string[]): Promise<Finished> =>
  start(...commandArguments).finished;

describe("hawser", () => {
  for (const [commandArguments, message] of [
    [["unknown"], /there is no command "unknown"/],
    [["conformance", "--unknown"], /Unknown option '--unknown'/],
    [["conformance"], /a URL or --listen is needed/],
    [["conformance", "http://127.0.0.1"], /Not a ws: or wss: URL/],
    [["conformance", "ws://a", "ws://b"], /one URL/],
    [["conformance", "ws://a", "--listen", "9001"], /not both/],
    [["conformance", "ws://a", "--timeout", "soon"], /--timeout must be a whole number/],
    [["conformance", "ws://a", "--only", "99.*"], /no case for a server is left/],
    [["conformance", "ws://a", "--only", "28.*"], /no case for a server is left/],
    [["conformance", "--listen", "0", "--only", "20.*,("], /no case for a client is left/],
  ] as const) {
    it(`exits with 2 for ${commandArguments.join(" ")}`, async () => {
      const { code, stderr } = await hawser(...commandArguments);
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
  }

  it("tells what it can do", async () => {
    const [general, conformance] = await Promise.all([hawser("--help"), hawser("conformance", "--help")]);
    assert.equal(general.code, 0);
    assert.match(general.stdout, /conformance/);
    assert.equal(conformance.code, 0);
    assert.match(conformance.stdout, /--exclude/);
  });

  it("prints its version", async () => {
    const { version } = JSON.parse(await readFile(projectPath("package.json"), "utf8")) as {
      version: string;
    };
    for (const option of ["--version", "-v"]) {
      const { code, stdout } = await hawser(option);
      assert.equal(code, 0);
      assert.equal(stdout, `${version}\n`);
    }
  });

  it("stops at once where nobody listens, exits with 1 and says why", async () => {
    const server = await sloppyServer();
    await server.stop();
    const { code, stdout, stderr } = await hawser("conformance", server.url, "--json");
    assert.equal(code, 1);
    assert.match(stderr, /^hawser conformance: nobody can be reached at ws:\S+ \(ECONNREFUSED\)\n$/);
    assert.deepEqual(JSON.parse(stdout), []);
  });

  it("tests a server: exits with 0, with 1 once a case fails, and writes JSON and a page", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "hawser-"));
    t.after(() => rm(folder, { recursive: true }));
    const [sound, broken] = await Promise.all([sloppyServer(), sloppyServer("cuts long echoes")]);
    t.after(() => Promise.all([sound.stop(), broken.stop()]));
    const options = ["--only", "1.*,2.1", "--exclude", "1.2.8", "--json", "--html", folder];
    const good = await hawser("conformance", sound.url, "--agent", "sound", ...options);
    assert.equal(good.code, 0, good.stderr);
    const [report] = JSON.parse(good.stdout) as ConformanceReport[];
    assert.equal(report?.agent, "sound");
    assert.equal(report.results.length, 16);
    const bad = await hawser("conformance", broken.url, "--agent", "<broken>", ...options);
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /fail 1\.1\.3 .*\n +the echo has 125 bytes and not 126/);
    const page = await readFile(join(folder, "index.html"), "utf8");
    assert.match(page, /sound/);
    assert.match(page, /&lt;broken&gt;/);
    assert.ok(!page.includes("<broken>".concat("</span>")));
    assert.ok(!/(?:src|href)=/.test(page), "needs nothing else");
  });

  it("tests clients that connect, until the first has asked for its report", async () => {
    const { child, finished } = start("conformance", "--listen", "0", "--once", "--only", "1.1.*");
    const url = await new Promise<string>((resolve) => {
      child.stderr!.on("data", (text: Buffer) => {
        const found = /ws:\S+/.exec(text.toString())?.[0];
        if (found !== undefined) resolve(found);
      });
    });
    await drive(url, "ws", wsClient);
    const { code, stderr } = await finished;
    assert.equal(code, 0);
    assert.match(stderr, /ws as client:\n +1 Framing +8 pass/);
  });

  it("lists the cases", async () => {
    const { stdout } = await hawser("conformance", "--list", "--only", "7.9.1");
    assert.equal(
      stdout,
      "7.9.1    both   A close frame with 0, which must not be sent, fails the connection. (RFC 6455 §7.4)\n",
    );
  });
});
