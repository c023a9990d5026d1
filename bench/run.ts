// Command: `npm run bench` measures Hawser and others under the same loads; --help tells what it takes.
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { projectPath } from "#scripts/project-root.js";
import { benchCertificate } from "./certificate.js";
import { type Contender, type ContenderId, field } from "./contender.js";
import { fetchContenders, isAnythingMissing } from "./fetched.js";
import { LOADS, type Load, titleOf } from "./loads.js";
import { measure, type Sample, type SampleTiming } from "./measure.js";
import { MEMORY_LOADS, type MemoryLoad } from "./memory-loads.js";
import { CAN_PIN } from "./pinning.js";
import { publish } from "./publish.js";
import {
  type BenchResults,
  circumstances,
  type LoadResult,
  type MemoryResult,
  type Rounds,
  readResults,
  storeResults,
} from "./results.js";
import { barsText, loadText, memoryText } from "./terminal-report.js";
import { obstacleTo, type Weight, weigh } from "./weigh.js";

const HELP = `Usage: npm run bench -- [options]

Options:
  --only <text>          only loads whose id or title has this; several with commas
  --contenders <ids>     only these: hawser,ws,ws-bufferutil,bun,net,socket.io,...
  --rounds <n>           how often each is measured, in turns (default: 3, with --quick 1)
  --seconds <s>          how long each time (default: 1.2, with --quick 0.4)
  --quick                a first look: hawser, ws and net, few connections, no statistics
  --fetch                fetch missing contenders (Bun, bufferutil, Socket.IO) into .cache/, without asking
  --no-fetch             leave out the contenders that are missing
  --list                 list the loads
  --json                 write the results to standard output as JSON, and the tables to standard error
  --publish              write the results into docs/performance.md, with charts
  --beside <file>        with --publish: a run on another Node, held against the same bars; may be repeated
  --from <file>          publish or show a run that is in bench/results/, and measure nothing
`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    contenders: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    quick: { type: "boolean", default: false },
    fetch: { type: "boolean", default: false },
    "no-fetch": { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    publish: { type: "boolean", default: false },
    from: { type: "string" },
    beside: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", short: "h", default: false },
  },
});

const DEFAULTS = values.quick
  ? { rounds: 1, seconds: 0.4, warmUpMs: 300 }
  : { rounds: 3, seconds: 1.2, warmUpMs: 600 };
const QUICK_CONTENDERS: readonly ContenderId[] = [
  "hawser",
  "hawser-session",
  "hawser-http2",
  "hawser-1-worker",
  "hawser-2-workers",
  "ws",
  "net",
  "hawser-client",
  "ws-client",
];
const tables = values.json ? process.stderr : process.stdout;

if (values.help) process.stdout.write(HELP);
else if (values.list) list();
else if (values.from !== undefined) finish(readResults(values.from));
else await run();

function list(): void {
  for (const load of LOADS) tables.write(`${load.id.padEnd(20)}${titleOf(load)}\n`);
  for (const { id, title } of MEMORY_LOADS) tables.write(`${id.padEnd(20)}memory of connections, ${title}\n`);
}

