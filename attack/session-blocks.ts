import { randomBytes } from "node:crypto";
import type { AttackField } from "./attack-field.js";
import { FIRST, maskedFrame, type RawConnection } from "./raw-connection.js";

// Blocks of sessions (`docs/wire/session-v1.md`), written by hand: the attackers share nothing with Hawser.

/** Where the attacked server has sessions. */
export const SESSION_PATH = "/live";
const SUBPROTOCOL = "Sec-WebSocket-Protocol: hawser.1\r\n";
const PACKET = { data: 1, open: 2, welcome: 3, pong: 7, reset: 8, leave: 9, ping: 6 } as const;
const CONTROL = { openChannel: 0x80 } as const;

/** Bits of the head of a message record. */
export const RECORD = { binary: 1, more: 2, continued: 4, onChannel: 8 } as const;

/** Id and secret of a session. */
export interface SessionIdentity {
  readonly id: Buffer;
  readonly token: Buffer;
}

export function newIdentity(): SessionIdentity {
  return { id: randomBytes(16), token: randomBytes(16) };
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** The first block of a transport. With an `owner`, of the `welcome`, it resumes. */
export function openBlock({ id, token }: SessionIdentity, epoch: number, owner?: Buffer): Buffer {
  const window = varint(16 * 1024 * 1024);
  const body = Buffer.concat([
    Buffer.from([1, 1, owner === undefined ? 0 : 1]),
    id,
    token,
    varint(epoch),
    varint(0),
    window,
    window,
    varint(owner?.length ?? 0),
    owner ?? Buffer.alloc(0),
    varint(0),
  ]);
  return Buffer.concat([Buffer.from([PACKET.open]), varint(body.length), body]);
}

/** A block with records, of which the first has this number. Nothing is confirmed. */
export function dataBlock(number: number, ...records: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([PACKET.data]), varint(0), varint(number), ...records]);
}

export function messageRecord(payload: Uint8Array | string, head = 0, channel = 0): Buffer {
  const bytes = Buffer.from(payload as Uint8Array);
  const which = channel > 0 ? varint(channel) : Buffer.alloc(0);
  return Buffer.concat([
    Buffer.from([head | (channel > 0 ? RECORD.onChannel : 0)]),
    which,
    varint(bytes.length),
    bytes,
  ]);
}

export function openChannelRecord(channel: number, name: string): Buffer {
  const body = Buffer.concat([varint(channel), Buffer.from(name)]);
  return Buffer.concat([Buffer.from([CONTROL.openChannel]), varint(body.length), body]);
}

/** The body of a request of an HTTP transport. */
export function requestBody(
  kind: "down" | "up",
  transport: Buffer,
  number: number,
  ...blocks: readonly Buffer[]
): Buffer {
  const framed = blocks.flatMap((block) => [varint(block.length), block]);
  return Buffer.concat([
    Buffer.from([kind === "down" ? 1 : 2]),
    transport,
    varint(number),
    varint(0),
    ...framed,
  ]);
}

/** The head of a request of an HTTP transport. */
export function postHead(via: string, bodyLength: number): string {
  return `POST ${SESSION_PATH}?via=${via} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${bodyLength}\r\n\r\n`;
}

/** A session over a WebSocket, and what the server says to it. Pings are answered. */
export class SessionAttacker {
  readonly connection: RawConnection;
  /** The owner that the `welcome` says; undefined before. */
  owner: Buffer | undefined = undefined;
  #onWelcome: () => void = () => {};
  readonly #welcomed = new Promise<void>((resolve) => {
    this.#onWelcome = resolve;
  });

  private constructor(field: AttackField, connection: RawConnection) {
    this.connection = connection;
    connection.onMessage = (start) => {
      const [type] = start;
      if (type === PACKET.welcome) {
        this.owner = ownerOf(start);
        field.note("welcomed");
        this.#onWelcome();
      } else if (type === PACKET.reset || type === PACKET.leave) {
        field.note(`told ${start[2]! - 128 + 128 * start[3]!}`); // codes take two bytes
      } else if (type === PACKET.ping) {
        this.say(Buffer.concat([Buffer.from([PACKET.pong]), start.subarray(1)]));
      }
    };
  }

  /** Opens a WebSocket and says `open`; undefined if there is no connection. */
  static async open(
    field: AttackField,
    identity: SessionIdentity,
    epoch = 1,
    owner?: Buffer,
  ): Promise<SessionAttacker | undefined> {
    const connection = await field.open(SESSION_PATH, SUBPROTOCOL);
    if (connection === undefined) return undefined;
    const attacker = new SessionAttacker(field, connection);
    await attacker.say(openBlock(identity, epoch, owner));
    await Promise.race([attacker.#welcomed, connection.gone]);
    return attacker;
  }

  say(block: Uint8Array): Promise<void> {
    return this.connection.write(maskedFrame(FIRST.binary, block));
  }
}

/** The owner in a `welcome`: behind version, received, window, max message and resume window. */
function ownerOf(welcome: Buffer): Buffer {
  let at = 2;
  for (let fields = 0; fields < 5; fields++) {
    while (welcome[at]! >= 128) at++;
    at++;
  }
  return Buffer.from(welcome.subarray(at + 1, at + 1 + welcome[at]!));
}
