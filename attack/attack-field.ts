import { SeededRandom } from "#testbed/seeded-random.js";
import { RawConnection, type RawEnd, type Target } from "./raw-connection.js";

/** How often something happened, by name. */
export type Tally = Record<string, number>;

/** How many connections are being opened at a time: less than the backlog of a listening socket. */
const MAX_DIALING = 200;

/** What an attack has to attack with. */
export class AttackField {
  readonly target: Target;
  readonly connections: number;
  readonly random: SeededRandom;
  /** What the attackers saw: how connections ended that they did not end, and what attacks noted. */
  readonly tally: Tally = {};
  readonly #open = new Set<RawConnection>();
  #isOver = false;
  #dialing = 0;
  readonly #dialQueue: (() => void)[] = [];
  readonly #sleepers = new Set<() => void>();

  constructor(target: Target, connections: number, seed: number) {
    this.target = target;
    this.connections = connections;
    this.random = new SeededRandom(seed);
  }

  /** Whether the time is up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Connects and says nothing; undefined if the system or the server does not let us. */
  async dial(target: Target = this.target): Promise<RawConnection | undefined> {
    if (this.#dialing >= MAX_DIALING) await new Promise<void>((resolve) => this.#dialQueue.push(resolve));
    this.#dialing++;
    try {
      if (this.#isOver) return undefined;
      const connection = await RawConnection.dial(target);
      this.#open.add(connection);
      void connection.gone.then((end) => this.#noteEnd(connection, end));
      if (this.#isOver) connection.leave();
      return connection;
    } catch {
      this.note("not connected");
      await this.sleep(20);
      return undefined;
    } finally {
      this.#dialing--;
      this.#dialQueue.shift()?.();
    }
  }

  /** Through the opening handshake; undefined if that is refused. */
  async open(path: string, extra = ""): Promise<RawConnection | undefined> {
    const connection = await this.dial();
    if (connection === undefined) return undefined;
    return (await connection.upgrade(path, extra)) === 101 ? connection : undefined;
  }

  /** As many attackers as there are connections, each of which does this again and again until the time is up. */
  async loop(attacker: (index: number) => Promise<void>): Promise<void> {
    const repeat = async (index: number): Promise<void> => {
      while (!this.#isOver) {
        await attacker(index);
        await this.sleep(1); // an attacker that fails at once must not keep the others from having a turn
      }
    };
    await Promise.all(Array.from({ length: this.connections }, (_, index) => repeat(index)));
  }

  /** Less, if the time is up before. */
  sleep(ms: number): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#sleepers.add(wake);
    });
  }

  /** Until the connection is gone, or the time is up. */
  async untilGone(connection: RawConnection): Promise<void> {
    await connection.gone; // when the time is up all are destroyed
  }

  note(what: string, count = 1): void {
    this.tally[what] = (this.tally[what] ?? 0) + count;
  }

  /** The time is up: everything still open is destroyed. */
  finish(): void {
    this.#isOver = true;
    for (const resolve of this.#dialQueue.splice(0)) resolve();
    for (const wake of [...this.#sleepers]) wake();
    for (const connection of this.#open) connection.leave();
  }

  #noteEnd(connection: RawConnection, end: RawEnd): void {
    this.#open.delete(connection);
    if (end !== "left") this.note(end);
  }
}
