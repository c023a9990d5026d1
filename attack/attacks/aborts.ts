import { type Attack, budgetOf, CHUNK_BYTES, CONNECTION_BYTES } from "../attack.js";
import type { AttackField } from "../attack-field.js";
import {
  closeFrame,
  FIRST,
  maskedFrame,
  OFFER_DEFLATE,
  type RawConnection,
  requestHead,
} from "../raw-connection.js";

type Abort = "rst" | "fin";

/** A stage of a connection at which it is given up. */
type Stage = (field: AttackField) => Promise<RawConnection | undefined>;

const MESSAGE = maskedFrame(FIRST.binary, Buffer.alloc(300_000));

/** Through the opening handshake, with bytes behind it. */
function open(path: string, ...frames: readonly Uint8Array[]): Stage {
  return async (field) => {
    const connection = await field.open(path, OFFER_DEFLATE);
    await connection?.write(Buffer.concat(frames));
    return connection;
  };
}

/** A request, or a part of it, with bytes behind it, and nothing is waited for. */
function request(path: string, share: number, ...frames: readonly Uint8Array[]): Stage {
  return async (field) => {
    const connection = await field.dial();
    const head = requestHead(path);
    await connection?.write(Buffer.concat([Buffer.from(head.slice(0, head.length * share)), ...frames]));
    return connection;
  };
}

const STAGES: readonly Stage[] = [
  (field) => field.dial(),
  request("/echo", 0.5),
  request("/echo", 1),
  request("/slow", 1),
  request("/slow", 1, MESSAGE),
  request("/refused", 1),
  request("/refused", 1, MESSAGE),
  request("/nowhere", 1),
  request("/echo", 1, MESSAGE),
  open("/echo"),
  open("/echo", MESSAGE.subarray(0, 3)),
  open("/echo", MESSAGE.subarray(0, 100_000)),
  open("/echo", MESSAGE, MESSAGE, MESSAGE),
  open("/deflate", maskedFrame(FIRST.compressedBegins, Buffer.from([0xaa, 0x56]))),
  open("/echo", maskedFrame(FIRST.textBegins, "a"), maskedFrame(FIRST.ping, "b")),
  open("/pull", MESSAGE, MESSAGE),
  open("/broadcast"),
  open("/echo", closeFrame(1000)),
  open("/echo", MESSAGE, closeFrame(1000)),
  open("/echo", closeFrame(1000).subarray(0, 4)),
  open("/echo", maskedFrame(0x83, "a reserved opcode")),
];

async function abort(field: AttackField): Promise<void> {
  const connection = await field.random.pick(STAGES)(field);
  if (connection === undefined) return;
  if (field.random.chance(0.5)) await field.sleep(field.random.integer(0, 20));
  const how = field.random.pick<Abort>(["rst", "fin"]);
  field.note(how);
  connection.leave(how);
  if (how === "rst") return;
  await Promise.race([connection.gone, field.sleep(300)]);
  connection.leave();
}

/** Connections given up at every stage, by RST and by FIN. */
export const aborts: Attack = {
  name: "aborts at every stage",
  about: `RST or FIN at ${STAGES.length} stages of handshake, hook, message, refusal and close, at once or up to 20 ms later`,
  connections: { full: 100, short: 20 },
  // While reading is paused, a peer that is gone is noticed by the ping after the next. Honest clients get pings as well, and must
  // not be lost because the process that they are in had no CPU for a moment.
  server: { maxBufferedBytes: 1024 * 1024, pingIntervalMs: 500, pongTimeoutMs: 1_500 },
  budget: (connections) =>
    budgetOf(connections, {
      connection: CONNECTION_BYTES,
      "3 messages of 300 KB and their echoes": 6 * MESSAGE.length,
      chunk: CHUNK_BYTES,
    }),
  mustNote: ["rst", "fin"],
  run: (field) => field.loop(() => abort(field)),
};
