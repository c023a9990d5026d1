// Command: `npm run compare` puts the same faults and loads on Hawser's sessions, Socket.IO and SockJS.
import { mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { projectPath } from "#scripts/project-root.js";
import { type ChannelDelay, measureChannelDelay } from "./channel-delay.js";
import { type ClientSize, clientSizes } from "./client-sizes.js";
import { ALL_WAYS, type Contestant, HAWSER, HAWSER_SOCKET, SOCKET_IO, SOCKJS } from "./contestant.js";
import { type FaultResult, measureWire, runFaultScript } from "./fault-script.js";
import { fetchPackages } from "./fetched-packages.js";
import { comparisonPage, publishComparison } from "./markdown-page.js";
import { IDLE_CLIENTS, measureCpu, measureMemory } from "./measure-load.js";

const HELP = `Usage: npm run compare -- [options]

Options:
  --only <parts>   only these: faults, wire, echo, fan-out, memory, channels, size; several with commas
  --rounds <n>     how often CPU time and memory are measured, in turns (default: 3)
  --write          write the results into docs/comparison.md
`;

/** All that is compared. */
export interface Comparison {
  readonly at: string;
  readonly node: string;
  readonly faults: readonly { readonly label: string; readonly result: FaultResult }[];
  readonly wire: readonly { readonly label: string; readonly overheadBytes: number }[];
  readonly echo: readonly Measured[];
  readonly fanOut: readonly Measured[];
  readonly memory: readonly Measured[];
  readonly channels: ChannelDelay | undefined;
  readonly sizes: readonly ClientSize[];
}

/** A value for each round. */
export interface Measured {
  readonly label: string;
  readonly values: readonly number[];
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else await run(Number(values.rounds));

async function run(rounds: number): Promise<void> {
  fetchPackages();
  const wanted = values.only?.split(",");
  const isWanted = (part: string): boolean => wanted === undefined || wanted.includes(part);
  const servers = [HAWSER, HAWSER_SOCKET, SOCKET_IO, SOCKJS];
  const comparison: Comparison = {
    at: new Date().toISOString(),
    node: process.version,
    faults: isWanted("faults")
      ? await each("faults", [HAWSER, SOCKET_IO, SOCKJS], runFaultScript, "result")
      : [],
    wire: isWanted("wire") ? await each("wire", ALL_WAYS, measureWire, "overheadBytes") : [],
    echo: isWanted("echo")
      ? await inTurns("echo", servers, rounds, (one) =>
          measureCpu(one, { kind: "echo", clients: 64, window: 16, bytes: 128 }),
        )
      : [],
    fanOut: isWanted("fan-out")
      ? await inTurns("fan-out", servers, rounds, (one) =>
          measureCpu(one, { kind: "fan-out", clients: 500, window: 16, bytes: 128 }),
        )
      : [],
    memory: isWanted("memory")
      ? await inTurns("memory", servers, rounds, (one) => measureMemory(one, IDLE_CLIENTS))
      : [],
    channels: isWanted("channels") ? await told("channels", measureChannelDelay) : undefined,
    sizes: isWanted("size") ? await told("size", clientSizes) : [],
  };
  process.stdout.write(`${comparisonPage(comparison)}\n`);
  mkdirSync(projectPath("build"), { recursive: true });
  writeFileSync(projectPath("build", "comparison.json"), `${JSON.stringify(comparison, null, 2)}\n`);
  if (values.write) publishComparison(comparison);
}

function told<T>(what: string, measure: () => Promise<T>): Promise<T> {
  process.stderr.write(`${what}\n`);
  return measure();
}

async function each<T, Key extends string>(
  what: string,
  contestants: readonly Contestant[],
  measure: (contestant: Contestant) => Promise<T>,
  key: Key,
): Promise<({ readonly label: string } & Readonly<Record<Key, T>>)[]> {
  const found: ({ label: string } & Record<Key, T>)[] = [];
  for (const contestant of contestants) {
    process.stderr.write(`${what}: ${contestant.label}\n`);
    const value = await measure(contestant);
    found.push({ label: contestant.label, [key]: value } as { label: string } & Record<Key, T>);
  }
  return found;
}

/** A, B, A, B: so that a change of the machine's speed meets all. */
async function inTurns(
  what: string,
  contestants: readonly Contestant[],
  rounds: number,
  measure: (contestant: Contestant) => Promise<number>,
): Promise<Measured[]> {
  const found = new Map(contestants.map(({ label }) => [label, [] as number[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of contestants) {
      process.stderr.write(`${what}, round ${round}/${rounds}: ${contestant.label}\n`);
      found.get(contestant.label)!.push(await measure(contestant));
    }
  }
  return [...found].map(([label, list]) => ({ label, values: list }));
}
