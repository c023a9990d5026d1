import { CATEGORIES, type CaseResult, type ConformanceReport, countVerdicts } from "hawser/conformance";

/** Above this many cases of a category only their number is told. */
const MOST_LISTED = 40;

/** The published results: a table of categories for each role, and every case that failed, with its reason. */
export function markdownReport(reports: readonly ConformanceReport[], missing: readonly string[]): string {
  return `# Conformance

What \`hawser conformance\` says about Hawser and about others, as \`npm run conformance\` wrote it on
${reports[0]?.date.slice(0, 10) ?? ""} with Node ${process.versions.node}. Each implementation ran with its defaults, but for
compression, which was switched on, and for room for messages of 16 MiB and 65,536 fragments.

**pass**: as the RFC says. **non-strict**: allowed or harmless, but not the best; after a "+" in the tables. **fail**:
against the RFC. **unimplemented**: not negotiated. Cases of the handshake also hold a server to RFC 9110 and RFC 9112.

${(["server", "client"] as const).map((role) => roleSection(role, reports)).join("\n")}
## With \`--full\`

The tables are of the default sizes. \`--full\` sends a thousand messages in each case of 12 and 13, and as much as
Autobahn does in 9: some 22 GB for each agent. It was run by hand, on 2026-11-21 with Node 20.20 on a machine with two
busy cores, on categories 9, 10, 12 and 13.

- **Hawser as server** and **as client**: all 293 cases pass. In the first run twelve and two of them had not been done
  in the time that all thousand echoes had together; since then each echo has its own, and those cases were run again.
- **ws**: as server, 113 cases (9, 10, 12.1, 12.4, 13.2); as client, 95 (9, 10, 12.1, 13.2). All pass, once
  \`maxFragments\` is above its default of 16,384: 9.3.1 and 9.4.1 send 65,536.

## What failed

${reports.map(failures).join("\n")}${missing.length === 0 ? "" : `\n## Not tested\n\n${missing.map((line) => `- ${line}`).join("\n")}\n`}`;
}

function roleSection(role: ConformanceReport["tested"], reports: readonly ConformanceReport[]): string {
  const columns = reports.filter(({ tested }) => tested === role);
  const rows = [...CATEGORIES].flatMap(([number, title]) => {
    const cells = columns.map(({ results }) => results.filter(({ id }) => id.startsWith(`${number}.`)));
    return cells.every((results) => results.length === 0)
      ? []
      : [[`${number} ${title}`, ...cells.map(cellOf)]];
  });
  const header = [`as ${role}`, ...columns.map(({ agent }) => agent)];
  const lines = [
    header,
    header.map((_, i) => (i === 0 ? "---" : "---:")),
    ...rows,
    ["**all**", ...columns.map(({ results }) => `**${cellOf(results)}**`)],
  ];
  return `## As ${role}\n\n${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
}

function cellOf(results: readonly CaseResult[]): string {
  const { pass, fail, unimplemented, "non-strict": nonStrict } = countVerdicts(results);
  const parts = [String(pass)];
  if (nonStrict > 0) parts.push(`+ ${nonStrict}`);
  if (fail > 0) parts.push(`, ${fail} fail`);
  if (unimplemented > 0) parts.push(`, ${unimplemented} unimpl.`);
  return parts.join(" ").replaceAll(" ,", ",");
}

function failures({ agent, tested, results }: ConformanceReport): string {
  const failed = results.filter(({ verdict }) => verdict === "fail");
  const lines = failed
    .slice(0, MOST_LISTED)
    .map(({ id, expectation, reason }) => `- \`${id}\` ${plain(expectation)} ${plain(sentence(reason))}`);
  if (failed.length > lines.length) lines.push(`- and ${failed.length - lines.length} more`);
  return `### ${agent} as ${tested}\n\n${lines.length === 0 ? "Nothing.\n" : `${lines.join("\n")}\n`}`;
}

function sentence(reason: string): string {
  return `${reason.slice(0, 1).toUpperCase()}${reason.slice(1)}.`;
}

/** Text in which Markdown finds nothing to do. */
function plain(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]<>|]/g, (character) => `\\${character}`).replaceAll(/\s+/g, " ");
}
