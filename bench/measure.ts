import process from "node:process";
import type { LoadPlan } from "#bench/load-plan.js";
import type { LoadReport } from "#bench/load-report.js";
import { processUse } from "#bench/process-cpu.js";
import { projectPath } from "#scripts/project-root.js";
import { BenchProcess } from "./bench-process.js";
import type { Contender } from "./contender.js";
import type { GeneratorJob, GeneratorMessage } from "./generator.js";
import type { Load } from "./loads.js";
import type { ContenderSettings, CpuAnswer, Ready } from "./runner-link.js";

/** One contender under one load, once. */
export interface Sample {
  /** User and system time of the measured process for a message (a delivery, a connection), in microseconds. */
  readonly cpuMicros: number;
  readonly perSecond: number;
  readonly latencyMs: LoadReport["latencyMs"];
  /** Resident memory of the measured process at the end, in bytes; 0 where the system does not say. */
  readonly rssBytes: number;
  /** How much of one core the measured process used; above 1 for several processes. */
  readonly busy: number;
  /** How much of one core the generator used. */
  readonly generatorBusy: number;
  /** How many bytes an answer took on the wire; runs of before have none. */
  readonly answerBytes?: number;
}

/** How long a sample takes. */
export interface SampleTiming {
  readonly durationMs: number;
  readonly warmUpMs: number;
}

const GENERATOR = projectPath("build", "bench", "generator.js");

/** Starts the contender and the generator, and measures. Throws if answers are wrong. */
export async function measure(
  contender: Contender,
  load: Load,
  connections: number,
  timing: SampleTiming,
  tls: ContenderSettings["tls"],
): Promise<Sample> {
  const content = load.contentFor?.[contender.id] ?? load.plan.content;
  const plan: LoadPlan = { ...load.plan, content, connections, ...contender.dialect, ...timing };
  const settings = (url?: string): string =>
    JSON.stringify({
      isCompressing: load.isCompressing,
      tls: load.isSecure ? tls : undefined,
      url,
      connections,
    } satisfies ContenderSettings);
  const startContender = (url?: string): BenchProcess =>
    new BenchProcess(
      load.section === "workers" ? "workers" : "measured",
      [...contender.command, settings(url)],
      contender.env,
    );
  const startGenerator = (url?: string): BenchProcess =>
    new BenchProcess("generator", [
      process.execPath,
      GENERATOR,
      JSON.stringify({ url, plan } satisfies GeneratorJob),
    ]);

  const processes: BenchProcess[] = [];
  try {
    if (load.section === "clients") {
      const generator = startGenerator();
      processes.push(generator);
      const { port } = await generator.next<Ready>();
      const client = startContender(`ws://127.0.0.1:${port}/`);
      processes.push(client);
      await client.next<Ready>();
      generator.say("all clients are open");
      return await follow(client, generator, load);
    }
    const server = startContender();
    processes.push(server);
    const { port } = await server.next<Ready>();
    const scheme = load.isSecure ? "wss" : "ws";
    const generator = startGenerator(`${scheme}://127.0.0.1:${port}${contender.path ?? load.path}`);
    processes.push(generator);
    return await follow(server, generator, load);
  } finally {
    await Promise.all(processes.map((one) => one.stop()));
  }
}

/** Reads the clocks of the measured process when measuring begins and ends. */
async function follow(measured: BenchProcess, generator: BenchProcess, load: Load): Promise<Sample> {
  let before: CpuAnswer | undefined;
  let after: CpuAnswer | undefined;
  let rssBytes = 0;
  for (;;) {
    const message = await generator.next<GeneratorMessage>();
    if (message.event === "failed") throw new Error(message.reason);
    if (message.event === "report") {
      return sampleOf(message.report, load, before!, after!, rssBytes);
    }
    const answer = await measured.ask<CpuAnswer>("cpu");
    if (message.event === "began") before = answer;
    else {
      after = answer;
      rssBytes = answer.rssBytes ?? processUse(measured.pid)?.rssBytes ?? 0;
    }
    generator.say("go on");
  }
}

function sampleOf(
  report: LoadReport,
  load: Load,
  before: CpuAnswer,
  after: CpuAnswer,
  rssBytes: number,
): Sample {
  const [fault] = report.faults;
  if (fault !== undefined) throw new Error(`${fault.reason} (${fault.count} times)`);
  if (report.messages === 0) throw new Error("nothing was answered");
  if (load.isCompressing && !report.isCompressed) throw new Error("it did not agree to compression");
  // Both ends of the interval are a moment late; as a share of its own clock, that does not matter.
  const busy = (after.cpuSeconds - before.cpuSeconds) / (after.atSeconds - before.atSeconds);
  return {
    cpuMicros: (busy * report.seconds * 1e6) / report.messages,
    perSecond: report.perSecond,
    latencyMs: report.latencyMs,
    rssBytes,
    busy,
    generatorBusy: report.generator.busy,
    answerBytes: report.answerBytes,
  };
}
