import { referenceInflate } from "./inflate.js";
import { isUtf8 } from "./utf8.js";

/** What holds for the side that receives. */
export interface ReceiveRules {
  readonly role: "client" | "server";
  readonly streaming: boolean;
  readonly maxMessageBytes: number;
  readonly maxFrameBytes: number;
  /** The most fragments of a message. */
  readonly maxFragments: number;
  /** permessage-deflate, as the peer has to use it. */
  readonly deflate: { readonly windowBits: number; readonly takeover: boolean } | null;
}

/** What a receiver tells its application. Payloads in hex, so that two can be compared. */
export type ModelEvent =
  | { readonly type: "message"; readonly opcode: number; readonly hex: string }
  | { readonly type: "ping" | "pong"; readonly hex: string }
  | { readonly type: "closing"; readonly code: number; readonly reason: string };

/** What a receiver has to make of a stream. */
export interface Prediction {
  readonly events: readonly ModelEvent[];
  /** The close codes with which the connection may be failed; undefined if no rule is broken. */
  readonly failure: ReadonlySet<number> | undefined;
  /** How many of the events come before the failure for sure; the others may be cut off by it. */
  readonly surely: number;
  /** The data went beyond the agreed window, which a receiver may refuse with 1007 or not notice. */
  readonly mayRefuse: boolean;
  /** A compressed message had a block with BFINAL. */
  readonly hasFinalBlock: boolean;
  /** The message that is not complete, as far as it could have been handed out. */
  readonly partial: Buffer;
}

interface Header {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly length: bigint;
  readonly isMinimal: boolean;
  readonly key: Buffer;
  readonly size: number;
}

/** Reads one header (RFC 6455 §5.2), or undefined if it is not all there. */
export function readFrameHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < 2) return undefined;
  const form = bytes[1]! & 0x7f;
  const lengthBytes = form === 126 ? 2 : form === 127 ? 8 : 0;
  const masked = bytes[1]! >= 0x80;
  const size = 2 + lengthBytes + (masked ? 4 : 0);
  if (bytes.length < size) return undefined;
  const length =
    form === 126 ? BigInt(bytes.readUInt16BE(2)) : form === 127 ? bytes.readBigUInt64BE(2) : BigInt(form);
  return {
    fin: bytes[0]! >= 0x80,
    rsv: (bytes[0]! >> 4) & 7,
    opcode: bytes[0]! & 15,
    masked,
    length,
    isMinimal: form < 126 || (form === 126 ? length >= 126n : length >= 65_536n),
    key: bytes.subarray(size - 4, size),
    size,
  };
}

/** A frame whose payload was unmasked. */
export interface ModelFrame extends Header {
  readonly payload: Buffer;
}

/** The whole frames at the beginning of a stream, without judging them, and what is left behind them. */
export function readModelFrames(stream: Buffer): { frames: ModelFrame[]; rest: Buffer } {
  const frames: ModelFrame[] = [];
  let rest = stream;
  for (;;) {
    const header = readFrameHeader(rest);
    if (header === undefined || BigInt(rest.length - header.size) < header.length) return { frames, rest };
    const end = header.size + Number(header.length);
    frames.push({ ...header, payload: unmask(header, rest.subarray(header.size, end)) });
    rest = rest.subarray(end);
  }
}

function unmask({ masked, key }: Header, payload: Buffer): Buffer {
  return masked ? Buffer.from(payload.map((byte, i) => byte ^ key[i % 4]!)) : Buffer.from(payload);
}

/** Whether a code may stand in a close frame (RFC 6455 §7.4). */
export function mayBeSent(code: number): boolean {
  const registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
  return registered.includes(code) || (code >= 3000 && code <= 4999);
}

/** A message of which not all frames are there. */
interface OpenMessage {
  readonly opcode: number;
  readonly compressed: boolean;
  readonly eventsBefore: number;
  payload: Buffer;
  fragments: number;
}

/** Says what has to become of a stream, from RFC 6455 §5 alone; it shares nothing with `src/protocol`. */
export function predictReceive(stream: Buffer, rules: ReceiveRules): Prediction {
  return new Model(rules).run(stream);
}

class Model {
  readonly #rules: ReceiveRules;
  readonly #events: ModelEvent[] = [];
  #open: OpenMessage | undefined;
  #history: Buffer = Buffer.alloc(0);
  #mayRefuse = false;
  #hasFinalBlock = false;

  constructor(rules: ReceiveRules) {
    this.#rules = rules;
  }

  run(stream: Buffer): Prediction {
    let rest = stream;
    for (;;) {
      const header = readFrameHeader(rest);
      if (header === undefined) return this.#stop();
      const code = this.#judge(header);
      if (code !== undefined) return this.#stop(code);
      const length = Number(header.length);
      const payload = unmask(header, rest.subarray(header.size, header.size + length));
      const isWhole = payload.length === length;
      if (header.opcode >= 8) {
        if (!isWhole) return this.#stop();
        const end = this.#control(header.opcode, payload);
        if (end !== undefined) return end;
      } else if (isWhole || payload.length > 0) {
        const end = this.#data(header, payload, isWhole);
        if (end !== undefined) return end;
      }
      if (!isWhole) return this.#stop();
      rest = rest.subarray(header.size + length);
    }
  }

