// Command: shows that each test of test/security fails without the defence that it is about, and writes the table in
// SECURITY.md. Needs the build.
//   npm run prove-defences                 all of them, and the table
//   npm run prove-defences -- bomb         those whose test or file has this in its name
//   npm run prove-defences -- --table      the table alone
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { defenceTable, readTableFile, TABLE_FILE, withTable } from "./defence-table.js";
import { DEFENCES, type Proof } from "./defences.js";
import { projectPath } from "./project-root.js";

/** Each takes well under a second; one that waits for what never comes would prove its defence badly. */
const TEST_TIMEOUT_MS = 60_000;
/** So that the whole of what went wrong can still be written. */
const SETTLE_MS = 50;
const WORKERS = 3; // half of what a test does is to wait

const untouched = new Map<string, Promise<Result>>();

const filters = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const onlyTable = process.argv.includes("--table");
const proofs = DEFENCES.flatMap((defence) => defence.proofs).filter(
  ({ suite, test, without }) =>
    filters.length === 0 ||
    filters.some((filter) =>
      `${suite} ${test} ${without.replacements.map(({ file }) => file).join(" ")}`.includes(filter),
    ),
);

if (!onlyTable) {
  const problems = await proveAll();
  for (const problem of problems) console.error(`\n${problem}`);
  if (problems.length > 0 || proofs.length === 0) {
    console.error(`\n${problems.length} of ${proofs.length} proofs failed`);
    process.exit(1);
  }
}
if (filters.length === 0) writeTable();

async function proveAll(): Promise<string[]> {
  const startedMs = performance.now();
  const waiting = [...proofs.entries()];
  const problems: string[] = [];
  const work = async (): Promise<void> => {
    const folder = copyOfBuild();
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [i, proof] = next;
        const problem = await prove(folder, proof);
        const number = String(i + 1).padStart(String(proofs.length).length);
        console.log(
          `${number}/${proofs.length} ${problem === undefined ? "ok    " : "FAILED"} ${proof.test}`,
        );
        if (problem !== undefined) problems.push(`${proof.suite}: ${proof.test}\n  ${problem}`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  console.log(`${proofs.length} proofs in ${Math.round((performance.now() - startedMs) / 1000)} s`);
  return problems;
}

/** A folder that is the built package as far as the tests can see. */
function copyOfBuild(): string {
  const folder = mkdtempSync(join(tmpdir(), "hawser-defences-"));
  for (const part of ["package.json", "dist", "build/test", "build/testbed"]) {
    cpSync(projectPath(part), join(folder, part), { recursive: true });
  }
  symlinkSync(projectPath("node_modules"), join(folder, "node_modules"), "dir");
  return folder;
}

/** What is wrong with a proof, or undefined: its test has to pass alone as things are, and to fail with the switch. */
async function prove(folder: string, proof: Proof): Promise<string | undefined> {
  const built = new Map<string, string>();
  const switched = new Map<string, string>();
  for (const { file, find, replace } of proof.without.replacements) {
    const path = join(folder, "dist", file);
    if (!existsSync(path)) return `there is no dist/${file}`;
    const text = switched.get(path) ?? readFileSync(path, "utf8");
    if (!built.has(path)) built.set(path, text);
    const count = text.split(find).length - 1;
    if (count !== 1) return `its text is ${count} times in dist/${file}: ${find}`;
    switched.set(
      path,
      text.replace(find, () => replace),
    );
  }
  const before = await asThingsAre(folder, proof);
  if (before.outcome !== "passes") return `as things are, the test ${before.outcome}:\n${before.output}`;
  try {
    for (const [path, text] of switched) writeFileSync(path, text);
    const after = await run(folder, proof);
    return after.outcome === "fails"
      ? undefined
      : `with its switch the test ${after.outcome}:\n${after.output}`;
  } finally {
    for (const [path, text] of built) writeFileSync(path, text);
  }
}

/** Once for each test, whatever number of proofs it has. */
function asThingsAre(folder: string, proof: Proof): Promise<Result> {
  const name = `${proof.suite}: ${proof.test}`;
  const result = untouched.get(name) ?? run(folder, proof);
  untouched.set(name, result);
  return result;
}

interface Result {
  readonly outcome: Outcome;
  readonly output: string;
}

type Outcome = "passes" | "fails" | "is not run";

/**
 * Runs one test alone, in a process of its own. It fails only if it was begun: a switch that breaks the build proves
 * nothing. The process is ended as soon as the result is there, since a test that failed may leave sockets open.
 */
function run(folder: string, { suite, test }: Proof): Promise<Result> {
  const pattern = `^${test.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}$`;
  const child = spawn(
    process.execPath,
    ["--test-reporter=tap", `--test-name-pattern=${pattern}`, `build/test/security/${suite}.test.js`],
    { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  const timer = setTimeout(() => child.kill("SIGKILL"), TEST_TIMEOUT_MS);
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
    if (outcomeOf(output, test) === "fails") setTimeout(() => child.kill("SIGKILL"), SETTLE_MS);
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve) => {
    child.on("close", () => {
      clearTimeout(timer);
      resolve({ outcome: outcomeOf(output, test), output });
    });
  });
}

function outcomeOf(output: string, test: string): Outcome {
  const line = output.split("\n").find((one) => resultName(one) === test);
  if (line === undefined) return "is not run";
  return line.trim().startsWith("not ok") ? "fails" : "passes";
}

/** The name in a result line of TAP, `not ok 3 - name # comment`, where `#` and `\` are escaped. */
function resultName(line: string): string | undefined {
  const match = /^\s*(?:not )?ok \d+ - (.*)$/.exec(line);
  if (match === null || / # SKIP/.test(line)) return undefined;
  return match[1]!.replace(/ # .*$/, "").replaceAll(/\\(.)/g, "$1");
}

function writeTable(): void {
  writeFileSync(TABLE_FILE, withTable(readTableFile(), defenceTable()));
  const biome = projectPath("node_modules", ".bin", "biome");
  const { status } = spawnSync(biome, ["format", "--write", TABLE_FILE], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
