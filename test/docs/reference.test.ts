import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Connection } from "hawser/client";
import { DEFAULT_JSON_OPTIONS, DEFAULT_LEDGER_LIMITS, DEFAULT_RPC_LIMITS } from "hawser/contract";
import { DEFAULT_MSGPACK_OPTIONS } from "hawser/msgpack";
import {
  CloseCode,
  closeCodeName,
  DEFAULT_DEADLINES,
  DEFAULT_LIMITS,
  engineConfig,
  isCloseCodeAllowed,
  type ProtocolErrorCode,
} from "hawser/protocol";
import { WebSocketServer } from "hawser/ws";
import {
  connectionSettings,
  DEFAULT_MEMORY_LIMITS,
  DEFAULT_RATE_LIMITS,
  DEFAULT_SEND_LIMITS,
} from "#node/connection/connection-settings.js";
import { nodeHost } from "#node/node-host.js";
import { DEFAULT_SERVER_LIMITS } from "#node/server/server-options.js";
import { violation } from "#protocol/violation.js";
import { projectPath } from "#scripts/project-root.js";
import { publicTypes } from "./public-types.js";
import { isSaid, unformatted } from "./said.js";
import { type TableRow, tableRows } from "./tables.js";

const types = publicTypes();
const reference = (name: string): TableRow[] =>
  tableRows(readFileSync(projectPath("docs", "reference", `${name}.md`), "utf8"));

/** The defaults that the code has, by the interface of the option. */
const { compressFromBytes } = engineConfig({
  role: "server",
  host: nodeHost,
  handler: Connection.engineHandler,
});
const { overflow, overRate, textAs, autoPong } = connectionSettings({});
const DEFAULTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ReceiveLimits: { ...DEFAULT_LIMITS },
  Deadlines: { ...DEFAULT_DEADLINES },
  SendLimits: { ...DEFAULT_SEND_LIMITS },
  RateLimits: { ...DEFAULT_RATE_LIMITS },
  MemoryLimits: { ...DEFAULT_MEMORY_LIMITS },
  ServerLimits: { ...DEFAULT_SERVER_LIMITS },
  RpcLimits: { ...DEFAULT_RPC_LIMITS },
  LedgerLimits: { ...DEFAULT_LEDGER_LIMITS },
  JsonOptions: { ...DEFAULT_JSON_OPTIONS },
  MsgpackOptions: { ...DEFAULT_MSGPACK_OPTIONS },
  MessageOptions: { overflow, overRate, textAs, autoPong, compressFromBytes },
  SocketOptions: { ...new WebSocketServer({ noServer: true }).options, perMessageDeflate: undefined },
};

describe("options.md", () => {
  const rows = reference("options").filter(({ isCode }) => isCode);

  for (const [owner, properties] of types.options) {
    const section = rows.filter((row) => row.section === owner);

    if (owner === "TlsOptions") {
      it("names every option of TLS that a client takes", () => {
        const page = readFileSync(projectPath("docs", "reference", "options.md"), "utf8");
        const missing = properties.filter(({ name }) => !page.includes(`\`${name}\``));
        assert.deepEqual(missing, []);
      });
      continue;
    }

    it(`has a row for every option of ${owner}, and no other`, () => {
      assert.deepEqual(namesOf(section), properties.map(({ name }) => name).sort());
    });

    it(`has the defaults that the code of ${owner} has`, () => {
      for (const { name, cells } of section) {
        const actual = DEFAULTS[owner]?.[name];
        if (actual !== undefined)
          assert.equal(unformatted(cells["default"]!), String(actual), `${owner}.${name}`);
      }
    });

    // A handler has no value: that nothing happens without it needs no words.
    if (owner === "ConnectionHandlers") continue;
    for (const { name, comment } of properties) {
      it(`has the default that the comment of ${owner}.${name} says`, () => {
        const cell = section.find((row) => row.name === name)?.cells["default"] ?? "";
        if (cell === "required") return;
        const said = /\bdefault\b[\s\S]*/i.exec(comment)?.[0];
        assert.ok(said !== undefined, `the comment says no default: ${comment}`);
        assert.ok(isSaid(cell, said), `the page says "${cell}", the comment "${said}"`);
      });
    }
  }

  it("has no section of options that do not exist", () => {
    const unknown = rows.filter(({ section, cells }) => "default" in cells && !types.options.has(section));
    assert.deepEqual(unknown, []);
  });
});

