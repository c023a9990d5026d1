import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** A link of a Markdown file to something that is not on the web. */
export interface RelativeLink {
  readonly line: number;
  /** As it is written: `../guide.md#closing`. */
  readonly target: string;
}

const LINK_FORMS: readonly RegExp[] = [
  /\]\(\s*<?(?<target>[^)\s>]+)>?(?:\s+["'(][^)]*)?\)/g, // [text](target "title") and ![text](target)
  /^\s{0,3}\[[^\]]+\]:\s*<?(?<target>[^\s>]+)>?/g, // [label]: target
  /<(?:a|img|source)\s[^>]*?(?:href|src|srcset)="(?<target>[^"\s]+)[^"]*"/g,
];

/** The relative links of a Markdown text; what stands in code is no link. */
export function relativeLinks(markdown: string): RelativeLink[] {
  const links: RelativeLink[] = [];
  for (const { text, line } of proseLines(markdown)) {
    const prose = text.replaceAll(/(`+)(?!`).*?(?<!`)\1(?!`)/g, "``");
    for (const form of LINK_FORMS) {
      for (const match of prose.matchAll(form)) {
        const target = match.groups!["target"]!;
        if (!/^[a-z][a-z0-9+.-]*:|^\/\//i.test(target)) links.push({ line, target });
      }
    }
  }
  return links;
}

/** Why a relative link leads nowhere: no such file, or no such heading in it; undefined where it is good. */
export function brokenLink(root: string, file: string, target: string): string | undefined {
  const [path = "", anchor] = target.split("#", 2);
  // A leading slash means the root of the repository, as GitHub has it.
  const base = path.startsWith("/") ? root : join(root, dirname(file));
  const destination = path === "" ? join(root, file) : join(base, decodeURIComponent(path));
  if (!existsSync(destination)) return "there is no such file";
  if (
    anchor === undefined ||
    anchor === "" ||
    !destination.endsWith(".md") ||
    !statSync(destination).isFile()
  ) {
    return undefined;
  }
  return headingAnchors(readFileSync(destination, "utf8")).has(decodeURIComponent(anchor))
    ? undefined
    : "there is no such heading";
}

/** The anchors that GitHub gives to the headings of a Markdown text. */
export function headingAnchors(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const { text } of proseLines(markdown)) {
    for (const match of text.matchAll(/<a\s[^>]*?(?:id|name)="([^"]+)"/g)) anchors.add(match[1]!);
    const heading = /^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const anchor = heading
      .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
      .replaceAll(" ", "-");
    let unique = anchor;
    for (let repeat = 1; anchors.has(unique); repeat++) unique = `${anchor}-${repeat}`;
    anchors.add(unique);
  }
  return anchors;
}

function* proseLines(markdown: string): Generator<{ text: string; line: number }> {
  let fence: string | undefined;
  for (const [index, text] of markdown.split(/\r?\n/).entries()) {
    const marker = /^[ \t]*(`{3,}|~{3,})(.*)$/.exec(text);
    if (fence === undefined && marker !== null) {
      fence = marker[1]!;
    } else if (fence !== undefined) {
      const [, closing = "", rest = ""] = marker ?? [];
      if (closing.startsWith(fence) && rest.trim() === "") fence = undefined;
    } else {
      yield { text, line: index + 1 };
    }
  }
}
