import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { projectPath } from "#scripts/project-root.js";
import { barChart } from "../../bench/bar-chart.js";
import { judgeBars } from "../../bench/bars.js";
import { besideWsTable } from "../../bench/beside-ws.js";
import { LOADS } from "../../bench/loads.js";
import { markdownReport } from "../../bench/markdown-report.js";
import type { Sample } from "../../bench/measure.js";
import { MEMORY_LOADS } from "../../bench/memory-loads.js";
import { replacePart } from "../../bench/publish.js";
import { readmeTable } from "../../bench/readme-table.js";
import { resultCharts } from "../../bench/result-charts.js";
import type { BenchResults } from "../../bench/results.js";
import { ratioOf, readable, readableSpread, spreadOf } from "../../bench/statistics.js";
import { barsText, loadText, memoryText } from "../../bench/terminal-report.js";
import type { Weight } from "../../bench/weigh.js";

function sample(cpuMicros: number): Sample {
  const latencyMs = { mean: 1, p50: 1, p99: 2, p999: 3, max: 4 };
  return {
    cpuMicros,
    perSecond: 1e6 / cpuMicros,
    latencyMs,
    rssBytes: 5e7,
    busy: 0.5,
    generatorBusy: 0.95,
  };
}

function weight(rssBytes: number): Weight {
  return { rssBytes, peakRssBytes: rssBytes, heapBytes: rssBytes / 2, externalBytes: 0, connections: 99 };
}

const RESULTS: BenchResults = {
  schema: 1,
  at: "2026-01-02T03:04:05.678Z",
  machine: { cpu: "a CPU", cores: 2, memoryBytes: 1, system: "linux", isPinned: true },
  node: "v20.20.2",
  commit: "abc",
  rounds: 3,
  secondsPerSample: 1,
  isQuick: false,
  contenders: {
    hawser: { label: "Hawser", version: "1" },
    ws: { label: "`ws`", version: "2" },
    net: { label: "plain TCP echo", version: "3" },
  },
  loads: [
    {
      id: "echo-20-16",
      title: "echo <20 B>",
      section: "messages",
      connections: 64,
      samples: { hawser: [1, 2, 1].map(sample), ws: [10, 40, 12].map(sample) },
    },
  ],
  memory: [
    {
      id: "memory-idle",
      title: "idle",
      connections: 100,
      weights: { hawser: [weight(4_000)], ws: [weight(6_000)], net: [weight(3_000)] },
    },
  ],
  notes: ["bun: it is not here"],
};

describe("the statistics of a run", () => {
  it("are medians, and ratios of the same round", () => {
    assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, least: 1, greatest: 3 });
    assert.equal(spreadOf([1, 2]).median, 1.5);
    assert.ok(Number.isNaN(spreadOf([]).median));
    assert.deepEqual(ratioOf([1, 2, 1], [10, 40, 12]), { median: 1 / 12, least: 0.05, greatest: 0.1 });
    assert.equal(readable(1234.5), "1,235");
    assert.equal(readableSpread(spreadOf([0.5])), "0.50");
    assert.equal(readableSpread(spreadOf([0.5, 0.25, 1])), "0.50 (0.25 to 1.00)");
  });
});

describe("the bars", () => {
  it("are met, missed, or not measured", () => {
    const verdicts = new Map(
      judgeBars(RESULTS).map(({ title, demand, verdict }) => [`${title} ${demand}`, verdict]),
    );
    assert.equal(verdicts.get("echo <20 B> <= 1/12 of `ws`"), "met");
    assert.equal(verdicts.get("echo <20 B> <= bun"), "not measured");
    assert.equal(verdicts.get("a connection, idle <= plain TCP echo + 400 bytes"), "missed");
    assert.equal(verdicts.get("a connection, idle <= 3500 bytes"), "missed");
  });

  it("are of loads that there are", () => {
    const titles = new Set([...LOADS, ...MEMORY_LOADS].map(({ id }) => id));
    const everything = judgeBars({ ...RESULTS, loads: [], memory: [] });
    for (const { title } of everything) assert.ok(titles.has(title), title);
  });
});

describe("a load", () => {
  it("has an id of its own, and Hawser first", () => {
    const all = [...LOADS, ...MEMORY_LOADS];
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
    for (const { contenders } of all) assert.match(contenders[0]!, /^hawser/);
  });
});

