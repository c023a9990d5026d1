// Command: says that dist/commonjs/ is CommonJS, as part of the build. tsc does not write a package.json.
import { writeFileSync } from "node:fs";
import { projectPath } from "./project-root.js";

writeFileSync(projectPath("dist", "commonjs", "package.json"), '{ "type": "commonjs" }\n');
