import { isUtf8 } from "node:buffer";

/** What happens at the side that receives, in the words of the model. */
export type SessionModelEvent =
  | {
      readonly type: "message";
      readonly channel: string;
      readonly isText: boolean;
      readonly hex: string;
      readonly id: string;
    }
  | { readonly type: "signal"; readonly code: number; readonly hex: string }
  | { readonly type: "opened" | "closed"; readonly channel: string }
  | { readonly type: "pong"; readonly hex: string }
  | { readonly type: "dropped" | "ended"; readonly code: number };

/** The limits of the side that is modelled. */
export interface SessionModelLimits {
  readonly maxMessageBytes: number;
  readonly maxChannels: number;
  /** How many records it has sent, none of which is confirmed. */
  readonly sent: number;
}

/** A fault of the transport, or of a record. */
class Fault extends Error {
  readonly code: number;

  constructor(code: number) {
    super();
    this.code = code;
  }
}

const BAD_PACKET = 4001;
const BAD_MESSAGE = 4205;

/** Reads strictly, by the letter of `docs/wire/session-v1.md`; what does not fit is a fault with the given code. */
class Cursor {
  readonly bytes: Buffer;
  at = 0;
  readonly #code: number;

  constructor(bytes: Buffer, code: number) {
    this.bytes = bytes;
    this.#code = code;
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  byte(): number {
    if (this.isAtEnd) throw new Fault(this.#code);
    return this.bytes[this.at++]!;
  }

  varint(): number {
    let value = 0n;
    for (let i = 0n; i < 8n; i++) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << (7n * i);
      if (byte >= 0x80) continue;
      if ((byte === 0 && i > 0n) || value > 2n ** 53n - 1n) break;
      return Number(value);
    }
    throw new Fault(this.#code);
  }

  take(length: number): Buffer {
    if (length > this.bytes.length - this.at) throw new Fault(this.#code);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  rest(): Buffer {
    return this.take(this.bytes.length - this.at);
  }
}

interface ModelChannel {
  readonly name: string;
  parts: { isText: boolean; id: string; bytes: Buffer } | undefined;
}

/**
 * A second reading of the wire format, for blocks that come over the active transport of a session, at either side. It is slow,
 * keeps everything, and shares nothing with the machines.
 */
export class SessionModel {
  readonly events: SessionModelEvent[] = [];
  isOver = false;
  readonly #limits: SessionModelLimits;
  readonly #channels = new Map<number, ModelChannel>([[0, { name: "", parts: undefined }]]);
  readonly #isServer: boolean;
  #received = 0;

  constructor(limits: SessionModelLimits, isServer: boolean) {
    this.#limits = limits;
    this.#isServer = isServer;
  }

  /** A block arrived. */
  block(bytes: Buffer): void {
    try {
      if (bytes.length === 0) throw new Fault(BAD_PACKET);
      const cursor = new Cursor(bytes, BAD_PACKET);
      while (!this.isOver && !cursor.isAtEnd) {
        const type = cursor.byte();
        if (type === 0x01) this.#data(cursor);
        else this.#packet(type, cursor.take(cursor.varint()));
      }
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      this.#end(thrown.code === BAD_PACKET ? "dropped" : "ended", thrown.code);
    }
  }

  #end(type: "dropped" | "ended", code: number): void {
    this.isOver = true;
    this.events.push({ type, code });
  }

  #packet(type: number, body: Buffer): void {
    const cursor = new Cursor(body, BAD_PACKET);
    switch (type) {
      case 0x03:
        if (this.#isServer) throw new Fault(BAD_PACKET);
        // One that is repeated: read, and nothing more.
        if (cursor.varint() !== 1) throw new Fault(BAD_PACKET);
        for (let i = 0; i < 4; i++) cursor.varint();
        if (cursor.take(cursor.varint()).length > 64) throw new Fault(BAD_PACKET);
        return;
      case 0x04:
        if (!this.#isServer) throw new Fault(BAD_PACKET);
        this.#acknowledged(cursor.varint());
        return;
      case 0x05:
        this.#acknowledged(cursor.varint());
        return;
      case 0x06:
        if (body.length < 1 || body.length > 8) throw new Fault(BAD_PACKET);
        this.events.push({ type: "pong", hex: body.toString("hex") });
        return;
      case 0x07:
        return;
      case 0x08:
      case 0x09: {
        const code = this.#endCode(cursor, BAD_PACKET);
        this.#end(type === 0x08 || code >= 4200 ? "ended" : "dropped", code);
        return;
      }
      default:
        if (type < 0x80) throw new Fault(BAD_PACKET);
    }
  }

  #endCode(cursor: Cursor, fault: number): number {
    const code = cursor.varint();
    cursor.varint();
    cursor.varint();
    if (code < 4000 || code > 4599 || cursor.rest().length > 96) throw new Fault(fault);
    return code;
  }

  #acknowledged(received: number): void {
    if (received > this.#limits.sent) throw new Fault(BAD_PACKET);
  }

  #data(cursor: Cursor): void {
    const received = cursor.varint();
    let number = cursor.varint();
    if (cursor.isAtEnd || number < 1 || number > this.#received + 1) throw new Fault(BAD_PACKET);
    this.#acknowledged(received);
    while (!cursor.isAtEnd && !this.isOver) this.#record(cursor, number++);
  }

  #record(cursor: Cursor, number: number): void {
    const head = cursor.byte();
    if (head >= 0x80) {
      const body = cursor.take(cursor.varint());
      if (number <= this.#received) return;
      this.#received = number;
      this.#control(head, new Cursor(body, BAD_MESSAGE));
      return;
    }
    const channelNumber = head & 0x08 ? cursor.varint() : undefined;
    let id: Buffer | undefined;
    if (head & 0x10) {
      const length = cursor.varint();
      if (length > 32) throw new Fault(BAD_PACKET);
      id = cursor.take(length);
    }
    const payload = cursor.take(cursor.varint());
    if (number <= this.#received) return;
    this.#received = number;

    const isText = (head & 0x01) === 0;
    const isContinued = (head & 0x04) !== 0;
    const isLast = (head & 0x02) === 0;
    const channel = this.#channels.get(channelNumber ?? 0);
    const isAllowed =
      head <= 0x1f && channelNumber !== 0 && id?.length !== 0 && !(isContinued && id !== undefined);
    if (!isAllowed || channel === undefined || isContinued !== (channel.parts !== undefined))
      throw new Fault(BAD_MESSAGE);
    if (!isLast && payload.length === 0) throw new Fault(BAD_MESSAGE);
    const parts = channel.parts ?? { isText, id: id?.toString("hex") ?? "", bytes: Buffer.alloc(0) };
    if (parts.isText !== isText) throw new Fault(BAD_MESSAGE);
    parts.bytes = Buffer.concat([parts.bytes, payload]);
    if (parts.bytes.length > this.#limits.maxMessageBytes) throw new Fault(BAD_MESSAGE);
    channel.parts = isLast ? undefined : parts;
    if (isLast)
      this.events.push({
        type: "message",
        channel: channel.name,
        isText,
        hex: parts.bytes.toString("hex"),
        id: parts.id,
      });
  }

  #control(head: number, cursor: Cursor): void {
    if (head > 0x85) {
      if ((head & 0x40) === 0) throw new Fault(BAD_MESSAGE);
      return;
    }
    if (head === 0x85) {
      this.#end("ended", this.#endCode(cursor, BAD_MESSAGE));
      return;
    }
    const number = cursor.varint();
    const channel = this.#channels.get(number);
    switch (head) {
      case 0x80: {
        const name = cursor.rest();
        const isFull = this.#channels.size > this.#limits.maxChannels;
        if (channel !== undefined || !isUtf8(name) || name.length > 256 || isFull)
          throw new Fault(BAD_MESSAGE);
        this.#channels.set(number, { name: name.toString(), parts: undefined });
        this.events.push({ type: "opened", channel: name.toString() });
        return;
      }
      case 0x81:
        if (channel === undefined || number === 0) throw new Fault(BAD_MESSAGE);
        this.#channels.delete(number);
        this.events.push({ type: "closed", channel: channel.name });
        return;
      case 0x84: {
        const rest = cursor.rest();
        if (rest.length > 8192) throw new Fault(BAD_MESSAGE);
        this.events.push({ type: "signal", code: number, hex: rest.toString("hex") });
        return;
      }
      default:
        cursor.varint();
    }
  }
}
