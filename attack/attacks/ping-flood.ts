import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { FIRST, maskedFrame } from "../raw-connection.js";

/** What Node's socket may hold before it says that it is full, and the pongs that may wait above it. */
const PONG_BYTES = 16 * 1024 + 64 * 128;

/** Pings whose pongs are never read. */
export const pingFlood: Attack = {
  name: "ping flood",
  about: "pings of 125 bytes as fast as they go, and no pong is read",
  connections: { full: 50, short: 2 },
  budget: (connections) =>
    budgetOf(connections, {
      connection: CONNECTION_BYTES,
      "two chunks": 2 * CHUNK_BYTES,
      "pongs of a chunk": CHUNK_BYTES,
      "pongs that wait": PONG_BYTES,
    }),
  mustEndAs: ["TOO_MANY_PENDING_PONGS"],
  run: (field) => {
    const pings = Buffer.concat(Array<Buffer>(500).fill(maskedFrame(FIRST.ping, Buffer.alloc(125))));
    return field.loop(async () => {
      const connection = await field.open("/echo");
      if (connection === undefined) return;
      connection.socket.pause();
      while (!field.isOver && !connection.isGone) {
        // Blocked for good once the server reads no more: then this one is done.
        const written = connection.write(pings).then(() => true);
        if (!(await Promise.race([written, field.sleep(500).then(() => false)]))) connection.leave();
      }
    });
  },
};
