import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Attack } from "./attack.js";
import { AttackField, type Tally } from "./attack-field.js";
import type { GeneratorCommand } from "./attack-process.js";
import { answerOf, startProcess } from "./child-process.js";
import { HonestClients, type HonestReport } from "./honest-clients.js";
import type { Target } from "./raw-connection.js";

/** However early an attack may end: long enough for each attacker to have done something. */
const MIN_ATTACK_MS = 300;

/** Where honest clients and attackers run. */
export interface Generators {
  start(target: Target, clients: number, intervalMs: number): Promise<void>;
  take(): Promise<HonestReport>;
  stop(): Promise<void>;
  /** @param isDone asked now and then whether it may end earlier. */
  attack(
    attack: Attack,
    target: Target,
    connections: number,
    seconds: number,
    seed: number,
    isDone: (tally: Tally) => Promise<boolean>,
  ): Promise<Tally>;
  end(): Promise<void>;
}

/** In this process: quick to start, for tests, where nothing is timed. */
export function ownProcess(): Generators {
  let honest: HonestClients | undefined;
  return {
    async start(target, clients, intervalMs) {
      honest = new HonestClients(target, intervalMs);
      await honest.start(clients);
    },
    take: async () => honest!.take(),
    stop: () => honest!.stop(),
    async attack(attack, target, connections, seconds, seed, isDone) {
      const field = new AttackField(target, connections, seed);
      const timer = setTimeout(() => field.finish(), seconds * 1_000);
      const ended = attack.run(field);
      await field.sleep(MIN_ATTACK_MS);
      while (!field.isOver && !(await isDone(field.tally))) await field.sleep(50);
      clearTimeout(timer);
      field.finish();
      await ended;
      return field.tally;
    },
    end: async () => {},
  };
}

/** In two processes, on a core that the server is not on. */
export function ownProcesses(core: number): Generators {
  const honest = startProcess("attack-process.js", [], core);
  const attackers = startProcess("attack-process.js", [], core);
  const tell = <T>(child: ChildProcess, command: GeneratorCommand): Promise<T> => {
    const answer = answerOf<T>(child);
    child.send(command);
    return answer;
  };
  return {
    start: (target, clients, intervalMs) => tell(honest, { call: "start", target, clients, intervalMs }),
    take: () => tell(honest, { call: "take" }),
    stop: () => tell(honest, { call: "stop" }),
    attack: ({ name }, target, connections, seconds, seed) =>
      tell(attackers, { call: "attack", name, target, connections, seconds, seed }),
    async end() {
      for (const child of [honest, attackers]) {
        const exit = once(child, "exit");
        child.kill();
        await exit;
      }
    },
  };
}
