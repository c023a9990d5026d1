// Command: checks the imports of src/ against the layer table in layers.ts; exits 1 where they break a rule.
import { checkLayers } from "./layer-check.js";
import { projectPath } from "./project-root.js";

const { fileCount, findings } = checkLayers(projectPath("src"));
if (findings.length > 0) {
  process.exitCode = 1;
  console.error(findings.join("\n"));
  console.error(`\n${findings.length} broken layer rule(s); the rules are in scripts/layers.ts`);
} else {
  console.log(`${fileCount} files of src/ keep to the layers`);
}
