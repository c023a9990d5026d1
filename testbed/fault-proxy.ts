import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type DirectionFaults, FaultLane } from "./fault-lane.js";
import { SeededRandom } from "./seeded-random.js";

/** How a connection is ended from the middle. */
export type Cut = "fin" | "rst" | "black-hole";

/** What goes wrong with the connections of a {@link FaultProxy}. Nothing by default. */
export interface Faults {
  /** From the client to the server. */
  readonly toServer?: DirectionFaults | undefined;
  /** From the server to the client. */
  readonly toClient?: DirectionFaults | undefined;
  /** The share of connections that are cut. Default 0. */
  readonly cutShare?: number | undefined;
  /** A cut comes after a random number of bytes up to this, in a random direction; so in the middle of frames. Default 65,536. */
  readonly cutWithinBytes?: number | undefined;
  /** How they are cut: one of these. Default `fin` and `rst`. */
  readonly cuts?: readonly Cut[] | undefined;
  /** The share of connections that are reset as soon as they are accepted. Default 0. */
  readonly refuseShare?: number | undefined;
}

export interface FaultProxyOptions extends Faults {
  readonly targetPort: number;
  /** Default 127.0.0.1. */
  readonly targetHost?: string | undefined;
  /** The same seed and the same order of connections give the same faults. */
  readonly seed: number;
  /**
   * After so long in a black hole both ends are reset, as networks do that forgot a connection, in ms. Default never: who
   * has no heartbeat waits for ever.
   */
  readonly forgetsAfterMs?: number | undefined;
}

/** What a {@link FaultProxy} did so far. */
export interface FaultCounts {
  connections: number;
  refused: number;
  fin: number;
  rst: number;
  "black-hole": number;
  bytesToServer: number;
  bytesToClient: number;
}

/**
 * A TCP proxy on 127.0.0.1 that makes a loopback behave as the worst network: late, slow, in pieces of a byte, cut in the
 * middle of a frame, silent. What it hands on it never changes, unless told to: TCP does not. All of it comes from a seed,
 * and can be changed and commanded while it runs.
 */
export class FaultProxy {
  readonly #listener: Server;
  readonly #random: SeededRandom;
  readonly #target: { readonly port: number; readonly host: string };
  readonly #pairs = new Set<Pair>();
  readonly #forgetsAfterMs: number | undefined;
  #faults: Faults;
  #isBlocked = false;
  readonly counts: FaultCounts = {
    connections: 0,
    refused: 0,
    fin: 0,
    rst: 0,
    "black-hole": 0,
    bytesToServer: 0,
    bytesToClient: 0,
  };

