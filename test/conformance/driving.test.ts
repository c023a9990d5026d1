import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ConformanceReport, FuzzingServer } from "hawser/conformance";
import { drive, wsClient } from "./echo-client.js";

describe("FuzzingServer", () => {
  it("is driven as Autobahn's fuzzing server is, by a client of ws", async (t) => {
    const reports: ConformanceReport[] = [];
    const server = await FuzzingServer.listen({
      port: 0,
      only: ["1.*", "2.*", "7.1.*", "12.1.1"],
      onReport: (report) => void reports.push(report),
    });
    t.after(() => server.close());
    await drive(server.url, "ws & co", wsClient);
    assert.equal(reports.length, 1);
    assert.equal(reports[0]!.agent, "ws & co");
    assert.equal(reports[0]!.tested, "client");
    assert.deepEqual(
      reports[0]!.results.map(({ verdict }) => verdict),
      Array(34).fill("pass"),
    );
    assert.equal(reports[0]!.results.length, server.caseCount);
  });

  it("tells of a case, and how an agent did in it", async (t) => {
    const server = await FuzzingServer.listen({ port: 0, only: ["2.1"] });
    t.after(() => server.close());
    const ask = async (path: string): Promise<unknown> => {
      let answer = "";
      await wsClient(`${server.url}${path}`, (content) => {
        answer = content;
      });
      return JSON.parse(answer);
    };
    assert.deepEqual(await ask("/getCaseInfo?case=1"), {
      id: "2.1",
      description: "A ping without payload is answered with a pong of the same payload.",
    });
    assert.deepEqual(await ask("/getCaseStatus?case=1&agent=a"), { behavior: "UNKNOWN" });
    await wsClient(`${server.url}/runCase?case=1&agent=a`);
    assert.deepEqual(await ask("/getCaseStatus?case=1&agent=a"), { behavior: "OK" });
  });

  it("refuses what is no WebSocket, and cases that there are not", async (t) => {
    const server = await FuzzingServer.listen({ port: 0, only: ["2.1"] });
    t.after(() => server.close());
    const http = server.url.replace("ws:", "http:");
    assert.equal((await fetch(http)).status, 426);
    await wsClient(`${server.url}//`);
    await wsClient(`${server.url}/runCase?case=2&agent=a`);
    await wsClient(`${server.url}/runCase?case=0&agent=a`);
    assert.deepEqual(server.reports, []);
  });
});
