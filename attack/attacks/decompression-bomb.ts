import { constants, deflateRawSync } from "node:zlib";
import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES, inUnits } from "../attack.js";
import { FIRST, maskedFrame, OFFER_DEFLATE } from "../raw-connection.js";

/** Zeros, deflated by the MiB so that bombs of any size can be put together of it at once: 1 KiB each. */
const MIB_OF_ZEROS = deflateRawSync(Buffer.alloc(1024 * 1024), { finishFlush: constants.Z_SYNC_FLUSH });
const BOMB_MIB = 256;

/** One compressed message each that inflates to far more than a message may have, all at the same time. */
export const decompressionBomb: Attack = {
  name: "decompression bomb",
  about: "a frame of 255 KiB that inflates to 256 MiB, many at once; again when closed",
  connections: { full: 50, short: 4 },
  budget: (connections, { maxMessageBytes }) => {
    const frames = budgetOf(connections, {
      connection: CONNECTION_BYTES,
      "the frame, twice": 8 * CHUNK_BYTES,
    });
    // Inflating is synchronous, one message at a time; what zlib gave out before it was stopped waits for the collector.
    return {
      bytes: frames.bytes + 4 * maxMessageBytes,
      arithmetic: `${frames.arithmetic} + 4 x ${inUnits(maxMessageBytes)} maxMessageBytes (1 inflating, 3 not collected)`,
    };
  },
  mustEndAs: ["MESSAGE_TOO_BIG"],
  run: (field) => {
    const bomb = maskedFrame(FIRST.compressed, Buffer.concat(Array<Buffer>(BOMB_MIB).fill(MIB_OF_ZEROS)));
    return field.loop(async () => {
      const connection = await field.open("/deflate", OFFER_DEFLATE);
      if (connection === undefined) return;
      await connection.write(bomb);
      await field.untilGone(connection);
    });
  },
};
