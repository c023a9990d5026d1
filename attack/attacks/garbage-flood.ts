import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";

/** Random bytes, before the opening handshake and behind it. */
export const garbageFlood: Attack = {
  name: "garbage flood",
  about: "64 KiB of random bytes instead of a request, behind a handshake, or as a text; again",
  connections: { full: 100, short: 10 },
  budget: (connections) =>
    budgetOf(connections, { connection: CONNECTION_BYTES, "two chunks": 2 * CHUNK_BYTES }),
  run: (field) => {
    const garbage = field.random.bytes(262_144);
    return field.loop(async () => {
      const isFirst = field.random.chance(0.3);
      const connection = isFirst ? await field.dial() : await field.open("/deflate");
      if (connection === undefined) return;
      const start = field.random.integer(0, 196_608);
      await connection.write(garbage.subarray(start, start + 65_536));
      // What looks like the beginning of a long frame waits for more, until its deadline: this attacker does not.
      await Promise.race([connection.gone, field.sleep(200)]);
      connection.leave();
    });
  },
};
