import type { Encoded } from "../codec/codec.js";
import type { Peer } from "../session/peer-port.js";
import type { CallError } from "./call-error.js";
import type { CallNumbers } from "./call-numbers.js";
import type { ContractSide } from "./contract-side.js";
import type { StreamSettings } from "./contract-types.js";
import type { Deadlines } from "./deadlines.js";
import type { Contract, StreamDefinition } from "./definitions.js";
import type { Lane, LaneUser } from "./lane.js";
import type { Message } from "./message-kind.js";
import type { RemoteStream } from "./remote-stream.js";

/** A conversation, as its parts see it. */
export interface ConversationPort {
  readonly side: ContractSide;
  readonly deadlines: Deadlines;
  /** The other side, as the application sees it. */
  readonly remote: unknown;
  /** The session, or the one that was the last. */
  readonly peer: Peer;
  /** For events and calls; undefined between sessions. */
  readonly main: Lane | undefined;
  /** For streams; undefined between sessions. */
  readonly streams: Lane | undefined;
  /** The values that wait for their readers; undefined where they are bounded by their number alone. */
  readonly unread: UnreadValuesPart | undefined;
  /** Whether nothing more is said: it was closed, or there will be no other session. */
  readonly isClosed: boolean;
  readonly numbers: CallNumbers;
  /** Makes a message; what the codec throws is the caller's to catch. */
  encode(message: Message): Encoded;
  /** Sends the outcome of a call, if there is a session to send it on. */
  reply(data: Encoded, user?: LaneUser): void;
}

/** Why what is open on a session ends with it. */
export type EndCode = "SESSION_RESET" | "SESSION_CLOSED";

/** The calls that the other side makes. What takes a message says false if that breaks the rules. */
export interface IncomingCallsPart {
  hello(message: Message): boolean;
  call(message: Message): boolean;
  cancel(message: Message): boolean;
  /** The session has ended. */
  end(isReset: boolean): void;
}

/** Streams of either kind. */
export interface StreamsPart {
  /**
   * A message about a stream that is open, with its number as it is here, and its length. False if it breaks the rules.
   */
  receive(n: number, message: Message, byteLength: number): boolean;
  /** The session has ended, or the other side takes no streams; `mayHaveRun` if it may have taken one that was opened here. */
  end(code: EndCode, message: string, mayHaveRun: boolean): void;
  /** This side ends them, and tells the other. */
  cancel(): void;
}

/** The streams that this side opens. */
export interface OpenedStreamsPart extends StreamsPart {
  open(
    name: string,
    definition: StreamDefinition,
    input: unknown,
    values: AsyncIterable<unknown> | Iterable<unknown> | undefined,
    settings: StreamSettings | undefined,
  ): RemoteStream<unknown, unknown>;
}

/** The streams that the other side opens. */
export interface HandledStreamsPart extends StreamsPart {
  open(message: Message): boolean;
}

/** Where values wait for their reader. */
export interface UnreadSource {
  /** For errors: what they are values of. */
  readonly what: string;
  /** They were not read for too long: it is to be ended. */
  notRead(error: CallError): void;
}

/** The values on one session that wait for their readers. */
export interface UnreadValuesPart {
  /** One came. */
  came(source: UnreadSource, byteLength: number): void;
  /** One that came was read. */
  read(source: UnreadSource, byteLength: number): void;
  /** Those of a source that wait are not read. */
  dropped(source: UnreadSource): void;
  /** Resolves when there is room for more; undefined where there is. */
  room(): Promise<void> | undefined;
}

/**
 * What a conversation is put together from, besides events and the calls that this side makes. It is named by what a
 * contract has, so that a bundle for browsers holds only what its contract needs.
 */
export interface Parts {
  readonly incoming?: new (conversation: ConversationPort) => IncomingCallsPart;
  readonly opened?: new (conversation: ConversationPort) => OpenedStreamsPart;
  readonly handled?: new (conversation: ConversationPort) => HandledStreamsPart;
  readonly unread?: new (conversation: ConversationPort) => UnreadValuesPart;
}

/** The parts that a contract needs at its client. */
export function partsOf(contract: Contract): Parts {
  const definitions = [...Object.values(contract.calls), ...Object.values(contract.streams)];
  return Object.assign({}, ...definitions.map((definition) => definition["~parts"])) as Parts;
}
