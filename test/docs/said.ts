import { withoutCode } from "./tables.js";

const MULTIPLES: Readonly<Record<string, number>> = {
  KiB: 1024,
  MiB: 1024 * 1024,
  ms: 1,
  s: 1000,
  min: 60_000,
};

/** Whether a comment says what a cell says: the same number in any unit, or the same words. */
export function isSaid(cell: string, comment: string): boolean {
  const words = withoutCode(comment).replaceAll(/\s+/g, " ");
  if (/^[\d,]+$/.test(cell)) {
    if (/^default: as max/i.test(words)) return true;
    const [, number = "", unit = ""] = /^default:? ([\d,]+)(?: (\w+))?/i.exec(words) ?? [];
    return Number(unformatted(cell)) === Number(unformatted(number)) * (MULTIPLES[unit] ?? 1);
  }
  return cell.split("; ").every((part) => words.toLowerCase().includes(withoutCode(part).toLowerCase()));
}

/** `65,536` as the code has it. */
export function unformatted(cell: string): string {
  return withoutCode(cell).replaceAll(",", "");
}
