/** A row of a table in a Markdown text. */
export interface TableRow {
  /** The text of the nearest heading above, without backticks. */
  readonly section: string;
  /** What stands in the first cell, without backticks. */
  readonly name: string;
  /** Whether the first cell is code, and so a name of the API. */
  readonly isCode: boolean;
  /** The cells by the text above them. */
  readonly cells: Readonly<Record<string, string>>;
}

/** The rows of all tables of a Markdown text. What stands in a code block is no table. */
export function tableRows(markdown: string): TableRow[] {
  const rows: TableRow[] = [];
  let section = "";
  let header: readonly string[] | undefined;
  let isInCode = false;
  for (const line of markdown.split(/\r?\n/)) {
    if (/^\s*(?:```|~~~)/.test(line)) isInCode = !isInCode;
    const heading = isInCode ? undefined : /^#+\s+(.*)$/.exec(line)?.[1];
    if (heading !== undefined) section = withoutCode(heading);
    if (isInCode || !line.startsWith("|")) {
      header = undefined;
      continue;
    }
    const cells = cellsOf(line);
    if (header === undefined) {
      header = cells;
    } else if (!cells.every((cell) => /^:?-+:?$/.test(cell))) {
      const first = cells[0] ?? "";
      rows.push({
        section,
        name: withoutCode(first),
        isCode: /^`[^`]*`$/.test(first),
        cells: Object.fromEntries(header.map((name, i) => [name, cells[i] ?? ""])),
      });
    }
  }
  return rows;
}

/** The text without its backticks. */
export function withoutCode(text: string): string {
  return text.replaceAll("`", "");
}

function cellsOf(line: string): string[] {
  const inner = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim());
}
