import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { FIRST, maskedFrame, OFFER_DEFLATE } from "../raw-connection.js";

/** What the server does for a message of two bytes a block: zlib states that wait to be freed. */
const ZLIB_GARBAGE_BYTES = 48 * 1024;
/** The most blocks with BFINAL=1 in a message. */
const MAX_FINAL_BLOCKS = 32;
/** An empty block with BFINAL=1 and fixed codes (RFC 1951 §3.2.6). */
const EMPTY_FINAL_BLOCK = Buffer.from([0x03, 0x00]);

/** Messages of many blocks with BFINAL=1, each of which costs a zlib state (RFC 7692 §7.2.3.4). */
export const finalBlockBomb: Attack = {
  name: "BFINAL bomb",
  about: "messages of 30,000 empty DEFLATE blocks with BFINAL=1, whole and in fragments; again when closed",
  connections: { full: 50, short: 4 },
  budget: (connections) =>
    budgetOf(connections, {
      connection: CONNECTION_BYTES,
      "two chunks": 2 * CHUNK_BYTES,
      "32 zlib states": MAX_FINAL_BLOCKS * ZLIB_GARBAGE_BYTES,
    }),
  mustEndAs: ["MESSAGE_TOO_BIG"],
  run: (field) => {
    const blocks = Buffer.alloc(60_000, EMPTY_FINAL_BLOCK);
    const whole = maskedFrame(FIRST.compressed, blocks);
    const inPieces = Buffer.concat([
      maskedFrame(FIRST.compressedBegins, blocks.subarray(0, 2_000)),
      ...Array<Buffer>(28).fill(maskedFrame(FIRST.continues, blocks.subarray(0, 2_000))),
      maskedFrame(FIRST.last, blocks.subarray(0, 2_000)),
    ]);
    return field.loop(async (index) => {
      const connection = await field.open("/deflate", OFFER_DEFLATE);
      if (connection === undefined) return;
      await connection.write(index % 2 === 0 ? whole : inPieces);
      await field.untilGone(connection);
    });
  },
};
