import process from "node:process";
import { parseArgs } from "node:util";
import type { LoadPlan } from "../bench/load-plan.js";
import type { LoadReport } from "../bench/load-report.js";
import { loadTarget } from "../bench/load-target.js";
import { type ProcessUse, processUse } from "../bench/process-cpu.js";
import { type LoadProgress, obstacleTo, runLoad } from "../bench/run-load.js";
import { UsageProblem } from "./usage-problem.js";

const HELP = `Usage: hawser bench <url> [options]          put a load on a server that echoes
       hawser bench <url> --fan-out [options]   on one that sends each message to all
       hawser bench <url> --connect [options]   open connections and close them

Options:
  --connections <n>   how many connections (default: 64; of --fan-out 500; of --connect 32 at a time)
  --active <n>        how many of them send; the others only stay (default: all)
  --window <n>        messages in flight on a connection that sends; the next so many go out
                      when all of these are answered (default: 1)
  --size <bytes>      the size of a message, or several in turn: 20,1k,64k (default: 128)
  --json-text         other JSON each time as text, instead of the same bytes as binary
  --text <message>    send this text, instead of --size
  --session           through sessions of Hawser, each over a WebSocket of its own (a hub)
  --http2 <n>         as streams of so many connections of HTTP/2
  --compress          offer permessage-deflate
  --duration <s>      how long is measured (default: 10)
  --warm-up <s>       how long the load runs before (default: 2)
  --ramp <s>          open the connections over this time (default: as fast as the server answers)
  --header <field>    a field of the opening handshake: --header "Authorization: Bearer abc"
  --hello <message>   a text to send first on each connection
  --skip <n>          how many messages the server sends to a new connection (default: 0)
  --pid <pid>         the process of the server, if it is on this machine (Linux), for its CPU time
  --insecure          accept any certificate of a wss: server
  --json              write the result to standard output as JSON

Answers are checked: their lengths all, their content by samples.

Exit code: 0 if all answers were right, 1 if not, or if there was no connection, 2 if the arguments are wrong.
`;

