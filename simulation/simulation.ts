import { ServerMachine } from "#session/machine/server-machine.js";
import { type SessionConfig, sessionConfig } from "#session/machine/session-config.js";
import type { SessionHandler } from "#session/machine/session-handler.js";
import type { SessionHost } from "#session/machine/session-host.js";
import type { SessionEnd } from "#session/peer-port.js";
import type { TransportName } from "#session/transport-port.js";
import { endBlock } from "#session/wire/end-packet.js";
import { type OpenPacket, readOpen } from "#session/wire/open-packet.js";
import { PacketType } from "#session/wire/packet-type.js";
import { SessionCode } from "#session/wire/session-code.js";
import { clientPhase } from "#testing/client-phase.js";
import { type SimulatedDirection, simulatedPair } from "#testing/simulated-transport.js";
import { SteppedClient, type SteppedClientHandler } from "#testing/stepped-client.js";
import { VirtualClock } from "#testing/virtual-clock.js";
import { type Role, SessionRecord } from "./session-record.js";
import { SimulatedEnd } from "./simulated-end.js";
import { type RelayWorld, SimulatedRelay } from "./simulated-relay.js";
import {
  type AttachedTransport,
  handlerBase,
  type SessionWorld,
  SimulatedSession,
} from "./simulated-session.js";
import { type SimulationPlan, simulationPlan } from "./simulation-plan.js";
import { hold, Violation } from "./violation.js";

/** A run with more events than this runs in circles. */
const MOST_EVENTS = 30_000;
/** In this time, on the virtual clock, everything has to be well again when there are no more faults. */
const RECOVERY_MS = 400_000;
/** Every so many-th schedule has a relay between the clients and the sessions. */
const RELAYED_EVERY = 8;
/** There at least so many blocks are lost, where any are. */
const RELAYED_LOSS_PERCENT = 10;
/** Sessions of one client, one after another. */
const MOST_GENERATIONS = 60;
const RACE_AFTER_MS = 1_500;
const DIAL_TIMEOUT_MS = 8_000;
const NAMES: readonly TransportName[] = ["websocket", "sse"];

/** What a run did, in numbers. */
export interface SimulationCounts {
  readonly events: number;
  readonly delivered: number;
  readonly sessions: number;
  readonly takeovers: number;
  readonly resets: number;
}

const BASE_HANDLER: SessionHandler<SimulatedSession> = handlerBase();

/** An attempt of the client to open a transport. */
interface Dialling {
  isOver: boolean;
  client: AttachedTransport | undefined;
}

/**
 * One run: a client and a server, whose process may be replaced, over a network that has faults until some time. Throws a
 * {@link Violation} where a promise is not kept; the same seed does the same.
 */
export class Simulation implements SessionWorld, RelayWorld {
  readonly clock: VirtualClock = new VirtualClock();
  readonly plan: SimulationPlan;
  readonly trace: ((line: string) => void) | undefined;
  delivering: AttachedTransport | undefined;
  isHealed = false;
  #isClosing = false;
  readonly #clientEnd: SimulatedEnd;
  #serverEnd: SimulatedEnd;
  readonly #host: SessionHost;
  readonly #records = new Map<string, SessionRecord>();
  readonly #clientConfig: SessionConfig<SteppedClientHandler<SimulatedSession>>;
  #serverConfig!: SessionConfig<SessionHandler<SimulatedSession>>;
  readonly #relay: SimulatedRelay | undefined;
  #client!: SimulatedSession;
  #servers = new Map<string, SimulatedSession>();
  #process = 0;
  #processName = new Uint8Array(0);
  /** What every session of the server that has ended, so that none is forgotten. */
  readonly #everyServer: SimulatedSession[] = [];
  readonly #diallings = new Set<Dialling>();
  readonly #transports = new Set<AttachedTransport>();
  #offlineUntilMs = 0;
  #blockedUntilMs = new Map<TransportName, number>();
  #generation = 0;
  #events = 0;
  #takeovers = 0;
  #resets = 0;

