import { type Attack, budgetOf, CONNECTION_BYTES } from "../attack.js";

/** Subscribers of a broadcast that never read. */
export const neverReadingBroadcast: Attack = {
  name: "broadcast to readers that never read",
  about: "subscribe to 256 KiB every 20 ms and read nothing; again when dropped",
  connections: { full: 200, short: 4 },
  server: { maxBufferedBytes: 4 * 1024 * 1024 },
  shortServer: { maxBufferedBytes: 1024 * 1024 },
  // The message of a broadcast is one for all; what waits for each is a reference to it.
  budget: (connections) =>
    budgetOf(connections, { connection: CONNECTION_BYTES, "references to the shared message": 64 * 1024 }),
  mustEndAs: ["BUFFER_OVERFLOW"],
  run: (field) =>
    field.loop(async () => {
      const connection = await field.open("/broadcast");
      if (connection === undefined) return;
      connection.socket.pause();
      // Paused, it does not see that it was dropped; writing shows it.
      while (!field.isOver && !connection.isGone) {
        await connection.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
        await field.sleep(100);
      }
    }),
};
