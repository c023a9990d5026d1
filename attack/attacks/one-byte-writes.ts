import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { FIRST, maskedFrame } from "../raw-connection.js";

/** Valid messages, byte by byte: nothing is wrong with them but their price. */
export const oneByteWrites: Attack = {
  name: "one-byte writes",
  about: "valid frames, every byte a segment of its own",
  connections: { full: 100, short: 10 },
  budget: (connections) => budgetOf(connections, { connection: CONNECTION_BYTES, chunk: CHUNK_BYTES }),
  mustNote: ["echoed"],
  run: (field) => {
    const frame = maskedFrame(FIRST.text, "a message that comes byte by byte", 0x11223344);
    return field.loop(async () => {
      const connection = await field.open("/echo");
      if (connection === undefined) return;
      connection.onMessage = () => field.note("echoed");
      while (!field.isOver && !connection.isGone) {
        for (let at = 0; at < frame.length; at++) {
          await connection.write(frame.subarray(at, at + 1));
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    });
  },
};
