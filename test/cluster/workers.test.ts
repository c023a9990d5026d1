import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { type ClientConnection, connect } from "hawser/client";
import { followPrimary, serve, startWorkers } from "hawser/server";
import { projectPath } from "#scripts/project-root.js";
import { freePort } from "../support/free-port.js";
import { Inbox } from "../support/inbox.js";
import { until } from "../support/until.js";
import type { ProgramSettings } from "./cluster-program.js";
import { ClusterProgram, isAlive } from "./cluster-program-process.js";

interface Client {
  readonly socket: ClientConnection;
  /** The worker that it is connected to. */
  readonly pid: number;
  readonly texts: Inbox<string | Buffer>;
}

async function client(port: number): Promise<Client> {
  const texts = new Inbox<string | Buffer>("message");
  const socket = await connect(`ws://127.0.0.1:${port}`, {
    message: (_socket, data) => texts.push(data),
  });
  const pid = Number.parseInt(String(await texts.next()), 10);
  return { socket, pid, texts };
}

async function clients(port: number, count: number): Promise<Client[]> {
  const all: Client[] = [];
  for (let i = 0; i < count; i++) all.push(await client(port));
  return all;
}

async function started(settings: ProgramSettings = {}): Promise<{
  program: ClusterProgram;
  port: number;
  pids: number[];
}> {
  const port = await freePort();
  const { program, first } = await ClusterProgram.start({
    ...settings,
    serve: { port, ...settings.serve },
  });
  assert.equal(first.event, "ready", String(first.value));
  return { program, port, pids: first.value as number[] };
}

async function stop(program: ClusterProgram, pids: readonly number[]): Promise<void> {
  program.tell("shutdown");
  assert.deepEqual(await program.ended(), [0, null]);
  assert.deepEqual(pids.filter(isAlive), []);
}

/** One client of each of two workers. */
function onEach(all: readonly Client[]): [Client, Client] {
  const [first] = all;
  assert.ok(first);
  const second = all.find(({ pid }) => pid !== first.pid);
  assert.ok(second, "all connections are at one worker");
  return [first, second];
}

// Workers end when their primary is gone.
afterEach(() => {
  for (const { primary } of ClusterProgram.running) primary.kill("SIGKILL");
});

/** Waits until a broadcast comes through, for what is sent while too much waits is lost. */
async function hears(from: Client, to: Client): Promise<void> {
  const again = setInterval(() => from.socket.send("all still here"), 50);
  try {
    for (let last: string | Buffer = ""; last !== "all still here"; ) last = await to.texts.next();
  } finally {
    clearInterval(again);
  }
}

