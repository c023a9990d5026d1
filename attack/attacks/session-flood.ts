import { type Attack, budgetOf, CONNECTION_BYTES, SESSION_BYTES } from "../attack.js";
import { newIdentity, SessionAttacker } from "../session-blocks.js";

/** One session after the other, each left behind. */
export const sessionFlood: Attack = {
  name: "session flood",
  about: "begin a session, drop its connection, begin the next one; all from one address",
  connections: { full: 200, short: 10 },
  hub: { resumeWindowMs: 5_000 },
  shortHub: { resumeWindowMs: 500, maxOpensPerSecond: 1 },
  // 50 a second, which wait for 5 s, and what an address may begin at once.
  budget: (connections) =>
    budgetOf(connections, { connection: CONNECTION_BYTES, "sessions that wait": 2 * SESSION_BYTES }),
  mustNote: ["welcomed", "told 4005"],
  mustEndAs: ["session 4200"],
  run: (field) =>
    field.loop(async () => {
      const attacker = await SessionAttacker.open(field, newIdentity());
      attacker?.connection.leave();
    }),
};
