// Frames as RFC 6455 §5.2 draws them, written a second time and in another way than in `src/`, and importing nothing
// from there: a misreading of the standard cannot hide in both.

/** What a frame for a test is made of; anything that can be wrong with one can be said. */
export interface FrameSpec {
  readonly opcode: number;
  /** Default true. */
  readonly fin?: boolean;
  /** RSV1, RSV2 and RSV3 as a number from 0 to 7: RSV1 is 4. Default 0. */
  readonly rsv?: number;
  /** Four bytes. Default none: the frame is not masked. */
  readonly mask?: readonly number[] | undefined;
  /** Default empty. Strings are UTF-8. */
  readonly payload?: string | Uint8Array;
  /** How many bits the length takes. Default: as few as can be. */
  readonly lengthBits?: 7 | 16 | 64;
  /** A length to announce instead of the true one. */
  readonly announce?: bigint;
}

/** A frame that was read; its payload is unmasked. */
export interface ReadFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly masked: boolean;
  readonly lengthBits: 7 | 16 | 64;
  readonly payload: Buffer;
}

/** The key of the frames of a client in tests. */
export const KEY: readonly number[] = [0x37, 0xfa, 0x21, 0x3d];

/** The opcodes, by another route than `src/`. */
export const OP = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The bytes of one frame. */
export function frame(spec: FrameSpec): Buffer {
  const payload = Buffer.from(spec.payload ?? "");
  const length = spec.announce ?? BigInt(payload.length);
  const bits = spec.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const first = (spec.fin === false ? 0 : 128) + (spec.rsv ?? 0) * 16 + spec.opcode;
  const maskFlag = spec.mask === undefined ? 0 : 128;
  const head = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10);
  head.writeUInt8(first, 0);
  if (bits === 7) {
    head.writeUInt8(maskFlag + Number(length), 1);
  } else if (bits === 16) {
    head.writeUInt8(maskFlag + 126, 1);
    head.writeUInt16BE(Number(length), 2);
  } else {
    head.writeUInt8(maskFlag + 127, 1);
    head.writeBigUInt64BE(length, 2);
  }
  if (spec.mask === undefined) return Buffer.concat([head, payload]);
  return Buffer.concat([head, Buffer.from(spec.mask), xor(payload, spec.mask)]);
}

/** The frame that the peer of `role` would send: masked if we are a server. */
export function frameFor(role: "client" | "server", spec: FrameSpec): Buffer {
  return frame({ ...spec, mask: spec.mask ?? (role === "server" ? KEY : undefined) });
}

/** A close frame for `role`. */
export function closeFrameFor(
  role: "client" | "server",
  code?: number,
  reason: string | Uint8Array = "",
): Buffer {
  return frameFor(role, { opcode: OP.close, payload: closePayload(code, reason) });
}

/** The payload of a close frame. */
export function closePayload(code?: number, reason: string | Uint8Array = ""): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  const number = Buffer.alloc(2);
  number.writeUInt16BE(code);
  return Buffer.concat([number, Buffer.from(reason)]);
}

/** All frames of `bytes`. Throws if the last one is not whole. */
export function readFrames(bytes: Uint8Array): ReadFrame[] {
  const view = Buffer.from(bytes);
  const frames: ReadFrame[] = [];
  let at = 0;
  while (at < view.length) {
    const first = view.readUInt8(at);
    const second = view.readUInt8(at + 1);
    at += 2;
    let length = second % 128;
    let lengthBits: 7 | 16 | 64 = 7;
    if (length === 126) {
      length = view.readUInt16BE(at);
      lengthBits = 16;
      at += 2;
    } else if (length === 127) {
      length = Number(view.readBigUInt64BE(at));
      lengthBits = 64;
      at += 8;
    }
    const masked = second >= 128;
    const key = masked ? [...view.subarray(at, at + 4)] : [];
    if (masked) at += 4;
    if (at + length > view.length) throw new RangeError(`a frame of ${length} bytes is cut`);
    const raw = view.subarray(at, at + length);
    at += length;
    frames.push({
      opcode: first % 16,
      fin: first >= 128,
      rsv: Math.floor(first / 16) % 8,
      masked,
      lengthBits,
      payload: masked ? xor(raw, key) : Buffer.from(raw),
    });
  }
  return frames;
}

/** The code and the reason in the payload of a close frame. */
export function readClose(payload: Uint8Array): { code: number | undefined; reason: string } {
  const view = Buffer.from(payload);
  if (view.length === 0) return { code: undefined, reason: "" };
  return { code: view.readUInt16BE(0), reason: view.toString("utf8", 2) };
}

function xor(payload: Uint8Array, key: readonly number[]): Buffer {
  return Buffer.from(payload.map((byte, i) => byte ^ key[i % 4]!));
}
