import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { serve } from "hawser/server";
import { projectPath } from "#scripts/project-root.js";
import { Inbox, PATIENCE_MS } from "../support/inbox.js";
import { withTimeout } from "../support/with-timeout.js";

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function startBench(...commandArguments: readonly string[]): {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
} {
  const command = [projectPath("dist", "cli", "main.js"), "bench", ...commandArguments];
  const child = spawn(process.execPath, command);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const finished = new Promise<Finished>((resolve) =>
    child.on("close", (code) => resolve({ code, stdout, stderr })),
  );
  return { child, finished };
}

function hawserBench(...commandArguments: readonly string[]): Promise<Finished> {
  return startBench(...commandArguments).finished;
}

const BRIEF = ["--duration", "0.2", "--warm-up", "0.05", "--connections", "3"] as const;

describe("hawser bench", () => {
  it("exits with 2 for arguments that cannot work, and says why", async () => {
    await Promise.all(
      (
        [
          [[], /a URL is needed/],
          [["http://127.0.0.1"], /Not a ws: or wss: URL/],
          [["ws://a", "--fan-out", "--connect"], /not both/],
          [["ws://a", "--session", "--connect"], /sessions echo or fan out/],
          [["ws://a", "--http2", "2", "--compress"], /nothing is compressed/],
          [["ws://a", "--size", "20,huge"], /--size must be bytes/],
          [["ws://a", "--header", "no colon"], /--header must be/],
          [["ws://a", "--pid", "999999999"], /nothing is known of process/],
        ] as const
      ).map(async ([commandArguments, message]) => {
        const { code, stderr } = await hawserBench(...commandArguments);
        assert.equal(code, 2, commandArguments.join(" "));
        assert.match(stderr, message);
      }),
    );
  });

  it("ends at once when it is interrupted before the load has begun, and with a report afterwards", async (t) => {
    let opened = 0;
    const connected = new Inbox<number>("connection");
    const server = await serve({
      open: () => connected.push(++opened),
      message: (socket, data) => void socket.send(data),
    });
    t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
    const interrupted = async (...more: readonly string[]): Promise<Finished> => {
      const { child, finished } = startBench(server.url, "--connections", "1", ...more);
      await connected.next();
      await delay(500); // the load begins, where it does
      child.kill("SIGINT");
      return withTimeout(finished, PATIENCE_MS, "the end of the command");
    };
    const waiting = await interrupted("--skip", "1");
    assert.equal(waiting.code, 1);
    assert.match(waiting.stderr, /interrupted before the load began/);
    const measuring = await interrupted("--warm-up", "0", "--duration", "100");
    assert.equal(measuring.code, 0);
    assert.match(measuring.stdout, /^messages/);
  });

  it("tells what it can do", async () => {
    const { code, stdout } = await hawserBench("--help");
    assert.equal(code, 0);
    assert.match(stdout, /--fan-out/);
  });

  it("prints a table, or JSON with what was asked and what came of it", async (t) => {
    const server = await serve({ message: (socket, data) => void socket.send(data) });
    t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
    const isLinux = process.platform === "linux";
    const pid = isLinux ? ["--pid", String(process.pid)] : [];
    const [table, json] = await Promise.all([
      hawserBench(server.url, ...BRIEF, "--text", "héllo", "--header", "X-Token: a b", ...pid),
      hawserBench(server.url, ...BRIEF, "--size", "20,1k", "--window", "4", "--json", ...pid),
    ]);
    assert.equal(table.code, 0, table.stderr);
    assert.match(table.stdout, /^messages +[\d,]+ in 0\.\d\d s$/m);
    assert.match(table.stdout, /^latency p99\.9 +\d/m);
    assert.equal(json.code, 0, json.stderr);
    const result = JSON.parse(json.stdout);
    assert.deepEqual(Object.keys(result).sort(), [
      ...[
        "answerBytes",
        "connections",
        "faults",
        "generator",
        "isCompressed",
        "isGeneratorSaturated",
        "latencyMs",
      ],
      ...["messages", "perSecond", "plan", "seconds", ...(isLinux ? ["server"] : []), "url"],
    ]);
    assert.deepEqual(result.plan.sizes, [20, 1024]);
    assert.equal(result.plan.window, 4);
    assert.deepEqual(Object.keys(result.latencyMs), ["mean", "p50", "p99", "p999", "max"]);
    assert.ok(result.messages > 0);
    if (isLinux) assert.ok(result.server.rssBytes > 1_000_000);
  });

  it("exits with 1 if answers are wrong, or there is no server", async (t) => {
    const server = await serve({ message: (socket) => void socket.send("no") });
    t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
    const [wrong, none] = await Promise.all([
      hawserBench(server.url, ...BRIEF),
      hawserBench("ws://127.0.0.1:1/", ...BRIEF),
    ]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout, /wrong: the peer answered binary with text \(3 times\)/);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /cannot connect: ECONNREFUSED/);
  });
});
