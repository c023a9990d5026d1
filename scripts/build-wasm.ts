// Command: `npm run build-wasm` compiles wasm/deflate and writes src/node/deflate/deflate-module.ts.
import { writeFileSync } from "node:fs";
import { projectPath } from "./project-root.js";
import { wasmModuleSource } from "./wasm-module-source.js";

const target = projectPath("src", "node", "deflate", "deflate-module.ts");
writeFileSync(target, await wasmModuleSource());
console.log(target);
