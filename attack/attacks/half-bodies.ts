import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { postHead } from "../session-blocks.js";

const BODY_BYTES = 200_000;

/** Requests of sessions that do not end. */
export const halfBodies: Attack = {
  name: "half bodies",
  about: "half of a request of 200 KB to a session, and then nothing; again when dropped",
  connections: { full: 500, short: 20 },
  budget: (connections) =>
    budgetOf(connections, {
      connection: CONNECTION_BYTES,
      "of http": CHUNK_BYTES,
      "body, in chunks that were joined": 2 * BODY_BYTES,
    }),
  minSeconds: 25, // a body may take 10 s
  mustNote: ["half sent"],
  run: (field) => {
    const half = Buffer.alloc(BODY_BYTES / 2, 1);
    return field.loop(async () => {
      const connection = await field.dial();
      if (connection === undefined) return;
      await connection.write(postHead("polling", BODY_BYTES));
      await connection.write(half);
      field.note("half sent");
      await field.untilGone(connection);
    });
  },
};
