import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectPath } from "#scripts/project-root.js";
import type { Json } from "./fuzz-target.js";

/** An input that is kept, with what it is about. */
export interface CorpusEntry {
  /** The target that it is for. */
  readonly target: string;
  /** In a sentence: what it tries, and what it once found. */
  readonly about: string;
  readonly input: Json;
}

/** Where entries are kept, a folder a target. */
const CORPUS = projectPath("fuzz", "corpus");
/** Where inputs that broke a rule are written to; not under version control. */
const CRASHES = projectPath("fuzz", "crashes");

/** What is kept for a target, by file name. */
export function loadCorpus(target: string): Map<string, CorpusEntry> {
  const folder = join(CORPUS, target);
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return new Map(names.sort().map((name) => [name, readEntry(join(folder, name))]));
}

/** Reads one entry. */
export function readEntry(path: string): CorpusEntry {
  return JSON.parse(readFileSync(path, "utf8")) as CorpusEntry;
}

/** Writes an input that broke a rule; returns the path to replay it from. */
export function writeCrash(name: string, entry: CorpusEntry): string {
  mkdirSync(CRASHES, { recursive: true });
  const path = join(CRASHES, `${entry.target}-${name}.json`);
  writeFileSync(path, `${JSON.stringify(entry, undefined, 2)}\n`);
  return path;
}
