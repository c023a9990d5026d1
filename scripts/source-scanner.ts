import { SyntaxKind } from "typescript/unstable/ast";
import { createScanner } from "typescript/unstable/ast/scanner";

/** One place where a source file names another module. */
export interface ImportReference {
  /** The text between the quotes; undefined for an `import()` whose argument is not a plain string. */
  readonly specifier: string | undefined;
  readonly line: number;
  /** `import type` or `export type`: nothing of it is left at run time. */
  readonly typeOnly: boolean;
  /** `export ... from`. */
  readonly reExport: boolean;
}

/** A use of the clock or of randomness, as it is written: `Date.now`, `new Date` or `Math.random`. */
export interface AmbientUse {
  readonly name: string;
  readonly line: number;
}

/** What {@link scanSource} finds in a file. */
export interface ScannedSource {
  readonly imports: readonly ImportReference[];
  readonly ambientUses: readonly AmbientUse[];
}

/**
 * Finds the imports and the ambient clock and randomness of a TypeScript source by its tokens, so that comments,
 * strings, templates and regular expressions cannot be taken for code.
 */
export function scanSource(text: string): ScannedSource {
  const tokens = tokenize(text);
  const imports: ImportReference[] = [];
  const ambientUses: AmbientUse[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]!;
    if (tokens[index - 1]?.kind === SyntaxKind.DotToken) continue; // a member that is called `import`, `Date`...
    if (token.kind === SyntaxKind.ImportKeyword) addDefined(imports, importAt(tokens, index));
    else if (token.kind === SyntaxKind.ExportKeyword) addDefined(imports, reExportAt(tokens, index));
    else addDefined(ambientUses, ambientUseAt(tokens, index));
  }
  return { imports, ambientUses };
}

function addDefined<T>(list: T[], item: T | undefined): void {
  if (item !== undefined) list.push(item);
}

function importAt(tokens: readonly Token[], start: number): ImportReference | undefined {
  const { line } = tokens[start]!;
  const next = tokens[start + 1];
  if (next === undefined || next.kind === SyntaxKind.DotToken) return undefined; // import.meta
  if (next.kind === SyntaxKind.ColonToken) return undefined; // a property that is called `import`
  if (next.kind === SyntaxKind.OpenParenToken) {
    const argument = tokens[start + 2];
    const plain =
      argument?.kind === SyntaxKind.StringLiteral ||
      argument?.kind === SyntaxKind.NoSubstitutionTemplateLiteral;
    return { specifier: plain ? argument.value : undefined, line, typeOnly: false, reExport: false };
  }
  // The names of an import clause are identifiers and, for `{ "a b" as c }`, strings within braces, so the first
  // string after `from`, `require(` or `import` itself is the specifier.
  for (let index = start + 1; index < tokens.length; index++) {
    const token = tokens[index]!;
    const before = tokens[index - 1]!;
    const introduces =
      index === start + 1 ||
      before.kind === SyntaxKind.FromKeyword ||
      (before.kind === SyntaxKind.OpenParenToken && tokens[index - 2]?.kind === SyntaxKind.RequireKeyword);
    if (token.kind === SyntaxKind.StringLiteral && introduces) {
      return { specifier: token.value, line, typeOnly: isTypeClause(tokens, start + 1), reExport: false };
    }
    if (token.kind === SyntaxKind.SemicolonToken) return undefined; // import a = b.c
  }
  return undefined;
}

/** Whether `type` at this place marks the whole clause, and is not a default import of that name. */
function isTypeClause(tokens: readonly Token[], index: number): boolean {
  if (tokens[index]?.kind !== SyntaxKind.TypeKeyword) return false;
  const next = tokens[index + 1]?.kind;
  if (next === SyntaxKind.CommaToken || next === SyntaxKind.EqualsToken) return false;
  return next !== SyntaxKind.FromKeyword || tokens[index + 2]?.kind === SyntaxKind.FromKeyword;
}

