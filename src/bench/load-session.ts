import { randomBytes } from "node:crypto";
import type { LoadConnection } from "./load-connection.js";
import { headerBytes, LOAD_MASK, OPCODE } from "./load-frame.js";
import type { LoadPeer } from "./load-peer.js";
import type { LoadPlan } from "./load-plan.js";
import type { MessageCycle } from "./message-cycle.js";
import { type ExpectedRecords, SessionReader } from "./session-reader.js";
import { maskedRecords, messageRecord } from "./session-record.js";
import { varint } from "./session-varint.js";

/** The subprotocol that carries sessions (docs/wire/session-v1.md §2.1). */
export const SESSION_SUBPROTOCOL = "hawser.1";
/** What the clients of Hawser offer by default. */
const WINDOW_BYTES = 262_144;
const MAX_MESSAGE_BYTES = 16_777_216;
/** When a client of Hawser acknowledges that has nothing to send (§5). */
const ACK_DELAY_MS = 25;
const ACK_BYTES = 65_536;
/** A message counts so much more than its payload (§6). */
const MESSAGE_COST = 64;
/** A longer message is cut into pieces, which the generator does not do. */
const MAX_PIECE_BYTES = 16_384;
/** A block, less what stands before the records. */
const MAX_WINDOW_BYTES = 65_536 - 32;
/** Its first byte, and the length of so long a piece. */
const MAX_RECORD_HEAD_BYTES = 4;
const CLOSED_CODE = 4400;
const IDENTITY_BYTES = 16;

/** Why sessions cannot carry a load; undefined if they can. */
export function obstacleForSessions(plan: LoadPlan): string | undefined {
  if (plan.kind === "connect") return "sessions echo or fan out";
  if (plan.isCompressionOffered === true) return "sessions are not compressed by the generator";
  const longest = Math.max(...plan.sizes);
  if (longest > MAX_PIECE_BYTES) return `a message of a session may have ${MAX_PIECE_BYTES} bytes here`;
  if ((longest + MAX_RECORD_HEAD_BYTES) * plan.window > MAX_WINDOW_BYTES) {
    return "so many messages in flight do not fit into one block of a session";
  }
  return undefined;
}

/** A session of the generator, over one WebSocket: what a client of Hawser sends, of bytes that were built beforehand. */
export class LoadSession implements LoadPeer {
  onAnswers: ((count: number) => void) | undefined;
  readonly #connection: LoadConnection;
  readonly #reader: SessionReader;
  readonly #costs: readonly number[];
  readonly #window: number;
  readonly #acks: LateAcks;
  #nextWindow = 0;
  /** The number of the next record. */
  #nextRecord = 1;
  #sentBytes = 0;
  #limitBytes = 0;
  #grantedBytes = WINDOW_BYTES;
  #acknowledged = 0;
  #acknowledgedBytes = 0;
  #isLate = false;
  /** A window that waits for credit. */
  #waiting: Buffer | undefined;
  #hello: string | undefined;

