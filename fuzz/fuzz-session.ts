import { asFinding, type Finding } from "./finding.js";
import type { Effort, FuzzTarget, Json } from "./fuzz-target.js";
import { minimise } from "./minimise.js";
import { mutate } from "./mutate.js";
import { Random } from "./random.js";

const QUICK: Effort = { everyCut: false };
const THOROUGH: Effort = { everyCut: true };
/** How many inputs with new words are remembered beside the kept ones. */
const MAX_LEARNT = 1000;
/** One execution in so many cuts its bytes at every byte; the corpus always does. */
const THOROUGH_EVERY = 50;

/** An input that broke a rule, made as small as it goes. */
export interface FoundInput {
  readonly finding: Finding;
  readonly input: Json;
  /** Which execution it was. */
  readonly execution: number;
}

/**
 * Fuzzes one target from a seed: new inputs, and changed ones that were kept or that did something new. What it does in
 * its n-th execution depends on the seed, the target and the kept inputs alone.
 */
export class FuzzSession {
  readonly target: FuzzTarget;
  readonly found: FoundInput[] = [];
  executions = 0;
  /** How often each outcome came, by its first word. */
  readonly outcomes = new Map<string, number>();
  /** Time spent in executions, in ms. */
  elapsedMs = 0;
  readonly #random: Random;
  readonly #inputs: Json[];
  readonly #kept: number;
  readonly #words = new Set<string>();
  readonly #rules = new Set<string>();

  constructor(target: FuzzTarget, seed: number, kept: readonly Json[]) {
    this.target = target;
    this.#inputs = [...kept];
    this.#kept = kept.length;
    let mixed = seed;
    for (const char of target.name) mixed = Math.imul(mixed ^ char.charCodeAt(0), 0x01000193);
    this.#random = new Random(mixed);
  }

  /** How many inputs it draws from: those that are kept, and those it found worth remembering. */
  get corpusSize(): number {
    return this.#inputs.length;
  }

  /** How many different things happened. */
  get behaviours(): number {
    return this.#words.size;
  }

  /** One more execution. Returns what it found, if that is new. */
  async step(): Promise<FoundInput | undefined> {
    const random = this.#random;
    const isMutation = this.#inputs.length > 0 && random.chance(45);
    const input = isMutation
      ? mutate(random, random.pick(this.#inputs), random.pick(this.#inputs))
      : this.target.generate(random);
    const effort = ++this.executions % THOROUGH_EVERY === 0 ? THOROUGH : QUICK;
    const finding = await this.#try(input, effort, true);
    if (finding === undefined || this.#rules.has(finding.rule)) return undefined;
    this.#rules.add(finding.rule);
    const fails = async (smaller: Json): Promise<boolean> =>
      (await this.#try(smaller, effort, false))?.rule === finding.rule;
    const smallest = await minimise(input, fails);
    const found = {
      finding: (await this.#try(smallest, effort, false)) ?? finding,
      input: smallest,
      execution: this.executions,
    };
    this.found.push(found);
    return found;
  }

  /** Tries an input that is kept, thoroughly. It does not count as an execution. */
  async replay(input: Json): Promise<Finding | undefined> {
    return await this.#try(input, THOROUGH, false);
  }

  async #try(input: Json, effort: Effort, learns: boolean): Promise<Finding | undefined> {
    const startedAtMs = performance.now();
    try {
      const words = await this.target.run(input, effort);
      const [outcome = ""] = words.split(" ", 1);
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
      if (learns && !this.#words.has(words)) this.#learn(input, words);
      return undefined;
    } catch (thrown) {
      return asFinding(thrown);
    } finally {
      this.elapsedMs += performance.now() - startedAtMs;
    }
  }

  #learn(input: Json, words: string): void {
    this.#words.add(words);
    if (this.#inputs.length < this.#kept + MAX_LEARNT) this.#inputs.push(input);
    else this.#inputs[this.#kept + this.#random.below(MAX_LEARNT)] = input;
  }
}
