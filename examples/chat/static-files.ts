import { readdirSync } from "node:fs";
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

/** Scripts, styles and connections only from here; images also from memory, where those of the chat are. */
const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'self'; img-src 'self' blob:; base-uri 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/**
 * Serves the files of these folders. The folders are listed once, and only a path on that list is answered: a request
 * cannot name any other file, however it is spelt.
 */
export function staticFiles(folders: readonly string[]): RequestListener {
  const files = new Map<string, string>();
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      const path = `/${relative(folder, file).split(sep).join("/")}`;
      if (entry.isFile() && extname(file) in CONTENT_TYPES)
        files.set(path.replace(/\/index\.html$/, "/"), file);
    }
  }
  return (request, response) => void answer(files, request, response);
}

async function answer(
  files: ReadonlyMap<string, string>,
  { method, url = "/" }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (method !== "GET" && method !== "HEAD") {
    end(response, 405, "Only GET and HEAD.\n", { allow: "GET, HEAD" });
    return;
  }
  const file = files.get(url.replace(/\?.*$/s, ""));
  const content = file === undefined ? undefined : await readFile(file).catch(() => undefined);
  if (file === undefined || content === undefined) end(response, 404, "Nothing is here.\n");
  else end(response, 200, content, { "content-type": CONTENT_TYPES[extname(file)] ?? "" });
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
    ...SECURITY_HEADERS,
    ...headers,
  });
  response.end(content);
}
