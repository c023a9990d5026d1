import { type ConformanceCase, conformanceCase } from "../conformance-case.js";
import { eventWords, expectEchoes, expectFailure, expectGoodbye, sendClose, text } from "../expectations.js";
import { closePayload, OPCODE } from "../frame.js";
import { CaseFailure, nonStrict, type Outcome } from "../outcome.js";
import type { Peer } from "../peer.js";

const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const REGISTERED_LATER = [1012, 1013, 1014];
const INVALID_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999];
const OUT_OF_RANGE_CODES = [5000, 65_535];
/** How long a server may take to close the transport once both close frames are there. */
const TRANSPORT_CLOSE_MS = 1_500;

/** 7: the closing handshake. */
export const CLOSING: readonly ConformanceCase[] = [
  conformanceCase({
    id: "7.1.1",
    section: "RFC 6455 §7.1",
    expectation: "A message is echoed, then a close frame is answered and the transport closed.",
    async run(peer) {
      await peer.open();
      peer.write(peer.message(true, "Hello World!"));
      await expectEchoes(peer, [text("Hello World!")]);
      sendClose(peer, closePayload(1000));
      return expectClosed(peer, [1000]);
    },
  }),
  closed("7.1.2", "Of two close frames only the first is answered.", [1000], (peer) => {
    sendClose(peer, closePayload(1000));
    peer.write(peer.frame({ opcode: OPCODE.close, payload: closePayload(1000) }));
  }),
  closed("7.1.3", "A ping behind a close frame is not answered.", [1000], (peer) => {
    sendClose(peer, closePayload(1000));
    peer.write(peer.frame({ opcode: OPCODE.ping }));
  }),
  closed("7.1.4", "A message behind a close frame is not echoed.", [1000], (peer) => {
    sendClose(peer, closePayload(1000));
    peer.write(peer.message(true, "Hello World!"));
  }),
  closed(
    "7.1.5",
    "A close frame inside a fragmented message is answered, and the message is forgotten.",
    [1000],
    (peer) => {
      peer.write(peer.frame({ opcode: OPCODE.text, fin: false, payload: Buffer.from("fragment1") }));
      sendClose(peer, closePayload(1000));
      peer.write(peer.frame({ opcode: OPCODE.continuation, payload: Buffer.from("fragment2") }));
    },
  ),
  conformanceCase({
    id: "7.1.6",
    section: "RFC 6455 §7.1",
    expectation: "A message of 256 KiB, a close frame and a ping in one write: the close frame is answered.",
    async run(peer) {
      await peer.open();
      peer.write(
        Buffer.concat([peer.message(true, "BAsd7&jh23".repeat(26_215)), peer.message(true, "Hello World!")]),
      );
      sendClose(peer, closePayload(1000));
      peer.write(peer.frame({ opcode: OPCODE.ping }));
      // Echoes may be on their way; they may also be dropped.
      return expectClosed(peer, [1000], { mayEcho: true });
    },
  }),
  closed("7.3.1", "A close frame without payload is answered.", [1000, 1005], (peer) =>
    sendClose(peer, Buffer.alloc(0)),
  ),
  violation("7.3.2", "A close frame with a payload of one byte fails the connection.", Buffer.from("a")),
  closed("7.3.3", "A close frame with a code and no reason is answered with the same code.", [1000], (peer) =>
    sendClose(peer, closePayload(1000)),
  ),
  closed("7.3.4", "A close frame with a code and a reason is answered with the same code.", [1000], (peer) =>
    sendClose(peer, closePayload(1000, "Hello World!")),
  ),
  closed(
    "7.3.5",
    "A close frame with a reason of 123 bytes is answered with the same code.",
    [1000],
    (peer) => sendClose(peer, closePayload(1000, "*".repeat(123))),
  ),
  violation(
    "7.3.6",
    "A close frame with a reason of 124 bytes fails the connection: it is a control frame with 126.",
    closePayload(1000, "*".repeat(124)),
  ),
  ...["", "reason"].flatMap((reason, i) =>
    [0, 1, 2].map((j) =>
      closed(
        `7.4.${i * 3 + j + 1}`,
        `A close frame ${reason === "" ? "without" : "with"} reason, ${["at once", "one byte at a time", "its header and its payload apart"][j]}, is answered.`,
        [1000],
        async (peer) => {
          const bytes = peer.frame({ opcode: OPCODE.close, payload: closePayload(1000, reason) });
          const headerBytes = peer.tested === "server" ? 6 : 2;
          await peer.writePieces(bytes, j === 0 ? bytes.length : j === 1 ? 1 : headerBytes);
          peer.noteCloseSent();
        },
      ),
    ),
  ),
  ...["ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80", "ff", "e2 82", "c0 af", "f4 90 80 80"].map((bytes, i) =>
    violation(
      `7.5.${i + 1}`,
      `A close frame whose reason is not UTF-8 (${bytes}) fails the connection.`,
      closePayload(1000, Buffer.from(bytes.replaceAll(" ", ""), "hex")),
      [1007, 1002],
    ),
  ),
  ...[...VALID_CODES, ...REGISTERED_LATER].map((code, i) =>
    REGISTERED_LATER.includes(code)
      ? conformanceCase({
          id: `7.7.${i + 1}`,
          section: "RFC 6455 §7.4.1, IANA",
          expectation: `A close frame with ${code}, which was registered after the RFC, is answered with the same code.`,
          async run(peer) {
            await peer.open();
            sendClose(peer, closePayload(code));
            const outcome = await expectClosed(peer, [code, 1002]);
            return outcome;
          },
        })
      : closed(`7.7.${i + 1}`, `A close frame with ${code} is answered with the same code.`, [code], (peer) =>
          sendClose(peer, closePayload(code)),
        ),
  ),
  ...INVALID_CODES.map((code, i) =>
    violation(
      `7.9.${i + 1}`,
      `A close frame with ${code}, which must not be sent, fails the connection.`,
      closePayload(code),
    ),
  ),
  ...OUT_OF_RANGE_CODES.map((code, i) =>
    violation(
      `7.13.${i + 1}`,
      `A close frame with ${code}, which is in no range of codes, fails the connection.`,
      closePayload(code),
    ),
  ),
  conformanceCase({
    id: "7.14.1",
    section: "RFC 6455 §5.5.1",
    expectation: "A close frame without FIN fails the connection.",
    async run(peer) {
      await peer.open();
      peer.write(peer.frame({ opcode: OPCODE.close, fin: false, payload: closePayload(1000) }));
      return expectFailure(peer, [1002]);
    },
  }),
  conformanceCase({
    id: "7.14.2",
    section: "RFC 6455 §5.5.1",
    expectation: "A message, then a close frame in the same write: the message is echoed first.",
    async run(peer) {
      await peer.open();
      peer.write(
        Buffer.concat([
          peer.message(true, "last words"),
          peer.frame({ opcode: OPCODE.close, payload: closePayload(1000) }),
        ]),
      );
      peer.noteCloseSent();
      return expectClosed(peer, [1000], { mayEcho: true });
    },
  }),
  conformanceCase({
    id: "7.14.3",
    section: "RFC 6455 §7.1.1",
    expectation: "The transport ends without a close frame: the peer ends it as well and does not wait.",
    async run(peer) {
      await peer.open();
      peer.write(peer.message(true, "Hello"));
      await expectEchoes(peer, [text("Hello")]);
      peer.end();
      return expectEnd(peer);
    },
  }),
  conformanceCase({
    id: "7.14.4",
    section: "RFC 6455 §7.1.1",
    expectation: "A connection on which nothing was sent closes in order.",
    async run(peer) {
      await peer.open();
      return expectGoodbye(peer);
    },
  }),
];

