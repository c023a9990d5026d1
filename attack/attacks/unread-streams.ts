import { randomBytes } from "node:crypto";
import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES, SESSION_BYTES } from "../attack.js";
import {
  dataBlock,
  messageRecord,
  newIdentity,
  openBlock,
  postHead,
  requestBody,
} from "../session-blocks.js";

const MIB = 1024 * 1024;

/** Sessions over answers that do not end, and that nobody reads. */
export const unreadStreams: Attack = {
  name: "streams that nobody reads",
  about: "a session over a streamed answer, the server talks, nothing is read; a new session when dropped",
  connections: { full: 200, short: 6 },
  hub: { resumeWindowMs: 3_000, maxHeldBytes: 64 * MIB },
  shortHub: { resumeWindowMs: 500, maxHeldBytes: 1 * MIB, pingIntervalMs: 300, pongTimeoutMs: 300 },
  budget: (connections, { maxHeldBytes }) =>
    budgetOf(
      connections,
      {
        connection: 2 * CONNECTION_BYTES,
        "of http": 2 * CHUNK_BYTES,
        session: SESSION_BYTES,
        "on its way": 256 * 1024,
      },
      { maxHeldBytes },
    ),
  mustNote: ["made it talk"],
  run: (field) =>
    field.loop(async () => {
      const connection = await field.dial();
      const other = await field.dial();
      if (connection === undefined || other === undefined) return;
      const transport = randomBytes(16);
      const open = requestBody("down", transport, 1, openBlock(newIdentity(), 1));
      await connection.write(postHead("stream", open.length));
      await connection.write(open);
      await field.sleep(20);
      connection.socket.pause();
      const talk = requestBody("up", transport, 2, dataBlock(1, messageRecord("talk")));
      await other.write(postHead("stream", talk.length));
      await other.write(talk);
      field.note("made it talk");
      await field.sleep(100);
      other.leave();
      // Paused, it does not see that it was dropped; writing shows it.
      while (!field.isOver && !connection.isGone) {
        await connection.write("GET ");
        await field.sleep(200);
      }
    }),
};
