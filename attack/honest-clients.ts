import { FIRST, maskedFrame, RawConnection, type Target } from "./raw-connection.js";

/** How the server looked to its honest clients. */
export interface HonestReport {
  readonly echoes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** New connections that came to an echo, and how long that took. */
  readonly connects: number;
  readonly connectP50Ms: number;
  readonly connectP99Ms: number;
  /** Messages that were not answered in time, connections that were lost or not let in. Must be none. */
  readonly failures: readonly string[];
}

/** Another address than that of the attackers. */
const HONEST_ADDRESS = "127.0.0.2";
/** When a message counts as not answered, and a connection as not let in. */
const PATIENCE_MS = 15_000;
const CONNECT_EVERY_MS = 200;

/**
 * Clients that send a message every so often, whether or not the last one was answered, so that a server that stops is
 * seen in all of them; and one after the other new clients.
 */
export class HonestClients {
  readonly #target: Target;
  readonly #intervalMs: number;
  readonly #clients: HonestClient[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #echoMs: number[] = [];
  #connectMs: number[] = [];
  #failures: string[] = [];
  #probes = 0;
  #isStopped = false;

  constructor(target: Target, intervalMs: number) {
    this.#target = { ...target, localAddress: HONEST_ADDRESS };
    this.#intervalMs = intervalMs;
  }

  /** Resolves when all are connected. */
  async start(count: number): Promise<void> {
    const onEcho = (ms: number): void => void this.#echoMs.push(ms);
    for (let i = 0; i < count; i++) this.#clients.push(await HonestClient.open(this.#target, onEcho));
    for (const [i, client] of this.#clients.entries()) {
      void client.connection.gone.then(() => {
        if (!this.#isStopped) this.#failures.push("an honest client lost its connection");
      });
      const begin = (): void => void this.#timers.push(setInterval(() => client.send(), this.#intervalMs));
      this.#timers.push(setTimeout(begin, (i * this.#intervalMs) / count));
    }
    this.#timers.push(setInterval(() => void this.#probe(), CONNECT_EVERY_MS));
  }

  /** What was seen since the last call. */
  take(): HonestReport {
    const now = performance.now();
    for (const client of this.#clients) {
      const oldest = client.oldestUnansweredAtMs;
      if (oldest !== undefined && now - oldest > PATIENCE_MS) this.#failures.push("an echo did not come");
    }
    const report = {
      echoes: this.#echoMs.length,
      p50Ms: percentile(this.#echoMs, 0.5),
      p99Ms: percentile(this.#echoMs, 0.99),
      maxMs: percentile(this.#echoMs, 1),
      connects: this.#connectMs.length,
      connectP50Ms: percentile(this.#connectMs, 0.5),
      connectP99Ms: percentile(this.#connectMs, 0.99),
      failures: this.#failures,
    };
    this.#echoMs = [];
    this.#connectMs = [];
    this.#failures = [];
    return report;
  }

  /** Waits until every message is answered, then closes. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    const givesUpAt = performance.now() + PATIENCE_MS;
    while (
      (this.#probes > 0 || this.#clients.some((client) => client.oldestUnansweredAtMs !== undefined)) &&
      performance.now() < givesUpAt
    )
      await new Promise((resolve) => setTimeout(resolve, 5));
    this.#isStopped = true;
    for (const client of this.#clients) {
      if (client.oldestUnansweredAtMs !== undefined) this.#failures.push("an echo did not come");
      await client.close();
    }
  }

  async #probe(): Promise<void> {
    this.#probes++;
    const startedAt = performance.now();
    let timer: NodeJS.Timeout | undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error("it took too long")), PATIENCE_MS);
      });
      const client = await Promise.race([HonestClient.open(this.#target, () => {}), late]);
      this.#connectMs.push(performance.now() - startedAt);
      await client.close();
    } catch (error) {
      this.#failures.push(`a new client was not served: ${String(error)}`);
    } finally {
      clearTimeout(timer);
      this.#probes--;
    }
  }
}

class HonestClient {
  readonly connection: RawConnection;
  readonly #sentAtMs: number[] = [];
  readonly #onEcho: (ms: number) => void;

  private constructor(connection: RawConnection, onEcho: (ms: number) => void) {
    this.connection = connection;
    this.#onEcho = onEcho;
    connection.onMessage = () => this.#onEcho(performance.now() - this.#sentAtMs.shift()!);
  }

  /** Connected, and echoed once. */
  static async open(target: Target, onEcho: (ms: number) => void): Promise<HonestClient> {
    const connection = await HonestClient.#connected(target);
    const client = new HonestClient(connection, onEcho);
    await new Promise<void>((resolve, reject) => {
      const { onMessage } = connection;
      connection.onMessage = (start) => {
        connection.onMessage = onMessage;
        onMessage(start);
        resolve();
      };
      void connection.gone.then(() => reject(new Error("dropped")));
      client.send();
    });
    return client;
  }

  /** Let in. Who may have asked after the deadline of the server, on a busy machine, was dropped rightly, and comes again. */
  static async #connected(target: Target): Promise<RawConnection> {
    for (;;) {
      const dialledAtMs = performance.now();
      try {
        const connection = await RawConnection.dial(target);
        const status = await connection.upgrade("/honest");
        if (status === 101) return connection;
        throw new Error(`status ${status}`);
      } catch (error) {
        if (performance.now() - dialledAtMs < target.handshakeTimeoutMs) throw error;
      }
    }
  }

  get oldestUnansweredAtMs(): number | undefined {
    return this.#sentAtMs[0];
  }

  send(): void {
    this.#sentAtMs.push(performance.now());
    void this.connection.write(maskedFrame(FIRST.text, "an honest message of some bytes", 0x5a0f33c1));
  }

  async close(): Promise<void> {
    await this.connection.write(maskedFrame(FIRST.close, Buffer.from([3, 232])));
    await this.connection.gone;
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