async function run(): Promise<void> {
  const rounds = above("rounds", values.rounds ?? DEFAULTS.rounds);
  const durationMs = above("seconds", values.seconds ?? DEFAULTS.seconds) * 1000;
  const timing: SampleTiming = { durationMs, warmUpMs: DEFAULTS.warmUpMs };
  const wanted = values.contenders?.split(",") ?? (values.quick ? QUICK_CONTENDERS : undefined);
  const loads = LOADS.filter(isWanted);
  const memoryLoads = MEMORY_LOADS.filter(isWanted);
  if (loads.length + memoryLoads.length === 0) fail("no load is left by --only; --list names them");
  if (values.fetch || (!values.quick && !values["no-fetch"] && isAnythingMissing())) {
    if (!fetchContenders())
      process.stderr.write("npm could not fetch them; going on with those that are here\n");
  }
  const { contenders, missing } = field();
  const notes = new Set<string>();
  if (!CAN_PIN) notes.add("processes on cores of their own: taskset and two cores are needed for that");
  if (loads.some(({ section }) => section === "workers") && availableParallelism() <= 2) {
    notes.add(`what two workers do on two cores of their own: the generator takes one of the cores`);
  }
  const taking = (ids: readonly ContenderId[]): Contender[] =>
    ids.flatMap((id) => {
      if (wanted !== undefined && !wanted.includes(id)) return [];
      const found = contenders.get(id);
      if (found === undefined) notes.add(`${id}: ${missing.get(id) ?? "unknown"}`);
      return found ?? [];
    });

  const begun = circumstances();
  const tls = loads.some(({ isSecure }) => isSecure) ? benchCertificate() : undefined;
  const taken = new Map<ContenderId, Contender>();
  const labels = (): BenchResults["contenders"] =>
    Object.fromEntries([...taken].map(([id, { label, version }]) => [id, { label, version }]));
  const total = loads.length + memoryLoads.length;
  let index = 0;

  const loadResults: LoadResult[] = [];
  for (const load of loads) {
    index++;
    if (load.isSecure && tls === undefined) {
      notes.add("TLS: there is no openssl to make a certificate with");
      continue;
    }
    const connections = (values.quick ? load.quickConnections : undefined) ?? load.plan.connections;
    const title = titleOf(load, connections);
    const obstacle = obstacleTo(connections);
    if (obstacle !== undefined) {
      notes.add(`${title}: ${obstacle}`);
      continue;
    }
    const field = taking(load.contenders);
    const samples = await inTurns<Sample>(field, rounds, `${index}/${total} ${title}`, notes, (contender) =>
      measure(contender, load, connections, timing, tls),
    );
    if (Object.keys(samples).length === 0) continue;
    for (const contender of field) taken.set(contender.id, contender);
    const result: LoadResult = {
      id: load.id,
      title,
      section: load.section,
      connections,
      samples,
    };
    loadResults.push(result);
    tables.write(loadText(result, labels()));
  }

  const memoryResults: MemoryResult[] = [];
  for (const load of memoryLoads) {
    index++;
    const connections = values.quick ? load.quickConnections : load.connections;
    if (connections === 0) continue;
    const obstacle = obstacleTo(connections / (load.processes ?? 1));
    if (obstacle !== undefined) {
      notes.add(obstacle);
      continue;
    }
    const field = taking(load.contenders);
    const weights = await inTurns<Weight>(
      field,
      memoryRounds(load, rounds),
      `${index}/${total} memory, ${load.title}`,
      notes,
      (contender) => weigh(contender, load, connections),
    );
    if (Object.keys(weights).length === 0) continue;
    for (const contender of field) taken.set(contender.id, contender);
    const result: MemoryResult = { id: load.id, title: load.title, connections, weights };
    memoryResults.push(result);
    tables.write(memoryText(result, labels()));
  }

  const results: BenchResults = {
    ...begun,
    rounds,
    secondsPerSample: durationMs / 1000,
    isQuick: values.quick,
    contenders: labels(),
    loads: loadResults,
    memory: memoryResults,
    notes: [...notes],
  };
  const path = storeResults(results);
  finish(results);
  process.stderr.write(`\n${path}\n`);
}

/** Fifty thousand connections take their time, and repeat well. */
function memoryRounds({ connections }: MemoryLoad, rounds: number): number {
  return connections > 10_000 ? 1 : rounds;
}

/** A, B, A, B: so that a change of the machine's speed meets all. Who fails is left out, and said. */
async function inTurns<T>(
  field: readonly Contender[],
  rounds: number,
  what: string,
  notes: Set<string>,
  once: (contender: Contender) => Promise<T>,
): Promise<Rounds<T>> {
  const found = new Map<ContenderId, T[]>();
  const failed = new Set<ContenderId>();
  for (let round = 0; round < rounds; round++) {
    for (const contender of field) {
      if (failed.has(contender.id)) continue;
      progress(`${what}, round ${round + 1}/${rounds}, ${contender.id}`);
      try {
        const list = found.get(contender.id) ?? [];
        list.push(await once(contender));
        found.set(contender.id, list);
      } catch (error) {
        failed.add(contender.id);
        found.delete(contender.id);
        notes.add(
          `${what.replace(/^\S+ /, "")}, ${contender.id}: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
  }
  progress("");
  return Object.fromEntries(found) as Rounds<T>;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== "") process.stderr.write(`${text}\n`);
}

function finish(results: BenchResults): void {
  if (values.from !== undefined) {
    for (const load of results.loads) tables.write(loadText(load, results.contenders));
    for (const memory of results.memory) tables.write(memoryText(memory, results.contenders));
  }
  tables.write(barsText(results));
  for (const note of results.notes) tables.write(`\nnot measured: ${note}`);
  if (results.notes.length > 0) tables.write("\n");
  if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  if (values.publish) {
    mkdirSync(projectPath("docs", "images"), { recursive: true });
    for (const path of publish(results, values.beside.map(readResults))) process.stderr.write(`${path}\n`);
  }
}

function isWanted({ id, title }: Load | MemoryLoad): boolean {
  const wanted = values.only?.split(",").map((text) => text.trim().toLowerCase());
  return (
    wanted === undefined || wanted.some((text) => id.includes(text) || title.toLowerCase().includes(text))
  );
}

function above(name: string, value: string | number): number {
  const number = Number(value);
  if (!(number > 0)) fail(`--${name} must be above 0`);
  return number;
}

function fail(problem: string): never {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}
