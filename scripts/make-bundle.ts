// Command: makes the files for pages without a bundler, and says how long they are: dist/hawser.min.js (a module),
// dist/hawser.global.min.js (a script that sets `hawser`), dist/hawser-websocket.min.js (a module with `connect` over a WebSocket only).
import { writeFileSync } from "node:fs";
import { BUNDLES, brotliBytes, bundle, gzippedBytes } from "./bundle.js";
import { projectPath } from "./project-root.js";

for (const [name, source, format] of [
  ["hawser.min.js", BUNDLES.everything, "esm"],
  ["hawser.global.min.js", BUNDLES.everything, "iife"],
  ["hawser-websocket.min.js", BUNDLES.webSocketOnly, "esm"],
] as const) {
  const code = await bundle(source, format);
  writeFileSync(projectPath("dist", name), code);
  console.log(`dist/${name}: ${lengths(code)}`);
}
const connect = await bundle(BUNDLES.connect);
console.log(`what \`connect\` needs of it: ${lengths(connect)}`);

function lengths(code: string): string {
  return `${code.length} bytes, ${gzippedBytes(code)} gzipped, ${brotliBytes(code)} with brotli`;
}
