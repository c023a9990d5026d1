import { closePayload, OPCODE } from "./frame.js";
import { CaseFailure, nonStrict, type Outcome, PASSED } from "./outcome.js";
import type { Peer } from "./peer.js";
import type { PeerEvent } from "./peer-event.js";

/** A message as it is sent and has to come back. */
export interface ExpectedMessage {
  readonly isText: boolean;
  readonly payload: Uint8Array;
}

/** How long a peer may think about a violation before it is asked whether it still listens. */
const SILENCE_BEFORE_PROBE_MS = 300;
/** How long a peer that waits for the rest of a frame is watched. */
const WATCHED_MS = 1_000;
const PROBE: Buffer = Buffer.from("hawser-probe");

/** A text message. */
export function text(content: string | Uint8Array): ExpectedMessage {
  return { isText: true, payload: typeof content === "string" ? Buffer.from(content) : content };
}

/** A binary message. */
export function binary(payload: Uint8Array): ExpectedMessage {
  return { isText: false, payload };
}

/** These messages come back, in this order and unchanged. */
export async function expectEchoes(
  peer: Peer,
  messages: readonly ExpectedMessage[],
  onCompressed: () => void = () => {},
): Promise<void> {
  for (const [i, message] of messages.entries()) {
    const which = messages.length === 1 ? "the echo" : `echo ${i + 1} of ${messages.length}`;
    const event = await nextBesidesPongs(peer, which);
    if (event.type !== "message") throw new CaseFailure(`instead of ${which} the peer ${eventWords(event)}`);
    const problem = differenceOf(event, message);
    if (problem !== undefined) throw new CaseFailure(`${which} ${problem}`);
    if (event.isCompressed) onCompressed();
    peer.progressAtMs = performance.now();
  }
}

/** A pong with this payload comes, whatever other pongs come before. */
export async function expectPong(peer: Peer, payload: Uint8Array): Promise<void> {
  for (;;) {
    const event = await peer.next("the pong");
    if (event.type !== "pong") throw new CaseFailure(`instead of a pong the peer ${eventWords(event)}`);
    if (Buffer.compare(event.payload, payload) === 0) return;
  }
}

/** The closing handshake with 1000 works: our close frame is answered by one with the same code. */
export async function expectGoodbye(peer: Peer): Promise<undefined> {
  sendClose(peer, closePayload(1000));
  for (;;) {
    const event = await nextBesidesPongs(peer, "the answer to our close frame");
    if (event.type === "close") {
      if (event.code === 1000) return undefined;
      throw new CaseFailure(`our close frame with 1000 is answered by one with ${event.code}`);
    }
    throw new CaseFailure(`instead of answering our close frame the peer ${eventWords(event)}`);
  }
}

/** Writes a close frame. */
export function sendClose(peer: Peer, payload: Uint8Array): void {
  peer.write(peer.frame({ opcode: OPCODE.close, payload }));
  peer.noteCloseSent();
}

/** What {@link expectFailure} may be told. */
export interface FailureOptions {
  /** Valid messages that went before; they may come back or not, with a preference for the former. */
  readonly before?: readonly ExpectedMessage[];
  /** Whether the frame is not complete, so that a ping to see whether the peer still listens would be taken for its rest. */
  readonly isIncomplete?: boolean;
  /** What it means if the peer goes on as if nothing were wrong. Default: a failure. */
  readonly ifTolerated?: string;
}

/** The peer fails the connection (RFC 6455 §7.1.7), best with one of these close codes. */
export async function expectFailure(
  peer: Peer,
  codes: readonly number[],
  options: FailureOptions = {},
): Promise<Outcome> {
  const before = [...(options.before ?? [])];
  const what = `the end of the connection, with ${codes.join(" or ")}`;
  let isProbed = options.isIncomplete === true;
  for (;;) {
    const event = isProbed ? await peer.next(what) : await peer.nextWithin(SILENCE_BEFORE_PROBE_MS, what);
    if (event === undefined) {
      isProbed = true;
      peer.write(peer.frame({ opcode: OPCODE.ping, payload: PROBE }));
      continue;
    }
    switch (event.type) {
      case "message": {
        const expected = before.shift();
        if (expected !== undefined && differenceOf(event, expected) === undefined) continue;
        return tolerated(options, "it echoes a message instead of failing the connection");
      }
      case "pong":
        if (!event.payload.equals(PROBE)) continue;
        return tolerated(options, "it goes on instead of failing the connection");
      case "close":
        return judgeClose(event.code, codes, before.length);
      case "end":
        return nonStrict(`it ${event.how} without a close frame (RFC 6455 §7.1.7: SHOULD send one)`);
      default:
        throw new CaseFailure(`the peer ${eventWords(event)}`);
    }
  }
}

/** Whether the peer has failed the connection within a moment; it is not asked. */
export async function failsWithin(
  peer: Peer,
  codes: readonly number[],
  milliseconds: number = WATCHED_MS,
): Promise<Outcome | undefined> {
  const event = await peer.nextWithin(milliseconds, "the end of the connection, at once");
  if (event === undefined) return undefined;
  if (event.type === "close") return judgeClose(event.code, codes, 0);
  if (event.type === "end")
    return nonStrict(`it ${event.how} without a close frame (RFC 6455 §7.1.7: SHOULD send one)`);
  throw new CaseFailure(`instead of failing the connection the peer ${eventWords(event)}`);
}

/** An event in words, to stand behind `the peer`. */
export function eventWords(event: PeerEvent): string {
  switch (event.type) {
    case "message":
      return `sends a ${event.isText ? "text" : "binary"} message of ${event.payload.length} bytes`;
    case "ping":
    case "pong":
      return `sends a ${event.type}`;
    case "close":
      return `closes with ${event.code}${event.reason === "" ? "" : ` ${JSON.stringify(event.reason)}`}`;
    case "end":
      return event.how;
    case "illegal":
      return `sends ${event.problem}`;
  }
}

function judgeClose(code: number, codes: readonly number[], missing: number): Outcome {
  if (!codes.includes(code)) {
    return nonStrict(
      `it fails the connection with ${code}; ${codes.join(" or ")} is meant for this (§7.4.1)`,
    );
  }
  if (missing > 0) return nonStrict(`it fails the connection before ${missing} valid message(s) came back`);
  return PASSED;
}

function tolerated({ ifTolerated }: FailureOptions, problem: string): Outcome {
  if (ifTolerated !== undefined) return nonStrict(ifTolerated);
  throw new CaseFailure(problem);
}

async function nextBesidesPongs(peer: Peer, waitingFor: string): Promise<PeerEvent> {
  for (;;) {
    const event = await peer.next(waitingFor);
    if (event.type !== "pong") return event;
  }
}

function differenceOf(event: PeerEvent & { type: "message" }, expected: ExpectedMessage): string | undefined {
  if (event.isText !== expected.isText) return `is ${event.isText ? "text" : "binary"}`;
  if (event.payload.length !== expected.payload.length) {
    return `has ${event.payload.length} bytes and not ${expected.payload.length}`;
  }
  return event.payload.equals(expected.payload) ? undefined : "is not what was sent";
}
