import { isUtf8 } from "node:buffer";
import { OPCODE } from "./frame.js";
import type { ReceivedFrame } from "./frame-reader.js";

/** How much of a text is shown. */
const SHOWN_CHARACTERS = 40;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(OPCODE).map(([name, opcode]) => [opcode, name]),
);

/** The name of an opcode: `text`, or `opcode 0x3` for one that is reserved. */
export function opcodeName(opcode: number): string {
  return NAMES.get(opcode) ?? `opcode 0x${opcode.toString(16)}`;
}

/** A frame in words: `text, 5 bytes, masked "Hello"`. */
export function frameWords(frame: ReceivedFrame): string {
  return `${headerWords(frame)}${payloadWords(frame)}`;
}

/** The header of a frame in words: `text, not final, RSV1, 5 bytes, masked`. */
export function headerWords(frame: Omit<ReceivedFrame, "payload">): string {
  const reserved = [4, 2, 1].flatMap((bit, i) => ((frame.rsv & bit) === 0 ? [] : [`RSV${i + 1}`]));
  const minimalBits = frame.declaredBytes < 126n ? 7 : frame.declaredBytes < 65_536n ? 16 : 64;
  const form = frame.lengthBits === minimalBits ? "" : ` in ${frame.lengthBits} bits`;
  const unit = frame.declaredBytes === 1n ? "byte" : "bytes";
  return [
    opcodeName(frame.opcode),
    ...(frame.fin ? [] : ["not final"]),
    ...reserved,
    `${frame.declaredBytes} ${unit}${form}`,
    ...(frame.isMasked ? ["masked"] : []),
  ].join(", ");
}

function payloadWords({ opcode, rsv, payload }: ReceivedFrame): string {
  if (payload.length === 0) return "";
  if (opcode === OPCODE.close && payload.length >= 2) {
    const reason = payload.subarray(2);
    return ` ${payload.readUInt16BE()}${reason.length === 0 ? "" : ` ${quoted(reason)}`}`;
  }
  const isData = opcode <= OPCODE.binary;
  return isData && rsv !== 0 ? " (compressed)" : ` ${quoted(payload)}`;
}

function quoted(bytes: Buffer): string {
  const start = bytes.subarray(0, SHOWN_CHARACTERS);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: text with control characters is better shown as hex.
  if (!isUtf8(start) || /[\x00-\x08\x0e-\x1f]/.test(start.toString())) {
    return `<${start.subarray(0, 16).toString("hex")}${bytes.length > 16 ? "…" : ""}>`;
  }
  return `${JSON.stringify(start.toString())}${bytes.length > start.length ? "…" : ""}`;
}
