import { createHmac } from "node:crypto";
import type { Broker } from "hawser/server";
import type { HeldRequest } from "#session/relay/held-request.js";
import { SessionRelay } from "#session/relay/session-relay.js";
import type { Transport, TransportReceiver } from "#session/transport-port.js";
import { relayHost } from "#simulation/relay-host.js";
import { SimulatedEnd } from "#simulation/simulated-end.js";
import { SeededRandom } from "#testbed/seeded-random.js";
import { VirtualClock } from "#testing/virtual-clock.js";

/** A transport of a client, at the gate: what happens to it is written down. */
export class NotedTransport implements Transport {
  readonly name = "websocket";
  bufferedBytes = 0;
  receiver: TransportReceiver = { block() {}, drained() {}, lost() {}, closed() {} };
  readonly sent: string[] = [];
  closedWith: number | undefined = undefined;
  isPaused = false;

  send(bytes: Uint8Array, start: number, end: number): void {
    this.sent.push(Buffer.from(bytes.subarray(start, end)).toString("hex"));
  }

  close(code: number): void {
    this.closedWith ??= code;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  /** Its client sends something. */
  says(hex: string): void {
    const bytes = Buffer.from(hex, "hex");
    this.receiver.block(bytes, 0, bytes.length);
  }
}

/** A transport at the owner, and what it brought. */
export interface Served {
  readonly transport: Transport;
  readonly request: string;
  readonly told: string[];
}

/** One node, with nothing above it. */
export class TestNode {
  readonly end: SimulatedEnd;
  readonly relay: SessionRelay;
  readonly name: Uint8Array;
  readonly served: Served[] = [];
  readonly held: { readonly body: string; readonly request: HeldRequest }[] = [];
  readonly warnings: string[] = [];
  readonly sessions = new Set<string>();
  readonly transports = new Set<string>();

  constructor(
    clock: VirtualClock,
    name: string,
    broker: (end: SimulatedEnd) => Broker,
    key?: string,
    maxRelays = 100,
    timeoutMs = 2_500,
  ) {
    this.end = new SimulatedEnd(name, clock);
    this.name = Buffer.from(name.padEnd(12));
    this.relay = new SessionRelay({
      host: {
        ...relayHost(clock, this.end, new SeededRandom(1)),
        warn: (error) => void this.warnings.push(String(error)),
      },
      broker: broker(this.end),
      topic: "test",
      name: this.name,
      mac:
        key === undefined
          ? undefined
          : (topic, bytes) => createHmac("sha256", key).update(topic).update(bytes).digest().subarray(0, 16),
      timeoutMs,
      maxRelays,
      longestRequestMs: 30_000,
      opened: (transport, request) => this.#opened(transport, request),
      hasSession: (id) => this.sessions.has(Buffer.from(id).toString("hex")),
      hasTransport: (id) => this.transports.has(Buffer.from(id).toString("hex")),
      requested: (body, request) => {
        this.held.push({ body: Buffer.from(body).toString(), request });
      },
    });
  }

  #opened(transport: Transport, request: Uint8Array): void {
    const told: string[] = [];
    transport.receiver = {
      block: (bytes, start, end) => told.push(Buffer.from(bytes.subarray(start, end)).toString("hex")),
      drained: () => told.push("drained"),
      lost: () => told.push("lost"),
      closed: (code, reason) => told.push(`closed ${code} ${reason}`.trim()),
    };
    this.served.push({ transport, request: Buffer.from(request).toString(), told });
  }
}

/** A broker that does with each message what the test wants. */
export class TestBroker {
  /** Everything that was published. */
  readonly published: { readonly topic: string; readonly bytes: Uint8Array }[] = [];
  /** How often what is published comes: 1 is right. */
  times: (from: string, to: string) => number = () => 1;
  readonly #listeners = new Map<string, Set<(bytes: Uint8Array) => void>>();
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  readonly at = (end: SimulatedEnd): Broker => ({
    publish: (topic, bytes) => {
      this.published.push({ topic, bytes });
      this.bring(topic, bytes, end.name);
    },
    subscribe: (topic, listener) => {
      const take = (bytes: Uint8Array): void => end.run(() => listener(bytes));
      this.#listeners.set(topic, (this.#listeners.get(topic) ?? new Set()).add(take));
      return () => void this.#listeners.get(topic)?.delete(take);
    },
    close() {},
  });

  /** Brings something to whoever listens. */
  bring(topic: string, bytes: Uint8Array, from = "nobody"): void {
    for (const take of this.#listeners.get(topic) ?? []) {
      for (let i = this.times(from, topic); i > 0; i--) this.#clock.after(1, () => take(bytes));
    }
  }
}

/** A gate and an owner, a broker between them, and a clock by hand. */
export class TwoNodes {
  readonly clock: VirtualClock = new VirtualClock();
  readonly broker: TestBroker = new TestBroker(this.clock);
  readonly gate: TestNode;
  readonly owner: TestNode;

  constructor(
    options: {
      readonly keys?: readonly [string, string];
      readonly maxRelays?: number;
      readonly timeoutMs?: number;
    } = {},
  ) {
    const { keys, maxRelays, timeoutMs } = options;
    this.gate = new TestNode(this.clock, "gate", this.broker.at, keys?.[0], undefined, timeoutMs);
    this.owner = new TestNode(this.clock, "owner", this.broker.at, keys?.[1], maxRelays, timeoutMs);
  }

  /** Has the owner carry on with a new transport of a client, whose first block is `aa`. */
  relay(to: Uint8Array = this.owner.name): { readonly transport: NotedTransport; readonly failed: string[] } {
    const transport = new NotedTransport();
    const failed: string[] = [];
    this.gate.end.run(() =>
      this.gate.relay.relay(transport, to, Buffer.from("{}"), Buffer.from("aa", "hex"), (why) =>
        failed.push(why),
      ),
    );
    return { transport, failed };
  }

  /** What happens at a node, as one turn. */
  at(node: TestNode, what: () => void): void {
    node.end.run(what);
  }

  /** Time goes on. */
  wait(durationMs: number): void {
    const untilMs = this.clock.nowMs + durationMs;
    while (this.clock.step(untilMs));
  }
}