  constructor(seed: number, trace?: (line: string) => void) {
    this.plan = simulationPlan(seed);
    const { random } = this.plan;
    this.trace = trace && ((line) => trace(`${this.clock.nowMs.toFixed(1).padStart(9)}  ${line}`));
    this.#clientEnd = new SimulatedEnd("client", this.clock);
    this.#serverEnd = new SimulatedEnd("server", this.clock);
    this.#host = {
      nowMs: () => this.clock.nowMs,
      random: () => random.next(),
      randomBytes: (length) => new Uint8Array(random.bytes(length)),
      allocate: (length) => Buffer.allocUnsafe(length),
      utf8Write: (text, bytes, position) => (bytes as Buffer).write(text, position),
      utf8Decode: (bytes, start, end) =>
        Buffer.from(bytes.buffer, bytes.byteOffset).toString("utf8", start, end),
    };
    this.#clientConfig = this.#config(this.#clientHandler());
    this.#relay = seed % RELAYED_EVERY === 0 ? new SimulatedRelay(this) : undefined;
  }

  get seed(): number {
    return this.plan.seed;
  }

  get faultsUntilMs(): number {
    return this.plan.faultsUntilMs;
  }

  /** The numbers of the plan, and a budget of its own. */
  #config<Handler>(handler: Handler): SessionConfig<Handler> {
    const { plan } = this;
    return sessionConfig({
      ...plan,
      host: this.#host,
      handler,
      budget: { heldBytes: 0, leavingBytes: 0, maxBytes: plan.budgetBytes },
      maxPingIntervalMs: 20_000,
    });
  }

  /** Runs it to its end. */
  run(): SimulationCounts {
    const { plan, clock } = this;
    const { random } = plan;
    this.#startProcess();
    this.#clientEnd.run(() => this.#startClient());
    for (let i = 0; i < plan.acts; i++) {
      const atMs = random.integer(0, plan.faultsUntilMs);
      const role: Role = random.chance(0.5) ? "client" : "server";
      clock.at(atMs, () => this.#act(role));
    }
    for (let i = 0; i < plan.faults; i++)
      clock.at(random.integer(0, plan.faultsUntilMs), () => this.#fault());
    clock.at(plan.faultsUntilMs, () => this.#heal());
    while (!this.isHealed) this.#step(Infinity);
    // Until both are heard, what looks live may be a transport that died in silence.
    this.#until(() => this.#isSettled(), "everything arrives once there are no more faults");
    for (const session of [this.#client, this.#servers.get(this.#client.record.key)!])
      session.end.run(() => session.sayHello());
    this.#until(() => this.#isSettled(), "everything arrives once there are no more faults");
    this.trace?.("--- all is well; the client closes");
    for (const session of [this.#client, this.#servers.get(this.#client.record.key)!]) {
      if (plan.budgetBytes < Infinity) break; // it may be used up by others
      for (const ledger of session.record[session.role].values())
        hold(
          !ledger.owesReady || ledger.isClosed || ledger.isRefused || ledger.isLeftOut,
          `ready is told on "${ledger.name}"`,
        );
    }
    this.#clientEnd.run(() => {
      this.#isClosing = true;
      this.#client.record.isClosed = true;
      this.#client.machine.close();
    });
    this.#until(() => this.#client.result !== undefined && this.#servers.size === 0, "everything ends");
    hold(!this.#client.result!.isReset, "what is closed in order is not reset");
    hold(this.#client.result!.unconfirmed.length === 0, "what is closed in order was confirmed");
    for (const { heldBytes } of [this.#clientConfig.budget, this.#serverConfig.budget])
      hold(heldBytes === 0, () => `the budget still has ${heldBytes} bytes of sessions that ended`);
    let delivered = 0;
    for (const record of this.#records.values()) {
      for (const role of ["client", "server"] as const) {
        for (const ledger of record[role].values()) {
          const problem = ledger.problem();
          hold(problem === undefined, `${role}: ${problem}`);
          delivered += ledger.delivered.size;
        }
      }
    }
    return {
      events: this.#events,
      delivered,
      sessions: this.#records.size,
      takeovers: this.#takeovers,
      resets: this.#resets,
    };
  }

  #step(untilMs: number): boolean {
    hold(++this.#events < MOST_EVENTS, "a run has an end");
    const isMore = this.clock.step(untilMs);
    this.#client.check();
    for (const session of this.#servers.values()) session.check();
    return isMore;
  }

  #until(isDone: () => boolean, what: string): void {
    const lastMs = this.clock.nowMs + RECOVERY_MS;
    while (!isDone()) hold(this.#step(lastMs) && this.clock.nowMs < lastMs, what);
  }

  #isSettled(): boolean {
    if (this.#client.result !== undefined || !this.#client.isSettled) return false;
    const server = this.#servers.get(this.#client.record.key);
    return server?.isSettled === true && this.#isAllDelivered();
  }

  #isAllDelivered(): boolean {
    const { record } = this.#client;
    for (const role of ["client", "server"] as const) {
      for (const ledger of record[role].values()) {
        const isTaken = !ledger.isRefused && !ledger.isLeftOut;
        if (isTaken && ledger.delivered.size + ledger.droppedLate !== ledger.accepted.size) return false;
      }
    }
    return true;
  }

  #act(role: Role): void {
    const session = role === "client" ? this.#client : this.#servers.get(this.#client.record.key);
    if (session === undefined) return;
    session.end.run(() => session.act());
  }

  // --- Client --------------------------------------------------------------------------------------------------

  #startClient(): void {
    const { plan } = this;
    hold(++this.#generation <= MOST_GENERATIONS, "a client does not begin again and again");
    const session = new SimulatedSession("client", this, this.#clientEnd);
    this.#client = session;
    const machine = new SteppedClient(this.#clientConfig, session, {
      reconnectDelayMs: 200,
      maxReconnectDelayMs: 5_000,
    });
    session.machine = machine;
    const key = Buffer.from(machine.id).toString("hex");
    session.record = new SessionRecord(key, this.clock.nowMs);
    this.#records.set(key, session.record);
    session.channels.push(machine.channel);
    this.trace?.(`client begins session ${key.slice(0, 8)}`);
    machine.start();
    session.arm();
    if (plan.random.chance(0.5)) session.act();
  }

  #clientHandler(): SteppedClientHandler<SimulatedSession> {
    return {
      ...BASE_HANDLER,
      live: (session, link) => {
        session.live(link);
        session.record.isEstablished = true;
        this.#takeovers++;
        this.#giveUpDialling();
        for (const dialling of this.#diallings) {
          if (dialling.client === link.transport) this.#diallings.delete(dialling);
        }
      },
      dial: () => this.#race(),
      waiting: (_session, untilMs) => {
        hold(untilMs >= this.clock.nowMs, "it waits for what is to come");
        this.trace?.(`client waits until ${untilMs.toFixed(1)}`);
      },
      linkLost: (session, link, code) => {
        session.checkLoss(link.transport as AttachedTransport, code);
        this.#dialled(link.transport as AttachedTransport);
      },
      report: (_session, { code }) => hold(code === "MESSAGE_TOO_LONG", "nothing else is reported"),
      credentials: () => new Uint8Array(3),
    };
  }

  get #clientMachine(): SteppedClient {
    return this.#client.machine as SteppedClient;
  }

  /** The race of transports: the second kind begins when the first one has not proved itself. */
  #race(): void {
    this.#giveUpDialling();
    const [first, second] = this.#relay === undefined ? NAMES : NAMES.toReversed(); // over a relay, what loses more
    this.#dial(first!, false);
    const race = ++this.#races;
    this.clock.after(RACE_AFTER_MS, () =>
      this.#clientEnd.run(() => {
        const phase = clientPhase(this.#clientMachine);
        if (race === this.#races && (phase === "connecting" || phase === "recovering"))
          this.#dial(second!, true);
      }),
    );
  }
  #races = 0;

  #giveUpDialling(): void {
    this.#races++;
    for (const dialling of this.#diallings) {
      if (dialling.client === undefined) {
        dialling.isOver = true;
        this.#diallings.delete(dialling);
      }
    }
  }

  #dial(name: TransportName, isProbe: boolean): void {
    const { random } = this.plan;
    const dialling: Dialling = { isOver: false, client: undefined };
    this.#diallings.add(dialling);
    const isBlocked = this.#isOffline || (this.#blockedUntilMs.get(name) ?? 0) > this.clock.nowMs;
    const fails = isBlocked || (!this.isHealed && random.chance(0.1));
    const afterMs = fails && random.chance(0.5) ? DIAL_TIMEOUT_MS : this.#latency() * 2;
    this.trace?.(`client dials ${name}${isProbe ? " as a probe" : ""}${fails ? ", in vain" : ""}`);
    this.clock.after(afterMs, () =>
      this.#clientEnd.run(() => {
        if (dialling.isOver) return;
        const machine = this.#clientMachine;
        if (fails || machine.isEnded) {
          dialling.isOver = true;
          this.#diallings.delete(dialling);
          this.#maybeFailed();
          return;
        }
        const pair = this.#connect(name);
        dialling.client = pair;
        machine.attach(pair, isProbe);
      }),
    );
  }

  /** A transport that was dialled is gone. */
  #dialled(transport: AttachedTransport): void {
    for (const dialling of this.#diallings) {
      if (dialling.client === transport) this.#diallings.delete(dialling);
    }
    this.#maybeFailed();
  }

  #maybeFailed(): void {
    const machine = this.#clientMachine;
    for (const dialling of this.#diallings) {
      if (dialling.client?.isClosed === true) this.#diallings.delete(dialling);
    }
    const phase = clientPhase(machine);
    if (this.#diallings.size === 0 && (phase === "connecting" || phase === "recovering"))
      machine.dialFailed(0, "nothing opens", this.plan.random.chance(0.1) ? 1_000 : 0);
  }

  get #isOffline(): boolean {
    return this.clock.nowMs < this.#offlineUntilMs;
  }

  // --- Network -------------------------------------------------------------------------------------------------

  #latency(): number {
    const { mostLatencyMs, random } = this.plan;
    return mostLatencyMs === 0 ? 0 : random.next() * mostLatencyMs;
  }

  #direction(isLossy: boolean): SimulatedDirection {
    const { plan } = this;
    const { random } = plan;
    // What is on its way through a relay when something is lost is what relays have to get right.
    const lossPercent = Math.max(plan.lossPercent, this.#relay === undefined ? 0 : RELAYED_LOSS_PERCENT);
    return {
      latencyMs: () => this.#latency(),
      bytesPerMs: plan.bytesPerMs,
      drainAboveBytes: plan.drainAboveBytes,
      loses: () => isLossy && !this.isHealed && lossPercent > 0 && random.chance(lossPercent / 100),
      doubles: () => !this.isHealed && plan.doublePercent > 0 && random.chance(plan.doublePercent / 100),
      vanishes: () => !this.isHealed && plan.vanishPercent > 0 && random.chance(plan.vanishPercent / 100),
      noticeMs: () => random.integer(0, 500),
    };
  }

  #connect(name: TransportName): AttachedTransport {
    const isLossy = name !== "websocket";
    const serverEnd = this.#relay?.gate ?? this.#serverEnd;
    const pair = simulatedPair(
      name,
      this.clock,
      { direction: this.#direction(isLossy), run: this.#clientEnd.run },
      {
        direction: this.#direction(isLossy),
        run: serverEnd.run,
      },
    );
    const number = this.#transportCount++;
    for (const role of ["client", "server"] as const) {
      const transport: AttachedTransport = pair[role];
      transport.onSend = (byteLength) =>
        hold(
          byteLength <= 2 * this.plan.pieceBytes + 300,
          () => `a block of ${byteLength} bytes, beyond two pieces`,
        );
      transport.onDeliver = (isDelivering) => {
        this.delivering = isDelivering ? transport : undefined;
      };
      if (this.trace !== undefined)
        transport.trace = (what, bytes) =>
          this.trace?.(`  ${role} ${name}${number} ${what} ${bytes ? hex(bytes) : ""}`);
    }
    const server: AttachedTransport = pair.server;
    server.atClient = pair.client;
    this.#transports.add(pair.client);
    if (this.#relay === undefined) this.#accept(pair.server);
    else this.#relay.take(pair.server);
    if (this.#isOffline) pair.client.break(Infinity, Infinity, 0);
    return pair.client;
  }
  #transportCount = 0;

  // --- Server --------------------------------------------------------------------------------------------------

  #startProcess(): void {
    this.#process++;
    this.#processName = new TextEncoder().encode(`process ${this.#process}`.padEnd(12));
    this.#serverEnd.isDead = true;
    this.#serverEnd = new SimulatedEnd("server", this.clock);
    for (const session of this.#servers.values()) session.isKilled = true;
    this.#serverConfig = this.#config(BASE_HANDLER);
    this.#servers = new Map();
    this.#relay?.startOwner(this.#processName, this.#serverEnd, (transport) => this.#accept(transport));
  }

  /** Part of `RelayWorld`. */
  ownerLost(id: Uint8Array): void {
    const record = this.#records.get(Buffer.from(id).toString("hex"));
    if (record !== undefined) record.isOwnerLost = true;
  }

  #accept(transport: AttachedTransport): void {
    const { random } = this.plan;
    let isClosed = false;
    transport.receiver = {
      block: (bytes, start, end) => {
        const open = readOpen(bytes, start, end);
        if (open === undefined) {
          transport.close(SessionCode.badPacket, "no open");
          return;
        }
        transport.receiver = { ...transport.receiver, block() {} };
        if (random.chance(0.7)) this.#opened(transport, open);
        else {
          const end = this.#serverEnd;
          // Credentials are looked at, which takes time.
          this.clock.after(random.integer(0, random.pick([50, 50, 4_000])), () => {
            end.run(() => {
              if (!isClosed) this.#opened(transport, open);
            });
          });
        }
      },
      drained() {},
      lost() {
        transport.close(SessionCode.lost, "lost");
      },
      closed() {
        isClosed = true;
      },
    };
  }

  #opened(transport: AttachedTransport, open: OpenPacket): void {
    const key = Buffer.from(open.id).toString("hex");
    let session = this.#servers.get(key);
    if (session === undefined) {
      // Blocks of one that was made before may still come: nobody keeps the two apart here.
      const record = this.#records.get(key)!;
      const mayBeHeard = this.#everyServer.some(
        (older) =>
          older.record === record && older.transports.some(({ atClient }) => this.#transports.has(atClient!)),
      );
      // As late as a gate stalls.
      const isForgotten = record.wasMade && (this.#relay !== undefined || mayBeHeard);
      if (open.isResume || isForgotten) {
        const isOurs = Buffer.from(open.owner)
          .subarray(0, this.#processName.length)
          .equals(this.#processName);
        const code = isOurs || isForgotten ? SessionCode.expired : SessionCode.ownerLost;
        const block = endBlock(PacketType.reset, code, new Uint8Array(0));
        transport.send(block, 0, block.length);
        transport.close(code, "");
        return;
      }
      session = this.#newServerSession(key, open);
    }
    const machine = session.machine as ServerMachine<SimulatedSession>;
    hold(machine.admits(open), "its own token is admitted");
    transport.epoch = open.epoch;
    session.transports.push(transport);
    const link = machine.attach(transport, open);
    if (link !== undefined && !open.isProbe && !machine.isEnded)
      hold(machine.active === link, "a takeover does not wait");
    if (!machine.isEnded) session.arm();
  }

  #newServerSession(key: string, open: OpenPacket): SimulatedSession {
    const session = new SimulatedSession("server", this, this.#serverEnd);
    const machine = new ServerMachine<SimulatedSession>(
      this.#serverConfig,
      { resumeWindowMs: this.plan.resumeWindowMs },
      session,
      open,
      this.#processName,
    );
    session.machine = machine;
    const record = this.#records.get(key)!;
    record.wasMade = true;
    if (record.isOver || record.isEstablished) {
      // An open that was on its way for long: a session that nobody uses, and that expires.
      session.record = new SessionRecord(key, this.clock.nowMs);
      session.record.isClosed = true;
    } else {
      // It may have been made before, and forgotten, before the client knew of it.
      session.record = record;
      record.topEpoch = 0;
      record.suspendedMs = this.clock.nowMs;
      record.server.clear();
      for (const ledger of record.client.values())
        hold(ledger.delivered.size === 0, "a session that was used is not made anew");
    }
    session.channels.push(machine.channel);
    this.#servers.set(key, session);
    this.#everyServer.push(session);
    return session;
  }

  ended(session: SimulatedSession, end: SessionEnd): void {
    const { record } = session;
    const { code } = end;
    this.#resets += end.isReset ? 1 : 0;
    if (session.role === "server") {
      if (code === SessionCode.expired) {
        record.isExpired = true;
        const suspendedForMs = this.clock.nowMs - record.suspendedMs;
        hold(!session.isLive, "what is live does not expire");
        hold(suspendedForMs > this.plan.resumeWindowMs - 0.01, () => `expired after ${suspendedForMs} ms`);
      } else
        hold(
          record.isEvicted || record.isClosed || record.isOwnerLost,
          () => `the server ended it: ${code} ${end.reason}`,
        );
      this.#servers.delete(record.key);
      return;
    }
    const isOfServer = this.#process > 1 && (code === SessionCode.ownerLost || code === SessionCode.expired);
    const isUnanswered = code === SessionCode.ownerLost && record.isOwnerLost;
    const isForgotten =
      code === SessionCode.expired && (record.isExpired || record.isEvicted || record.isClosed);
    record.isOver = true;
    hold(
      record.isClosed || record.isEvicted || isOfServer || isForgotten || isUnanswered,
      () => `the client's session ended: ${code} ${end.reason}`,
    );
    if (this.#isClosing) return;
    this.clock.after(0, () => this.#clientEnd.run(() => this.#startClient()));
  }

  // --- Faults --------------------------------------------------------------------------------------------------

  #fault(): void {
    const { plan, clock } = this;
    const { random } = plan;
    const outageMs = random.pick([
      100,
      2_000,
      10_000,
      Math.floor(plan.resumeWindowMs * 0.9),
      plan.resumeWindowMs * 2,
    ]);
    const server = this.#servers.get(this.#client.record.key);
    switch (random.integer(0, 12)) {
      case 0:
      case 1:
      case 2:
        this.#break();
        return;
      case 3:
        this.#silence(outageMs);
        return;
      case 4: {
        const name = random.pick(NAMES);
        this.trace?.(`*** ${name} is blocked for ${outageMs} ms`);
        this.#blockedUntilMs.set(name, clock.nowMs + outageMs);
        if (random.chance(0.5)) this.#break(name);
        return;
      }
      case 5:
        this.trace?.(`*** the client sleeps for ${outageMs} ms`);
        this.#clientEnd.sleep(outageMs);
        return;
      case 6: {
        const stallMs = random.integer(1, 8_000);
        this.trace?.(`*** the server stalls for ${stallMs} ms`);
        this.#serverEnd.sleep(stallMs);
        return;
      }
      case 7:
        this.trace?.("*** the server restarts");
        this.#startProcess();
        for (const transport of this.#transports)
          transport.break(random.chance(0.5) ? this.#latency() : Infinity, Infinity, 0);
        this.#transports.clear();
        return;
      case 8:
        if (server === undefined) return;
        this.trace?.("*** the server evicts the session");
        server.end.run(() => {
          if (server.result !== undefined || server.isKilled) return;
          server.record.isEvicted = true;
          server.machine.end(SessionCode.evicted, "no room");
        });
        return;
      case 9:
        if (server === undefined) return;
        this.trace?.("*** the server sends the client away");
        server.end.run(() => {
          if (server.result === undefined && !server.isKilled)
            (server.machine as ServerMachine<SimulatedSession>).sendAway(4004, "", 500, 2_000);
        });
        return;
      default:
        // Migration: the client tries another transport while it is live.
        this.#clientEnd.run(() => {
          if (this.#clientMachine.active !== undefined) this.#dial(random.pick(NAMES), true);
        });
    }
  }

  /** Transports break, and each end learns of it or does not. */
  #break(name?: TransportName): void {
    const { random } = this.plan;
    const learns = (): number => random.pick([0, 0, 50, 3_000, Infinity]);
    for (const transport of this.#transports) {
      if (name !== undefined && transport.name !== name) continue;
      this.trace?.("*** a transport breaks");
      transport.break(learns(), learns(), random.chance(0.3) ? random.integer(1, 60) : 0);
      this.#transports.delete(transport);
    }
  }

  /** Nothing gets through for a while, and nobody is told. */
  #silence(durationMs: number): void {
    this.trace?.(`*** offline for ${durationMs} ms`);
    this.#offlineUntilMs = this.clock.nowMs + durationMs;
    for (const transport of this.#transports) transport.break(Infinity, Infinity, 0);
    this.#transports.clear();
    if (this.plan.random.chance(0.5)) {
      this.clock.after(durationMs, () =>
        this.#clientEnd.run(() => {
          this.#clientMachine.probe();
          this.#clientMachine.retryNow();
        }),
      );
    }
  }

  #heal(): void {
    this.trace?.("--- no more faults");
    this.isHealed = true;
    this.#offlineUntilMs = 0;
    this.#blockedUntilMs.clear();
    this.#clientEnd.wake();
    this.#serverEnd.wake();
  }
}

function hex(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, 40)).toString("hex");
  return bytes.length > 40 ? `${text}... (${bytes.length} bytes)` : text;
}

/** Runs one schedule. Whatever is thrown on the way is a {@link Violation}: nothing may be. */
export function simulate(seed: number, trace?: (line: string) => void): SimulationCounts {
  try {
    return new Simulation(seed, trace).run();
  } catch (thrown) {
    if (thrown instanceof Violation) throw thrown;
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    throw new Violation(`nothing throws: ${text}`);
  }
}