describe("limits.md", () => {
  const rows = reference("limits").filter(({ isCode }) => isCode);
  const limits = [
    "ReceiveLimits",
    "RateLimits",
    "Deadlines",
    "SendLimits",
    "MemoryLimits",
    "ServerLimits",
    "RpcLimits",
    "LedgerLimits",
  ].flatMap((owner) => Object.entries(DEFAULTS[owner]!));

  it("has a row for every limit, and no other", () => {
    assert.deepEqual(namesOf(rows), [...limits.map(([name]) => name), "maxRedirects"].sort());
  });

  for (const [name, value] of limits) {
    it(`has the default of ${name} that the code has`, () => {
      assert.equal(unformatted(rows.find((row) => row.name === name)?.cells["default"] ?? ""), String(value));
    });
  }

  it("has the default of an option that options.md has", () => {
    const options = reference("options");
    for (const { name, cells } of rows) {
      assert.equal(options.find((row) => row.name === name)?.cells["default"], cells["default"], name);
    }
  });
});

describe("errors.md", () => {
  const rows = reference("errors");

  for (const kind of ["Protocol", "Connection", "Handshake", "Connect", "Call", "Codec", "Usage"]) {
    it(`has a row for every code of ${kind}Error, and no other`, () => {
      const codes = types.unions.get(`${kind}ErrorCode`);
      assert.ok(codes !== undefined);
      assert.deepEqual(namesOf(rows.filter(({ section }) => section === `${kind}Error`)), [...codes].sort());
    });
  }

  it("has the close codes that violations are answered with", () => {
    for (const { name, cells } of rows.filter(({ section }) => section === "ProtocolError")) {
      assert.equal(cells["close code"], String(violation(name as ProtocolErrorCode).closeCode), name);
    }
  });

  it("has the statuses that handshakes are refused with", () => {
    const statuses = refusalStatuses();
    assert.ok(statuses.size > 10);
    for (const { name, cells } of rows.filter(({ section }) => section === "HandshakeError")) {
      const actual = statuses.get(name);
      if (actual !== undefined)
        assert.deepEqual(cells["status"]!.split(", ").sort(), [...actual].sort(), name);
    }
  });
});

describe("close-codes.md", () => {
  const rows = reference("close-codes");

  it("has a row for every close code, with its number, its words and who may send it", () => {
    const written = rows
      .filter(({ isCode, cells }) => isCode && "code" in cells)
      .map(({ name, cells }) => [name, cells["code"], cells["in words"], cells["may send"]]);
    const actual = Object.entries(CloseCode).map(([name, code]) => [
      name,
      String(code),
      closeCodeName(code),
      sendersOf(code),
    ]);
    assert.deepEqual(written, actual);
  });

  it("has a row for every property of a CloseResult, and no other", () => {
    const properties = rows.filter(({ isCode, cells }) => isCode && "property" in cells);
    assert.deepEqual(namesOf(properties), [...types.properties.get("CloseResult")!].sort());
  });
});

describe("wire-api.md", () => {
  const rows = reference("wire-api").filter(({ isCode }) => isCode);

  for (const name of ["EngineHandler", "EngineHost"]) {
    it(`has a row for every member of ${name}, and no other`, () => {
      const section = rows.filter((row) => row.section === name);
      assert.deepEqual(namesOf(section), [...types.properties.get(name)!].sort());
    });
  }

  it("has a row for every member of EngineConfig that options.md has not, and no other", () => {
    const elsewhere = new Set(["ReceiveLimits", "Deadlines"].flatMap((name) => types.properties.get(name)!));
    const members = types.properties.get("EngineConfig")!.filter((name) => !elsewhere.has(name));
    assert.deepEqual(namesOf(rows.filter(({ section }) => section === "EngineConfig")), members.sort());
  });
});

describe("the public API", () => {
  it("has a doc comment on every name that is exported", () => {
    assert.ok(types.names.length > 100);
    assert.deepEqual(
      types.names.filter(({ comment }) => comment.trim() === "").map(({ name }) => name),
      [],
    );
  });

  it("has a doc comment on every option", () => {
    const silent = [...types.options].flatMap(([owner, properties]) =>
      owner === "TlsOptions" ? [] : properties.filter(({ comment }) => comment.trim() === ""),
    );
    assert.deepEqual(silent, []);
  });
});

function namesOf(rows: readonly TableRow[]): string[] {
  return rows.map(({ name }) => name).sort();
}

function sendersOf(code: number): string {
  const client = isCloseCodeAllowed(code, "client");
  if (isCloseCodeAllowed(code, "server")) return client ? "both" : "server";
  return client ? "client" : "nobody";
}

/** The statuses that stand behind a code where a server refuses. */
function refusalStatuses(): Map<string, Set<string>> {
  const statuses = new Map<string, Set<string>>();
  for (const file of [
    "protocol/handshake/server-handshake.ts",
    "protocol/handshake/head-parser.ts",
    "node/server/server.ts",
  ]) {
    const source = readFileSync(projectPath("src", file), "utf8");
    for (const [, code, status] of source.matchAll(/"([A-Z_]+)",\s*(\d{3})\b/g)) {
      statuses.set(code!, (statuses.get(code!) ?? new Set()).add(status!));
    }
  }
  return statuses;
}
