import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { extname, join, relative, sep } from "node:path";

/** What is served; files of other kinds are not. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
};

const HEADERS = { "referrer-policy": "no-referrer", "x-content-type-options": "nosniff" };

/** A file as it is answered. */
interface StaticFile {
  readonly path: string;
  /** What the page may do, if it is one. */
  readonly policy: string;
}

/**
 * Serves the files of folders, below the paths that are their keys. The folders are listed once, and only a path on that
 * list is answered: a request cannot name any other file, however it is spelt.
 */
export function staticFiles(foldersByPath: Readonly<Record<string, readonly string[]>>): RequestListener {
  const files = new Map<string, StaticFile>();
  for (const [prefix, folders] of Object.entries(foldersByPath)) {
    for (const folder of folders) {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const file = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !(extname(file) in CONTENT_TYPES)) continue;
        const path = prefix + relative(folder, file).split(sep).join("/");
        // `/lab/index.html` is at `/lab` and at `/lab/`.
        for (const name of path.endsWith("/index.html") ? [path.slice(0, -11), path.slice(0, -10)] : [path])
          files.set(name, { path: file, policy: file.endsWith(".html") ? policyOf(file) : policyWith("") });
      }
    }
  }
  return (request, response) => void answer(files, request, response);
}

/** The import map of a page has to stand in it, and is a script: it is let through by its hash, and no other one. */
function policyOf(file: string): string {
  const [, map] = /<script type="importmap">(.*?)<\/script>/s.exec(readFileSync(file, "utf8")) ?? [];
  return policyWith(
    map === undefined
      ? ""
      : ` script-src 'self' 'sha256-${createHash("sha256").update(map).digest("base64")}';`,
  );
}

/** Scripts, styles and connections only from here; images also from memory, where those of the chat are. */
function policyWith(scripts: string): string {
  return `default-src 'self';${scripts} img-src 'self' blob:; base-uri 'none'; frame-ancestors 'none'`;
}

async function answer(
  files: ReadonlyMap<string, StaticFile>,
  { method, url = "/" }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (method !== "GET" && method !== "HEAD") {
    end(response, 405, "Only GET and HEAD.\n", { allow: "GET, HEAD" });
    return;
  }
  const file = files.get(url.replace(/\?.*$/s, ""));
  const content = file === undefined ? undefined : await readFile(file.path).catch(() => undefined);
  if (file === undefined || content === undefined) end(response, 404, "Nothing is here.\n");
  else {
    const type = CONTENT_TYPES[extname(file.path)] ?? "";
    end(response, 200, content, { "content-type": type, "content-security-policy": file.policy });
  }
}

/** For HEAD, Node leaves the content out by itself. */
function end(
  response: ServerResponse,
  status: number,
  content: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(content),
    "cache-control": "no-store",
    ...HEADERS,
    ...headers,
  });
  response.end(content);
}
