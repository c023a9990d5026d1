import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES, SESSION_BYTES } from "../attack.js";
import { dataBlock, messageRecord, newIdentity, SessionAttacker } from "../session-blocks.js";

const MIB = 1024 * 1024;

/** A session that is taken over by one connection after the other. */
export const takeoverStorm: Attack = {
  name: "takeover storm",
  about: "resume a session over one connection after the other, while the server talks; nothing is confirmed",
  connections: { full: 50, short: 4 },
  hub: { resumeWindowMs: 3_000, maxHeldBytes: 64 * MIB },
  shortHub: { resumeWindowMs: 500, maxHeldBytes: 8 * MIB },
  // Of the connections, as many as an address may have, most are closing; each was sent again what is on its way.
  budget: (connections, { maxHeldBytes }) =>
    budgetOf(
      connections,
      {
        "connections that come and go": 16 * CONNECTION_BYTES,
        "chunks of those that are fed": 4 * CHUNK_BYTES,
        session: SESSION_BYTES,
        "sent again": 256 * 1024,
      },
      { maxHeldBytes },
    ),
  mustNote: ["welcomed", "told 4000"],
  run: (field) =>
    field.loop(async () => {
      const identity = newIdentity();
      let owner: Buffer | undefined;
      for (let epoch = 1; !field.isOver && epoch < 1_000; epoch++) {
        const attacker = await SessionAttacker.open(field, identity, epoch, owner);
        owner = attacker?.owner;
        if (attacker === undefined || owner === undefined) break;
        if (epoch === 1) await attacker.say(dataBlock(1, messageRecord("talk")));
      }
    }),
};
