import process from "node:process";
import { parseArgs } from "node:util";
import {
  CATEGORIES,
  type ConformanceReport,
  conformanceCases,
  countVerdicts,
  FuzzingServer,
  type TestedRole,
  testServer,
  UsageError,
  VERDICTS,
  writeReportFolder,
} from "hawser/conformance";
import { printable } from "./printable.js";
import { Progress } from "./progress.js";
import { unreachable } from "./unreachable.js";
import { UsageProblem } from "./usage-problem.js";

const HELP = `Usage: hawser conformance <url> [options]       test a server that echoes
       hawser conformance --listen <port>       test clients that connect and echo
       hawser conformance --list                list the cases

Options:
  --only <ids>        only these cases; * stands for anything: --only "6.*,7.9.1"
  --exclude <ids>     not these cases
  --full              messages as many and as large as Autobahn's
  --html <folder>     write a page with all agents that were tested into this folder
  --json              write the results to standard output as JSON
  --agent <name>      the name of the server in the report (default: its host)
  --timeout <ms>      how long a case may take, each echo in it anew (default: 10000)
  --concurrency <n>   how many cases run at a time against a server (default: 4)
  --http2             over HTTP/2 (RFC 8441): by ALPN to wss:, else by prior knowledge, as --listen does
  --insecure          accept any certificate of a wss: server
  --host <address>    with --listen: the address (default: 127.0.0.1)
  --once              with --listen: stop when the first client has asked for its report

A client is driven as by Autobahn's fuzzing server: it connects to /getCaseCount, then to
/runCase?case=1&agent=NAME and so on, at last to /updateReports?agent=NAME.

Exit code: 0 if no case failed, 1 if one did, or if nobody listens at the URL, 2 if the arguments are wrong.
`;

