import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { FIRST, maskedFrame } from "../raw-connection.js";

const MESSAGE_BYTES = 256 * 1024;

/** Clients that ask for much and read a little at a time, so that they are never quite dead. */
export const slowReading: Attack = {
  name: "slow reading",
  about: "messages of 256 KiB to an echo, 4 KiB read every 50 ms",
  connections: { full: 20, short: 4 },
  budget: (connections, { maxBufferedBytes }) =>
    budgetOf(connections, {
      connection: CONNECTION_BYTES,
      maxBufferedBytes: maxBufferedBytes,
      "message that arrives, and is joined": 2 * MESSAGE_BYTES + CHUNK_BYTES,
    }),
  run: (field) => {
    const message = maskedFrame(FIRST.binary, Buffer.alloc(MESSAGE_BYTES, "slowly read "));
    return field.loop(async () => {
      const connection = await field.open("/echo");
      if (connection === undefined) return;
      const { socket } = connection;
      const read = async (): Promise<void> => {
        while (!field.isOver && !connection.isGone) {
          socket.pause();
          await field.sleep(50);
          socket.resume();
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      const write = async (): Promise<void> => {
        while (!field.isOver && !connection.isGone) {
          await connection.write(message);
          await field.sleep(10);
        }
      };
      await Promise.all([read(), write()]);
    });
  },
};
