import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { closeFrame, FIRST, maskedFrame } from "../raw-connection.js";

/** Close frames, one after the other, good ones and bad ones, as often as a connection can be opened. */
export const closeFlood: Attack = {
  name: "close-frame flood",
  about: "open, send 1,000 close frames (good codes, bad codes, cut ones) and pings behind them; again",
  connections: { full: 100, short: 10 },
  budget: (connections) =>
    budgetOf(connections, { connection: CONNECTION_BYTES, "two chunks": 2 * CHUNK_BYTES }),
  mustEndAs: ["clean", "INVALID_CLOSE_CODE", "INVALID_CLOSE_PAYLOAD"],
  run: (field) => {
    const kinds = [
      closeFrame(1000),
      closeFrame(999),
      maskedFrame(FIRST.close, Buffer.from([3])),
      maskedFrame(FIRST.close, Buffer.from([3, 232, 0xff])),
      closeFrame(4999),
    ];
    return field.loop(async (index) => {
      const connection = await field.open("/echo");
      if (connection === undefined) return;
      const close = kinds[(index + field.random.integer(0, 4)) % kinds.length]!;
      const ping = maskedFrame(FIRST.ping, "?");
      await connection.write(Buffer.concat(Array<Buffer[]>(1_000).fill([close, ping]).flat()));
      await field.untilGone(connection);
    });
  },
};
