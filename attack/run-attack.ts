import { setTimeout as delay } from "node:timers/promises";
import type { Attack, AttackedLimits, Budget } from "./attack.js";
import type { Tally } from "./attack-field.js";
import type { ServerReport } from "./attacked-server.js";
import type { Generators } from "./generators.js";
import type { HonestReport } from "./honest-clients.js";
import { ServerHandle } from "./server-handle.js";

/** How an attack is run. */
export interface AttackRun {
  readonly isFull: boolean;
  readonly baselineSeconds: number;
  readonly seconds: number;
  readonly honestClients: number;
  readonly honestIntervalMs: number;
  readonly generators: Generators;
  readonly serverCore?: number | undefined;
  readonly seed: number;
  /** End as soon as everything was seen that the attack must bring about; `seconds` is only the most it may take then. */
  readonly untilSeen?: boolean | undefined;
  /** Deadlines for a version that does not last as long as the defaults. */
  readonly server?: Readonly<Record<string, number>> | undefined;
}

/** What came of an attack. */
export interface AttackResult {
  readonly name: string;
  readonly about: string;
  readonly connections: number;
  readonly seconds: number;
  readonly budget: Budget;
  /** The most that RSS was above what it was before the attack. */
  readonly peakRssAbove: number;
  readonly peakHeapAndExternalAbove: number;
  readonly peakSockets: number;
  readonly baseline: HonestReport;
  readonly attacked: HonestReport;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  /** How the server ended connections, and which handshakes it refused, by its own account. */
  readonly ends: Tally;
  readonly refusals: Tally;
  /** What the attackers saw. */
  readonly seen: Tally;
  readonly left: {
    readonly connections: number;
    readonly sockets: number;
    readonly descriptors: number;
    readonly timers: number;
    readonly heapUsed: number;
    readonly external: number;
  };
  /** Promises that were broken; none if all is well. */
  readonly problems: readonly string[];
}

const MIB = 1024 * 1024;
/** Code that was compiled for the attack and caches that were filled; a leak of a byte a connection would be more. */
const MAX_LEFT_HEAP_BYTES = 4 * MIB;
/** A chunk or two that something small still points into, and the slab that output is written to. */
const MAX_LEFT_EXTERNAL_BYTES = 1 * MIB;
/** How long what is left may take to go: deadlines of closing and of refusals, and a tick of the clock. */
const SETTLE_TIMEOUT_MS = 15_000;

/** Attacks a server of its own: first without attackers, then with them, then again without. */
export async function runAttack(attack: Attack, run: AttackRun): Promise<AttackResult> {
  const { generators, seconds } = run;
  const connections = run.isFull ? attack.connections.full : attack.connections.short;
  const options = { ...run.server, ...attack.server, ...(!run.isFull && attack.shortServer) };
  const hub = { ...attack.hub, ...(!run.isFull && attack.shortHub) };
  const setup = { isSecure: attack.isSecure ?? false, options, hub };
  const server = await ServerHandle.start(setup, run.serverCore);
  try {
    const limits = limitsOf({ ...options, ...hub });
    const target = { ...server.address, handshakeTimeoutMs: limits.handshakeTimeoutMs };
    const empty = await settled(server);
    await generators.start(target, run.honestClients, run.honestIntervalMs);
    await delay(run.baselineSeconds * 300); // until the hot code is compiled
    await generators.take();
    await delay(run.baselineSeconds * 1_000);
    const baseline = await generators.take();
    const idle = await server.ask("settled report");
    await server.begin();
    const isDone = async (tally: Tally): Promise<boolean> =>
      run.untilSeen === true && missing(attack, (await server.ask("report")).ends, tally).length === 0;
    const seen = await generators.attack(attack, target, connections, seconds, run.seed, isDone);
    const during = await server.ask("report");
    const attacked = await generators.take();
    await generators.stop();
    const { failures } = await generators.take();
    const after = await settled(server, empty);
    const endedByItself = await server.shutdown();
    const result = {
      name: attack.name,
      about: attack.about,
      connections,
      seconds,
      budget: attack.budget(connections, limits),
      peakRssAbove: during.peakRss - idle.rss,
      peakHeapAndExternalAbove: during.peakHeapAndExternal - idle.heapUsed - idle.external,
      peakSockets: during.peakSockets,
      baseline,
      attacked: { ...attacked, failures: [...attacked.failures, ...failures] },
      loopP99Ms: during.loopP99Ms,
      loopMaxMs: during.loopMaxMs,
      ends: after.ends,
      refusals: after.refusals,
      seen,
      left: {
        connections: after.connections,
        sockets: after.sockets - empty.sockets,
        descriptors: after.descriptors - empty.descriptors,
        timers: after.timers - empty.timers,
        heapUsed: after.heapUsed - idle.heapUsed,
        external: after.external - idle.external,
      },
    };
    const { uncaught, warnings } = after;
    return { ...result, problems: problemsOf(attack, result, { uncaught, warnings, endedByItself }) };
  } finally {
    await server.kill();
  }
}

