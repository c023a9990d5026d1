import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { machineProbe } from "#scripts/machine.js";
import { projectPath } from "#scripts/project-root.js";
import { findRequirement } from "#scripts/system-requirements.js";

/** An implementation to be tested, as a program of its own. */
export interface PeerProgram {
  /** Its name and version. */
  readonly agent: string;
  readonly tested: "server" | "client";
  /** The program and its arguments; a client is given URL and agent behind them. */
  readonly command: readonly string[];
}

const program = (name: string): string => projectPath("build", "conformance", "peers", `${name}.js`);
const source = (name: string): string => projectPath("conformance", "peers", name);

/** Those of the peers that are on this machine, and why the others are not tested. */
export function peerPrograms(): {
  readonly peers: readonly PeerProgram[];
  readonly missing: readonly string[];
} {
  const missing: string[] = [];
  const peers: PeerProgram[] = [
    ...nodePeers("hawser", `Hawser ${versionOf("hawser")}`),
    ...nodePeers("ws", `ws ${versionOf("ws")}`),
    clientOf("undici", `undici ${versionOf("undici")}`),
  ];
  if ("WebSocket" in globalThis) peers.push(clientOf("node", `Node ${process.versions.node}`));
  else missing.push(`Node's own WebSocket: ${process.version} has none; its undici is tested by itself`);

  const python = findRequirement("python3-websockets", machineProbe);
  if (python.available) {
    const script = source("websockets_peer.py");
    const version = execFileSync(python.path, [script, "version"], { encoding: "utf8" }).trim();
    const agent = `Python websockets ${version}`;
    peers.push({ agent, tested: "server", command: [python.path, script, "server"] });
    peers.push({ agent, tested: "client", command: [python.path, script, "client"] });
  } else {
    missing.push(`Python websockets: ${python.skip}`);
  }

  const bun = machineProbe.locate(process.env["HAWSER_BUN"] ?? "bun");
  if (bun === undefined) {
    missing.push("Bun's server: no bun in PATH, and HAWSER_BUN does not name one");
  } else {
    const version = execFileSync(bun, ["--version"], { encoding: "utf8" }).trim();
    peers.push({ agent: `Bun ${version}`, tested: "server", command: [bun, source("bun_server.mjs")] });
  }
  return { peers, missing };
}

function nodePeers(kind: string, agent: string): PeerProgram[] {
  return [
    { agent, tested: "server", command: [process.execPath, program("echo-server"), kind] },
    clientOf(kind, agent),
  ];
}

function clientOf(kind: string, agent: string): PeerProgram {
  return { agent, tested: "client", command: [process.execPath, program("echo-client"), kind] };
}

function versionOf(name: string): string {
  const file = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
