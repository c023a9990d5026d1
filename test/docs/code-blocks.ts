/** A TypeScript block of a Markdown file. */
export interface CodeBlock {
  /** The path of the Markdown file, as it was given. */
  readonly file: string;
  /** The line of the first line of code in the Markdown file, counted from 1. */
  readonly line: number;
  readonly code: string;
  /** What the hidden comment above the block declares for it. */
  readonly prelude: { readonly line: number; readonly code: string } | undefined;
  /** Whether it is a program of its own that is executed, not only type-checked: `ts run`. */
  readonly run: boolean;
  /** Whether it has JSX: `tsx`. */
  readonly jsx: boolean;
  /** Whether it is for a page, and sees the DOM instead of Node: `ts browser`. */
  readonly browser: boolean;
}

const FENCE = /^[ \t]*(?<fence>`{3,}|~{3,})[ \t]*(?<info>.*)$/;
const PRELUDE_START = /^[ \t]*<!-- prelude:/;

/**
 * The TypeScript blocks of a Markdown text. What is not a TypeScript block is left out; a TypeScript block with a
 * marker that means nothing is an error, for it would escape the check that its author wanted.
 */
export function codeBlocks(file: string, markdown: string): CodeBlock[] {
  const lines = markdown.split(/\r?\n/);
  const blocks: CodeBlock[] = [];
  let prelude: CodeBlock["prelude"];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    if (PRELUDE_START.test(line)) {
      const end = lines.findIndex((candidate, at) => at >= index && candidate.includes("-->"));
      if (end === -1) throw new Error(`${file}:${index + 1}: the prelude has no -->`);
      const comment = lines.slice(index, end + 1).join("\n");
      const code = comment.replace(PRELUDE_START, "").replace(/-->[\s\S]*$/, "");
      prelude = { line: index + 1, code: code.trimEnd() };
      index = end;
      continue;
    }
    const opening = FENCE.exec(line)?.groups;
    if (opening === undefined) {
      if (line.trim() !== "" && prelude !== undefined) {
        throw new Error(`${file}:${prelude.line}: the prelude is not directly above a block`);
      }
      continue;
    }
    const end = closingFence(lines, index + 1, opening["fence"]!);
    if (end === -1) throw new Error(`${file}:${index + 1}: the block is never closed`);
    const [language = "", ...markers] = opening["info"]!.trim().split(/\s+/);
    if (language === "ts" || language === "tsx" || language === "typescript") {
      const unknown = markers.find((marker) => marker !== "run" && marker !== "browser");
      if (unknown !== undefined)
        throw new Error(`${file}:${index + 1}: unknown marker "${unknown}" of a block`);
      blocks.push({
        file,
        line: index + 2,
        code: lines.slice(index + 1, end).join("\n"),
        prelude,
        run: markers.includes("run"),
        browser: markers.includes("browser"),
        jsx: language === "tsx",
      });
    } else if (prelude !== undefined) {
      throw new Error(`${file}:${prelude.line}: the prelude is not directly above a TypeScript block`);
    }
    prelude = undefined;
    index = end;
  }
  if (prelude !== undefined) throw new Error(`${file}:${prelude.line}: the prelude has no block below it`);
  return blocks;
}

function closingFence(lines: readonly string[], start: number, fence: string): number {
  return lines.findIndex((line, index) => {
    const closing = line.trim();
    return index >= start && closing.length >= fence.length && closing === fence[0]!.repeat(closing.length);
  });
}

/** The block as a module in which everything stands on the line that it has in the Markdown file. */
export function moduleText({ code, line, prelude }: CodeBlock): string {
  if (prelude === undefined) return `${"\n".repeat(line - 1)}${code}\n`;
  const preludeEnd = prelude.line + prelude.code.split("\n").length - 1;
  return `${"\n".repeat(prelude.line - 1)}${prelude.code}${"\n".repeat(line - preludeEnd)}${code}\n`;
}

/** The lines that a program promises to print, by its `// prints: ...` comments. */
export function promisedLines({ code }: CodeBlock): string[] {
  return [...code.matchAll(/\/\/ prints: (.*)$/gm)].map((match) => match[1]!.trim());
}

/** The first promised line that is not in the output, where the lines have to come in order. */
export function firstMissingLine(promised: readonly string[], output: string): string | undefined {
  const printed = output.split(/\r?\n/).map((line) => line.trim());
  let from = 0;
  for (const line of promised) {
    const at = printed.indexOf(line, from);
    if (at === -1) return line;
    from = at + 1;
  }
  return undefined;
}
