import { readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { PROJECT_ROOT } from "#scripts/project-root.js";

const NOT_OURS: ReadonlySet<string> = new Set(["node_modules", "build", "dist"]);

/** The paths of all Markdown files of the project, relative to its root and with forward slashes. */
export function markdownFiles(directory: string = PROJECT_ROOT): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) {
        return NOT_OURS.has(entry.name) || entry.name.startsWith(".") ? [] : markdownFiles(path);
      }
      return entry.isFile() && entry.name.endsWith(".md")
        ? [relative(PROJECT_ROOT, path).split(sep).join("/")]
        : [];
    })
    .sort();
}
