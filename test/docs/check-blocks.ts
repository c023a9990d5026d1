import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { projectPath } from "#scripts/project-root.js";
import { type CodeBlock, firstMissingLine, moduleText, promisedLines } from "./code-blocks.js";

/** How long a program of the documentation may run. */
const PROGRAM_TIMEOUT_MS = 60_000;

/** Blocks that were type-checked and, where they are programs, compiled. */
export interface CheckedBlocks {
  /** The compiler's errors, with the place in the Markdown file. */
  readonly errors: readonly string[];
  /** The compiled program of a block. */
  programOf(block: CodeBlock): string;
}

/**
 * Type-checks blocks against the built package, which they import by its name as a reader would, in a directory
 * within `build/` that is made anew.
 */
export function checkBlocks(blocks: readonly CodeBlock[], directoryName: string): CheckedBlocks {
  const directory = projectPath("build", directoryName);
  rmSync(directory, { recursive: true, force: true });
  const errors = [false, true].flatMap((browser) => {
    const kind = browser ? "browser" : "node";
    const chosen = blocks.filter((block) => block.browser === browser);
    return chosen.length === 0 ? [] : typeCheck(chosen, join(directory, kind), kind);
  });
  return {
    errors,
    programOf: (block) =>
      join(directory, block.browser ? "browser" : "node", "compiled", `${moduleName(block)}.js`),
  };
}

function typeCheck(blocks: readonly CodeBlock[], directory: string, kind: "node" | "browser"): string[] {
  mkdirSync(directory, { recursive: true });
  const fileOf = new Map<string, string>();
  for (const block of blocks) {
    const name = `${moduleName(block)}.${block.jsx ? "tsx" : "ts"}`;
    fileOf.set(name, block.file);
    writeFileSync(join(directory, name), moduleText(block));
  }
  writeFileSync(
    join(directory, "tsconfig.json"),
    JSON.stringify({
      extends: "../../../tsconfig.base.json",
      compilerOptions: {
        rootDir: ".",
        outDir: "compiled",
        composite: false,
        // By its package.json, as a user has it: what is `@internal` is not there.
        paths: {},
        declaration: false,
        isolatedDeclarations: false,
        moduleDetection: "force",
        // An example may name a result only to show it.
        noUnusedLocals: false,
        noUnusedParameters: false,
        ...(kind === "browser"
          ? { lib: ["ES2023", "DOM", "DOM.Iterable"], customConditions: ["browser"], jsx: "react-jsx" }
          : { lib: ["ES2023", "ESNext.Disposable"], types: ["node"] }),
      },
      files: [...fileOf.keys()],
    }),
  );
  const compiler = projectPath("node_modules", "typescript", "bin", "tsc");
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [compiler, "--project", directory, "--pretty", "false"],
    { cwd: directory, encoding: "utf8" },
  );
  if (status === 0) return [];
  const output = `${error?.message ?? ""}${stdout}${stderr}`.trimEnd().split("\n");
  return aboutOurs(output).map((line) =>
    line.replace(/^(\S+\.tsx?)\((\d+),(\d+)\):/, (whole, path: string, row: string, column: string) => {
      const file = fileOf.get(basename(path));
      return file === undefined ? whole : `${file}:${row}:${column}:`;
    }),
  );
}

/** Without what is wrong with the types of other packages, with the lines that explain it: they may name the DOM. */
function aboutOurs(output: readonly string[]): string[] {
  let isOurs = true;
  return output.filter((line) => {
    if (!line.startsWith(" ")) isOurs = !/^\S*node_modules\/\S+\.d\.[cm]?ts\(/.test(line);
    return isOurs;
  });
}

/** Unique for a block and readable in a stack trace: `docs__guide.md__L12`. */
function moduleName({ file, line }: CodeBlock): string {
  return `${file.replaceAll(/[\\/]/g, "__")}__L${line}`;
}

/** Executes the program of a block; throws where it fails, does not end, or does not print what it promises. */
export async function runProgram(block: CodeBlock, program: string): Promise<void> {
  const { file, line } = block;
  const { ended, output, complaints } = await execute(program);
  if (ended !== "with exit code 0") {
    throw new Error(`${file}:${line}: the program ended ${ended}\n${output}${complaints}`);
  }
  const missing = firstMissingLine(promisedLines(block), output);
  if (missing !== undefined) {
    throw new Error(`${file}:${line}: the program did not print "${missing}" in its place, but:\n${output}`);
  }
}

interface Execution {
  readonly ended: string;
  readonly output: string;
  readonly complaints: string;
}

function execute(program: string): Promise<Execution> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--enable-source-maps", program], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: PROGRAM_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let output = "";
    let complaints = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaints += text;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const ended =
        signal === "SIGKILL"
          ? `by force after ${PROGRAM_TIMEOUT_MS} ms`
          : `with ${code === null ? signal : `exit code ${code}`}`;
      resolve({ ended, output, complaints });
    });
  });
}