function closed(
  id: string,
  expectation: string,
  codes: readonly number[],
  write: (peer: Peer) => void | Promise<void>,
): ConformanceCase {
  return conformanceCase({
    id,
    section: "RFC 6455 §5.5.1",
    expectation,
    async run(peer) {
      await peer.open();
      await write(peer);
      return expectClosed(peer, codes);
    },
  });
}

function violation(
  id: string,
  expectation: string,
  payload: Buffer,
  codes: readonly number[] = [1002],
): ConformanceCase {
  return conformanceCase({
    id,
    section: payload.length > 125 ? "RFC 6455 §5.5" : "RFC 6455 §7.4",
    expectation,
    async run(peer) {
      await peer.open();
      sendClose(peer, payload);
      const outcome = await expectCloseFrame(peer, codes);
      return outcome;
    },
  });
}

/** For a bad close frame: silence and a probe would tell nothing, since the peer is closing anyway. */
async function expectCloseFrame(peer: Peer, codes: readonly number[]): Promise<Outcome | undefined> {
  const event = await peer.next(`the end of the connection, with ${codes.join(" or ")}`);
  if (event.type === "close") {
    if (codes.includes(event.code)) return undefined;
    if (event.code === 1000)
      throw new CaseFailure("the bad close frame is answered as if it were good, with 1000");
    return nonStrict(
      `it fails the connection with ${event.code}; ${codes.join(" or ")} is meant for this (§7.4.1)`,
    );
  }
  if (event.type === "end")
    return nonStrict(`it ${event.how} without a close frame (RFC 6455 §7.1.7: SHOULD send one)`);
  throw new CaseFailure(`instead of failing the connection the peer ${eventWords(event)}`);
}

