import { readFileSync } from "node:fs";
import { BUNDLES, bundle, gzippedBytes } from "#scripts/bundle.js";
import { fetchedFile } from "./fetched-packages.js";

/** What a page loads of a library. */
export interface ClientSize {
  readonly label: string;
  readonly bytes: number;
  readonly gzipBytes: number;
}

/** The files that the libraries are published with for pages; of Hawser what `npm run bundle` makes. */
export async function clientSizes(): Promise<ClientSize[]> {
  const files: readonly (readonly [string, string])[] = [
    ["Hawser, all transports", await bundle(BUNDLES.everything)],
    ["Hawser, WebSocket only", await bundle(BUNDLES.webSocketOnly)],
    ["Socket.IO", readFileSync(fetchedFile("socket.io-client", "dist", "socket.io.esm.min.js"), "utf8")],
    ["SockJS", readFileSync(fetchedFile("sockjs-client", "dist", "sockjs.min.js"), "utf8")],
  ];
  return files.map(([label, code]) => ({
    label,
    bytes: Buffer.byteLength(code),
    gzipBytes: gzippedBytes(code),
  }));
}
