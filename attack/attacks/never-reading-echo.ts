import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { FIRST, maskedFrame } from "../raw-connection.js";

const MESSAGE_BYTES = 1024 * 1024;

/** Clients that have large messages echoed and read none of it. */
export const neverReadingEcho: Attack = {
  name: "echo to readers that never read",
  about: "messages of 1 MiB to an echo, and nothing is read; again when dropped",
  connections: { full: 20, short: 2 },
  shortServer: { maxBufferedBytes: 4 * 1024 * 1024 },
  budget: (connections, { maxBufferedBytes }) =>
    budgetOf(connections, {
      connection: CONNECTION_BYTES,
      maxBufferedBytes: maxBufferedBytes,
      "message that arrives, and is joined": 2 * MESSAGE_BYTES + CHUNK_BYTES,
    }),
  mustEndAs: ["BUFFER_OVERFLOW"],
  run: (field) => {
    const message = maskedFrame(FIRST.binary, Buffer.alloc(MESSAGE_BYTES, "never read "));
    return field.loop(async () => {
      const connection = await field.open("/echo");
      if (connection === undefined) return;
      connection.socket.pause();
      while (!field.isOver && !connection.isGone) await connection.write(message);
    });
  },
};
