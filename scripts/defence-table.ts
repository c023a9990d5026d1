import { readFileSync } from "node:fs";
import { DEFENCES, type Defence, type Proof } from "./defences.js";
import { projectPath } from "./project-root.js";

const BEGIN = "<!-- defences: written by `npm run prove-defences` -->";
const END = "<!-- /defences -->";

/** The document that has the table. */
export const TABLE_FILE: string = projectPath("SECURITY.md");

/** The table in Markdown, before Biome aligns it: one line for each proof. */
export function defenceTable(defences: readonly Defence[] = DEFENCES): string {
  const lines = defences.flatMap((defence) => {
    const rest = defence.notYet === undefined ? [] : [`| ${defence.notYet} | |`];
    const cells = [...defence.proofs.map((proof) => `| ${nameOf(proof)} | ${switchOf(proof)} |`), ...rest];
    return cells.map((cell, i) =>
      i === 0 ? `| ${defence.mistake} | ${defence.rule} ${cell}` : `| | ${cell}`,
    );
  });
  return [
    "| what went wrong elsewhere | here | the test | which fails with |",
    "| --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

/** The document with `table` between its markers. */
export function withTable(document: string, table: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`SECURITY.md has no ${BEGIN} ... ${END}`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${document.slice(end)}`;
}

/** The cells of the table that stands in the document, one list for each line; what aligns them is left out. */
export function cellsOf(markdown: string): string[][] {
  const begin = markdown.indexOf(BEGIN);
  const part = begin === -1 ? markdown : markdown.slice(begin, markdown.indexOf(END));
  return part
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.slice(1, line.lastIndexOf("|")).split("|").map(cellText));
}

/** The document as it is. */
export function readTableFile(): string {
  return readFileSync(TABLE_FILE, "utf8");
}

function cellText(cell: string): string {
  return cell.trim().replace(/^-+$/, "---");
}

/** Not a link: the document is in the package, and the tests are not. */
function nameOf({ suite, test }: Proof): string {
  return `${test} (\`test/security/${suite}.test.ts\`)`;
}

function switchOf({ without }: Proof): string {
  const files = new Set(without.replacements.map(({ file }) => `\`${file.replace(/\.js$/, "")}\``));
  return `${without.says} (${[...files].join(", ")})`;
}