const OPTIONS = {
  listen: { type: "string" },
  list: { type: "boolean" },
  only: { type: "string", multiple: true },
  exclude: { type: "string", multiple: true },
  full: { type: "boolean" },
  html: { type: "string" },
  json: { type: "boolean" },
  agent: { type: "string" },
  timeout: { type: "string" },
  concurrency: { type: "string" },
  http2: { type: "boolean" },
  insecure: { type: "boolean" },
  host: { type: "string" },
  once: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

type Values = ReturnType<typeof parse>["values"];

/** `hawser conformance`: runs the suite and gives the exit code. */
export async function conformance(commandArguments: readonly string[]): Promise<number> {
  const { values, positionals } = parse(commandArguments);
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const [url, ...more] = positionals;
  if (more.length > 0) throw new UsageProblem(`one URL, please, and not also ${more.join(" ")}`);
  if (values.list === true) return list(values);
  if (url === undefined && values.listen === undefined) throw new UsageProblem("a URL or --listen is needed");
  if (url !== undefined && values.listen !== undefined) throw new UsageProblem("a URL or --listen, not both");
  const reports = url === undefined ? await listenForClients(values) : await testOneServer(url, values);
  if (values.html !== undefined && reports.length > 0) {
    const page = await writeReportFolder(values.html, reports);
    process.stderr.write(`${page} has the whole table\n`);
  }
  if (values.json === true) process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
  return reports.length > 0 && reports.every(({ results }) => countVerdicts(results).fail === 0) ? 0 : 1;
}

function parse(commandArguments: readonly string[]) {
  try {
    return parseArgs({ args: [...commandArguments], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageProblem(error instanceof Error ? error.message : String(error));
  }
}

/** The report; none where nobody can be reached, which is said. */
async function testOneServer(url: string, values: Values): Promise<readonly ConformanceReport[]> {
  const { options, caseCount } = runOptions("server", values);
  const concurrency = positive("concurrency", values.concurrency);
  const why = /^wss?:/i.test(url) && URL.canParse(url) ? await unreachable(new URL(url)) : undefined;
  if (why !== undefined) {
    process.stderr.write(`hawser conformance: nobody can be reached at ${url} (${why})\n`);
    return [];
  }
  const progress = new Progress(caseCount);
  const name = values.agent ?? url;
  try {
    const report = await testServer(url, {
      ...options,
      agent: values.agent,
      insecure: values.insecure,
      concurrency,
      onStart: (id) => progress.start(id, name),
      onResult: (result) => progress.add(result, name),
    });
    progress.end(name);
    summarize(report);
    return [report];
  } catch (error) {
    if (error instanceof UsageError) throw new UsageProblem(error.message);
    throw error;
  } finally {
    progress.stop();
  }
}

async function listenForClients(values: Values): Promise<readonly ConformanceReport[]> {
  const { options, caseCount } = runOptions("client", values);
  const progress = new Progress(caseCount);
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const server = await FuzzingServer.listen({
    ...options,
    port: whole("listen", values.listen),
    host: values.host,
    onStart: (id, agent) => progress.start(id, agent),
    onAgentResult: (agent, result) => progress.add(result, agent),
    onReport: async (report) => {
      progress.end(report.agent);
      summarize(report);
      if (values.html !== undefined) await writeReportFolder(values.html, [report]);
      if (values.once === true) finish();
    },
  }).catch((error: unknown) => {
    throw new UsageProblem(`cannot listen: ${error instanceof Error ? error.message : error}`);
  });
  process.stderr.write(`${server.caseCount} cases wait for clients at ${server.url}\n`);
  process.once("SIGINT", finish);
  process.once("SIGTERM", finish);
  await finished;
  progress.stop();
  const { reports } = server;
  await server.close();
  for (const { agent, results } of reports.filter((report) => report.results.length < caseCount)) {
    process.stderr.write(`${printable(agent)} ran only ${results.length} of the ${caseCount} cases\n`);
  }
  return reports;
}

function runOptions(tested: TestedRole, values: Values) {
  const options = {
    only: ids(values.only),
    exclude: ids(values.exclude),
    full: values.full,
    http2: values.http2,
    timeoutMs: positive("timeout", values.timeout),
  };
  const caseCount = conformanceCases(tested, options).length;
  if (caseCount === 0) throw new UsageProblem(`no case for a ${tested} is left by --only and --exclude`);
  return { options, caseCount };
}

function ids(lists: readonly string[] | undefined): string[] | undefined {
  return lists
    ?.flatMap((one) => one.split(","))
    .map((id) => id.trim())
    .filter((id) => id !== "");
}

function positive(name: string, value: string | undefined): number | undefined {
  const number = whole(name, value);
  if (number === 0) throw new UsageProblem(`--${name} must be above 0`);
  return number;
}

function whole(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value))
    throw new UsageProblem(`--${name} must be a whole number, not ${JSON.stringify(value)}`);
  return Number(value);
}

function list(values: Values): number {
  const selection = {
    only: ids(values.only),
    exclude: ids(values.exclude),
    full: values.full,
    http2: values.http2,
  };
  const cases = new Map(
    (["server", "client"] as const).flatMap((role) =>
      conformanceCases(role, selection).map((one) => [one.id, one]),
    ),
  );
  for (const { id, roles, expectation, section } of cases.values()) {
    process.stdout.write(`${id.padEnd(8)} ${roles.padEnd(6)} ${expectation} (${section})\n`);
  }
  return 0;
}

function summarize({ agent, tested, results }: ConformanceReport): void {
  process.stderr.write(`\n${printable(agent)} as ${tested}:\n`);
  for (const [number, title] of CATEGORIES) {
    const members = results.filter(({ id }) => id.startsWith(`${number}.`));
    if (members.length > 0)
      process.stderr.write(`  ${number.padStart(2)} ${title.padEnd(36)}${countWords(members)}\n`);
  }
  process.stderr.write(`  ${"all".padEnd(39)}${countWords(results)}\n`);
}

function countWords(results: ConformanceReport["results"]): string {
  const counts = countVerdicts(results);
  return VERDICTS.filter((verdict) => counts[verdict] > 0)
    .map((verdict) => `${counts[verdict]} ${verdict}`)
    .join(", ");
}
