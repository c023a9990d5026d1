import { API, type Checker, type Symbol as Declared, SymbolFlags } from "typescript/unstable/sync";
import { PROJECT_ROOT, projectPath } from "#scripts/project-root.js";

/** A name with the text of its doc comment. */
export interface Commented {
  readonly name: string;
  readonly comment: string;
}

/** What the entry points export, as the compiler sees it. */
export interface PublicTypes {
  /** Every name that is exported, with its entry point: `hawser/server: serve`. */
  readonly names: readonly Commented[];
  /**
   * The properties of the interfaces that an application fills in, by the interface in which each is declared: what
   * is inherited, picked or made optional stands where it is written, and only there.
   */
  readonly options: ReadonlyMap<string, readonly Commented[]>;
  /** The properties of each exported interface, inherited ones too. */
  readonly properties: ReadonlyMap<string, readonly string[]>;
  /** The members of each exported union of strings. */
  readonly unions: ReadonlyMap<string, readonly string[]>;
}

/** The entry points, by the project that compiles them. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  "tsconfig.sans-io.json": ["protocol", "msgpack", "testing"],
  "tsconfig.rpc.json": ["contract"],
  "tsconfig.node.json": ["server", "client"],
  "tsconfig.conformance.json": ["conformance"],
  // What hawser/ws exports is a class with a namespace; these are the interfaces in it that differ from those of ws.
  "tsconfig.compat-ws.json": ["../compat/ws/socket-options", "../compat/ws/per-message-deflate"],
};
const OPTION_INTERFACE = /(?:Options|Settings|Limits|Deadlines|Handlers)$|^(?:Endpoint|CaseSelection)$/;

interface Exported {
  readonly name: string;
  readonly entry: string;
  readonly symbol: Declared;
  readonly checker: Checker;
}

/** Asks the compiler about everything that the entry points export. */
export function publicTypes(entryPoints: Readonly<Record<string, readonly string[]>> = ENTRIES): PublicTypes {
  const api = new API({ cwd: PROJECT_ROOT });
  try {
    const exported = Object.entries(entryPoints).flatMap(([project, entries]) =>
      exportsOf(api, projectPath("src", project), entries),
    );
    const interfaces = exported.filter(({ symbol }) => (symbol.flags & SymbolFlags.Interface) !== 0);
    return {
      names: exported.map(({ name, entry, symbol, checker }) => ({
        name: `hawser/${entry}: ${name}`,
        comment: checker.getDocumentationCommentOfSymbol(symbol),
      })),
      options: optionsOf(interfaces),
      properties: new Map(interfaces.map((one) => [one.name, propertiesOf(one).map(({ name }) => name)])),
      unions: unionsOf(exported),
    };
  } finally {
    api.close();
  }
}

function exportsOf(api: API, configFile: string, entries: readonly string[]): Exported[] {
  const project = api.updateSnapshot({ openProjects: [configFile] }).getProject(configFile)!;
  const { checker, program } = project;
  return entries.flatMap((entry) => {
    const file = program.getSourceFile(projectPath("src", "entry", `${entry}.ts`))!;
    return checker.getExportsOfModule(checker.getSymbolAtLocation(file)!).map((symbol) => ({
      name: symbol.name,
      entry,
      symbol: (symbol.flags & SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol),
      checker,
    }));
  });
}

function propertiesOf({ symbol, checker }: Exported): readonly Declared[] {
  return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol));
}

function optionsOf(interfaces: readonly Exported[]): Map<string, Commented[]> {
  const options = new Map<string, Commented[]>();
  for (const one of interfaces) {
    if (!OPTION_INTERFACE.test(one.name)) continue;
    for (const property of propertiesOf(one)) {
      const owner = ownerOf(property) ?? one.name;
      const known = options.get(owner) ?? [];
      options.set(owner, known);
      if (known.some(({ name }) => name === property.name)) continue;
      known.push({
        name: property.name,
        comment: one.checker.getDocumentationCommentOfSymbol(property),
      });
    }
  }
  return options;
}

/** The interface in which a property is declared; undefined if that is not one of ours. */
function ownerOf(property: Declared): string | undefined {
  const declaration = property.declarations[0];
  if (declaration === undefined || declaration.path.includes("/node_modules/")) return undefined;
  const parent = declaration.resolve()?.parent;
  return parent !== undefined && "name" in parent ? nameOf(parent.name) : undefined;
}

function nameOf(node: unknown): string | undefined {
  return typeof node === "object" && node !== null && "text" in node ? String(node.text) : undefined;
}

function unionsOf(exported: readonly Exported[]): Map<string, string[]> {
  const unions = new Map<string, string[]>();
  for (const { name, symbol, checker } of exported) {
    if ((symbol.flags & SymbolFlags.TypeAlias) === 0) continue;
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    if (!type.isUnionType()) continue;
    unions.set(
      name,
      type.getTypes().flatMap((member) => (member.isStringLiteralType() ? [member.value] : [])),
    );
  }
  return unions;
}
