import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { processUse } from "#bench/process-cpu.js";
import { projectPath } from "#scripts/project-root.js";
import { BenchProcess } from "./bench-process.js";
import type { Contender } from "./contender.js";
import type { MemoryJob, MemoryMessage } from "./memory-generator.js";
import type { MemoryLoad } from "./memory-loads.js";
import { openFileLimit } from "./pinning.js";
import type { ContenderSettings, MemoryAnswer, Ready } from "./runner-link.js";

/** What a connection costs the server, in bytes. */
export interface Weight {
  readonly rssBytes: number;
  /** The most that was resident at any moment; 0 where the system does not say, and for several processes. */
  readonly peakRssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** How many of the connections the server still had. */
  readonly connections: number;
}

const GENERATOR = projectPath("build", "bench", "memory-generator.js");
const MAX_WARM_UP_CONNECTIONS = 500;
/** What a process needs beside its connections. */
const OTHER_FILES = 200;
const ADDRESSES = 4;
const SETTLE_ATTEMPTS = 20;
const SETTLE_PAUSE_MS = 200;

/** Why a process cannot have so many connections here; undefined if it can. */
export function obstacleTo(connections: number): string | undefined {
  const limit = openFileLimit();
  if (connections + OTHER_FILES <= limit) return undefined;
  return `${connections.toLocaleString("en-US")} connections of one process need \`ulimit -n ${connections + OTHER_FILES}\`, the limit is ${limit}`;
}

/** Weighs the connections of one contender in one state. */
export async function weigh(contender: Contender, load: MemoryLoad, connections: number): Promise<Weight> {
  const settings: ContenderSettings = {
    isCompressing: load.isCompressing,
    tls: undefined,
    url: undefined,
    connections: 0,
  };
  const { processes = 1 } = load;
  const server = new BenchProcess(
    processes > 1 ? "workers" : "measured",
    [...contender.command, JSON.stringify(settings)],
    contender.env,
  );
  const generators: BenchProcess[] = [];
  try {
    const { port } = await server.next<Ready>();
    for (let index = 0; index < processes; index++) {
      const job: MemoryJob = {
        url: `ws://127.0.0.1:${port}${contender.path ?? "/"}`,
        dialect: contender.dialect,
        isCompressionOffered: load.isCompressing,
        action: load.action,
        bytes: load.bytes,
        messages: load.messages,
        warmUpConnections: Math.min(connections, MAX_WARM_UP_CONNECTIONS),
        connections: shareOf(connections, processes, index),
        localAddresses: processes > 1 ? addressesOf(index) : [],
      };
      generators.push(new BenchProcess("generator", [process.execPath, GENERATOR, JSON.stringify(job)]));
    }
    await reach(generators, "warm");
    const before = await settled(server, 0);
    for (const generator of generators) generator.say("go on");
    await reach(generators, "loaded");
    const peakBytes = processes > 1 ? 0 : (processUse(server.pid)?.peakRssBytes ?? 0);
    const after = await settled(server, connections);
    return {
      rssBytes: (after.rssBytes - before.rssBytes) / connections,
      peakRssBytes: peakBytes > 0 ? (peakBytes - before.rssBytes) / connections : 0,
      heapBytes: (after.heapBytes - before.heapBytes) / connections,
      externalBytes: (after.externalBytes - before.externalBytes) / connections,
      connections: after.connections,
    };
  } finally {
    await Promise.all([server, ...generators].map((one) => one.stop()));
  }
}

/**
 * Where the connections of a process come from: an address has fewer ports than all of them need together, and the system takes long to find
 * the last ones.
 */
function addressesOf(index: number): string[] {
  return Array.from({ length: ADDRESSES }, (_, i) => `127.0.0.${2 + index * ADDRESSES + i}`);
}

/** How many of the connections the process with this index has. */
function shareOf(connections: number, processes: number, index: number): number {
  return Math.floor((connections * (index + 1)) / processes) - Math.floor((connections * index) / processes);
}

async function reach(generators: readonly BenchProcess[], event: MemoryMessage["event"]): Promise<void> {
  for (const generator of generators) {
    const message = await generator.next<MemoryMessage>();
    if (message.event === "failed") throw new Error(message.reason);
    if (message.event !== event) throw new Error(`${event} was to come, and not ${message.event}`);
  }
}

/** The memory when the server knows of so many connections, or, where some were dropped, when that is clear. */
async function settled(server: BenchProcess, connections: number): Promise<MemoryAnswer> {
  for (let attempt = 0; attempt < SETTLE_ATTEMPTS; attempt++) {
    const answer = await server.ask<MemoryAnswer>("memory");
    if (answer.connections === connections) break;
    await delay(SETTLE_PAUSE_MS);
  }
  // Once more: what was in flight when the last one came or went is gone by now.
  return server.ask<MemoryAnswer>("memory");
}
