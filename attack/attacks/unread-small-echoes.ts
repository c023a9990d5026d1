import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { FIRST, maskedFrame } from "../raw-connection.js";

const MIB = 1024 * 1024;

/** Echoes of a byte that are never read, each sent in a turn of its own: what waits costs more than its bytes. */
export const unreadSmallEchoes: Attack = {
  name: "small echoes that are not read",
  about:
    "first fills the system's buffers, then sends messages of 1 byte one by one; nothing is read; again when dropped",
  connections: { full: 20, short: 2 },
  server: { maxBufferedBytes: 1 * MIB, maxConnectionMemoryBytes: 4 * MIB },
  shortServer: { maxConnectionMemoryBytes: 2 * MIB },
  budget: (connections, { maxConnectionMemoryBytes }) =>
    budgetOf(connections, {
      connection: CONNECTION_BYTES,
      maxConnectionMemoryBytes,
      "of the one before, which was dropped and not collected": maxConnectionMemoryBytes,
    }),
  run: (field) => {
    const filler = maskedFrame(FIRST.binary, Buffer.alloc(4 * CHUNK_BYTES));
    const byte = maskedFrame(FIRST.binary, "a");
    return field.loop(async () => {
      const connection = await field.open("/echo");
      if (connection === undefined) return;
      connection.socket.pause();
      for (let i = 0; i < 12 && !connection.isGone; i++) {
        await connection.write(filler);
        await field.sleep(5);
      }
      while (!field.isOver && !connection.isGone) {
        await connection.write(byte);
        field.note("bytes sent one by one");
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  },
};
