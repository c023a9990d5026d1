import { type Attack, budgetOf, CONNECTION_BYTES } from "../attack.js";

/** What a head may have by default; parsed and raw. */
const HEAD_BYTES = 2 * 16_384;

const START = "GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n";
const BOMBS: readonly string[] = [
  `${START}X: ${"a".repeat(1024 * 1024)}`,
  START + "a: b\r\n".repeat(100_000),
  START + ":\r\n".repeat(5_000),
  `GET /${"a/".repeat(200_000)} HTTP/1.1\r\n`,
  `${START}Sec-WebSocket-Extensions: ${"a;b,".repeat(3_500)}\r\nUpgrade: websocket\r\n\r\n`,
  `POST / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(1024 * 1024)}`,
];

/** Heads that are too long, have too many fields, or never end. */
export const headerBombs: Attack = {
  name: "header bombs",
  about:
    "a field of 1 MiB, 100,000 fields, empty names, a path of 400 KB, 3,500 extensions, all through either parser",
  connections: { full: 100, short: 12 },
  budget: (connections) =>
    budgetOf(connections, {
      connection: CONNECTION_BYTES,
      "maxHeaderBytes, twice": HEAD_BYTES,
      "of http": 64 * 1024,
    }),
  mustNote: ["refused 431"],
  run: (field) =>
    field.loop(async (index) => {
      const connection = await field.dial();
      if (connection === undefined) return;
      await connection.write(BOMBS[(index + field.random.integer(0, 5)) % BOMBS.length]!);
      await Promise.race([connection.gone, field.sleep(1_000)]);
      connection.leave();
    }),
};
