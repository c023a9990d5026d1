import { Buffer } from "node:buffer";
import { nodeHost } from "../../node/node-host.js";
import { frameHeaderLength, writeFrameHeader } from "../../protocol/frame-header.js";
import { applyMask, readMaskKey, writeMaskKey } from "../../protocol/mask.js";
import { FIN_BIT, RSV1_BIT } from "../../protocol/opcode.js";

/** How `Sender.frame` builds a frame. */
export interface FrameOptions {
  /** The opcode (RFC 6455 §5.2). */
  readonly opcode: number;
  /** Whether it is the last fragment of its message. Default false. */
  readonly fin?: boolean | undefined;
  /** Whether the message is compressed. Default false. */
  readonly rsv1?: boolean | undefined;
  /** Whether to mask it, as a client has to. Default false. */
  readonly mask?: boolean | undefined;
  /** Whether `data` must stay as it is; otherwise it may be masked in place. Default false. */
  readonly readOnly?: boolean | undefined;
  /** Where `generateMask` puts the four bytes of the masking key. */
  readonly maskBuffer?: Buffer | undefined;
  /** Chooses the masking key. Default: random bytes of the system. */
  readonly generateMask?: ((mask: Buffer) => void) | undefined;
}

/** A frame, as pieces to be written one after the other: header and payload, or both in one. */
export function frame(data: string | Buffer, options: FrameOptions): Buffer[] {
  const isMasked = options.mask === true;
  const payload = typeof data === "string" ? Buffer.from(data) : data;
  const header = Buffer.allocUnsafe(frameHeaderLength(payload.length, isMasked));
  const firstByte =
    options.opcode | (options.fin === true ? FIN_BIT : 0) | (options.rsv1 === true ? RSV1_BIT : 0);
  const behind = writeFrameHeader(header, 0, firstByte, payload.length, isMasked);
  if (!isMasked) return payload.length === 0 ? [header] : [header, payload];
  const key = maskKey(options);
  writeMaskKey(key, header, behind);
  if (payload.length === 0) return [header];
  const isOurs = typeof data === "string" || options.readOnly !== true;
  const masked = isOurs ? payload : Buffer.from(payload);
  applyMask(masked, 0, masked.length, key);
  return [header, masked];
}

function maskKey({ generateMask, maskBuffer }: FrameOptions): number {
  if (generateMask === undefined) return nodeHost.randomMask();
  const bytes = maskBuffer ?? Buffer.alloc(4);
  generateMask(bytes);
  return readMaskKey(bytes, 0);
}
