// Command: makes the files for pages without a bundler, dist/hawser.min.js (a module) and dist/hawser.global.min.js (a script that
// sets `hawser`), and says how long they are.
import { writeFileSync } from "node:fs";
import { BUNDLES, bundle, gzippedBytes } from "./bundle.js";
import { projectPath } from "./project-root.js";

for (const [name, format] of [
  ["hawser.min.js", "esm"],
  ["hawser.global.min.js", "iife"],
] as const) {
  const code = await bundle(BUNDLES.everything, format);
  writeFileSync(projectPath("dist", name), code);
  console.log(`dist/${name}: ${code.length} bytes, ${gzippedBytes(code)} gzipped`);
}
for (const name of ["webSocketOnly", "connect"] as const) {
  const code = await bundle(BUNDLES[name]);
  console.log(`${name}: ${code.length} bytes, ${gzippedBytes(code)} gzipped`);
}
