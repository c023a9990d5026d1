import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import process from "node:process";
import { before, describe, it } from "node:test";
import { projectPath } from "#scripts/project-root.js";
import { brokenLink, relativeLinks } from "../docs/links.js";

const DIRECTORY = projectPath("build", "test-published-types");
const MODULES = join(DIRECTORY, "node_modules");

/** What a user writes: each entry point, and names that are ours alone. */
const PROGRAM = `
import { connect, type Session } from "hawser";
import { connect as open, type Connection } from "hawser/client";
import * as conformance from "hawser/conformance";
import * as contract from "hawser/contract";
import * as hub from "hawser/hub";
import * as msgpack from "hawser/msgpack";
import * as protocol from "hawser/protocol";
import { type Server, type ServerConnection, serve } from "hawser/server";
import * as react from "hawser/react";
import * as testing from "hawser/testing";
import { WebSocketServer } from "hawser/ws";

export const used = [connect, open, conformance, contract, hub, msgpack, protocol, react, serve, testing, WebSocketServer];
export type UsedSession = Session;
declare const connection: Connection;
declare const onServer: ServerConnection;
declare const server: Server;
connection.send("text");
onServer.request.path;
server.broadcast("text");
// @ts-expect-error
connection.onData;
// @ts-expect-error
connection.timerSlot;
// @ts-expect-error
connection.heldBytes;
// @ts-expect-error
onServer.indexInSet;
// @ts-expect-error
server.acceptor;
// @ts-expect-error
server.stopListening;
const nothing = { message: undefined, state: undefined, reset: undefined, error: undefined, credentials: undefined, maxOutboxBytes: undefined, pongTimeoutMs: undefined, reconnectDelayMs: undefined };
connect("wss://example.com/", nothing);
react.useSession(undefined, nothing);
connect("wss://example.com/", { dial: { tls: { rejectUnauthorized: false }, lookup: (_name, _options, tell) => tell(null, "::1", 6) } });
// @ts-expect-error
connect("wss://example.com/", { dial: { tls: { rejectUnauthorized: "no" } } });
// @ts-expect-error
connect("wss://example.com/", { dial: { tls: { highWaterMark: 1 } } });
// @ts-expect-error
connect("wss://example.com/", { dial: { lookup: "::1" } });
// @ts-expect-error
connect("wss://example.com/", { dial: { http2: 2 } });
// @ts-expect-error
connect("wss://example.com/", { dial: { createConnection: () => 1 } });
`;

/** The same in a page, whose project knows the DOM, and has no types of Node. */
const PAGE_PROGRAM = `
import { connect, connectOver, race, type Session, sse, webSocket } from "hawser";
import * as contract from "hawser/contract";
import * as msgpack from "hawser/msgpack";
import { useSession } from "hawser/react";
import * as testing from "hawser/testing";

export const session: Session = connect("/live", {
  transports: ["websocket", "sse"],
  withCookies: true,
  message: (from, data) => void from.send(data),
});
export const used = [connectOver(race(webSocket, sse), "/live"), contract, msgpack, testing, useSession];
document.title = session.state.status;
// @ts-expect-error
connect(5);
// @ts-expect-error
connect("/live", { message: (from) => from.data });
// @ts-expect-error
Buffer;
`;

/** Where the classes are that an application gets to see. What else is protected is in classes that it does not. */
const PUBLIC_CLASSES =
  /node[\\/]connection|server-connection|server[\\/]server\.d|session-peer|server-session/;

describe("the packed package", () => {
  before(() => {
    rmSync(DIRECTORY, { recursive: true, force: true });
    mkdirSync(MODULES, { recursive: true });
    // The build is there, so nothing of `prepack` is needed for the types.
    const options = { cwd: projectPath(), encoding: "utf8", shell: process.platform === "win32" } as const;
    const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", DIRECTORY];
    const packed = spawnSync("npm", pack, options);
    assert.equal(packed.status, 0, packed.stderr);
    const unpacked = spawnSync("tar", ["-xzf", packed.stdout.trim(), "-C", "node_modules"], {
      cwd: DIRECTORY,
    });
    assert.equal(unpacked.status, 0, String(unpacked.stderr));
    symlinkSync("package", join(MODULES, "hawser"), "dir");
  });

  it("shows an editor the public API alone", () => {
    const root = join(MODULES, "package", "dist");
    const declarations = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.d\.c?ts$/.test(name),
    );
    assert.ok(declarations.includes(join("types", "entry", "server.d.ts")));
    const internal = declarations.filter((name) => {
      const text = readFileSync(join(root, name), "utf8");
      return text.includes("@internal") || (PUBLIC_CLASSES.test(name) && /^\s*protected /m.test(text));
    });
    assert.deepEqual(internal, []);
  });

  it("leads nowhere outside of it: what its pages link to and show is in it", () => {
    const root = join(MODULES, "package");
    const pages = readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => name.replaceAll(sep, "/"));
    assert.ok(pages.includes("README.md"));
    assert.ok(pages.includes("docs/guide/sessions.md"));
    const broken = pages.flatMap((page) =>
      relativeLinks(readFileSync(join(root, page), "utf8"))
        .filter(({ target }) => brokenLink(root, page, target) !== undefined)
        .map(({ target }) => `${page}: ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  it("compiles in a program that checks the declarations of its libraries", () => {
    writeFileSync(join(DIRECTORY, "program.ts"), PROGRAM);
    assert.equal(
      typeErrors({
        module: "nodenext",
        lib: ["ES2023", "ESNext.Disposable"],
        types: ["node"],
        files: ["program.ts"],
      }),
      "",
    );
  });

  for (const [what, more] of [
    ["that says nothing of browsers", {}],
    ["that says so", { customConditions: ["browser"] }],
  ] as const) {
    it(`compiles in the project of a page ${what}, without types of Node`, () => {
      writeFileSync(join(DIRECTORY, "page.ts"), PAGE_PROGRAM);
      assert.equal(
        typeErrors({
          module: "esnext",
          moduleResolution: "bundler",
          lib: ["DOM", "ES2023"],
          types: [],
          files: ["page.ts"],
          ...more,
        }),
        "",
      );
    });
  }
});

/** What the compiler says, which looks at all declarations. */
function typeErrors({
  files,
  ...compilerOptions
}: {
  readonly files: readonly string[];
  readonly [option: string]: unknown;
}): string {
  writeFileSync(join(DIRECTORY, "package.json"), '{ "type": "module" }\n');
  writeFileSync(
    join(DIRECTORY, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        target: "ES2023",
        skipLibCheck: false,
        ...compilerOptions,
      },
      files,
    }),
  );
  const compiler = projectPath("node_modules", "typescript", "bin", "tsc");
  const { status, stdout } = spawnSync(
    process.execPath,
    [compiler, "--project", DIRECTORY, "--pretty", "false"],
    { cwd: DIRECTORY, encoding: "utf8" },
  );
  return status === 0 ? stdout : `${stdout}status ${status}`;
}
