import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of `package.json`; this file is compiled to `build/scripts/`. */
export const PROJECT_ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** The absolute path of something in the project. */
export function projectPath(...segments: readonly string[]): string {
  return join(PROJECT_ROOT, ...segments);
}
