import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { requestHead } from "../raw-connection.js";

/** Clients that are gone before an upgrade hook has decided. */
export const vanishingClients: Attack = {
  name: "clients that vanish in a slow upgrade hook",
  about:
    "a request for a hook of 200 ms, with or without bytes behind it, then RST or FIN after 0 to 100 ms; again",
  connections: { full: 500, short: 30 },
  budget: (connections) =>
    // The hook goes on for 200 ms after its client: up to three of them for each attacker.
    budgetOf(3 * connections, { "request in its hook": CONNECTION_BYTES, chunk: CHUNK_BYTES }),
  mustNote: ["vanished"],
  run: (field) =>
    field.loop(async () => {
      const connection = await field.dial();
      if (connection === undefined) return;
      await connection.write(requestHead("/slow"));
      if (field.random.chance(0.3)) await connection.write(Buffer.alloc(20_000));
      await field.sleep(field.random.integer(0, 100));
      connection.leave(field.random.chance(0.5) ? "rst" : "destroy");
      field.note("vanished");
    }),
};