describe("workers", () => {
  it("share one port, and the connections", async () => {
    const { program, port, pids } = await started();
    assert.equal(new Set(pids).size, 2);
    const all = await clients(port, 8);
    assert.deepEqual(new Set(all.map(({ pid }) => pid)), new Set(pids));
    await stop(program, pids);
  });

  it("bring a broadcast of one to the clients of all, as it was, and count their own", async () => {
    const { program, port, pids } = await started();
    const all = await clients(port, 6);
    const [from, other] = onEach(all);
    const own = all.filter(({ pid }) => pid === from.pid).length;
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

    from.socket.send("all hands ⚓");
    assert.deepEqual(JSON.parse(String(await from.texts.next())).sent, own - 1);
    for (const { texts } of all.filter((one) => one !== from)) {
      assert.equal(await texts.next(), "all hands ⚓");
    }
    from.socket.send(bytes);
    await from.texts.next(); // the count
    for (const { texts } of all.filter((one) => one !== from)) assert.deepEqual(await texts.next(), bytes);

    // Not twice, and not to who sent it: what comes next is what is said next.
    other.socket.send("local");
    for (const { texts } of all.filter(({ pid }) => pid === other.pid)) {
      assert.equal(await texts.next(), `local of ${other.pid}`);
    }
    program.tell({ publish: "ahoy" });
    for (const { texts } of all) assert.equal(await texts.next(), "primary: ahoy");
    await stop(program, pids);
  });

  // Where Node does not know it, test/server/reuse-port.test.ts has what happens instead.
  if (isReusePortKnown()) {
    it("may each listen for itself, with reusePort", async () => {
      const { program, port, pids } = await started({ serve: { reusePort: true } });
      const all = await clients(port, 40); // the kernel spreads them by a hash, and all at one is out of the question
      const [from, to] = onEach(all);
      from.socket.send("all of them");
      assert.equal(await to.texts.next(), "all of them");
      await stop(program, pids);
    });
  }

  it("keep the order of what one publishes", async () => {
    const { program, port, pids } = await started();
    const [from, to] = onEach(await clients(port, 4));
    for (let i = 0; i < 500; i++) from.socket.send(`all ${i}`);
    for (let i = 0; i < 500; i++) assert.equal(await to.texts.next(), `all ${i}`);
    await stop(program, pids);
  });

  it("tell their clients when the primary shuts down, and end with 0", async () => {
    const { program, port, pids } = await started();
    const all = await clients(port, 4);
    await stop(program, pids);
    for (const { socket } of all) {
      const { code, reason, wasClean } = await socket.closed;
      assert.deepEqual({ code, reason, wasClean }, { code: 1001, reason: "bye", wasClean: true });
    }
    assert.equal(program.crashes.size, 0);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`shut down when ${signal} comes to all processes of the group`, { skip: isWindows() }, async () => {
      const { program, port, pids } = await started();
      const all = await clients(port, 4);
      for (const pid of pids) process.kill(pid, signal);
      program.primary.kill(signal);
      program.primary.kill(signal);
      for (const { socket } of all) assert.equal((await socket.closed).code, 1001);
      await until(() => !pids.some(isAlive), "the workers are gone");
      program.primary.disconnect(); // what else keeps the primary
      assert.deepEqual(await program.ended(), [0, null]);
    });
  }

  it("tell their clients when the primary is killed", { skip: isWindows() }, async () => {
    const { program, port, pids } = await started();
    const all = await clients(port, 4);
    program.primary.kill("SIGKILL");
    for (const { socket } of all) assert.equal((await socket.closed).code, 1001);
    await until(() => !pids.some(isAlive), "the workers are gone");
  });

  it("end although something keeps them", async () => {
    const { program, port, pids } = await started({ failure: "lingers" });
    const { socket } = await client(port);
    await stop(program, pids);
    assert.equal((await socket.closed).code, 1001);
  });

  it("are replaced when they crash, and the others are not disturbed", async () => {
    const { program, port } = await started({ workers: { restartDelayMs: 20 } });
    const all = await clients(port, 4);
    const [victim, other] = onEach(all);
    victim.socket.send("crash");
    assert.deepEqual(await program.crashes.next(), {
      pid: victim.pid,
      exitCode: 7,
      signal: null,
      restartInMs: 20,
    });
    assert.equal((await victim.socket.closed).code, 1006);
    let now: number[] = [];
    for (let i = 0; now.length < 2 && i < 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      now = await program.ask<number[]>("pids");
    }
    assert.equal(now.length, 2);
    assert.ok(now.includes(other.pid) && !now.includes(victim.pid));

    const newcomers = await clients(port, 4);
    const replaced = newcomers.find(({ pid }) => pid !== other.pid);
    assert.ok(replaced, "the new worker has clients");
    replaced.socket.send("all aboard");
    assert.equal(await other.texts.next(), "all aboard");
    assert.equal(other.socket.state, "open");
    await stop(program, now);
  });

  it("are not started again when too many crashed, one after the other, and wait longer each time", async () => {
    const { program, port, pids } = await started({ workers: { restartDelayMs: 10, maxRestarts: 2 } });
    const keep = onEach(await clients(port, 4))[0];
    const delays: unknown[] = [];
    while (delays.length < 3) {
      const one = await client(port);
      if (one.pid === keep.pid) continue;
      one.socket.send("crash");
      delays.push(((await program.crashes.next()) as { restartInMs?: number }).restartInMs);
    }
    assert.deepEqual(delays, [10, 20, undefined]);
    assert.deepEqual(await program.ask("pids"), [keep.pid]);
    assert.equal((await client(port)).pid, keep.pid);
    await stop(program, pids);
  });

  it("are replaced one after the other by restart, while the port is served", async () => {
    const { program, port, pids } = await started();
    const all = await clients(port, 4);
    program.tell("restart");
    const meanwhile: Client[] = [];
    const codes = Promise.all(all.map(async ({ socket }) => (await socket.closed).code));
    for (let i = 0; i < 10; i++) meanwhile.push(await client(port));
    assert.deepEqual(await codes, [1012, 1012, 1012, 1012]);
    assert.equal((await program.said.next()).event, "restarted");
    const now = await program.ask<number[]>("pids");
    assert.equal(now.length, 2);
    assert.deepEqual(
      now.filter((pid) => pids.includes(pid)),
      [],
    );
    assert.deepEqual(pids.filter(isAlive), []);
    assert.equal(program.crashes.size, 0);
    await stop(program, now);
  });

  it("do not wedge the others when one does not read, nor fill the primary's memory", {
    skip: isWindows(),
  }, async () => {
    const { program, port, pids } = await started({
      workers: { count: 3 },
      maxBufferedBytes: 1_000_000,
    });
    const all = await clients(port, 9);
    const [stopped, from] = onEach(all);
    const to = all.find(({ pid }) => pid !== stopped.pid && pid !== from.pid)!;
    const before = await program.ask<number>("memory");
    process.kill(stopped.pid, "SIGSTOP");
    try {
      from.socket.send(`flood 4000 ${64 * 1024}`); // 250 MiB
      for (let last: string | Buffer = ""; last !== "flooded"; ) last = await from.texts.next();
      await hears(from, to);
      // On a busy machine another one may be told of, too.
      const told = new RegExp(`worker ${stopped.pid} reads too slowly`);
      for (let last = ""; !told.test(last); ) last = await program.warnings.next();
      const grown = (await program.ask<number>("memory")) - before;
      assert.ok(grown < 150_000_000, `the primary has grown by ${grown} bytes`);
      program.tell("shutdown"); // the one that does not read is killed
      assert.deepEqual(await program.ended(), [0, null]);
      assert.deepEqual(pids.filter(isAlive), []);
    } finally {
      if (isAlive(stopped.pid)) process.kill(stopped.pid, "SIGKILL");
    }
  });

  it("that vanish while others publish do not disturb the primary", { skip: isWindows() }, async () => {
    const { program, port, pids } = await started({ workers: { count: 3, restartDelayMs: 10 } });
    const all = await clients(port, 9);
    const [from, victim] = onEach(all);
    const to = all.find(({ pid }) => pid !== victim.pid && pid !== from.pid)!;
    from.socket.send("flood 500 65536");
    process.kill(victim.pid, "SIGKILL");
    const crash = (await program.crashes.next()) as { pid: number; signal: string };
    assert.equal(crash.pid, victim.pid);
    assert.equal(crash.signal, "SIGKILL");
    for (let last: string | Buffer = ""; last !== "flooded"; ) last = await from.texts.next();
    await hears(from, to);
    await stop(program, pids);
  });
});

