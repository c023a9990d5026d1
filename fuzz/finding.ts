/** Something that must not happen did. `rule` names what was broken, so that a smaller input can be told to break the same. */
export class Finding extends Error {
  readonly rule: string;

  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`);
    this.name = "Finding";
    this.rule = rule;
  }
}

/** Throws a {@link Finding} unless `holds`. */
export function must(holds: boolean, rule: string, detail: () => string): asserts holds {
  if (!holds) throw new Finding(rule, detail());
}

/** What was thrown, as a {@link Finding}: whatever else a target throws was thrown by what is tested. */
export function asFinding(thrown: unknown): Finding {
  if (thrown instanceof Finding) return thrown;
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  const kind = thrown instanceof Error ? thrown.name : typeof thrown;
  return new Finding(`never throws (${kind})`, text);
}
