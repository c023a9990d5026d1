import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FaultProxy } from "#testbed/fault-proxy.js";
import { SeededRandom } from "#testbed/seeded-random.js";
import { inflict } from "./faults.js";
import { chart, type Flatness, flatness } from "./flatness.js";
import type { SoakCommand, SoakReport, SoakServerAddress } from "./soak-report.js";

/** Far longer than our heartbeats take; for clients that have none, and would wait in a black hole to the end. */
const FORGETS_AFTER_MS = 20_000;

// npm run soak [-- --minutes N] [--seed N] [--clients N] [--sessions N] [--sample-seconds N]
// A server and clients, each in a process of its own, with proxies between them that make faults. Exits with 1 if a message
// was lost, doubled, swapped or altered, if anything was thrown or left, or if memory or descriptors grew.

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    clients: { type: "string", default: "24" },
    sessions: { type: "string", default: "12" },
    "sample-seconds": { type: "string", default: "3" },
  },
});
const seed = Number(values.seed);
const random = new SeededRandom(seed);
const endsAt = performance.now() + Number(values.minutes) * 60_000;
const sampleMs = Number(values["sample-seconds"]) * 1_000;
const WEATHER_CHANGES_MS = 2_000;
const ANSWER_TIMEOUT_MS = 60_000;
const SETTLE_TIMEOUT_MS = 20_000;
const MIB = 1024 * 1024;
/** What a heap or a number of descriptors may differ by because the traffic of two moments does. */
const HEAP_SLACK_BYTES = 3 * MIB;
const DESCRIPTOR_SLACK = 12;
/** What may be left at the very end: code that was compiled meanwhile, tables of ours. */
const MAX_LEFT_HEAP_BYTES = 8 * MIB;
const MAX_LEFT_EXTERNAL_BYTES = 2 * MIB;

function start(file: string, ...programArguments: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), programArguments, { execArgv: ["--expose-gc"] });
}

async function message<T>(child: ChildProcess): Promise<T> {
  const [value] = (await once(child, "message", { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })) as [T];
  return value;
}

function ask<T>(child: ChildProcess, command: SoakCommand): Promise<T> {
  const answer = message<T>(child);
  child.send(command);
  return answer;
}

const server = start("soak-server.js", String(random.integer(1, 1e9)));
process.on("exit", () => {
  server.kill("SIGKILL"); // nothing is left, whatever went wrong here
});
const address = await message<SoakServerAddress>(server);
const clients = start("soak-clients.js", String(random.integer(1, 1e9)), values.clients, values.sessions);
process.on("exit", () => {
  clients.kill("SIGKILL");
});
await message<string>(clients);
const plain = await FaultProxy.start({
  targetPort: address.plainPort,
  seed: random.integer(1, 1e9),
  forgetsAfterMs: FORGETS_AFTER_MS,
});
const secure = await FaultProxy.start({
  targetPort: address.securePort,
  seed: random.integer(1, 1e9),
  forgetsAfterMs: FORGETS_AFTER_MS,
});
const proxies = [plain, secure];

const processes = { server, clients };
type ProcessName = keyof typeof processes;
const names = Object.keys(processes) as ProcessName[];
const samples: Record<ProcessName, SoakReport[]> = { server: [], clients: [] };
const before = {
  server: await ask<SoakReport>(server, { call: "report" }),
  clients: await ask<SoakReport>(clients, { call: "report" }),
};

clients.send({
  call: "start",
  plainPort: plain.port,
  securePort: secure.port,
  ca: address.ca,
} satisfies SoakCommand);
const weather = setInterval(() => inflict(proxies, random), WEATHER_CHANGES_MS);

process.stdout.write(
  `soak: ${values.minutes} minutes, seed ${seed}, ${values.clients} clients and ${values.sessions} sessions at a time\n`,
);
while (performance.now() < endsAt) {
  await delay(Math.min(sampleMs, Math.max(1, endsAt - performance.now())));
  for (const name of names) samples[name].push(await ask<SoakReport>(processes[name], { call: "report" }));
  progress();
}

clearInterval(weather);
for (const proxy of proxies) {
  proxy.unblock();
  proxy.setFaults({});
}
await ask<string>(clients, { call: "stop" });
await Promise.all(proxies.map((proxy) => proxy.close()));
const after = { server: await settled("server"), clients: await settled("clients") };
const serverExit = once(server, "exit", { signal: AbortSignal.timeout(SETTLE_TIMEOUT_MS) });
server.send({ call: "stop" } satisfies SoakCommand);
const endedByItself = await serverExit.then(
  ([code]) => code === 0,
  () => false,
);
server.kill("SIGKILL");
clients.disconnect();
const clientsExit = once(clients, "exit", { signal: AbortSignal.timeout(SETTLE_TIMEOUT_MS) });
await clientsExit.catch(() => clients.kill("SIGKILL"));
conclude();

