import type { ConformanceCase } from "../conformance-case.js";
import { text } from "../expectations.js";
import { closePayload, type FrameInput, OPCODE } from "../frame.js";
import { opcodeName } from "../frame-words.js";
import { violationCase } from "./echo-case.js";

const HELLO: Buffer = Buffer.from("Hello, world!");

interface Forbidden {
  readonly frame: FrameInput;
  readonly what: string;
  readonly isBehindMessage?: boolean;
  readonly pieceBytes?: number;
}

const BITS: readonly Forbidden[] = [
  { frame: { opcode: OPCODE.text, rsv: 1, payload: HELLO }, what: "text" },
  { frame: { opcode: OPCODE.text, rsv: 2, payload: HELLO }, what: "text", isBehindMessage: true },
  { frame: { opcode: OPCODE.text, rsv: 3, payload: HELLO }, what: "text", isBehindMessage: true },
  {
    frame: { opcode: OPCODE.text, rsv: 4, payload: HELLO },
    what: "text",
    isBehindMessage: true,
    pieceBytes: 1,
  },
  { frame: { opcode: OPCODE.binary, rsv: 5, payload: Buffer.alloc(8, 0xff) }, what: "binary" },
  { frame: { opcode: OPCODE.ping, rsv: 6, payload: HELLO }, what: "ping" },
  { frame: { opcode: OPCODE.close, rsv: 7, payload: closePayload(1000) }, what: "close" },
];

/** 3: reserved bits that no extension gave a meaning; 4: opcodes that mean nothing. */
export const RESERVED: readonly ConformanceCase[] = [
  ...BITS.map(({ what, ...forbidden }, i) =>
    forbiddenCase(
      `3.${i + 1}`,
      `A ${what} frame with the reserved bits ${forbidden.frame.rsv?.toString(2).padStart(3, "0")}`,
      forbidden,
    ),
  ),
  ...[3, 11].flatMap((first, kind) =>
    [0, 1, 2, 3, 4].map((i) =>
      forbiddenCase(
        `4.${kind + 1}.${i + 1}`,
        `A frame with the reserved ${opcodeName(first + i)}${i % 2 === 0 ? "" : " and a payload"}`,
        {
          frame: { opcode: first + i, ...(i % 2 === 0 ? {} : { payload: HELLO }) },
          isBehindMessage: i >= 2,
          ...(i === 4 ? { pieceBytes: 1 } : {}),
        },
      ),
    ),
  ),
];

function forbiddenCase(
  id: string,
  what: string,
  { frame, isBehindMessage, pieceBytes }: Omit<Forbidden, "what">,
): ConformanceCase {
  const before = isBehindMessage === true ? [text(HELLO)] : [];
  const where = `${isBehindMessage === true ? ", behind a valid message" : ""}${pieceBytes === 1 ? ", written one byte at a time" : ""}`;
  return violationCase(
    { id, section: "RFC 6455 §5.2", expectation: `${what}${where} fails the connection.` },
    (peer) => {
      const bytes = Buffer.concat([
        ...before.map(({ payload }) => peer.message(true, payload)),
        peer.frame(frame),
      ]);
      return { bytes, pieces: [pieceBytes ?? bytes.length] };
    },
    [1002],
    { before },
  );
}
