import { constants, deflateRawSync } from "node:zlib";
import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES, inUnits } from "../attack.js";
import { FIRST, maskedFrame, OFFER_DEFLATE } from "../raw-connection.js";

/** The state of zlib for a message that comes in pieces. */
const ZLIB_BYTES = 64 * 1024;
/** Zeros, deflated by the MiB so that bombs of any size can be put together of it at once: 1 KiB each. */
const MIB_OF_ZEROS = deflateRawSync(Buffer.alloc(1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH });
const BOMB_MIB = 256;

/** A compressed message in fragments, each of which inflates to less than a message may have. */
export const bombInFragments: Attack = {
  name: "bomb in fragments",
  about: "256 MiB compressed to 255 KiB in fragments of 1 KiB (1 MiB each inflated), many at once",
  connections: { full: 16, short: 2 },
  budget: (connections, { maxMessageBytes }) => {
    const each = budgetOf(connections, {
      connection: CONNECTION_BYTES,
      chunk: CHUNK_BYTES,
      zlib: ZLIB_BYTES,
      [`maxMessageBytes (${inUnits(maxMessageBytes)}), growing`]: 2 * maxMessageBytes,
    });
    return each;
  },
  mustEndAs: ["MESSAGE_TOO_BIG"],
  run: (field) => {
    const between = Array<Buffer>(BOMB_MIB - 2).fill(maskedFrame(FIRST.continues, MIB_OF_ZEROS));
    const frames = [
      maskedFrame(FIRST.compressedBegins, MIB_OF_ZEROS),
      ...between,
      maskedFrame(FIRST.last, MIB_OF_ZEROS),
    ];
    return field.loop(async () => {
      const connection = await field.open("/deflate", OFFER_DEFLATE);
      if (connection === undefined) return;
      for (const frame of frames) {
        if (connection.isGone || field.isOver) break;
        await connection.write(frame);
      }
      await field.untilGone(connection);
    });
  },
};
