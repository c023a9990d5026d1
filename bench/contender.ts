import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import type { LoadPlan } from "#bench/load-plan.js";
import { machineProbe } from "#scripts/machine.js";
import { projectPath } from "#scripts/project-root.js";
import { bunPackage, fetchedPackage } from "./fetched.js";

/** Who can take part. Clients are measured against the generator as their server. */
export type ContenderId =
  | "hawser"
  | "hawser-session"
  | "hawser-http2"
  | "hawser-1-worker"
  | "hawser-2-workers"
  | "hawser-3-workers"
  | "ws"
  | "hawser-ws"
  | "ws-bufferutil"
  | "bun"
  | "net"
  | "socket.io"
  | "hawser-client"
  | "ws-client"
  | "hawser-ws-client"
  | "undici-client"
  | "node-client";

/** An implementation that can be measured, as a program of its own. */
export interface Contender {
  readonly id: ContenderId;
  /** What tables call it. */
  readonly label: string;
  readonly version: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The path of the URL, where the implementation prescribes it. */
  readonly path: string | undefined;
  /** How the generator has to speak to it, where that differs. */
  readonly dialect: Partial<LoadPlan>;
}

/** The implementations that are here, and why the others are not. */
export interface Field {
  readonly contenders: ReadonlyMap<ContenderId, Contender>;
  readonly missing: ReadonlyMap<ContenderId, string>;
}

/** Streams are many on each of these, as those of a proxy are. */
const HTTP2_CONNECTIONS = 4;
const FETCH_HINT = "npm run bench -- --fetch brings it";

/** Looks for all that can be measured. */
export function field(): Field {
  const contenders = new Map<ContenderId, Contender>();
  const missing = new Map<ContenderId, string>();
  const add = (id: ContenderId, label: string, version: string, more: Partial<Contender> = {}): void => {
    contenders.set(id, {
      id,
      label,
      version,
      command: onNode(`${id}${id.endsWith("-client") ? "" : "-server"}`),
      env: { WS_NO_BUFFER_UTIL: "1", WS_NO_UTF_8_VALIDATE: "1" },
      path: undefined,
      dialect: {},
      ...more,
    });
  };

  const [hawser, ws] = [installedVersion("hawser"), installedVersion("ws")];
  add("hawser", "Hawser", hawser);
  for (const [id, count, label] of [
    ["hawser-1-worker", "1", "Hawser, 1 worker"],
    ["hawser-2-workers", "2", "Hawser, 2 workers"],
    ["hawser-3-workers", "3", "Hawser, 3 workers"],
  ] as const) {
    add(id, label, hawser, { command: onNode("hawser-workers-server", count) });
  }
  add("hawser-session", "Hawser session", hawser, { dialect: { isSession: true } });
  add("hawser-http2", "Hawser over HTTP/2", hawser, {
    command: onNode("hawser-server", "http2"),
    dialect: { http2Connections: HTTP2_CONNECTIONS },
  });
  add("ws", "`ws`", ws);
  add("hawser-ws", "`hawser/ws`", hawser);
  add("net", "plain TCP echo", process.versions.node, { dialect: { isRawEcho: true } });
  add("hawser-client", "Hawser", hawser);
  add("ws-client", "`ws`", ws);
  add("hawser-ws-client", "`hawser/ws`", hawser);
  add("undici-client", "undici", installedVersion("undici"), { command: onNode("w3c-client", "undici") });
  if ("WebSocket" in globalThis) {
    add("node-client", "Node's `WebSocket`", process.versions.node, {
      command: onNode("w3c-client", "node"),
    });
  } else {
    missing.set("node-client", `${process.version} has no WebSocket of its own`);
  }

  const bufferutil = fetchedPackage("bufferutil");
  if (bufferutil === undefined) missing.set("ws-bufferutil", FETCH_HINT);
  else {
    add("ws-bufferutil", "`ws` + bufferutil", `${ws} + ${versionIn(bufferutil)}`, {
      command: onNode("ws-server"),
      // Where `require` of ws finds it, beside what is installed.
      env: { NODE_PATH: join(bufferutil, ".."), WS_NO_UTF_8_VALIDATE: "1" },
    });
  }

  const socketIo = fetchedPackage("socket.io");
  if (socketIo === undefined) missing.set("socket.io", FETCH_HINT);
  else {
    add("socket.io", "Socket.IO", versionIn(socketIo), {
      command: onNode("socket-io-server"),
      path: "/socket.io/?EIO=4&transport=websocket",
      // Engine.IO says its open packet, and Socket.IO answers the connect packet of the namespace.
      dialect: { hello: "40", greetings: 2 },
    });
  }

  const bun = bunProgram();
  if (bun === undefined) missing.set("bun", FETCH_HINT);
  else {
    add("bun", "Bun", execFileSync(bun, ["--version"], { encoding: "utf8" }).trim(), {
      command: [bun, program("bun-server")],
    });
  }
  return { contenders, missing };
}

function program(name: string): string {
  return projectPath("build", "bench", "contenders", `${name}.js`);
}

function onNode(name: string, ...programArguments: readonly string[]): string[] {
  return [process.execPath, "--expose-gc", program(name), ...programArguments];
}

function bunProgram(): string | undefined {
  const fetched = bunPackage() === undefined ? undefined : fetchedPackage(bunPackage()!);
  return machineProbe.locate(
    process.env["HAWSER_BUN"] ?? (fetched === undefined ? "bun" : join(fetched, "bin", "bun")),
  );
}

function installedVersion(name: string): string {
  return versionIn(join(createRequire(import.meta.url).resolve(`${name}/package.json`), ".."));
}

function versionIn(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version;
}