describe("startWorkers", () => {
  it("rejects when a worker ends before it is ready, and leaves none", async () => {
    const { program, first } = await ClusterProgram.start({ failure: "exit" });
    assert.deepEqual(first, {
      event: "failed",
      value: ["WORKER_FAILED", "a worker ended with 3 before it was ready"],
    });
    assert.deepEqual(await program.ended(), [0, null]);
  });

  it("rejects when the port is taken", async () => {
    const squatter = createServer();
    const port = await new Promise<number>((resolve) =>
      squatter.listen(0, "127.0.0.1", () => resolve((squatter.address() as { port: number }).port)),
    );
    const { program, first } = await ClusterProgram.start({ serve: { port } });
    assert.equal(first.event, "failed");
    assert.deepEqual(await program.ended(), [0, null]);
    squatter.close();
  });

  it("resolves when it is to shut down before workers were ready", { skip: isWindows() }, async () => {
    const starting = ClusterProgram.start({ failure: "hang" });
    const [running] = ClusterProgram.running;
    await running!.online.next(); // and never says that it is ready
    running!.primary.kill("SIGTERM");
    const { program, first } = await starting;
    assert.deepEqual(first, { event: "ready", value: [] });
    program.primary.disconnect();
    assert.deepEqual(await program.ended(), [0, null]);
  });

  it("refuses options that cannot be", async () => {
    for (const options of [
      { count: 0 },
      { count: 1.5 },
      { count: Number.NaN },
      { restartDelayMs: -1 },
      { restartDelayMs: 30_001 },
      { maxRestarts: -1 },
    ]) {
      await assert.rejects(startWorkers(options), { code: "INVALID_OPTION" }, JSON.stringify(options));
    }
  });
});

describe("followPrimary", () => {
  it("is refused in a process that is no worker", async () => {
    const server = await serve({ port: 0 });
    await assert.rejects(followPrimary(server), { code: "INVALID_OPTION" });
    await server.shutdown();
  });
});

function isWindows(): boolean {
  return process.platform === "win32";
}

function isReusePortKnown(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return (
    process.platform === "linux" &&
    (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12))
  );
}

describe("in a thread of node:worker_threads", () => {
  /** What a program there tells, as the last thing that it does. */
  async function toldByThread(body: string): Promise<unknown> {
    const entry = JSON.stringify(pathToFileURL(projectPath("dist/entry/server.js")).href);
    const program = `import(${entry}).then(async (hawser) => {
      const tell = (what) => require("node:worker_threads").parentPort.postMessage(what);
      ${body}
    });`;
    const thread = new Worker(program, { eval: true });
    const [told] = (await once(thread, "message")) as [unknown];
    await thread.terminate();
    return told;
  }

  it("startWorkers is refused: it would wait for ever", async () => {
    const told = await toldByThread("await hawser.startWorkers().catch(({ code }) => tell(code));");
    assert.equal(told, "INVALID_OPTION");
  });

  it("clusterBroker warns, once, that it reaches nobody", async () => {
    const told = await toldByThread(`
      const warnings = [];
      process.on("warning", ({ code, message }) => warnings.push([code, message]));
      for (let i = 0; i < 2; i++) hawser.clusterBroker();
      setTimeout(() => tell(warnings), 50);
    `);
    assert.deepEqual(told, [
      ["HAWSER_BROKER", "clusterBroker is between processes: from a worker thread it reaches nobody else"],
    ]);
  });
});
