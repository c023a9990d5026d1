import { deflateRawSync } from "node:zlib";
import { CATEGORIES } from "./conformance-case.js";
import { compareIds } from "./conformance-cases.js";
import { REPORT_SCRIPT } from "./html-report-script.js";
import { REPORT_STYLE } from "./html-report-style.js";
import type { Verdict } from "./outcome.js";
import { VERDICTS } from "./outcome.js";
import { type CaseResult, type ConformanceReport, countVerdicts } from "./report.js";
import type { WireEntry } from "./wire-record.js";

const SYMBOLS: Readonly<Record<Verdict, string>> = {
  pass: "✓",
  "non-strict": "≈",
  unimplemented: "–",
  fail: "✗",
};

const PASSED_FIRST_ENTRIES = 8;
const PASSED_LAST_ENTRIES = 4;
/** The longest header of a frame, and two bytes more. */
const PASSED_HEX_BYTES = 16;

/**
 * One HTML page that needs nothing else: categories and their cases down, agents across. The wires lie in it packed by
 * category, since those of a case are much alike for all agents, and are unpacked when somebody asks.
 */
export function htmlReport(unordered: readonly ConformanceReport[]): string {
  const reports = (["server", "client"] as const).flatMap((role) =>
    unordered.filter(({ tested }) => tested === role),
  );
  const byAgent = reports.map(({ results }) => new Map(results.map((result) => [result.id, result])));
  const cases = [
    ...new Map(reports.flatMap(({ results }) => results.map((result) => [result.id, result]))).values(),
  ];
  cases.sort((a, b) => compareIds(a.id, b.id));
  const groups = [...groupsOf(cases)];
  const wires = groups.map(([, members]) =>
    pack(members.map(({ id }) => byAgent.map((results) => packedCase(results.get(id))))),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>WebSocket conformance</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<header>
<h1>WebSocket conformance</h1>
<p>${cases.length} cases of RFC 6455 and RFC 7692, by <code>hawser conformance</code>.</p>
<form id="filter" role="search">
<input type="search" name="text" placeholder="Filter: 6.4, close, RFC 7692 §7.1 …" aria-label="Filter by text">
${VERDICTS.map((verdict) => `<label class="chip ${verdict}"><input type="checkbox" name="verdict" value="${verdict}" checked>${SYMBOLS[verdict]} ${verdict}</label>`).join("\n")}
<button type="button" id="expand">Open all</button>
<output id="shown"></output>
</form>
</header>
<main>
<table>
<thead><tr><td></td>${rolesHead(reports)}</tr>
<tr><th scope="col" class="what">Case</th>
${reports.map(agentHead).join("\n")}
</tr></thead>
${groups.map(([title, members]) => groupRows(title, members, byAgent)).join("\n")}
</table>
</main>
<dialog id="details"><form method="dialog"><button aria-label="Close">×</button></form><div id="wire"></div><p id="keys">Arrow keys: the next case, the next agent.</p></dialog>
<script id="data" type="application/json">${JSON.stringify({ agents: reports.map(({ agent, tested }) => ({ agent, tested })), wires })}</script>
<script>${REPORT_SCRIPT}</script>
</body>
</html>
`;
}

function groupsOf(cases: readonly CaseResult[]): Map<string, CaseResult[]> {
  const groups = new Map<string, CaseResult[]>();
  for (const one of cases) {
    const number = one.id.slice(0, one.id.indexOf("."));
    const title = `${number} ${CATEGORIES.get(number) ?? one.category}`;
    groups.set(title, [...(groups.get(title) ?? []), one]);
  }
  return groups;
}

function rolesHead(reports: readonly ConformanceReport[]): string {
  return (["server", "client"] as const)
    .map((role) => [role, reports.filter(({ tested }) => tested === role).length] as const)
    .filter(([, count]) => count > 0)
    .map(
      ([role, count]) => `<th scope="colgroup" colspan="${count}" class="role"><span>as ${role}</span></th>`,
    )
    .join("");
}

function agentHead({ agent, date, results }: ConformanceReport): string {
  const counts = countVerdicts(results);
  const parts = VERDICTS.filter((verdict) => counts[verdict] > 0).map(
    (verdict) => `<b class="${verdict}" title="${verdict}">${SYMBOLS[verdict]} ${counts[verdict]}</b>`,
  );
  const bar = VERDICTS.map(
    (verdict) => `<i class="${verdict}" style="flex-grow:${counts[verdict]}"></i>`,
  ).join("");
  return `<th scope="col" title="${escapeHtml(date)}"><span class="agent">${nameAndVersion(agent)}</span>
<span class="bar">${bar}</span><span class="counts">${parts.join(" ")}</span></th>`;
}

/** The version in a line of its own: it is what makes a name too wide. */
function nameAndVersion(agent: string): string {
  const [, name = agent, version] = /^(.+) (v?\d[\w.+-]*)$/.exec(agent) ?? [];
  return `${escapeHtml(name)}${version === undefined ? "" : ` <small>${escapeHtml(version)}</small>`}`;
}

function groupRows(
  title: string,
  cases: readonly CaseResult[],
  byAgent: readonly ReadonlyMap<string, CaseResult>[],
): string {
  const sums = byAgent.map((results) => {
    const counts = countVerdicts(cases.flatMap(({ id }) => results.get(id) ?? []));
    const total = VERDICTS.reduce((sum, verdict) => sum + counts[verdict], 0);
    if (total === 0) return `<td class="none" title="does not apply">·</td>`;
    const given = VERDICTS.filter((verdict) => counts[verdict] > 0);
    const worst = given.findLast((verdict) => verdict !== "unimplemented") ?? "unimplemented";
    const words = given.map((verdict) => `${counts[verdict]} ${verdict}`);
    const shown = given
      .filter((verdict) => verdict === "pass" || verdict === worst)
      .map((verdict) => `<b class="${verdict}">${SYMBOLS[verdict]} ${counts[verdict]}</b>`)
      .join(" ");
    return `<td class="${worst}" title="${words.join(", ")}">${shown}</td>`;
  });
  const rows = cases.map(({ id, section, expectation }) => {
    const cells = byAgent.map((results) => verdictCell(results.get(id)));
    return `<tr><th scope="row"><code>${id}</code> <span>${escapeHtml(expectation)}</span> <small>${escapeHtml(section)}</small></th>${cells.join("")}</tr>`;
  });
  return `<tbody class="group"><tr class="title"><th scope="rowgroup"><button type="button" aria-expanded="false">${escapeHtml(title)} <small>${cases.length}</small></button></th>${sums.join("")}</tr>
${rows.join("\n")}</tbody>`;
}

function verdictCell(result: CaseResult | undefined): string {
  if (result === undefined) return `<td class="none" title="does not apply">·</td>`;
  const { verdict, reason } = result;
  const title = reason === "" ? "" : ` title="${escapeHtml(`${verdict}: ${reason}`)}"`;
  return `<td class="${verdict}"${title}>${SYMBOLS[verdict]}</td>`;
}

/** What the page has of a case beyond its verdict. Not objects: their keys would be most of it. */
function packedCase(result: CaseResult | undefined): unknown {
  if (result === undefined) return null;
  const { verdict, reason, durationMs, wire } = result;
  return [
    verdict,
    reason,
    durationMs,
    verdict === "pass" ? outline(wire) : wire.map((entry) => packed(entry)),
  ];
}

/** Of what passed, and that is most, the page shows less; the JSON beside it has it all. */
function outline(wire: readonly WireEntry[]): unknown[] {
  const leftOut = wire.length - PASSED_FIRST_ENTRIES - PASSED_LAST_ENTRIES;
  if (leftOut <= 1) return wire.map((entry) => packed(entry, PASSED_HEX_BYTES));
  const last = wire.slice(-PASSED_LAST_ENTRIES);
  const words = [`${leftOut} more entries are in the JSON`];
  const gap = { atMs: last[0]!.atMs, direction: "event", byteLength: 0, hex: "", words } as const;
  return [...wire.slice(0, PASSED_FIRST_ENTRIES), gap, ...last].map((entry) =>
    packed(entry, PASSED_HEX_BYTES),
  );
}

function packed({ atMs, direction, byteLength, hex, words }: WireEntry, hexBytes = byteLength): unknown[] {
  const shown = byteLength <= 2 * hexBytes ? hex : hex.slice(0, 2 * hexBytes);
  return [atMs < 10 ? atMs : Math.round(atMs), direction, byteLength, shown, words];
}

function pack(value: unknown): string {
  return deflateRawSync(JSON.stringify(value), { level: 9 }).toString("base64");
}

function escapeHtml(value: string): string {
  return value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
