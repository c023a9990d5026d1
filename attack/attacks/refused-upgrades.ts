import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import { requestHead } from "../raw-connection.js";

/** Requests that are refused, and refused clients that go on sending and do not read. */
export const refusedUpgrades: Attack = {
  name: "refused-upgrade storm",
  about:
    "wrong path, hook that refuses, foreign Origin, bad key, bad version, with 64 KiB behind the request; again",
  connections: { full: 100, short: 10 },
  budget: (connections) =>
    budgetOf(connections, { connection: CONNECTION_BYTES, "two chunks": 2 * CHUNK_BYTES }),
  mustNote: ["refused 401", "refused 403", "refused 404", "refused 400", "refused 426"],
  run: (field) => {
    const good = requestHead("/echo");
    const requests = [
      requestHead("/nowhere"),
      requestHead("/refused"),
      requestHead("/echo", "Origin: https://elsewhere.example\r\n"),
      good.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"),
      good.replace("Version: 13", "Version: 12"),
    ];
    const behind = Buffer.alloc(CHUNK_BYTES, "more ");
    return field.loop(async (index) => {
      const connection = await field.dial();
      if (connection === undefined) return;
      const request = Buffer.from(field.random.pick(requests));
      await connection.write(index % 2 === 0 ? request : Buffer.concat([request, behind]));
      await field.untilGone(connection);
    });
  },
};