  /** What is forbidden comes before what is too much. */
  #judge({ fin, rsv, opcode, masked, length, isMinimal }: Header): number | undefined {
    const { role, deflate, maxMessageBytes, maxFrameBytes, maxFragments } = this.#rules;
    const isControl = opcode >= 8;
    const mayBeCompressed = deflate !== null && (opcode === 1 || opcode === 2);
    const forbidden =
      masked !== (role === "server") || // §5.1
      !(rsv === 0 || (rsv === 4 && mayBeCompressed)) || // §5.2, RFC 7692 §6
      ![0, 1, 2, 8, 9, 10].includes(opcode) || // §5.2
      !isMinimal || // §5.2
      length > BigInt(Number.MAX_SAFE_INTEGER) || // §5.2 up to 2^63; beyond 2^53 no buffer holds it
      (isControl && (!fin || length > 125n)) || // §5.5
      (opcode === 0 && this.#open === undefined) || // §5.4
      ((opcode === 1 || opcode === 2) && this.#open !== undefined); // §5.4
    if (forbidden) return 1002;
    if (isControl) return undefined;
    const soFar = this.#open?.payload.length ?? 0;
    if (Number(length) > maxFrameBytes || soFar + Number(length) > maxMessageBytes) return 1009;
    return this.#open !== undefined && this.#open.fragments + 1 > maxFragments ? 1008 : undefined;
  }

  #control(opcode: number, payload: Buffer): Prediction | undefined {
    if (opcode !== 8) {
      this.#events.push({ type: opcode === 9 ? "ping" : "pong", hex: payload.toString("hex") });
      return undefined;
    }
    if (payload.length === 0) {
      this.#events.push({ type: "closing", code: 1005, reason: "" });
      return this.#stop();
    }
    if (payload.length === 1 || !mayBeSent(payload.readUInt16BE(0))) return this.#stop(1002);
    if (!isUtf8(payload.subarray(2), true)) return this.#stop(1007);
    const reason = payload.subarray(2).toString();
    this.#events.push({ type: "closing", code: payload.readUInt16BE(0), reason });
    return this.#stop();
  }

  #data({ fin, rsv, opcode }: Header, payload: Buffer, isWhole: boolean): Prediction | undefined {
    const open = (this.#open ??= {
      opcode,
      compressed: rsv !== 0,
      eventsBefore: this.#events.length,
      payload: Buffer.alloc(0),
      fragments: 0,
    });
    open.payload = Buffer.concat([open.payload, payload]);
    if (isWhole) open.fragments++;
    const isComplete = isWhole && fin;
    if (open.compressed) return isComplete ? this.#inflated(open) : undefined;
    if (open.opcode === 1 && !isUtf8(open.payload, isComplete)) return this.#stop(1007);
    if (isComplete) this.#message(open.opcode, open.payload);
    return undefined;
  }

  #message(opcode: number, payload: Buffer): void {
    this.#events.push({ type: "message", opcode, hex: payload.toString("hex") });
    this.#open = undefined;
  }

  #inflated(open: OpenMessage): Prediction | undefined {
    const { windowBits, takeover } = this.#rules.deflate!;
    const { maxMessageBytes } = this.#rules;
    const { output, verdict, alsoInvalid, leavesWindow, hasFinalBlock } = referenceInflate(
      open.payload,
      this.#history,
      windowBits,
      maxMessageBytes,
    );
    if (leavesWindow) this.#mayRefuse = true;
    if (hasFinalBlock) this.#hasFinalBlock = true;
    const textBreaks = open.opcode === 1 && !isUtf8(output, verdict === "ok");
    if (verdict === "too-big") {
      const codes = new Set([1009]);
      if (alsoInvalid || (textBreaks && this.#rules.streaming)) codes.add(1007);
      return this.#stop(codes);
    }
    if (verdict === "invalid" || textBreaks) return this.#stop(1007);
    this.#history = takeover ? Buffer.concat([this.#history, output]).subarray(-32_768) : Buffer.alloc(0);
    this.#message(open.opcode, output);
    return undefined;
  }

  #stop(failure?: number | ReadonlySet<number>): Prediction {
    const open = this.#open;
    const inPieces = open?.compressed === true && this.#rules.streaming;
    let partial: Buffer = Buffer.alloc(0);
    let codes = typeof failure === "number" ? new Set([failure]) : failure;
    let mayFailEarlier = false;
    if (open !== undefined) {
      partial = open.payload;
      if (inPieces) {
        // What comes in pieces is noticed to be wrong as soon as it is there, and not at the end of the message.
        const { windowBits } = this.#rules.deflate!;
        const inflated = referenceInflate(
          open.payload,
          this.#history,
          windowBits,
          this.#rules.maxMessageBytes,
        );
        partial = inflated.output;
        if (inflated.leavesWindow) this.#mayRefuse = true;
        if (inflated.verdict !== "ok" || (open.opcode === 1 && !isUtf8(partial, true))) mayFailEarlier = true;
      } else if (open.compressed) {
        partial = Buffer.alloc(0);
      }
    }
    if (mayFailEarlier) codes = new Set([...(codes ?? [0]), 1007, 1009]);
    return {
      events: this.#events,
      failure: codes,
      surely: inPieces ? open!.eventsBefore : this.#events.length,
      mayRefuse: this.#mayRefuse,
      hasFinalBlock: this.#hasFinalBlock,
      partial,
    };
  }
}