describe("the reports of a run", () => {
  it("say on a terminal who was measured, and when the generator was", () => {
    const text = loadText(RESULTS.loads[0]!, RESULTS.contenders);
    assert.match(text, /Hawser +1\.00 µs/);
    assert.match(text, /ws +12\.0 µs +0\.08 \(0\.05 to 0\.10\).*the generator was the bottleneck/);
    assert.match(
      memoryText(RESULTS.memory[0]!, RESULTS.contenders),
      /ws +6,000 B +6,000 B +3,000 B +0 B +1 dropped/,
    );
    assert.match(barsText(RESULTS), /missed +a connection, idle/);
  });

  it("fill every part of docs/performance.md", () => {
    const page = readFileSync(projectPath("docs", "performance.md"), "utf8");
    let filled = page;
    for (const [name, part] of markdownReport(RESULTS)) filled = replacePart(filled, name, part);
    assert.match(filled, /- Not measured: bun: it is not here\./);
    assert.match(filled, /\| Hawser \| 1\.00 \|/);
    assert.match(filled, /1 of 2 bars are met\./);
    assert.match(filled, /images\/bench-cpu\.svg/);
    assert.throws(() => replacePart(page, "unknown", ""), /has no part/);
    let again = filled;
    for (const [name, part] of markdownReport(RESULTS)) again = replacePart(again, name, part);
    assert.equal(again, filled);
  });

  it("have a table of three beside each other, and a place for it in the guide, if all of its loads were run", () => {
    const of = (micros: number): Sample[] => [sample(micros), sample(micros)];
    const loads = LOADS.map(({ id, title, section, plan }) => {
      const suffix = section === "clients" ? "-client" : "";
      const samples = { [`ws${suffix}`]: of(8), [`hawser-ws${suffix}`]: of(2), [`hawser${suffix}`]: of(1) };
      return { id, title, section, connections: plan.connections, samples };
    });
    assert.equal(besideWsTable(RESULTS), undefined);
    const table = besideWsTable({ ...RESULTS, loads })!;
    const rows = table.split("\n").slice(2);
    assert.equal(rows.length, 9);
    for (const row of rows) assert.match(row, /^\| [^|]+ \| 8\.00 µs \| 2\.00 µs \| 0\.25 \| 1\.00 µs \|$/);
    const guide = readFileSync(projectPath("docs", "howto", "migrate-from-ws.md"), "utf8");
    assert.match(replacePart(guide, "beside-ws", table), /8\.00 µs/);
  });

  it("have a table in brief, and a place for it in the README, if all of its loads were run", () => {
    const loads = LOADS.map(({ id, title, section, plan }) => {
      const samples =
        section === "sessions"
          ? { "hawser-session": [sample(1)], hawser: [sample(2)], "socket.io": [sample(9)] }
          : { hawser: [sample(3)], ws: [sample(8)] };
      return { id, title, section, connections: plan.connections, samples };
    });
    const memory = ["memory-idle", "memory-compressed", "session-idle"].map((id) => ({
      ...RESULTS.memory[0]!,
      id,
    }));
    assert.equal(readmeTable(RESULTS), undefined);
    assert.equal(readmeTable({ ...RESULTS, loads }), undefined);
    const table = readmeTable({ ...RESULTS, loads, memory })!;
    assert.match(table, /^\| echo 20 B, 16 in flight \| 3\.00 µs \| 8\.00 µs \| {2}\| {2}\|$/m);
    assert.match(
      table,
      /^\| session, echo of a text of 128 B, 16 in flight \| 1\.00 µs \| {2}\| {2}\| 9\.00 µs \|$/m,
    );
    assert.equal(table.split("\n").length, 2 + 9 + 3);
    assert.match(replacePart(readFileSync(projectPath("README.md"), "utf8"), "readme", table), /3\.00 µs/);
  });

  it("are the same in the README as in docs/performance.md", () => {
    const readme = readFileSync(projectPath("README.md"), "utf8");
    const document = readFileSync(projectPath("docs", "performance.md"), "utf8");
    const page = document.slice(document.indexOf("<!-- bench:loads -->"));
    const cells = (line: string): string[] => line.split("|").map((cell) => cell.trim());
    const rows = readme
      .slice(readme.indexOf("<!-- bench:readme -->"), readme.indexOf("<!-- /bench:readme -->"))
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .slice(2);
    assert.equal(rows.length, 9 + 3);
    for (const row of rows) {
      const [, title = "", ...figures] = cells(row);
      // Its own table, or its lines in that of the memory.
      const from = page.indexOf(`\n| ${title} `);
      assert.ok(from > 0, title);
      const lines = page.slice(from + 1).split("\n", 12);
      const names = title.includes("session") ? ["Hawser session"] : ["Hawser"];
      names.push("`ws`", "Bun", "Socket.IO");
      for (const [index, name] of names.entries()) {
        const figure = (figures[index] ?? "").replace(" µs", "");
        if (figure === "") continue;
        const line = lines.find(
          (candidate) => cells(candidate).includes(name) && cells(candidate).includes(figure),
        );
        assert.ok(line !== undefined, `${title}, ${name}: ${figure}`);
      }
    }
  });

  it("draw a chart for CPU time and one for memory", () => {
    const charts = resultCharts(RESULTS);
    assert.deepEqual([...charts.keys()], ["bench-cpu.svg", "bench-memory.svg"]);
    const svg = charts.get("bench-cpu.svg")!;
    assert.match(svg, /echo &lt;20 B&gt;/);
    assert.match(svg, />12\.0 µs</);
    assert.match(svg, /prefers-color-scheme: dark/);
  });

  it("cut a bar that is too long, and mark it", () => {
    const svg = barChart({
      title: "t",
      subtitle: "s",
      fullValue: 1,
      series: ["a"],
      groups: [{ title: "g", bars: [{ series: "a", value: 5, text: "five" }] }],
    });
    assert.match(svg, />five →</);
  });
});
