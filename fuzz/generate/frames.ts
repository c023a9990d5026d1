import type { Random } from "../random.js";
import { DeflateWriter } from "./deflate-data.js";
import { anyBytes, anyLength, anyText } from "./payload.js";

/** A frame with every field of RFC 6455 §5.2 free, legal or not. */
interface FrameFields {
  fin: boolean;
  rsv: number;
  opcode: number;
  masked: boolean;
  /** The form of the length: 7, 16 or 64 bits. */
  form: 7 | 16 | 64;
  /** What is said to follow. */
  length: bigint;
  payload: Buffer;
}

/** What to generate frames for. */
export interface FrameWish {
  /** Who receives them: a server wants them masked. */
  readonly role: "client" | "server";
  /** Compress, as the peer of who receives them may. */
  readonly deflate: { readonly windowBits: number; readonly takeover: boolean } | null;
}

/** A sequence of frames in hex: messages, fragments with control frames between, closings, and mutations of these. */
export function anyFrames(random: Random, wish: FrameWish): string[] {
  const deflate = wish.deflate === null ? undefined : new DeflateWriter(random, wish.deflate);
  const frames: FrameFields[] = [];
  for (let i = random.between(1, 6); i > 0; i--) {
    const kind = random.below(10);
    if (kind < 6) frames.push(...message(random, deflate));
    else if (kind < 9) frames.push(control(random));
    else frames.push(close(random));
  }
  if (random.chance(40)) frames.push(close(random));
  if (random.chance(20)) frames.push(...message(random, deflate));
  for (const frame of frames) frame.masked = wish.role === "server";
  if (random.chance(55)) mutateField(random, random.pick(frames));
  if (frames.length > 1 && random.chance(10)) frames.splice(random.below(frames.length), 1);
  const encoded = frames.map((frame) => encode(random, frame));
  const last = encoded.length - 1;
  if (random.chance(15)) encoded[last] = encoded[last]!.subarray(0, random.below(encoded[last]!.length + 1));
  return encoded.map((bytes) => bytes.toString("hex"));
}

function plain(opcode: number, payload: Buffer, fin = true): FrameFields {
  const length = BigInt(payload.length);
  return { fin, rsv: 0, opcode, masked: false, form: shortest(length), length, payload };
}

function shortest(length: bigint): 7 | 16 | 64 {
  if (length < 126n) return 7;
  return length < 65_536n ? 16 : 64;
}

function message(random: Random, deflate: DeflateWriter | undefined): FrameFields[] {
  const isText = random.chance(50);
  const data = isText ? anyText(random) : anyBytes(random);
  const isCompressed = deflate !== undefined && random.chance(80);
  const payload = isCompressed ? deflate.message(data) : data;
  const parts = random.chance(50) ? pieces(random, payload) : [payload];
  const frames = parts.map((part, i) => plain(i === 0 ? (isText ? 1 : 2) : 0, part, i === parts.length - 1));
  if (isCompressed) frames[0]!.rsv = 4;
  return frames.flatMap((frame, i) => (i > 0 && random.chance(25) ? [control(random), frame] : [frame]));
}

function pieces(random: Random, payload: Buffer): Buffer[] {
  const count = random.chance(5) ? random.between(10, 60) : random.between(2, 5);
  const cuts = Array.from({ length: count - 1 }, () => random.below(payload.length + 1)).sort(
    (a, b) => a - b,
  );
  return [...cuts, payload.length].map((end, i) => payload.subarray(i === 0 ? 0 : cuts[i - 1], end));
}

function control(random: Random): FrameFields {
  const length = random.pick([0, 0, 1, 4, random.below(126), 124, 125]);
  return plain(random.pick([9, 9, 10]), random.bytes(length));
}

const CODES = [
  0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015,
  1016, 1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 32_768, 65_535,
];

function close(random: Random): FrameFields {
  const kind = random.below(8);
  if (kind === 0) return plain(8, Buffer.alloc(0));
  if (kind === 1) return plain(8, random.bytes(1));
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(random.chance(50) ? 1000 : random.pick(CODES));
  return plain(
    8,
    Buffer.concat([payload, random.chance(50) ? anyText(random).subarray(0, 123) : Buffer.alloc(0)]),
  );
}

const LENGTHS = [
  0n,
  1n,
  125n,
  126n,
  127n,
  65_535n,
  65_536n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 32n + 5n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

function mutateField(random: Random, frame: FrameFields): void {
  switch (random.below(9)) {
    case 0:
      frame.fin = !frame.fin;
      break;
    case 1:
      frame.rsv = random.between(1, 7);
      break;
    case 2:
      frame.opcode = random.below(16);
      break;
    case 3:
      frame.masked = !frame.masked;
      break;
    case 4:
      // At the edges between two forms, one form decides whether it is the shortest.
      if (random.chance(60))
        frame.payload = random.bytes(random.pick([0, 125, 125, 126, 127, 65_535, 65_536]));
      frame.length = BigInt(frame.payload.length);
      frame.form = frame.length < 65_536n ? random.pick([16, 64]) : 64;
      break;
    case 5:
      frame.form = 64;
      frame.length = random.pick(LENGTHS);
      break;
    case 6:
      frame.form = random.pick([7, 16]);
      frame.length = BigInt(random.below(frame.form === 7 ? 126 : 65_536));
      break;
    case 7:
      frame.payload = random.bytes(anyLength(random));
      break;
    default:
      frame.payload = Buffer.concat([frame.payload, random.bytes(random.between(1, 130))]);
      frame.length = BigInt(frame.payload.length);
      frame.form = shortest(frame.length);
  }
}

function encode(random: Random, { fin, rsv, opcode, masked, form, length, payload }: FrameFields): Buffer {
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const maskBit = masked ? 0x80 : 0;
  let header: Buffer;
  if (form === 7) {
    header = Buffer.of(first, maskBit | Number(length & 0x7fn));
  } else if (form === 16) {
    header = Buffer.of(first, maskBit | 126, 0, 0);
    header.writeUInt16BE(Number(length & 0xffffn), 2);
  } else {
    header = Buffer.concat([Buffer.of(first, maskBit | 127), Buffer.alloc(8)]);
    header.writeBigUInt64BE(length, 2);
  }
  if (!masked) return Buffer.concat([header, payload]);
  const key = random.chance(20) ? Buffer.alloc(4) : random.bytes(4);
  return Buffer.concat([header, key, payload.map((byte, i) => byte ^ key[i % 4]!)]);
}
