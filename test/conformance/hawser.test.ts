import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  CATEGORIES,
  type ConformanceReport,
  conformanceCases,
  FuzzingServer,
  testServer,
} from "hawser/conformance";
import { serve } from "hawser/server";
import { drive, ECHO_LIMITS, hawserClient } from "./echo-client.js";

/** Cases that Hawser may answer with less than `pass`, and why. */
const KNOWN: Readonly<Record<string, string>> = {
  // It offers client_max_window_bits, and the case is about clients that do not.
  "25.5.18": "unimplemented",
};

function assertPassed({ results }: ConformanceReport, expected: number): void {
  assert.equal(results.length, expected);
  const short = results
    .filter(({ id, verdict }) => verdict !== "pass" && KNOWN[id] !== verdict)
    .map(({ id, verdict, reason }) => `${id} ${verdict}: ${reason}`);
  assert.deepEqual(short, []);
}

describe("hawser conformance of Hawser", () => {
  it("passes every case as a server", async () => {
    const server = await serve({
      ...ECHO_LIMITS,
      compression: true,
      message: (socket, data) => void socket.send(data),
    });
    try {
      const report = await testServer(server.url, { agent: "Hawser", timeoutMs: 20_000 });
      assertPassed(report, conformanceCases("server").length);
    } finally {
      await server.shutdown();
    }
  });

  it("passes every case as a client", async () => {
    let report: ConformanceReport | undefined;
    const server = await FuzzingServer.listen({
      port: 0,
      timeoutMs: 20_000,
      onReport: (one) => {
        report = one;
      },
    });
    try {
      await drive(server.url, "Hawser", hawserClient, 4);
      assertPassed(report!, conformanceCases("client").length);
    } finally {
      await server.close();
    }
  });
});

describe("the cases", () => {
  const cases = [...conformanceCases("server"), ...conformanceCases("client")];

  it("are at least 500 for each role, in every category", () => {
    assert.ok(conformanceCases("server").length >= 500);
    assert.ok(conformanceCases("client").length >= 500);
    const over2 = conformanceCases("server", { http2: true });
    assert.deepEqual(
      new Set([...cases, ...over2].map(({ category }) => category)),
      new Set(CATEGORIES.values()),
    );
  });

  for (const role of ["server", "client"] as const) {
    it(`have ids of their own, in order (${role})`, () => {
      const ids = conformanceCases(role).map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length);
      assert.ok(ids.every((id) => /^\d+(?:\.\d+)+$/.test(id)));
      assert.ok(ids.indexOf("2.10") > ids.indexOf("2.9"));
    });
  }

  it("say where they come from and what must happen, in one sentence", () => {
    for (const { id, section, expectation } of cases) {
      assert.match(section, /^RFC \d+ §/, id);
      assert.match(expectation, /^[A-Z\d].*\.$/s, id);
      assert.ok(!expectation.includes("undefined"), id);
    }
  });

  it("are chosen by id, with * for anything", () => {
    const ids = (only: string[], exclude: string[] = []): string[] =>
      conformanceCases("server", { only, exclude }).map(({ id }) => id);
    assert.deepEqual(ids(["1.1.1"]), ["1.1.1"]);
    assert.deepEqual(ids(["5.1*"], ["5.10"]).includes("5.10"), false);
    assert.equal(ids(["1.*"]).length, 16);
    assert.deepEqual(ids(["1"]), ids(["1.*"]));
    assert.deepEqual(ids(["*"], ["*"]), []);
  });
});
