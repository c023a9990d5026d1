// Command: what `npm test` runs after the build.
//   npm test                                   everything
//   npm test -- test/protocol                  the test files whose path contains the text
//   npm test -- --test-name-pattern=masked     any other option goes to `node --test`
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative, sep } from "node:path";
import process from "node:process";
import { machineInstaller, machineProbe } from "./machine.js";
import { PROJECT_ROOT, projectPath } from "./project-root.js";
import { obtainRequirement, type RequirementId, SYSTEM_REQUIREMENTS } from "./system-requirements.js";

/**
 * No test file may run longer: Node 20 counts the whole file. The slowest, with a browser or the conformance suite in them,
 * take about a minute, and more than four on a machine that has much else to do.
 */
const TEST_TIMEOUT_MS = 900_000;

/**
 * What other programs do than Node, the compiler, or a machine without I/O: where all of it ran on one Node already, a second one
 * (`HAWSER_SECOND_NODE=1`) has nothing to add. Of the schedules it plays one part of eight.
 */
const SAME_ON_EVERY_NODE =
  /^(browser\/session-(firefox|webkit)|bundle\/|runtimes\/|simulation\/(mutations|schedules-[2-8])|types\/)/;

const options = process.argv.slice(2).filter((argument) => argument.startsWith("-"));
const filters = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));

step("lint and format: biome ci");
run(projectPath("node_modules", ".bin", "biome"), ["ci", "--error-on-warnings", "."]);

step("layers: imports of src/ against scripts/layers.ts");
run(process.execPath, [projectPath("build", "scripts", "check-layers.js")]);

step("system: what the tests need besides npm packages");
const environment = provideSystem();

const files = testFiles();
step(`tests: node --test with ${files.length} file(s) on Node ${process.version}`);
if (files.length === 0) {
  console.error(filters.length === 0 ? "there are no tests" : `no test file matches ${filters.join(", ")}`);
  process.exit(1);
}
run(
  process.execPath,
  [
    "--test",
    "--test-reporter=spec",
    `--test-concurrency=${Math.min(availableParallelism(), 4)}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    "--enable-source-maps",
    ...options,
    ...files,
  ],
  environment,
);

function step(title: string): void {
  console.log(`\n== ${title}`);
}

function run(
  program: string,
  programArguments: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): void {
  const { status, signal, error } = spawnSync(program, programArguments, {
    cwd: PROJECT_ROOT,
    env,
    stdio: "inherit",
  });
  if (status === 0) return;
  if (error !== undefined) console.error(error.message);
  if (signal !== null) console.error(`${program} was ended by ${signal}`);
  process.exit(status ?? 1);
}

/** Finds or installs every requirement and gives the environment that tells the tests where it is. */
function provideSystem(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  const installer = machineInstaller((line) => console.log(`  ${line}`));
  for (const id of Object.keys(SYSTEM_REQUIREMENTS) as RequirementId[]) {
    const status = obtainRequirement(id, machineProbe, installer);
    if (status.available) env[SYSTEM_REQUIREMENTS[id].variable] = status.path;
    console.log(`  ${id}: ${status.available ? status.path : `missing, ${status.skip}`}`);
  }
  return env;
}

/** The compiled test files that match the filters; what is left of a deleted source is not run. */
function testFiles(): string[] {
  const source = projectPath("test");
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => relative(source, join(entry.parentPath, entry.name)).replace(/\.ts$/, ".js"))
    .filter((file) => existsSync(projectPath("build", "test", file)))
    .map((file) => file.split(sep).join("/"))
    .filter((file) => process.env["HAWSER_SECOND_NODE"] === undefined || !SAME_ON_EVERY_NODE.test(file))
    .map((file) => `build/test/${file}`)
    .filter(
      (file) => filters.length === 0 || filters.some((filter) => file.includes(withoutExtension(filter))),
    )
    .sort();
}

/** So that the name of a source file, as a shell completes it, finds the compiled one. */
function withoutExtension(filter: string): string {
  return filter.replace(/\.[jt]s$/, "");
}
