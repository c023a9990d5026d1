import { setTimeout as delay } from "node:timers/promises";
import { projectPath } from "#scripts/project-root.js";
import type { Contestant } from "./contestant.js";
import type { LoadAnswer, LoadSettings } from "./load-clients.js";
import { ProcessLink } from "./process-link.js";
import type { ServerAnswer, ServerSettings, ServerTask } from "./server-link.js";

const WARM_UP_MS = 1_500;
const MEASURE_MS = 3_000;
/** Idle clients whose memory is measured. */
export const IDLE_CLIENTS = 10_000;
const SETTLE_MS = 1_500;
/** With so many the heap has grown, and what all need together is there. */
const FIRST_CLIENTS = 1_000;

/** The server of a library, in a process of its own. */
export function startServer(
  contestant: Contestant,
  task: ServerTask,
  bytes = 0,
  everyMs = 0,
): ProcessLink<ServerAnswer> {
  const settings: ServerSettings = { task, transport: contestant.transport, bytes, everyMs };
  return new ProcessLink(
    projectPath("build", "comparison", "servers", `${contestant.library.replace(".", "-")}-server.js`),
    settings,
    true,
  );
}

function startClients(settings: LoadSettings): ProcessLink<LoadAnswer> {
  return new ProcessLink(projectPath("build", "comparison", "load-clients.js"), settings, false);
}

/** Microseconds of CPU time of the server for each message that it sent. */
export async function measureCpu(
  contestant: Contestant,
  load: {
    readonly kind: "echo" | "fan-out";
    readonly clients: number;
    readonly window: number;
    readonly bytes: number;
  },
): Promise<number> {
  const server = startServer(contestant, load.kind);
  const { port = 0 } = await server.answer();
  const clients = startClients({ contestant, port, ...load });
  try {
    await clients.answer();
    await clients.ask("begin");
    await delay(WARM_UP_MS);
    const [cpuBefore, before] = [await server.ask("cpu"), await clients.ask("count")];
    await delay(MEASURE_MS);
    const [cpuAfter, after] = [await server.ask("cpu"), await clients.ask("count")];
    return (cpuAfter.cpuMicros! - cpuBefore.cpuMicros!) / (after.received - before.received);
  } finally {
    await clients.end();
    await server.end();
  }
}

/** Bytes of memory of the server for each client that is connected and does nothing. */
export async function measureMemory(contestant: Contestant, clients: number): Promise<number> {
  const server = startServer(contestant, "nothing");
  const { port = 0 } = await server.answer();
  // What the first ones bring (code, buffers of all) is no part of it.
  const first = startClients({ contestant, port, clients: FIRST_CLIENTS, kind: "idle", window: 0, bytes: 0 });
  await first.answer();
  await delay(SETTLE_MS);
  const before = await server.ask("memory");
  const rest = startClients({ contestant, port, clients, kind: "idle", window: 0, bytes: 0 });
  await rest.answer();
  await delay(SETTLE_MS);
  const after = await server.ask("memory");
  await first.end();
  await rest.end();
  await server.end();
  return (after.rssBytes! - before.rssBytes!) / clients;
}