/** What {@link expectClosed} may be told. */
interface ClosedOptions {
  /** Whether messages went before, which had better come back. Default: false. */
  readonly mayEcho?: boolean;
  /** Whether a ping went before, the answer to which may come or not. Default: false. */
  readonly mayPong?: boolean;
  /** Whether the peer may go without an answer, which it had better not. Default: false. */
  readonly mayEnd?: boolean;
}

/** A close frame with one of these codes comes; a server then closes the transport (§7.1.1). */
export async function expectClosed(
  peer: Peer,
  codes: readonly number[],
  { mayEcho = false, mayPong = false, mayEnd = false }: ClosedOptions = {},
): Promise<Outcome | undefined> {
  let echoes = 0;
  let event = await peer.next("the answer to our close frame");
  while ((event.type === "message" && mayEcho) || (event.type === "pong" && mayPong)) {
    if (event.type === "message") echoes++;
    event = await peer.next("the answer to our close frame");
  }
  if (event.type === "end") {
    const problem = `it ${event.how} without answering our close frame`;
    if (mayEnd) return nonStrict(problem);
    throw new CaseFailure(problem);
  }
  if (event.type !== "close")
    throw new CaseFailure(`instead of answering our close frame the peer ${eventWords(event)}`);
  if (!codes.includes(event.code)) {
    throw new CaseFailure(`our close frame is answered with ${event.code} and not ${codes.join(" or ")}`);
  }
  const after =
    peer.tested === "server"
      ? await peer.nextWithin(TRANSPORT_CLOSE_MS, "the end of the transport")
      : undefined;
  if (after === undefined && peer.tested === "server") {
    return nonStrict(
      `it does not close the transport within ${TRANSPORT_CLOSE_MS} ms (§7.1.1: the server SHOULD)`,
    );
  }
  if (after !== undefined && after.type !== "end")
    throw new CaseFailure(`behind its close frame the peer ${eventWords(after)}`);
  if (mayEcho && echoes === 0) return nonStrict("messages that came before the close frame are not echoed");
  if (codes[0] !== event.code && event.code === 1002) return nonStrict("it takes the code for invalid");
  return undefined;
}

export async function expectEnd(peer: Peer): Promise<Outcome | undefined> {
  const event = await peer.next("the end of the transport");
  if (event.type === "end") return undefined;
  if (event.type === "close") return nonStrict("it sends a close frame on a transport that has ended");
  throw new CaseFailure(`instead of ending the transport the peer ${eventWords(event)}`);
}
