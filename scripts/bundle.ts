import { brotliCompressSync, gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { projectPath } from "./project-root.js";

/** The client of sessions for pages, compiled. */
const CLIENT = projectPath("dist", "entry", "session-web.js");
const VIRTUAL = "\0hawser-bundle";

/** What a page uses of the client. */
export const BUNDLES: Readonly<Record<"everything" | "connect" | "webSocketOnly", string>> = {
  /** The file for pages without a bundler: everything. */
  everything: `export * from ${JSON.stringify(CLIENT)};`,
  /** What `connect` needs: a WebSocket and all that it falls back to. */
  connect: `export { connect } from ${JSON.stringify(CLIENT)};`,
  /** What a page pays that wants nothing but a WebSocket. */
  webSocketOnly: `import { connectOver, webSocket } from ${JSON.stringify(CLIENT)};
export const connect = (url, options) => connectOver(webSocket, url, options);`,
};

/** Bundles and minifies a module that imports from the client. `iife` makes a script that sets the global `hawser`. */
export async function bundle(source: string, format: "esm" | "iife" = "esm"): Promise<string> {
  const build = await rolldown({
    input: VIRTUAL,
    platform: "browser",
    plugins: [
      {
        name: "hawser",
        resolveId: (id: string) => (id === VIRTUAL ? id : null),
        load: (id: string) => (id === VIRTUAL ? { code: source, moduleType: "js" } : null),
      },
    ],
  });
  try {
    const { output } = await build.generate({
      format,
      minify: true,
      comments: false, // what is for bundlers is of no use in a page
      ...(format === "iife" && { name: "hawser" }),
    });
    return output[0].code;
  } finally {
    await build.close();
  }
}

/** How long a text is as it travels: gzip, level 9. */
export function gzippedBytes(text: string): number {
  return gzipSync(text, { level: 9 }).length;
}

/** How long a text is where a server has brotli, at its best. */
export function brotliBytes(text: string): number {
  return brotliCompressSync(text).length;
}
