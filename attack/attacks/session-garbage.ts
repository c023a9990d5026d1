import { type Attack, budgetOf, CONNECTION_BYTES, SESSION_BYTES } from "../attack.js";
import { dataBlock, newIdentity, SessionAttacker } from "../session-blocks.js";

/** What is no block, no record, and no session of theirs. */
export const sessionGarbage: Attack = {
  name: "garbage in sessions",
  about: "random blocks, random records, and another secret for the id of somebody; again when dropped",
  connections: { full: 100, short: 9 },
  hub: { resumeWindowMs: 3_000, maxOpensPerSecond: 2_000 },
  shortHub: { resumeWindowMs: 500 },
  budget: (connections) =>
    budgetOf(connections, { connection: CONNECTION_BYTES, "sessions that wait": 64 * SESSION_BYTES }),
  mustNote: ["told 4001", "told 4204", "told 4205"],
  run: (field) =>
    field.loop(async (index) => {
      const identity = newIdentity();
      const attacker = await SessionAttacker.open(field, identity);
      if (attacker === undefined || attacker.connection.isGone) return;
      if (index % 3 === 0) {
        const other = await SessionAttacker.open(field, { id: identity.id, token: newIdentity().token }, 2);
        other?.connection.leave();
      }
      const bytes = field.random.bytes(field.random.integer(1, 200));
      await attacker.say(index % 3 === 1 ? dataBlock(1, bytes) : bytes);
      await Promise.race([attacker.connection.gone, field.sleep(200)]);
      attacker.connection.leave();
    }),
};
