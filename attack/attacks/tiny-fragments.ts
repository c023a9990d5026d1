import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { FIRST, maskedFrame } from "../raw-connection.js";

/** How much overhead of fragments a message may have by default, and its payload of as many bytes. */
const OVERHEAD_BYTES = 4 * 1024 * 1024;

/** Messages in empty fragments, or in fragments of a byte, without end. */
export const tinyFragments: Attack = {
  name: "endless tiny fragments",
  about: "one message in fragments of 0 or 1 byte that never ends; again when closed",
  connections: { full: 50, short: 8 },
  budget: (connections) =>
    budgetOf(connections, {
      connection: CONNECTION_BYTES,
      chunk: CHUNK_BYTES,
      maxFragmentOverheadBytes: OVERHEAD_BYTES,
    }),
  mustEndAs: ["TOO_MANY_FRAGMENTS"],
  run: (field) =>
    field.loop(async (index) => {
      const connection = await field.open("/echo");
      if (connection === undefined) return;
      const payload = index % 2 === 0 ? "" : "a";
      await connection.write(maskedFrame(FIRST.textBegins, payload));
      const many = Buffer.concat(Array<Buffer>(5_000).fill(maskedFrame(FIRST.continues, payload)));
      while (!field.isOver && !connection.isGone) await connection.write(many);
    }),
};