function reExportAt(tokens: readonly Token[], start: number): ImportReference | undefined {
  const { line } = tokens[start]!;
  const typeOnly = tokens[start + 1]?.kind === SyntaxKind.TypeKeyword;
  let index = typeOnly ? start + 2 : start + 1;
  const opening = tokens[index]?.kind;
  if (opening === SyntaxKind.AsteriskToken) {
    index += tokens[index + 1]?.kind === SyntaxKind.AsKeyword ? 3 : 1;
  } else if (opening === SyntaxKind.OpenBraceToken) {
    while (index < tokens.length && tokens[index]!.kind !== SyntaxKind.CloseBraceToken) index++;
    index++;
  } else {
    return undefined;
  }
  const specifier = tokens[index + 1];
  if (tokens[index]?.kind !== SyntaxKind.FromKeyword || specifier?.kind !== SyntaxKind.StringLiteral) {
    return undefined;
  }
  return { specifier: specifier.value, line, typeOnly, reExport: true };
}

function ambientUseAt(tokens: readonly Token[], start: number): AmbientUse | undefined {
  const words = tokens.slice(start, start + 4).map((token) => token.text);
  const { line } = tokens[start]!;
  if (words[0] === "new" && words[1] === "Date") {
    // With an argument it is the time that the argument says, and no clock is read.
    return words[2] === "(" && words[3] !== ")" ? undefined : { name: "new Date", line };
  }
  const member = words.slice(0, 3).join("");
  return member === "Date.now" || member === "Math.random" ? { name: member, line } : undefined;
}

interface Token {
  readonly kind: SyntaxKind;
  readonly text: string;
  readonly value: string;
  readonly line: number;
}

function tokenize(text: string): Token[] {
  const scanner = createScanner(true, undefined, text);
  const tokens: Token[] = [];
  /** For every template that is open, how many braces are open within its substitution. */
  const openBraces: number[] = [];
  let line = 1;
  let counted = 0;
  for (;;) {
    let kind = scanner.scan();
    if (kind === SyntaxKind.EndOfFile) return tokens;
    // The scanner cannot know by itself where a regular expression starts or a template goes on.
    if (kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) {
      if (!endsOperand(tokens.at(-1))) kind = scanner.reScanSlashToken();
    } else if (kind === SyntaxKind.TemplateHead) {
      openBraces.push(0);
    } else if (openBraces.length > 0) {
      const innermost = openBraces.length - 1;
      if (kind === SyntaxKind.OpenBraceToken) openBraces[innermost]!++;
      else if (kind === SyntaxKind.CloseBraceToken && openBraces[innermost]! > 0) openBraces[innermost]!--;
      else if (kind === SyntaxKind.CloseBraceToken) {
        kind = scanner.reScanTemplateToken(false);
        if (kind === SyntaxKind.TemplateTail) openBraces.pop();
      }
    }
    const start = scanner.getTokenStart();
    for (; counted < start; counted++) if (text[counted] === "\n") line++;
    tokens.push({ kind, text: scanner.getTokenText(), value: scanner.getTokenValue(), line });
  }
}

/**
 * Whether a slash after this token divides. After `)` and `}` it could also start a regular expression that is a
 * statement of its own; nobody writes that.
 */
function endsOperand(token: Token | undefined): boolean {
  switch (token?.kind) {
    case undefined:
      return false;
    case SyntaxKind.CloseParenToken:
    case SyntaxKind.CloseBracketToken:
    case SyntaxKind.CloseBraceToken:
    case SyntaxKind.NumericLiteral:
    case SyntaxKind.BigIntLiteral:
    case SyntaxKind.StringLiteral:
    case SyntaxKind.RegularExpressionLiteral:
    case SyntaxKind.NoSubstitutionTemplateLiteral:
    case SyntaxKind.TemplateTail:
    case SyntaxKind.PlusPlusToken:
    case SyntaxKind.MinusMinusToken:
    case SyntaxKind.ThisKeyword:
    case SyntaxKind.SuperKeyword:
    case SyntaxKind.TrueKeyword:
    case SyntaxKind.FalseKeyword:
    case SyntaxKind.NullKeyword:
      return true;
    default:
      return token!.kind === SyntaxKind.Identifier || token!.kind > SyntaxKind.LastReservedWord;
  }
}
