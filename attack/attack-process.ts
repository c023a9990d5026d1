import { AttackField } from "./attack-field.js";
import { ATTACKS } from "./attacks.js";
import { HonestClients } from "./honest-clients.js";
import type { Target } from "./raw-connection.js";

// Honest clients, or attackers, in a process of their own; told what to do by messages.

/** What it is told. Each is answered. */
export type GeneratorCommand =
  | { readonly call: "start"; readonly target: Target; readonly clients: number; readonly intervalMs: number }
  | { readonly call: "take" }
  | { readonly call: "stop" }
  | {
      readonly call: "attack";
      readonly name: string;
      readonly target: Target;
      readonly connections: number;
      readonly seconds: number;
      readonly seed: number;
    };

let honest: HonestClients | undefined;

process.on("message", async (command: GeneratorCommand) => {
  process.send?.((await perform(command)) ?? null);
});

async function perform(command: GeneratorCommand): Promise<unknown> {
  switch (command.call) {
    case "start":
      honest = new HonestClients(command.target, command.intervalMs);
      return honest.start(command.clients);
    case "take":
      return honest?.take();
    case "stop":
      return honest?.stop();
    case "attack": {
      const { name, target, connections, seconds, seed } = command;
      const attack = ATTACKS.find((one) => one.name === name)!;
      const field = new AttackField(target, connections, seed);
      const timer = setTimeout(() => field.finish(), seconds * 1_000);
      await attack.run(field);
      clearTimeout(timer);
      field.finish();
      return field.tally;
    }
  }
}
