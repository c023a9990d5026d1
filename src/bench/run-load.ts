import { setTimeout as delay } from "node:timers/promises";
import type { ExpectedAnswers } from "./answer-counter.js";
import { runConnect } from "./connect-load.js";
import type { Dialled, DialOptions } from "./dial.js";
import { startEcho } from "./echo-load.js";
import { startFanOut } from "./fan-out-load.js";
import { Http2Connection } from "./http2-connection.js";
import type { LoadConnection } from "./load-connection.js";
import { LoadMeter } from "./load-meter.js";
import type { LoadPeer } from "./load-peer.js";
import type { LoadPlan } from "./load-plan.js";
import type { LoadReport } from "./load-report.js";
import { LateAcks, LoadSession, obstacleForSessions, SESSION_SUBPROTOCOL } from "./load-session.js";
import { loadTarget } from "./load-target.js";
import { loopbackAddresses } from "./loopback-addresses.js";
import { MessageCycle } from "./message-cycle.js";
import { DEFAULT_OPEN_TIMEOUT_MS, openConnections } from "./open-connections.js";

/** What somebody who watches a load is told. */
export interface LoadProgress {
  readonly phase: "opening" | "warming up" | "measuring";
  /** Connections that were asked for so far while opening, else messages of this phase. */
  readonly done: number;
  /** How much of the phase is over, from 0 to 1. */
  readonly share: number;
}

/** Somebody who takes part in a load. */
export interface LoadObserver {
  /** All connections are open, and the load begins: from now on `signal` ends it. */
  started?(): void;
  /** Measuring begins now; it is waited for. */
  began?(): void | Promise<void>;
  /** Measuring is over now, and the load goes on until this is done. */
  ended?(): void | Promise<void>;
  /** Several times a second. */
  progress?(progress: LoadProgress): void;
  /** Ends the load early, with a report of what was measured so far. */
  readonly signal?: AbortSignal | undefined;
}

const PROGRESS_INTERVAL_MS = 250;

/**
 * Puts a load on a server and reports what came of it.
 *
 * @throws `Error` that says why, if the connections cannot be opened.
 */
export async function runLoad(url: string, plan: LoadPlan, observer: LoadObserver = {}): Promise<LoadReport> {
  const target = loadTarget(url);
  const obstacle = obstacleTo(plan);
  if (obstacle !== undefined) throw new Error(obstacle);
  const localAddresses = loopbackAddresses(target, plan.connections);
  const plainOptions = (index: number): DialOptions => ({
    target,
    isCompressionOffered: plan.isCompressionOffered ?? false,
    isInsecure: plan.isInsecure ?? false,
    headers: [
      ...(plan.headers ?? []),
      ...(plan.isSession === true ? [["Sec-WebSocket-Protocol", SESSION_SUBPROTOCOL] as const] : []),
    ],
    localAddress: localAddresses[index % localAddresses.length],
  });
  const http2: Http2Connection[] = [];
  const dialOptions = (index: number): DialOptions => {
    const one = http2[index % http2.length];
    return { ...plainOptions(index), overHttp2: one && ((options) => one.dial(options)) };
  };
  if (plan.kind === "connect") {
    const meter = new LoadMeter();
    let done: Promise<void> | undefined;
    await measure(plan, meter, observer, () => {
      done = runConnect(plan.connections, dialOptions, meter);
      return () => {};
    });
    await done;
    return meter.report(plan.connections, false);
  }
  let dialled: Dialled[];
  try {
    for (let i = 0; i < (plan.http2Connections ?? 0); i++) {
      http2.push(await Http2Connection.open(plainOptions(i)));
    }
    dialled = await openConnections({
      count: plan.connections,
      dialOptions,
      rampMs: plan.rampMs ?? 0,
      openTimeoutMs: plan.openTimeoutMs,
      onOpened: (open) =>
        observer.progress?.({ phase: "opening", done: open, share: open / plan.connections }),
    });
  } catch (error) {
    for (const one of http2) one.close();
    throw error;
  }
  const { isCompressed = false, isWindowForgotten = false } = dialled[0] ?? {};
  return runOnConnections(
    dialled.map(({ connection }) => connection),
    plan,
    observer,
    { isCompressed, isWindowForgotten, isServer: false },
  );
}

/** Why the generator cannot make such a load; undefined if it can. */
export function obstacleTo(plan: LoadPlan): string | undefined {
  if (plan.http2Connections !== undefined) {
    if (plan.kind === "connect") return "over HTTP/2 there are no connections to be opened";
    if (plan.isCompressionOffered === true) return "over HTTP/2 nothing is compressed by the generator";
  }
  return plan.isSession === true ? obstacleForSessions(plan) : undefined;
}