  private constructor(options: FaultProxyOptions, listener: Server) {
    const { targetPort, targetHost = "127.0.0.1", seed, forgetsAfterMs, ...faults } = options;
    this.#forgetsAfterMs = forgetsAfterMs;
    this.#target = { port: targetPort, host: targetHost };
    this.#random = new SeededRandom(seed);
    this.#faults = faults;
    this.#listener = listener;
    listener.on("connection", (socket: Socket) => this.#accept(socket));
  }

  /** Resolves when it listens. */
  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new FaultProxy(options, listener);
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** How many connections go through it now. */
  get size(): number {
    return this.#pairs.size;
  }

  /** Changes the faults: delays and bandwidth of all connections, the rest for new ones. */
  setFaults(faults: Faults): void {
    this.#faults = faults;
    for (const pair of this.#pairs) pair.setFaults(faults);
  }

  /** Ends every connection, now. */
  cutAll(how: Cut = "rst"): void {
    for (const pair of [...this.#pairs]) pair.cut(how, this.#forgetsAfterMs);
  }

  /** Hands on nothing for a while, in any connection of now; then what waited. */
  stallAll(forMs: number): void {
    for (const pair of this.#pairs) pair.stall(forMs);
  }

  /** Resets every new connection, until {@link unblock}. Those of now go on. */
  block(): void {
    this.#isBlocked = true;
  }

  unblock(): void {
    this.#isBlocked = false;
  }

  /** Ends everything. */
  async close(): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    for (const pair of [...this.#pairs]) pair.destroy();
    await closed;
  }

  #accept(client: Socket): void {
    const random = this.#random.fork();
    this.counts.connections++;
    if (this.#isBlocked || random.chance(this.#faults.refuseShare ?? 0)) {
      this.counts.refused++;
      client.on("error", ignore);
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const pair = new Pair(client, server, random, this.#faults, this.counts, this.#forgetsAfterMs, () =>
      this.#pairs.delete(pair),
    );
    this.#pairs.add(pair);
  }
}

/** One connection through the proxy: two sockets and a lane each way. */
class Pair {
  readonly #sockets: readonly [Socket, Socket];
  readonly #lanes: readonly [FaultLane, FaultLane];
  readonly #counts: FaultCounts;
  readonly #onGone: () => void;
  #isCut = false;
  #forgetting: NodeJS.Timeout | undefined;

  constructor(
    client: Socket,
    server: Socket,
    random: SeededRandom,
    faults: Faults,
    counts: FaultCounts,
    forgetsAfterMs: number | undefined,
    onGone: () => void,
  ) {
    this.#sockets = [client, server];
    this.#counts = counts;
    this.#onGone = onGone;
    const isToBeCut = random.chance(faults.cutShare ?? 0);
    const cutsToServer = random.chance(0.5);
    const cutAtByte = random.integer(0, faults.cutWithinBytes ?? 65_536);
    const how = random.pick(faults.cuts ?? (["fin", "rst"] as const));
    const lane = (from: Socket, to: Socket, toServer: boolean): FaultLane =>
      new FaultLane(from, to, random.fork(), (toServer ? faults.toServer : faults.toClient) ?? {}, {
        cutAtByte: isToBeCut && toServer === cutsToServer ? cutAtByte : Infinity,
        onCut: () => this.cut(how, forgetsAfterMs),
        onBytes: (count) => {
          counts[toServer ? "bytesToServer" : "bytesToClient"] += count;
        },
      });
    this.#lanes = [lane(client, server, true), lane(server, client, false)];
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on("error", ignore);
      socket.once("close", (hadError) => this.#onClose(other, hadError));
    }
  }

  setFaults(faults: Faults): void {
    this.#lanes[0].faults = faults.toServer ?? {};
    this.#lanes[1].faults = faults.toClient ?? {};
  }

  stall(forMs: number): void {
    for (const lane of this.#lanes) lane.stall(forMs);
  }

  cut(how: Cut, forgetsAfterMs?: number): void {
    if (this.#isCut) return;
    this.#isCut = true;
    if (how === "black-hole" && forgetsAfterMs !== undefined) {
      this.#forgetting = setTimeout(() => {
        for (const socket of this.#sockets) socket.resetAndDestroy();
      }, forgetsAfterMs);
    }
    this.#counts[how]++;
    for (const lane of this.#lanes) lane.stop();
    for (const socket of this.#sockets) {
      if (how === "rst") socket.resetAndDestroy();
      else if (how === "fin") socket.destroySoon();
      else if (socket.readableEnded) socket.destroy();
      else socket.once("end", () => socket.destroy()); // this side gave up; the other is not told
    }
  }

  destroy(): void {
    this.#isCut = true;
    for (const lane of this.#lanes) lane.stop();
    for (const socket of this.#sockets) socket.destroy();
  }

  #onClose(other: Socket, hadError: boolean): void {
    // In a black hole neither side learns of the other. Else a reset goes on as a reset; an end went its way in the lane.
    if (!this.#isCut && hadError) {
      for (const lane of this.#lanes) lane.stop();
      other.resetAndDestroy();
    }
    if (this.#sockets.every((socket) => socket.closed)) {
      for (const lane of this.#lanes) lane.stop();
      clearTimeout(this.#forgetting);
      this.#onGone();
    }
  }
}

function ignore(): void {}
