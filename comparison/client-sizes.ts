import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { projectPath } from "#scripts/project-root.js";
import { fetchedFile } from "./fetched-packages.js";

/** What a page loads of a library. */
export interface ClientSize {
  readonly label: string;
  readonly bytes: number;
  readonly gzipBytes: number;
}

/** The files that the libraries are published with for pages; Hawser's are made by `npm run bundle`. */
export function clientSizes(): ClientSize[] {
  const files: readonly (readonly [string, string])[] = [
    ["Hawser, all transports", projectPath("dist", "hawser.min.js")],
    ["Hawser, WebSocket only", projectPath("dist", "hawser-websocket.min.js")],
    ["Socket.IO", fetchedFile("socket.io-client", "dist", "socket.io.esm.min.js")],
    ["SockJS", fetchedFile("sockjs-client", "dist", "sockjs.min.js")],
  ];
  return files.flatMap(([label, path]) => {
    if (!existsSync(path)) return [];
    const text = readFileSync(path);
    return [{ label, bytes: text.length, gzipBytes: gzipSync(text, { level: 9 }).length }];
  });
}