  /** @param expected its `greetings` are beside the welcome, which every session has. */
  constructor(
    connection: LoadConnection,
    cycle: MessageCycle,
    expected: Pick<ExpectedRecords, "greetings">,
    acks: LateAcks,
  ) {
    this.#connection = connection;
    this.#acks = acks;
    this.#window = cycle.window;
    this.#costs = windowCosts(cycle);
    connection.onAnswers = (count) => this.onAnswers?.(count);
    const greeted = connection.awaitGreeting();
    const { payloads, lengths, opcode } = cycle;
    this.#reader = new SessionReader(
      { payloads, lengths, isText: opcode === OPCODE.text, greetings: expected.greetings },
      {
        welcome: (windowBytes) => {
          this.#limitBytes = windowBytes;
          // Credit comes by halves of the window, so that what is more may never be allowed at once.
          if (Math.max(...this.#costs) > windowBytes / 2) {
            this.#reader.fault = "the peer has too small a window for so many messages in flight";
          }
          if (this.#hello !== undefined) this.writeText(this.#hello);
        },
        greeted,
        credit: (limitBytes) => {
          this.#limitBytes = limitBytes;
          const waiting = this.#waiting;
          this.#waiting = undefined;
          if (waiting !== undefined) this.write(waiting);
        },
        ping: (payload) => this.#sendPacket(7, payload),
        pingFrame: (payload) => connection.writeFrame(OPCODE.pong, payload),
        close: (code, reason) => connection.leftWith(code, reason),
      },
    );
    this.#sendPacket(2, openBody());
    const reader = this.#reader;
    connection.readWith({
      get fault() {
        return reader.fault;
      },
      push: (bytes, end) => {
        const count = reader.push(bytes, end);
        if (reader.received > this.#acknowledged) this.#took();
        return count;
      },
    });
  }

  get onGone(): ((reason: string) => void) | undefined {
    return this.#connection.onGone;
  }

  set onGone(listener: ((reason: string) => void) | undefined) {
    this.#connection.onGone = listener;
  }

  get greeted(): Promise<void> {
    return this.#connection.greeted;
  }

  get received(): LoadPeer["received"] {
    return this.#connection.received;
  }

  write(window: Buffer): void {
    const costs = this.#costs;
    const cost = costs[this.#nextWindow]!;
    if (this.#sentBytes + cost > this.#limitBytes) {
      this.#waiting = window;
      return;
    }
    this.#nextWindow = this.#nextWindow + 1 === costs.length ? 0 : this.#nextWindow + 1;
    this.#sentBytes += cost;
    this.#sendRecords(window, this.#window);
  }

  writeText(text: string): void {
    if (this.#limitBytes === 0) {
      this.#hello = text; // not before the welcome
      return;
    }
    const payload = Buffer.from(text);
    this.#sentBytes += payload.length + MESSAGE_COST;
    this.#sendRecords(maskedRecords([messageRecord(payload, OPCODE.text)]), 1);
  }

  /** Ends the session, and begins the closing handshake. */
  close(): void {
    this.#sendPacket(8, Buffer.of(...varint(CLOSED_CODE), 0, 0));
    this.#connection.close();
  }

  /** Resolves when the transport is gone. */
  closed(): Promise<void> {
    return this.#connection.closed();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  /** Acknowledges, if nothing else did meanwhile. */
  acknowledgeLate(): void {
    this.#isLate = false;
    if (this.#reader.received > this.#acknowledged) this.#acknowledge();
  }

  #took(): void {
    const { countedBytes } = this.#reader;
    if (countedBytes + WINDOW_BYTES - this.#grantedBytes > WINDOW_BYTES / 2) {
      this.#grantedBytes = countedBytes + WINDOW_BYTES;
      const body = [0, ...varint(this.#grantedBytes)];
      this.#sendRecords(maskedRecords([Buffer.of(0x83, body.length, ...body)]), 1);
    } else if (countedBytes - this.#acknowledgedBytes >= ACK_BYTES) this.#acknowledge();
    else if (!this.#isLate) {
      this.#isLate = true;
      this.#acks.add(this);
    }
  }

  #acknowledge(): void {
    this.#nowAcknowledged();
    this.#sendPacket(5, Buffer.from(varint(this.#reader.received)));
  }

  #nowAcknowledged(): void {
    this.#acknowledged = this.#reader.received;
    this.#acknowledgedBytes = this.#reader.countedBytes;
  }

  #sendPacket(type: number, body: Uint8Array): void {
    this.#connection.writeFrame(
      OPCODE.binary,
      Buffer.concat([Buffer.of(type, ...varint(body.length)), body]),
    );
  }

  /** A block of these records, which are masked already: the key of the frame is turned so that it fits them. */
  #sendRecords(records: Buffer, count: number): void {
    const head = [1, ...varint(this.#reader.received), ...varint(this.#nextRecord)];
    this.#nextRecord += count;
    this.#nowAcknowledged();
    const length = head.length + records.length;
    const lengthEnd = headerBytes(length);
    const frame = Buffer.allocUnsafe(lengthEnd + 4 + length);
    frame[0] = 0x80 | OPCODE.binary;
    if (lengthEnd === 2) frame[1] = 0x80 | length;
    else {
      frame[1] = 0x80 | (lengthEnd === 4 ? 126 : 127);
      if (lengthEnd === 4) frame.writeUInt16BE(length, 2);
      else frame.writeBigUInt64BE(BigInt(length), 2);
    }
    for (let i = 0; i < 4; i++) frame[lengthEnd + ((head.length + i) & 3)] = LOAD_MASK[i]!;
    const start = lengthEnd + 4;
    for (let i = 0; i < head.length; i++) frame[start + i] = head[i]! ^ frame[lengthEnd + (i & 3)]!;
    records.copy(frame, start + head.length);
    this.#connection.write(frame);
  }
}

/** Acknowledges for sessions that have nothing to send, with one timer for all of a process. */
export class LateAcks {
  #sessions: LoadSession[] = [];

  add(session: LoadSession): void {
    this.#sessions.push(session);
    if (this.#sessions.length === 1) setTimeout(() => this.#run(), ACK_DELAY_MS).unref();
  }

  #run(): void {
    const sessions = this.#sessions;
    this.#sessions = [];
    for (const session of sessions) session.acknowledgeLate();
  }
}

/** The body of `open` (§4.1). */
function openBody(): Buffer {
  return Buffer.concat([
    Buffer.of(1, 1, 0),
    randomBytes(2 * IDENTITY_BYTES),
    Buffer.of(1, 0, ...varint(WINDOW_BYTES), ...varint(MAX_MESSAGE_BYTES), 0, 0),
  ]);
}

function windowCosts({ window, lengths, first }: MessageCycle): number[] {
  return first.map((_, index) => {
    const own = lengths.subarray(index * window, (index + 1) * window);
    return own.reduce((sum, length) => sum + length + MESSAGE_COST, 0);
  });
}