/** A report from when nothing is left, or from when that is given up. */
async function settled(name: ProcessName): Promise<SoakReport> {
  const givesUpAt = performance.now() + SETTLE_TIMEOUT_MS;
  const none = before[name];
  // The server's broadcast is a timer that was there before.
  for (;;) {
    const now = await ask<SoakReport>(processes[name], { call: "report" });
    const isSettled =
      now.connections === 0 &&
      now.descriptors <= none.descriptors &&
      now.sockets <= none.sockets &&
      now.timers <= none.timers;
    if (isSettled || performance.now() > givesUpAt)
      return ask<SoakReport>(processes[name], { call: "report" });
    await delay(100);
  }
}

function progress(): void {
  const last = samples.server.at(-1)!;
  const client = samples.clients.at(-1)!;
  const leftSeconds = Math.max(0, Math.round((endsAt - performance.now()) / 1_000));
  const line =
    `${leftSeconds} s left: ${last.connections} open, ${total(client.ends)} ended, ` +
    `${(last.messages + client.messages).toLocaleString("en")} messages, ` +
    `heap ${mib(last.heapUsed)} + ${mib(client.heapUsed)} MiB, ${last.descriptors} + ${client.descriptors} descriptors`;
  process.stderr.write(process.stderr.isTTY ? `\r${line.padEnd(110)}` : `${line}\n`);
}

function conclude(): void {
  const problems = [...new Set([...after.server.problems, ...after.clients.problems])];
  const rows: Flatness[] = [];
  for (const name of names) {
    const all = samples[name];
    rows.push(
      flatness(
        `${name}, heap`,
        all.map(({ heapUsed }) => heapUsed),
        HEAP_SLACK_BYTES,
      ),
      flatness(
        `${name}, descriptors`,
        all.map(({ descriptors }) => descriptors),
        DESCRIPTOR_SLACK,
      ),
    );
    const left = (what: "connections" | "sockets" | "descriptors" | "timers"): number =>
      after[name][what] - before[name][what];
    for (const what of ["connections", "sockets", "descriptors", "timers"] as const) {
      if (left(what) > 0) problems.push(`${name}: ${left(what)} ${what} left`);
    }
    const heap = after[name].heapUsed - before[name].heapUsed;
    const external = after[name].external - before[name].external;
    if (heap > MAX_LEFT_HEAP_BYTES) problems.push(`${name}: ${mib(heap)} MiB of heap left`);
    if (external > MAX_LEFT_EXTERNAL_BYTES)
      problems.push(`${name}: ${mib(external)} MiB left outside of the heap`);
  }
  if (!endedByItself) problems.push("something kept the server's process alive after shutdown()");
  process.stdout.write(`\n\nfaults, plain: ${JSON.stringify(plain.counts)}`);
  process.stdout.write(`\nfaults, TLS:   ${JSON.stringify(secure.counts)}\n`);
  process.stdout.write(`server ended connections as: ${JSON.stringify(after.server.ends)}\n`);
  process.stdout.write(`clients saw: ${JSON.stringify(after.clients.ends)}\n`);
  process.stdout.write(
    `${after.server.messages} messages (${mib(after.server.bytes)} MiB) to the server, ` +
      `${after.clients.messages} (${mib(after.clients.bytes)} MiB) to clients, all checked\n\n`,
  );
  for (const row of rows) {
    const isHeap = row.name.endsWith("heap");
    const show = (value: number): string => (isHeap ? `${mib(value)} MiB` : value.toFixed(0));
    process.stdout.write(
      `${row.name.padEnd(20)} first third ${show(row.first)}, last third ${show(row.last)}, ` +
        `line ${row.growth < 0 ? "" : "+"}${show(row.growth)}: ${row.isFlat ? "flat" : "NOT FLAT"}\n`,
    );
    if (!row.isFlat) problems.push(`${row.name} is not flat`);
  }
  for (const name of names) {
    const of = (what: "heapUsed" | "descriptors" | "rss"): number[] => samples[name].map((one) => one[what]);
    process.stdout.write(`\n${name}, from start to end\n`);
    for (const what of ["heapUsed", "rss", "descriptors"] as const) {
      const highest = Math.max(...of(what));
      const top = what === "descriptors" ? String(highest) : `${mib(highest)} MiB`;
      process.stdout.write(`${what.padEnd(12)} ${chart(of(what), 80)} highest ${top}\n`);
    }
    process.stdout.write(
      `at the end    heap ${mib(after[name].heapUsed)} MiB (before ${mib(before[name].heapUsed)}), ` +
        `outside ${mib(after[name].external)} MiB (before ${mib(before[name].external)}), ` +
        `${after[name].descriptors} descriptors (before ${before[name].descriptors}), ` +
        `${after[name].timers} timers (before ${before[name].timers})\n`,
    );
  }
  process.stdout.write(
    problems.length === 0 ? "\nevery promise was kept\n" : `\nBROKEN:\n  ${problems.join("\n  ")}\n`,
  );
  if (problems.length > 0) process.exitCode = 1;
}

function total(tally: Readonly<Record<string, number>>): number {
  return Object.values(tally).reduce((sum, count) => sum + count, 0);
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
