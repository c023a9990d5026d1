import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES, SESSION_BYTES } from "../attack.js";
import {
  dataBlock,
  messageRecord,
  newIdentity,
  openChannelRecord,
  RECORD,
  SessionAttacker,
} from "../session-blocks.js";

const MIB = 1024 * 1024;
const PIECE = Buffer.alloc(16_384, "piece ");
const CHANNELS = 60;
/** As much as the window of a channel lets through without credit. */
const PIECES = 15;

/** Long messages on many channels, none of which is ever finished. */
export const endlessMessages: Attack = {
  name: "messages without an end, in sessions",
  about: "60 channels in each session, with the first 240 KiB of a message on each; a new session when reset",
  connections: { full: 20, short: 3 },
  hub: { resumeWindowMs: 3_000, maxHeldBytes: 64 * MIB },
  shortHub: { resumeWindowMs: 500, maxHeldBytes: 8 * MIB },
  budget: (connections, { maxHeldBytes }) =>
    budgetOf(
      connections,
      { connection: CONNECTION_BYTES, session: SESSION_BYTES, "what arrives at once": 4 * CHUNK_BYTES },
      { "maxHeldBytes, in arrays that double": 2 * maxHeldBytes },
    ),
  mustEndAs: ["session 4201"],
  run: (field) =>
    field.loop(async () => {
      const attacker = await SessionAttacker.open(field, newIdentity());
      if (attacker === undefined) return;
      let number = 1;
      for (let channel = 1; channel <= CHANNELS && !attacker.connection.isGone; channel++) {
        await attacker.say(dataBlock(number++, openChannelRecord(channel, "side")));
        for (let piece = 0; piece < PIECES; piece++) {
          const head = RECORD.binary | RECORD.more | (piece === 0 ? 0 : RECORD.continued);
          await attacker.say(dataBlock(number++, messageRecord(PIECE, head, channel)));
        }
      }
      await field.untilGone(attacker.connection);
    }),
};
