import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { importCycles } from "./import-cycles.js";
import { LAYERS, type Layer, layerOf } from "./layers.js";
import { type ImportReference, scanSource } from "./source-scanner.js";

/** What {@link checkLayers} may be told; the defaults are those of Hawser. */
export interface LayerCheckOptions {
  /** The layer table. */
  readonly layers?: readonly Layer[];
  /** The name of the package, by which the layers with `byPackageName` use it. */
  readonly packageName?: string;
}

/** What was looked at, and a line for everything that breaks a rule: `src/core/a.ts:3: ...`. */
export interface LayerCheckResult {
  readonly fileCount: number;
  readonly findings: readonly string[];
}

/** Names that say nothing about what a file is for. */
const EMPTY_FILE_NAMES: ReadonlySet<string> = new Set(["utils", "util", "helpers", "helper", "common"]);

/** Checks every TypeScript file below `sourceRoot` (the `src` directory) against the layer table. */
export function checkLayers(sourceRoot: string, options: LayerCheckOptions = {}): LayerCheckResult {
  const { layers = LAYERS, packageName = "hawser" } = options;
  const files = readdirSync(sourceRoot, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.c?ts$/.test(entry.name))
    .map((entry) => relative(sourceRoot, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();

  const findings: string[] = [];
  const graph = new Map<string, string[]>();
  for (const file of files) {
    const report = (line: number, message: string): void => {
      findings.push(`src/${file}:${line}: ${message}`);
    };
    const targets: string[] = [];
    graph.set(file, targets);

    if (EMPTY_FILE_NAMES.has(posix.basename(file).replace(/\.c?ts$/, ""))) {
      report(1, "the name says nothing; name the file after its main export");
    }
    const layer = layerOf(file, layers);
    if (layer === undefined) {
      report(1, "belongs to no layer; put it into one, or add its layer to scripts/layers.ts");
      continue;
    }
    const { imports, ambientUses } = scanSource(readFileSync(join(sourceRoot, file), "utf8"));
    for (const reference of imports) {
      const target = targetOf(file, reference);
      const problem = problemOf(layer, reference, target, layers, packageName);
      if (problem !== undefined) report(reference.line, problem);
      if (reference.reExport && layer.publicEntry !== true) {
        report(reference.line, "re-exports from another file; only the files of src/entry are barrels");
      }
      if (target !== undefined) targets.push(target);
    }
    if (layer.sansIo === true) {
      for (const use of ambientUses) {
        report(
          use.line,
          `uses ${use.name}; in the sans-I/O layer ${layer.path} the caller gives time and randomness`,
        );
      }
    }
  }
  for (const cycle of importCycles(graph)) {
    findings.push(`import cycle: ${cycle.map((file) => `src/${file}`).join(" -> ")}`);
  }
  return { fileCount: files.length, findings };
}

/** The path below `src/` that a relative import leads to; undefined for any other import. */
function targetOf(file: string, { specifier }: ImportReference): string | undefined {
  if (specifier === undefined || !specifier.startsWith(".")) return undefined;
  // The CommonJS build is made of the same sources.
  const path = posix.join(posix.dirname(file), specifier).replace(/^commonjs\//, "");
  return path.replace(/\.(c?)js$/, ".$1ts");
}

function problemOf(
  layer: Layer,
  { specifier, typeOnly }: ImportReference,
  target: string | undefined,
  layers: readonly Layer[],
  packageName: string,
): string | undefined {
  if (specifier === undefined) return "import() of something that is not a plain string cannot be checked";
  if (specifier.startsWith("node:")) {
    return layer.onNode === true
      ? undefined
      : `imports ${specifier}; the layer ${layer.path} must run anywhere`;
  }
  if (target === undefined) {
    const isOwnPackage = specifier === packageName || specifier.startsWith(`${packageName}/`);
    if (isOwnPackage && layer.byPackageName === true) return undefined;
    if (isOwnPackage) return `imports ${specifier}; inside src use a relative path`;
    if (specifier.startsWith("#"))
      return `imports ${specifier}; # names are for tests, inside src use a relative path`;
    if (layer.packages?.includes(specifier)) return undefined;
    return `imports ${specifier}; Hawser has no runtime dependencies`;
  }
  if (target.startsWith("../")) return `imports ${specifier}, which is outside of src`;
  const targetLayer = layerOf(target, layers);
  if (targetLayer === undefined) return `imports ${specifier}, which belongs to no layer`;
  if (targetLayer.publicEntry === true) {
    return `imports ${specifier}; nothing inside src imports from src/${targetLayer.path}`;
  }
  if (targetLayer === layer || layer.mayImport === "every layer") return undefined;
  if (layer.mayImport.includes(targetLayer.path)) return undefined;
  if (layer.mayImportTypesOf?.includes(targetLayer.path) === true) {
    return typeOnly
      ? undefined
      : `imports ${specifier}; ${layer.path} may import only types of ${targetLayer.path}`;
  }
  if (layer.byPackageName === true) {
    return `imports ${specifier}; ${layer.path} uses the package by its name ("${packageName}/...")`;
  }
  const allowed = layer.mayImport.length === 0 ? "nothing" : layer.mayImport.join(", ");
  return `imports ${specifier} of ${targetLayer.path}; ${layer.path} may import only: ${allowed}`;
}
