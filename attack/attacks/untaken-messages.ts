import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { FIRST, maskedFrame } from "../raw-connection.js";

/** What is read ahead of the application by default. */
const QUEUE_BYTES = 64 * 1024;

/** Messages that the application does not take: TCP has to hold the sender up. */
export const untakenMessages: Attack = {
  name: "messages that nobody takes",
  about: "messages of 16 KiB to an endpoint whose application does not read",
  connections: { full: 200, short: 10 },
  // While reading is paused, a peer that is gone is noticed by the ping after the next.
  server: { pingIntervalMs: 500, pongTimeoutMs: 1_500 },
  budget: (connections) =>
    budgetOf(connections, {
      connection: CONNECTION_BYTES,
      receiveHighWaterMarkBytes: QUEUE_BYTES,
      "chunks on their way": 3 * CHUNK_BYTES,
    }),
  run: (field) => {
    const message = maskedFrame(FIRST.binary, Buffer.alloc(16_384));
    return field.loop(async () => {
      const connection = await field.open("/pull");
      if (connection === undefined) return;
      while (!field.isOver && !connection.isGone) await connection.write(message);
    });
  },
};
