import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { FIRST, maskedFrame } from "../raw-connection.js";

/** What an entry in the queue of Node's socket costs beside its bytes: the entry, the Buffer, its callback. */
const ENTRY_BYTES = 512;
/** What one attacker gets in: a frame a round of the event loop, so at most this many a second on one core. */
const FRAMES_PER_SECOND = 20_000;
const SECONDS = 12;

/** Echoes of a byte that are never read, each sent in a turn of its own: what waits costs more than its bytes. */
export const unreadSmallEchoes: Attack = {
  name: "small echoes that are not read",
  about: "first fills the system's buffers, then sends messages of 1 byte one by one; nothing is read",
  connections: { full: 20, short: 2 },
  server: { maxBufferedBytes: 1024 * 1024 },
  budget: (connections, { maxBufferedBytes }) => {
    const each = budgetOf(connections, { connection: CONNECTION_BYTES, maxBufferedBytes: maxBufferedBytes });
    const overhead = FRAMES_PER_SECOND * SECONDS * ENTRY_BYTES;
    return {
      bytes: each.bytes + overhead,
      arithmetic: `${each.arithmetic} + ${FRAMES_PER_SECOND * SECONDS} writes that wait x ${ENTRY_BYTES} bytes`,
    };
  },
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
