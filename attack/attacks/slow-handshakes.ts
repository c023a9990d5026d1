import { type Attack, budgetOf, CONNECTION_BYTES } from "../attack.js";
import { requestHead } from "../raw-connection.js";

/** A byte of the request now and then; half of them with a request that is not for WebSocket, which Node's parser gets. */
export const slowHandshakes: Attack = {
  name: "slow handshakes",
  about: "a byte of the request every 50 ms, GET or POST, and again when dropped",
  connections: { full: 1_000, short: 40 },
  budget: (connections) =>
    budgetOf(connections, { "half-open": CONNECTION_BYTES, "of http": CONNECTION_BYTES }),
  mustNote: ["GET dropped", "POST dropped"],
  run: (field) =>
    field.loop(async (index) => {
      const connection = await field.dial();
      if (connection === undefined) return;
      const head = requestHead("/echo", `X-Padding: ${"a".repeat(4_000)}\r\n`);
      const request = index % 2 === 0 ? head : head.replace("GET", "POST");
      for (let at = 0; at < request.length && !connection.isGone && !field.isOver; at++) {
        await connection.write(request.charAt(at));
        await field.sleep(50);
      }
      if (connection.isGone && !field.isOver) field.note(index % 2 === 0 ? "GET dropped" : "POST dropped");
    }),
};
