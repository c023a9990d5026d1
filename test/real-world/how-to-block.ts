import { readFileSync } from "node:fs";
import { projectPath } from "#scripts/project-root.js";

/**
 * The configuration in a how-to whose first line names `path`, as it stands there: `# /etc/nginx/conf.d/chat.conf`. What
 * `replacements` has is replaced, everywhere, and has to be there.
 */
export function howToBlock(
  howTo: string,
  path: string,
  replacements: Readonly<Record<string, string>> = {},
): string {
  const markdown = readFileSync(projectPath("docs", "howto", howTo), "utf8");
  const found = [...markdown.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)]
    .map(([, text = ""]) => text)
    .filter((text) => new RegExp(`^# ${path}(,|$)`, "m").test(text.split("\n", 1)[0]!));
  if (found.length !== 1) throw new Error(`${howTo} has ${found.length} blocks for ${path}`);
  return Object.entries(replacements).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`${path} in ${howTo} has no ${JSON.stringify(from)}`);
    return text.replaceAll(from, to);
  }, found[0]!);
}
