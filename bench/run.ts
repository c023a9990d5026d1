import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LOADS, type Load } from "./loads.js";

// npm run bench -- [--only TEXT] [--contenders hawser,ws,net] [--rounds N] [--seconds N] [--json]
// Each contender's server runs in a process of its own on one core, the generator on the other. Contenders take turns
// within a round, so that a change of the machine's speed meets all of them. What is printed is the median of the rounds.

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    contenders: { type: "string", default: "hawser,ws,net" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    json: { type: "boolean", default: false },
  },
});
const contenders = values.contenders.split(",");
const rounds = Number(values.rounds);
const milliseconds = Number(values.seconds) * 1000;
const canPin = cpus().length > 1 && spawnSync("taskset", ["-V"]).status === 0;

interface Measurement {
  /** CPU time of the server a message (a delivery, a connection), in microseconds. */
  readonly cpuMicros: number;
  readonly perSecond: number;
  readonly generatorLoad: number;
}

function pinned(core: number, args: readonly string[]): [string, string[]] {
  return canPin
    ? ["taskset", ["-c", String(core), process.execPath, ...args]]
    : [process.execPath, [...args]];
}

function file(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** User and system time of a process so far, in microseconds; the kernel counts in hundredths of a second. */
function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function measure(contender: string, load: Load): Promise<Measurement> {
  const server = spawn(...pinned(0, [file(`contenders/${contender}.js`)]), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const port = await new Promise<string>((resolve) => {
      server.stdout.once("data", (text: Buffer) => resolve(text.toString().trim()));
    });
    const generate = (forMs: number): { messages: number; seconds: number; generatorCpuSeconds: number } =>
      JSON.parse(
        execFileSync(
          ...pinned(1, [file("generator.js"), JSON.stringify(load), port, String(forMs), contender]),
        ).toString(),
      );
    generate(milliseconds / 3); // until the hot code is compiled
    const before = cpuMicros(server.pid!);
    const { messages, seconds, generatorCpuSeconds } = generate(milliseconds);
    const spent = cpuMicros(server.pid!) - before;
    return {
      cpuMicros: spent / messages,
      perSecond: messages / seconds,
      generatorLoad: generatorCpuSeconds / seconds,
    };
  } finally {
    server.kill();
    await new Promise((resolve) => server.once("exit", resolve));
  }
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const results: Record<string, Record<string, Measurement[]>> = {};
const loads = LOADS.filter(({ name }) => name.includes(values.only));
for (const [index, load] of loads.entries()) {
  const measured: Record<string, Measurement[]> = (results[load.name] = {});
  const taking = contenders.filter((name) => name !== "net" || load.kind === "echo");
  for (let round = 0; round < rounds; round++) {
    for (const contender of taking) {
      process.stderr.write(
        `\r${index + 1}/${loads.length} ${load.name}, round ${round + 1}/${rounds}, ${contender}   `,
      );
      (measured[contender] ??= []).push(await measure(contender, load));
    }
  }
  process.stderr.write(`${"\r".padEnd(100)}\r`);
  const ours = measured["hawser"];
  const cells = taking.map((name) => {
    const cpu = median(measured[name]!.map((m) => m.cpuMicros));
    const rate = median(measured[name]!.map((m) => m.perSecond));
    const ratios = ours?.map((m, i) => m.cpuMicros / measured[name]![i]!.cpuMicros) ?? [];
    const ratio = name === "hawser" || ratios.length === 0 ? "" : ` (Hawser: ${median(ratios).toFixed(2)}x)`;
    return `${name} ${cpu.toFixed(2)} µs, ${Math.round(rate).toLocaleString("en")}/s${ratio}`;
  });
  process.stdout.write(`${load.name}: ${cells.join(" | ")}\n`);
}

const report = {
  at: new Date().toISOString(),
  node: process.version,
  cpu: `${cpus()[0]?.model} x${cpus().length}`,
  kernel: release(),
  pinned: canPin,
  commit: spawnSync("git", ["rev-parse", "--short", "HEAD"]).stdout.toString().trim(),
  rounds,
  seconds: milliseconds / 1000,
  results,
};
mkdirSync("bench/results", { recursive: true });
writeFileSync("bench/results/latest.json", `${JSON.stringify(report, null, 2)}\n`);
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
