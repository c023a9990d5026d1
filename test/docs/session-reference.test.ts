import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { actionOf, SessionCode } from "hawser/hub";
import { projectPath } from "#scripts/project-root.js";
import { DEFAULT_RECONNECT_DELAYS } from "#session/machine/session-config.js";
import { DEFAULT_SESSION_NUMBERS } from "#session/server/session-limits.js";
import { publicTypes } from "./public-types.js";
import { publishedMembers } from "./published-members.js";
import { isSaid } from "./said.js";
import { type TableRow, tableRows, withoutCode } from "./tables.js";

const types = publicTypes({ "tsconfig.node.json": ["hub"] });
const clientTypes = publicTypes({ "tsconfig.node.json": ["session-node"] });
const reference = (name: string): TableRow[] =>
  tableRows(readFileSync(projectPath("docs", "reference", `${name}.md`), "utf8")).filter(
    ({ isCode }) => isCode,
  );
/** Those of the answer of `authenticate`, which are in options.md. */
const ELSEWHERE: ReadonlySet<string> = new Set(["AcceptOptions", "RefuseOptions"]);

describe("session-options.md", () => {
  const rows = reference("session-options").filter(({ cells }) => "default" in cells);

  for (const [owner, properties] of types.options) {
    if (ELSEWHERE.has(owner)) continue;
    const section = rows.filter((row) => row.section === owner);

    it(`has a row for every option of ${owner}, and no other`, () => {
      assert.deepEqual(section.map(({ name }) => name).sort(), properties.map(({ name }) => name).sort());
    });

    it(`has a comment and the default of each of ${owner} as the code and its comment have it`, () => {
      for (const { name, comment } of properties) {
        assert.notEqual(comment.trim(), "", name);
        const cell = section.find((row) => row.name === name)?.cells["default"] ?? "";
        const actual = (DEFAULT_SESSION_NUMBERS as unknown as Record<string, unknown>)[name];
        if (actual !== undefined && owner !== "ChannelOptions")
          assert.equal(withoutCode(cell).replaceAll(",", ""), String(actual), `${owner}.${name}`);
        // A handler has no value: that nothing happens without it needs no words.
        if (owner === "SessionHandlers" && cell === "") continue;
        const said = /\bdefault\b[\s\S]*/i.exec(comment)?.[0];
        assert.ok(said !== undefined && isSaid(cell, said), `${owner}.${name}: "${cell}", "${comment}"`);
      }
    });
  }

  it("has no section of options that do not exist", () => {
    assert.deepEqual(
      rows.filter(({ section }) => !types.options.has(section)),
      [],
    );
  });
});

describe("connect-options.md", () => {
  const rows = reference("connect-options").filter(({ cells }) => "default" in cells);
  /** The same at both ends, and so in session-options.md. */
  const bothEnds = new Set(["SessionLimits", "SessionDeadlines", "ChannelOptions", "MessageOptions"]);
  const owners = [...clientTypes.options].filter(([owner]) => !bothEnds.has(owner));

  it("knows who has the options of a client", () => {
    assert.deepEqual(owners.map(([owner]) => owner).sort(), [
      "ConnectOptions",
      "ReconnectDelays",
      "SessionHandlers",
      "SessionOptions",
    ]);
  });

  for (const [owner, properties] of owners) {
    it(`has a row for every option of ${owner}, and no other, with the default of the code and its comment`, () => {
      const section = rows.filter((row) => row.section === owner);
      assert.deepEqual(section.map(({ name }) => name).sort(), properties.map(({ name }) => name).sort());
      for (const { name, comment } of properties) {
        const cell = section.find((row) => row.name === name)?.cells["default"] ?? "";
        const actual = (DEFAULT_RECONNECT_DELAYS as unknown as Record<string, unknown>)[name];
        if (actual !== undefined) assert.equal(withoutCode(cell).replaceAll(",", ""), String(actual), name);
        const said = /\bdefault\b[\s\S]*/i.exec(comment)?.[0];
        // What may be given, and does nothing where it is not, needs no words in the code.
        if (said === undefined) assert.ok(cell === "" || cell === "none", `${owner}.${name}: "${cell}"`);
        else assert.ok(isSaid(cell, said), `${owner}.${name}: "${cell}", "${comment}"`);
      }
    });
  }

  it("has no section of options that do not exist", () => {
    const known = new Set(owners.map(([owner]) => owner));
    assert.deepEqual(
      rows.filter(({ section }) => !known.has(section)),
      [],
    );
  });
});

describe("session-codes.md", () => {
  const rows = reference("session-codes").filter(({ cells }) => "number" in cells);

  it("has a row for every code, with its number, where it belongs", () => {
    assert.deepEqual(
      rows.map(({ name, cells }) => [name, Number(cells["number"])]),
      Object.entries(SessionCode),
    );
    const sections = {
      retry: "When a transport ends",
      reset: "When a session ends",
      stop: "When a client is to stop",
    };
    for (const { name, section, cells } of rows)
      assert.equal(section, sections[actionOf(Number(cells["number"]))], name);
  });
});

describe("hawser/hub", () => {
  it("has a doc comment on every name that is exported", () => {
    assert.ok(types.names.length > 20);
    assert.deepEqual(
      types.names.filter(({ comment }) => comment.trim() === "").map(({ name }) => name),
      [],
    );
  });
});

describe("session-api.md", () => {
  const rows = reference("session-api").filter(({ section }) => section !== "The API of sessions");
  const members = publishedMembers(["session-node", "hub", "contract"]);
  /** What a section is about, where it is a type by another name. */
  const TYPES: Readonly<Record<string, string>> = { HubSession: "ServerSession" };
  /** What an iterator has. */
  const OF_ITERATORS = new Set(["next", "return", "throw"]);

  for (const section of new Set(rows.map((row) => row.section).filter((name) => name !== "SendStatus"))) {
    it(`has a row for every member of ${section}, and no other`, () => {
      const published = members.get(TYPES[section] ?? section);
      assert.ok(published !== undefined, "there is no such type");
      const written = rows
        .filter((row) => row.section === section)
        // `call.name(input)` is of `call`, `send(data)` is `send`.
        .map(({ name }) => /^\w+/.exec(name)![0]);
      assert.deepEqual(written.sort(), published.filter((name) => !OF_ITERATORS.has(name)).sort());
    });
  }

  it("has a section for each of them, and what send may say", () => {
    const sections = new Set(rows.map((row) => row.section));
    for (const name of ["Session", "Hub", "HubSession", "PeerChannel", "ContractClient", "Implementation"])
      assert.ok(sections.has(name), name);
    assert.deepEqual(
      rows
        .filter(({ section }) => section === "SendStatus")
        .map(({ name }) => name)
        .sort(),
      [...(clientTypes.unions.get("SendStatus") ?? [])].sort(),
    );
  });

  it("has every function that begins something", () => {
    const functions = reference("session-api").filter(({ section }) => section === "The API of sessions");
    const names = functions.map(({ name }) => /^\w+/.exec(name)![0]);
    for (const name of ["connect", "connectOver", "race", "createHub", "contractClient", "implement"])
      assert.ok(names.includes(name), name);
  });
});
