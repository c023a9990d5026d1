import { type Attack, budgetOf, CONNECTION_BYTES, SESSION_BYTES } from "../attack.js";
import { dataBlock, messageRecord, newIdentity, SessionAttacker } from "../session-blocks.js";

const MIB = 1024 * 1024;

/** Sessions that are told much and confirm nothing of it. */
export const unconfirmedSessions: Attack = {
  name: "sessions that confirm nothing",
  about: "have the server talk, read all of it, answer pings, confirm nothing; a new session when reset",
  connections: { full: 200, short: 8 },
  hub: { resumeWindowMs: 3_000, maxHeldBytes: 64 * MIB },
  shortHub: { resumeWindowMs: 500, maxHeldBytes: 2 * MIB },
  budget: (connections, { maxHeldBytes }) =>
    budgetOf(connections, { connection: CONNECTION_BYTES, session: SESSION_BYTES }, { maxHeldBytes }),
  mustEndAs: ["session 4201"],
  run: (field) =>
    field.loop(async () => {
      const attacker = await SessionAttacker.open(field, newIdentity());
      if (attacker === undefined) return;
      await attacker.say(dataBlock(1, messageRecord("talk")));
      await field.untilGone(attacker.connection);
    }),
};