const OPTIONS = {
  "fan-out": { type: "boolean" },
  connect: { type: "boolean" },
  connections: { type: "string" },
  active: { type: "string" },
  window: { type: "string" },
  size: { type: "string" },
  "json-text": { type: "boolean" },
  text: { type: "string" },
  session: { type: "boolean" },
  http2: { type: "string" },
  compress: { type: "boolean" },
  duration: { type: "string" },
  "warm-up": { type: "string" },
  ramp: { type: "string" },
  header: { type: "string", multiple: true },
  hello: { type: "string" },
  skip: { type: "string" },
  pid: { type: "string" },
  insecure: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

type Values = ReturnType<typeof parse>["values"];

const DEFAULT_CONNECTIONS = { echo: 64, "fan-out": 500, connect: 32 } as const;
const DEFAULT_BYTES = 128;
const MAX_BYTES = 1 << 30;
/** A generator that leaves its core so little was what was measured. */
const SATURATED = 0.9;

/** What `--json` writes. */
interface BenchResult extends LoadReport {
  readonly url: string;
  readonly plan: LoadPlan;
  /** The process of `--pid`. */
  readonly server?: {
    readonly cpuMicrosPerMessage: number;
    /** The share of one core that it used. */
    readonly busy: number;
    readonly rssBytes: number;
  };
  /** Whether the generator was the bottleneck; undefined if the server was not watched and it may have been. */
  readonly isGeneratorSaturated?: boolean;
}

/** `hawser bench`: puts a load on a server, and gives the exit code. */
export async function bench(commandArguments: readonly string[]): Promise<number> {
  const { values, positionals } = parse(commandArguments);
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const [url, ...more] = positionals;
  if (url === undefined) throw new UsageProblem("a URL is needed");
  if (more.length > 0) throw new UsageProblem(`one URL, please, and not also ${more.join(" ")}`);
  const plan = planOf(values);
  checkUrl(url);
  const pid = whole("pid", values.pid);
  if (pid !== undefined && processUse(pid) === undefined) {
    throw new UsageProblem(`nothing is known of process ${pid}; --pid needs Linux and a process that runs`);
  }
  const interrupt = new AbortController();
  const line = new LiveLine();
  let isUnderLoad = false;
  const stop = (): void => {
    if (isUnderLoad) {
      interrupt.abort();
      return;
    }
    // Nothing is measured yet, and what is waited for may take a minute.
    line.clear();
    process.stderr.write("hawser bench: interrupted before the load began\n");
    process.exit(1);
  };
  process.once("SIGINT", stop);
  let before: ProcessUse | undefined;
  let after: ProcessUse | undefined;
  try {
    const report = await runLoad(url, plan, {
      started: () => {
        isUnderLoad = true;
      },
      began: () => {
        before = pid === undefined ? undefined : processUse(pid);
      },
      ended: () => {
        after = pid === undefined ? undefined : processUse(pid);
      },
      progress: (progress) => line.show(progress, plan),
      signal: interrupt.signal,
    });
    line.clear();
    const result = resultOf(url, plan, report, before, after);
    process.stdout.write(values.json === true ? `${JSON.stringify(result, null, 2)}\n` : tableOf(result));
    if (report.messages === 0) process.stderr.write("hawser bench: nothing was answered\n");
    return report.messages > 0 && report.faults.length === 0 ? 0 : 1;
  } catch (error) {
    line.clear();
    process.stderr.write(`hawser bench: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    process.off("SIGINT", stop);
  }
}

function parse(commandArguments: readonly string[]) {
  try {
    return parseArgs({ args: [...commandArguments], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageProblem(error instanceof Error ? error.message : String(error));
  }
}

function checkUrl(url: string): void {
  try {
    loadTarget(url);
  } catch (error) {
    throw new UsageProblem(error instanceof Error ? error.message : String(error));
  }
}

function planOf(values: Values): LoadPlan {
  if (values["fan-out"] === true && values.connect === true) {
    throw new UsageProblem("--fan-out or --connect, not both");
  }
  const kind = values["fan-out"] === true ? "fan-out" : values.connect === true ? "connect" : "echo";
  const connections = positive("connections", values.connections) ?? DEFAULT_CONNECTIONS[kind];
  const activeConnections = positive("active", values.active);
  if (activeConnections !== undefined && (kind !== "echo" || activeConnections > connections)) {
    throw new UsageProblem("--active is for an echo, and at most --connections");
  }
  if (kind === "fan-out" && connections < 2) throw new UsageProblem("a fan-out needs 2 connections");
  const { text } = values;
  if (text !== undefined && (values.size !== undefined || values["json-text"] === true)) {
    throw new UsageProblem("--text says what is sent; --size and --json-text do not go with it");
  }
  const plan: LoadPlan = {
    kind,
    connections,
    activeConnections,
    window: positive("window", values.window) ?? 1,
    sizes: text !== undefined ? [Buffer.byteLength(text)] : sizesOf(values.size),
    content: text !== undefined ? { text } : values["json-text"] === true ? "json" : "binary",
    isSession: values.session === true,
    http2Connections: positive("http2", values.http2),
    isCompressionOffered: values.compress === true,
    durationMs: positiveSeconds("duration", values.duration) ?? 10_000,
    warmUpMs: secondsOf("warm-up", values["warm-up"]) ?? 2_000,
    rampMs: secondsOf("ramp", values.ramp) ?? 0,
    isInsecure: values.insecure === true,
    headers: (values.header ?? []).map(headerOf),
    hello: values.hello,
    greetings: whole("skip", values.skip) ?? 0,
  };
  const obstacle = obstacleTo(plan);
  if (obstacle !== undefined) throw new UsageProblem(obstacle);
  return plan;
}

function sizesOf(list: string | undefined): number[] {
  if (list === undefined) return [DEFAULT_BYTES];
  return list.split(",").map((one) => {
    const found = /^(\d{1,9})([km]?)$/i.exec(one.trim());
    const bytes = Number(found?.[1]) * { "": 1, k: 1024, m: 1024 * 1024 }[found?.[2]?.toLowerCase() ?? ""]!;
    if (!(bytes > 0 && bytes <= MAX_BYTES)) {
      throw new UsageProblem(`--size must be bytes, such as 20, 1k or 20,64k, not ${JSON.stringify(list)}`);
    }
    return bytes;
  });
}

function headerOf(field: string): readonly [string, string] {
  const found = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)$/.exec(field);
  if (found === null) throw new UsageProblem(`--header must be "Name: value", not ${JSON.stringify(field)}`);
  return [found[1]!, found[2]!];
}

function secondsOf(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,6}(?:\.\d{1,3})?$/.test(value)) {
    throw new UsageProblem(`--${name} must be seconds, such as 10 or 0.5, not ${JSON.stringify(value)}`);
  }
  return Number(value) * 1000;
}

function positiveSeconds(name: string, value: string | undefined): number | undefined {
  const milliseconds = secondsOf(name, value);
  if (milliseconds === 0) throw new UsageProblem(`--${name} must be above 0`);
  return milliseconds;
}

function positive(name: string, value: string | undefined): number | undefined {
  const number = whole(name, value);
  if (number === 0) throw new UsageProblem(`--${name} must be above 0`);
  return number;
}

function whole(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value)) {
    throw new UsageProblem(`--${name} must be a whole number, not ${JSON.stringify(value)}`);
  }
  return Number(value);
}

function resultOf(
  url: string,
  plan: LoadPlan,
  report: LoadReport,
  before: ProcessUse | undefined,
  after: ProcessUse | undefined,
): BenchResult {
  const { seconds, messages, generator } = report;
  const isSaturated = generator.busy > SATURATED;
  if (before === undefined || after === undefined || seconds === 0) {
    return { url, plan, ...report, ...(!isSaturated && { isGeneratorSaturated: false }) };
  }
  const cpuSeconds = after.cpuSeconds - before.cpuSeconds;
  const busy = cpuSeconds / seconds;
  return {
    url,
    plan,
    ...report,
    server: { cpuMicrosPerMessage: (cpuSeconds * 1e6) / messages, busy, rssBytes: after.rssBytes },
    isGeneratorSaturated: isSaturated && busy < SATURATED,
  };
}

function tableOf(result: BenchResult): string {
  const { plan, latencyMs, generator, server, faults } = result;
  const noun = { echo: "messages", "fan-out": "deliveries", connect: "connections" }[plan.kind];
  const ms = (value: number): string => `${value.toFixed(value < 10 ? 3 : 1)} ms`;
  const rows: [string, string][] = [
    [noun, `${count(result.messages)} in ${result.seconds.toFixed(2)} s`],
    ["a second", count(result.perSecond)],
  ];
  if (plan.kind !== "connect") {
    rows.push(["connections", count(result.connections)]);
    if (plan.isCompressionOffered === true)
      rows.push(["compression", result.isCompressed ? "yes" : "refused"]);
  }
  for (const [name, value] of Object.entries(latencyMs)) {
    rows.push([`latency ${name === "p999" ? "p99.9" : name}`, ms(value)]);
  }
  if (server !== undefined) {
    const one = noun.slice(0, -1).replace("deliverie", "delivery");
    rows.push([`server CPU a ${one}`, `${server.cpuMicrosPerMessage.toFixed(2)} µs`]);
    rows.push(["server", `${percent(server.busy)} of a core, ${mebibytes(server.rssBytes)} resident`]);
  }
  rows.push(["generator", `${percent(generator.busy)} of a core`]);
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}${value}`);
  if (result.isGeneratorSaturated !== false) {
    const may = result.isGeneratorSaturated === undefined ? "may have been" : "was";
    lines.push(`The generator ${may} the bottleneck: the server could do more than this.`);
  }
  for (const { reason, count: times } of faults) lines.push(`wrong: ${reason} (${count(times)} times)`);
  return `${lines.join("\n")}\n`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** How far the load is, on standard error; nothing where that is no terminal. */
class LiveLine {
  readonly #isLive: boolean = process.stderr.isTTY === true;
  #phase = "";
  #lastDone = 0;
  #lastAt = 0;

  show({ phase, done, share }: LoadProgress, plan: LoadPlan): void {
    if (!this.#isLive) return;
    const now = performance.now();
    const since = phase === this.#phase ? (now - this.#lastAt) / 1000 : 0;
    const rate = since > 0 ? `, ${count((done - this.#lastDone) / since)} a second` : "";
    const what = phase === "opening" ? `${done} of ${plan.connections} connections` : `${count(done)}${rate}`;
    process.stderr.write(`\r\x1b[K${phase} ${percent(share)}: ${what}`);
    this.#phase = phase;
    this.#lastDone = done;
    this.#lastAt = now;
  }

  clear(): void {
    if (this.#isLive) process.stderr.write("\r\x1b[K");
  }
}