/** What holds for connections that are open. */
export interface OpenedTerms extends Omit<Dialled, "connection"> {
  /** Whether the generator is the server of them. */
  readonly isServer: boolean;
}

/** Puts a load on connections that are open already, and ends them. */
export async function runOnConnections(
  connections: readonly LoadConnection[],
  plan: LoadPlan,
  observer: LoadObserver,
  terms: OpenedTerms,
): Promise<LoadReport> {
  const cycle = await MessageCycle.build({
    sizes: plan.sizes,
    window: plan.window,
    content: plan.content ?? "binary",
    isMasked: !terms.isServer,
    compression: !terms.isCompressed ? "none" : terms.isWindowForgotten ? "fresh" : "kept",
    isOfRecords: plan.isSession === true,
  });
  const meter = new LoadMeter();
  for (const connection of connections) connection.onGone = (reason) => meter.fault(reason);
  const peers =
    plan.isSession === true
      ? sessionsOn(connections, plan, cycle)
      : expecting(connections, {
          payloads: cycle.payloads,
          lengths: cycle.lengths,
          opcode: cycle.opcode,
          isMasked: terms.isServer || plan.isRawEcho === true,
          mayBeCompressed: terms.isCompressed,
          greetings: plan.greetings ?? 0,
        });
  if (plan.hello !== undefined) for (const peer of peers) peer.writeText(plan.hello);
  await greeted(peers, plan.openTimeoutMs ?? DEFAULT_OPEN_TIMEOUT_MS);
  const active = peers.slice(0, plan.activeConnections ?? peers.length);
  const start = plan.kind === "fan-out" ? startFanOut : startEcho;
  await measure(plan, meter, observer, () => start(active, cycle, meter));
  for (const peer of peers) peer.destroy();
  return meter.report(peers.length, terms.isCompressed, answerBytes(peers));
}

function expecting(connections: readonly LoadConnection[], expected: ExpectedAnswers): readonly LoadPeer[] {
  for (const connection of connections) connection.expect(expected);
  return connections;
}

function sessionsOn(
  connections: readonly LoadConnection[],
  { greetings = 0 }: LoadPlan,
  cycle: MessageCycle,
): LoadSession[] {
  const acks = new LateAcks();
  return connections.map((connection) => new LoadSession(connection, cycle, { greetings }, acks));
}

function answerBytes(peers: readonly LoadPeer[]): number {
  let [bytes, answers] = [0, 0];
  for (const { received } of peers) {
    bytes += received.bytes;
    answers += received.answers;
  }
  return answers === 0 ? 0 : bytes / answers;
}

/** Starts the load, lets it warm up, measures it, and stops it. */
async function measure(
  plan: LoadPlan,
  meter: LoadMeter,
  observer: LoadObserver,
  start: () => () => void,
): Promise<void> {
  let stop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  meter.onStall = stop;
  observer.signal?.addEventListener("abort", stop);
  if (observer.signal?.aborted === true) stop();
  observer.started?.();
  let phase: LoadProgress["phase"] = "warming up";
  let phaseBegan = performance.now();
  const ticker = setInterval(() => {
    const length = phase === "measuring" ? plan.durationMs : plan.warmUpMs;
    const share = Math.min(1, (performance.now() - phaseBegan) / Math.max(length, 1));
    observer.progress?.({ phase, done: meter.messages, share });
  }, PROGRESS_INTERVAL_MS);
  try {
    const check = start();
    await Promise.race([after(plan.warmUpMs), stopped]);
    await observer.began?.();
    meter.begin();
    phase = "measuring";
    phaseBegan = performance.now();
    await Promise.race([after(plan.durationMs), stopped]);
    meter.end();
    await observer.ended?.();
    meter.stop();
    if (observer.signal?.aborted !== true) check();
  } finally {
    clearInterval(ticker);
    observer.signal?.removeEventListener("abort", stop);
  }
}

/** Waits for what the server says on its own; before that it may not be ready to listen. */
async function greeted(peers: readonly LoadPeer[], timeoutMs: number): Promise<void> {
  const limit = new AbortController();
  const late = delay(timeoutMs, undefined, { signal: limit.signal }).then(
    () => {
      throw new Error("the messages that the server was to send first did not come");
    },
    () => undefined,
  );
  try {
    await Promise.race([Promise.all(peers.map((peer) => peer.greeted)), late]);
  } catch (error) {
    for (const peer of peers) peer.destroy();
    throw error;
  } finally {
    limit.abort();
  }
}

function after(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
