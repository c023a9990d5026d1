import type { Random } from "./random.js";

/** What an input is made of, so that it can be kept in a file, changed and made smaller without knowing what it means. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** How thoroughly an input is tried. */
export interface Effort {
  /** Cut the bytes in two at every byte, and not only in some ways. */
  readonly everyCut: boolean;
}

/** A part of Hawser that is fed with inputs, and what has to hold for each. */
export interface FuzzTarget<Input extends Json = Json> {
  /** Also the name of its folder in the corpus. */
  readonly name: string;
  /** How large a part of the time it gets, 1 being ordinary. */
  readonly share: number;
  /** Makes an input that knows the structure. */
  generate(random: Random): Input;
  /**
   * Tries an input; throws a `Finding` where a rule does not hold. Returns what happened in a few words: an input whose
   * words are new is kept for a while and changed further.
   */
  run(input: Input, effort: Effort): string | Promise<string>;
  /** Frees what was opened for it. */
  close?(): Promise<void>;
}

/** Forgets the type of the input: what is read from a file, or was changed, has the same shape. */
export function fuzzTarget<Input extends Json>(target: FuzzTarget<Input>): FuzzTarget {
  return target as unknown as FuzzTarget;
}
