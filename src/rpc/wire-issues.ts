import type { CallIssue } from "./call-error.js";

/** Enough to see what is wrong, and not enough to fill a log. */
const MAX_ISSUES = 8;
const MAX_MESSAGE_UNITS = 200;
const MAX_PATH_KEYS = 16;

/** The issues of a schema as they travel: `[message, key, key...]` each, the first few of them. */
export function wireIssues(issues: readonly CallIssue[]): unknown[] {
  return issues
    .slice(0, MAX_ISSUES)
    .map(({ message, path }) => [
      message.slice(0, MAX_MESSAGE_UNITS),
      ...path.slice(0, MAX_PATH_KEYS).map((key) => (typeof key === "number" ? key : String(key))),
    ]);
}

/** The issues that the other side told; undefined for what are none. */
export function issuesFromWire(data: unknown): readonly CallIssue[] | undefined {
  if (!Array.isArray(data)) return undefined;
  const issues: CallIssue[] = [];
  for (const issue of data.slice(0, MAX_ISSUES) as unknown[]) {
    if (!Array.isArray(issue)) return undefined;
    const [message, ...path] = issue as unknown[];
    if (typeof message !== "string" || !path.every(isKey)) return undefined;
    issues.push({ message, path });
  }
  return issues;
}

function isKey(key: unknown): key is string | number {
  return typeof key === "string" || typeof key === "number";
}
