import { type Attack, budgetOf, TLS_CONNECTION_BYTES } from "../attack.js";

/** The first bytes of a TLS record that announces a ClientHello of 512 bytes (RFC 8446 §5.1). */
const HALF_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 1, 2, 3]);

/** Connections that do not come through the TLS handshake. */
export const tlsHalfOpenFlood: Attack = {
  name: "TLS half-open flood",
  about: "half a ClientHello, nothing, or no TLS at all, towards a server with TLS",
  isSecure: true,
  connections: { full: 1_000, short: 60 },
  budget: (connections) => budgetOf(connections, { "TLS state": TLS_CONNECTION_BYTES }),
  mustNote: ["dropped"],
  run: (field) => {
    const { ca: _, ...plain } = field.target;
    return field.loop(async (index) => {
      const connection = await field.dial(plain);
      if (connection === undefined) return;
      if (index % 3 === 0) await connection.write(HALF_HELLO);
      if (index % 3 === 1) await connection.write("GET / HTTP/1.1\r\n\r\n");
      await field.untilGone(connection);
    });
  },
};
