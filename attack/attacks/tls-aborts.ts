import { type Attack, budgetOf, CHUNK_BYTES, TLS_CONNECTION_BYTES } from "../attack.js";
import { closeFrame, FIRST, maskedFrame } from "../raw-connection.js";

/** Half a record of a ClientHello (RFC 8446 §5.1). */
const HALF_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 1, 2, 3]);
const MESSAGE = maskedFrame(FIRST.binary, Buffer.alloc(300_000));

/** Connections given up in the TLS handshake and behind it. */
export const tlsAborts: Attack = {
  name: "aborts with TLS",
  about: "RST or FIN before, within and right behind the TLS handshake, in messages and while closing",
  isSecure: true,
  connections: { full: 20, short: 8 },
  budget: (connections) =>
    budgetOf(connections, {
      TLS: TLS_CONNECTION_BYTES,
      "a message and its echo": 2 * MESSAGE.length,
      chunks: 2 * CHUNK_BYTES,
    }),
  mustNote: ["rst", "fin"],
  run: (field) => {
    const { ca: _, ...plain } = field.target;
    return field.loop(async () => {
      const stage = field.random.integer(0, 6);
      const connection = await field.dial(stage < 3 ? plain : field.target);
      if (connection === undefined) return;
      if (stage === 1) await connection.write(HALF_HELLO);
      if (stage === 2) await connection.write("no TLS at all");
      if (stage > 3) await connection.upgrade("/echo");
      if (stage === 5) await connection.write(MESSAGE);
      if (stage === 6) await connection.write(closeFrame(1000));
      const how = field.random.pick(["rst", "fin"] as const);
      field.note(how);
      connection.leave(how);
      await Promise.race([connection.gone, field.sleep(100)]);
      connection.leave();
    });
  },
};
