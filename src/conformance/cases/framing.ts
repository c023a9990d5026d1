import type { ConformanceCase } from "../conformance-case.js";
import { binary, type ExpectedMessage, text } from "../expectations.js";
import { echoCase } from "./echo-case.js";

const SIZES: readonly (readonly [bytes: number, pieceBytes?: number])[] = [
  [0],
  [125],
  [126],
  [127],
  [128],
  [65_535],
  [65_536],
  [65_536, 997],
];

/** 1: messages of every length form, in one frame. */
export const FRAMING: readonly ConformanceCase[] = [true, false].flatMap((isText, kind) =>
  SIZES.map(([byteLength, pieceBytes], i) => {
    const message: ExpectedMessage = isText
      ? text("*".repeat(byteLength))
      : binary(Buffer.alloc(byteLength, 0xfe));
    const cut = pieceBytes === undefined ? "" : `, written ${pieceBytes} bytes at a time`;
    return echoCase(
      {
        id: `1.${kind + 1}.${i + 1}`,
        section: "RFC 6455 §5.2",
        expectation: `A ${isText ? "text" : "binary"} message of ${byteLength} bytes${cut} is echoed.`,
      },
      (peer) => {
        const bytes = peer.message(isText, message.payload);
        return { bytes, pieces: [pieceBytes ?? bytes.length] };
      },
      [message],
    );
  }),
);
