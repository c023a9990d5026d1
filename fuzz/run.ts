// Command: npm run fuzz -- --minutes N [--target NAME]... [--seed S]      fuzzes for so long
//          npm run fuzz -- --executions N [--target NAME]... [--seed S]   fuzzes so often, the same for the same seed
//          npm run fuzz -- --replay FILE                                  tries one input that was kept or written
import { randomInt } from "node:crypto";
import { relative } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { PROJECT_ROOT } from "#scripts/project-root.js";
import { loadCorpus, readEntry, writeCrash } from "./corpus.js";
import { type FoundInput, FuzzSession } from "./fuzz-session.js";
import { allTargets } from "./targets.js";
import { Watchdog } from "./watchdog.js";

/** How long one target is fuzzed before the next has its turn. */
const TURN_MS = 250;
const PROGRESS_EVERY_MS = 5000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    executions: { type: "string" },
    target: { type: "string", multiple: true },
    seed: { type: "string" },
    replay: { type: "string" },
  },
});
const targets = allTargets();
const outcome = values.replay === undefined ? await fuzz() : await replay(values.replay);
for (const target of targets) await target.close?.();
process.exitCode = outcome;

async function replay(path: string): Promise<number> {
  const { target: name, about, input } = readEntry(path);
  const session = new FuzzSession(targetNamed(name), 0, []);
  const finding = await session.replay(input);
  console.log(`${name}: ${about}\n${finding === undefined ? "holds" : finding.stack}`);
  return finding === undefined ? 0 : 1;
}

async function fuzz(): Promise<number> {
  const seed = values.seed === undefined ? randomInt(2 ** 31) : numberOf(values.seed, "--seed");
  const limit = values.executions === undefined ? Infinity : numberOf(values.executions, "--executions");
  const endsAtMs =
    limit === Infinity ? performance.now() + numberOf(values.minutes, "--minutes") * 60_000 : Infinity;
  const chosen = values.target === undefined ? targets : values.target.map(targetNamed);
  console.log(
    `seed ${seed}; a run of --executions repeats from it exactly, one of --minutes until time decides`,
  );
  const watchdog = new Watchdog(
    chosen.map(({ name }) => name),
    seed,
  );
  const sessions: FuzzSession[] = [];
  for (const target of chosen) {
    const kept = loadCorpus(target.name);
    sessions.push(
      new FuzzSession(
        target,
        seed,
        [...kept.values()].map(({ input }) => input),
      ),
    );
    for (const [name, { input }] of kept) {
      const finding = await sessions.at(-1)!.replay(input);
      if (finding !== undefined) {
        sessions.at(-1)!.found.push({ finding, input, execution: 0 });
        console.log(`kept input ${name} breaks a rule: ${finding.message}`);
      }
    }
  }
  const startedAtMs = performance.now();
  let reportsAtMs = startedAtMs + PROGRESS_EVERY_MS;
  for (let isDone = false; !isDone; ) {
    for (const [i, session] of sessions.entries()) {
      const beat = (): void => watchdog.beat(i, session.executions + 1);
      await turn(
        session,
        beat,
        Math.min(endsAtMs, performance.now() + TURN_MS * session.target.share),
        limit,
      );
    }
    isDone = performance.now() >= endsAtMs || sessions.every(({ executions }) => executions >= limit);
    if (performance.now() < reportsAtMs) continue;
    reportsAtMs += PROGRESS_EVERY_MS;
    progress(sessions, performance.now() - startedAtMs);
  }
  await watchdog.stop();
  console.table(sessions.map(row));
  for (const { target, outcomes } of sessions) {
    if (target.name === "ws-difference") console.log("against ws:", Object.fromEntries(outcomes));
  }
  const found = sessions.flatMap((session) => session.found);
  console.log(`seed ${seed}: ${found.length === 0 ? "nothing was found" : `${found.length} finding(s)`}`);
  return found.length === 0 ? 0 : 1;
}

async function turn(session: FuzzSession, beat: () => void, untilMs: number, limit: number): Promise<void> {
  while (performance.now() < untilMs && session.executions < limit) {
    beat();
    const found = await session.step();
    if (found !== undefined) report(session, found);
  }
}

function report(session: FuzzSession, { finding, input, execution }: FoundInput): void {
  const target = session.target.name;
  const path = writeCrash(finding.rule.replace(/[^a-z0-9]+/gi, "-").slice(0, 60), {
    target,
    about: `breaks: ${finding.message}`.slice(0, 2000),
    input,
  });
  console.log(`\nFOUND by ${target} in execution ${execution}: ${finding.stack}`);
  console.log(`replay: npm run fuzz -- --replay ${relative(PROJECT_ROOT, path)}\n`);
}

function progress(sessions: readonly FuzzSession[], elapsedMs: number): void {
  const total = sessions.reduce((sum, { executions }) => sum + executions, 0);
  const each = sessions.map(({ target, executions }) => `${target.name} ${executions}`).join(", ");
  const corpus = sessions.reduce((sum, { corpusSize }) => sum + corpusSize, 0);
  const perSecond = Math.round((total / elapsedMs) * 1000);
  console.log(
    `${Math.round(elapsedMs / 1000)} s: ${total} executions, ${perSecond}/s, corpus ${corpus}: ${each}`,
  );
}

function row({ target, executions, elapsedMs, behaviours, corpusSize, found }: FuzzSession): object {
  const perSecond = Math.round((executions / Math.max(1, elapsedMs)) * 1000);
  return {
    target: target.name,
    executions,
    "per s": perSecond,
    behaviours,
    corpus: corpusSize,
    found: found.length,
  };
}

function targetNamed(name: string): (typeof targets)[number] {
  const target = targets.find((one) => one.name === name);
  if (target !== undefined) return target;
  console.error(`no target ${name}; there are: ${targets.map((one) => one.name).join(", ")}`);
  process.exit(2);
}

function numberOf(text: string, option: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  console.error(`${option} takes a number, not ${text}`);
  process.exit(2);
}
