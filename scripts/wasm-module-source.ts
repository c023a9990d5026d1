import { readFileSync } from "node:fs";
import { projectPath } from "./project-root.js";

/** As much of AssemblyScript's compiler as is used here: its own types come with those of browsers. */
interface Compiler {
  main(
    commandLine: readonly string[],
    files: {
      readFile(name: string, baseFolder: string): string | null;
      writeFile(name: string, contents: Uint8Array | string, baseFolder: string): void;
      listFiles(): readonly string[];
    },
  ): Promise<{ readonly error: Error | null; readonly stderr: { toString(): string } }>;
}

const OPTIONS = "--runtime stub --importMemory -O3 --noAssert --enable simd --use abort=".split(" ");
const LINE_CHARACTERS = 100;

/** What `src/node/deflate/deflate-module.ts` has to be: `wasm/deflate`, compiled. The same each time. */
export async function wasmModuleSource(): Promise<string> {
  const name = "assemblyscript/asc"; // not a literal, or the compiler would want its types
  const asc = ((await import(name)) as { default: Compiler }).default;
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["index.ts", "--outFile", "module.wasm", ...OPTIONS], {
    readFile: (file) => read(file),
    writeFile(_file, contents) {
      if (typeof contents !== "string") wasm = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || wasm === undefined) throw new Error(`wasm/deflate: ${stderr.toString()}`);
  const text = Buffer.from(wasm).toString("base64");
  const lines = text.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, "g")) ?? [];
  return `// Made by \`npm run build-wasm\` from wasm/deflate; a test holds one against the other.

/** The deflater, in base64. */
export const DEFLATE_MODULE: string =
${lines.map((line) => `  "${line}"`).join(" +\n")};
`;
}

function read(file: string): string | null {
  try {
    return readFileSync(projectPath("wasm", "deflate", file), "utf8");
  } catch {
    return null; // it looks for a file in several places
  }
}
