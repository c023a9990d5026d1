import { type Attack, budgetOf, CONNECTION_BYTES } from "../attack.js";
import { requestHead } from "../raw-connection.js";

/** Connections that say nothing, or half a request. */
export const halfOpenFlood: Attack = {
  name: "half-open flood",
  about: "connect and say nothing, or half a request, or half of one for HTTP; again when dropped",
  connections: { full: 3_000, short: 100 },
  budget: (connections) =>
    budgetOf(connections, { "half-open": CONNECTION_BYTES, "of http": CONNECTION_BYTES }),
  mustNote: ["dropped"],
  run: (field) =>
    field.loop(async (index) => {
      const connection = await field.dial();
      if (connection === undefined) return;
      const request = requestHead("/echo");
      const half = request.slice(0, request.length / 2);
      if (index % 3 === 1) await connection.write(half);
      if (index % 3 === 2) await connection.write(half.replace("GET", "PUT"));
      await field.untilGone(connection);
    }),
};