function limitsOf(options: Readonly<Record<string, unknown>>): AttackedLimits {
  const number = (name: string, standard: number): number => Number(options[name] ?? standard);
  return {
    maxMessageBytes: number("maxMessageBytes", 16 * MIB),
    maxBufferedBytes: number("maxBufferedBytes", 16 * MIB),
    maxConnectionsPerAddress: number("maxConnectionsPerAddress", 1_024),
    handshakeTimeoutMs: number("handshakeTimeoutMs", 10_000),
    maxConnectionMemoryBytes: number("maxConnectionMemoryBytes", 64 * MIB),
    maxHeldBytes: number("maxHeldBytes", 256 * MIB),
  };
}

/** A report from when nothing is left that is not in `empty`, or from when that is given up. */
async function settled(server: ServerHandle, empty?: ServerReport): Promise<ServerReport> {
  const givesUpAt = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const now = await server.ask("report");
    const isEmpty =
      empty === undefined ||
      (now.connections === 0 &&
        now.sockets <= empty.sockets &&
        now.timers <= empty.timers &&
        now.descriptors <= empty.descriptors);
    if (isEmpty || performance.now() > givesUpAt) break;
    await delay(50);
  }
  await delay(20);
  await server.ask("settled report");
  await delay(20); // finalizers free what is outside of the heap a round later
  return server.ask("settled report");
}

function problemsOf(
  attack: Attack,
  result: Omit<AttackResult, "problems">,
  process: {
    readonly uncaught: readonly string[];
    readonly warnings: readonly string[];
    readonly endedByItself: boolean;
  },
): string[] {
  const problems: string[] = [];
  const must = (isKept: boolean, what: string): void => {
    if (!isKept) problems.push(what);
  };
  const { left, attacked, budget, peakRssAbove } = result;
  for (const error of process.uncaught) problems.push(`the process threw: ${error}`);
  for (const warning of process.warnings) problems.push(`the process warned: ${warning}`);
  must(process.endedByItself, "something kept the server's process alive after shutdown()");
  for (const failure of new Set(attacked.failures)) problems.push(failure);
  must(attacked.echoes > 0, "no honest client was answered");
  must(peakRssAbove <= budget.bytes, `${peakRssAbove} bytes above idle, the budget is ${budget.bytes}`);
  must(left.connections === 0, `${left.connections} connections left`);
  must(left.sockets <= 0, `${left.sockets} sockets left`);
  must(left.descriptors <= 0, `${left.descriptors} descriptors left`);
  must(left.timers <= 0, `${left.timers} timers left`);
  must(left.heapUsed <= MAX_LEFT_HEAP_BYTES, `${left.heapUsed} bytes of heap left`);
  must(left.external <= MAX_LEFT_EXTERNAL_BYTES, `${left.external} bytes outside of the heap left`);
  return [...problems, ...missing(attack, result.ends, result.seen)];
}

/** What the attack must bring about, and did not. */
function missing(attack: Attack, ends: Tally, seen: Tally): string[] {
  const { mustEndAs = [], mustNote = [] } = attack;
  const codes = Object.keys(ends);
  return [
    ...mustEndAs
      .filter((code) => !codes.some((end) => end.startsWith(code)))
      .map((code) => `no connection ended as ${code}`),
    ...mustNote.filter((name) => seen[name] === undefined).map((name) => `never seen: ${name}`),
  ];
}
