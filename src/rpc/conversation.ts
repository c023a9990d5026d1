import type { Encoded } from "../codec/codec.js";
import type { StandardSchema } from "../codec/standard-schema.js";
import { thrownMessage } from "../core/thrown-message.js";
import type { Peer, SendStatus, SessionEnd } from "../session/peer-port.js";
import { CallError } from "./call-error.js";
import type { CallNumbers } from "./call-numbers.js";
import { streamsChannel } from "./contract-claim.js";
import type { ContractSide } from "./contract-side.js";
import { Deadlines } from "./deadlines.js";
import { encodeEvent } from "./encode-event.js";
import { IncomingEvents } from "./incoming-events.js";
import { Lane, type LaneUser } from "./lane.js";
import { encodeMessage, isCount, Kind, type Message } from "./message-kind.js";
import { OutgoingCalls } from "./outgoing-calls.js";
import type {
  ConversationPort,
  HandledStreamsPart,
  IncomingCallsPart,
  OpenedStreamsPart,
  Parts,
  UnreadValuesPart,
} from "./parts.js";

/** Codes of sessions from here on say that the client does not come back; below 4600, which is not for sessions. */
const STOP_FROM = 4400;
const STOP_BELOW = 4600;
/** The code with which a session is closed whose other side does not speak as the contract says: `unsupportedVersion`. */
const NOT_UNDERSTOOD = 4402;

/** What is known of the other side between two of its sessions. */
const RESET = "the session was reset";
const CLOSED = "the session was closed";
const REFUSED = "the other side does not take this contract";

/**
 * What one side says and hears over a contract: with one session on a server; on a client with one after the other, since
 * its calls outlive them.
 */
export class Conversation implements ConversationPort {
  readonly side: ContractSide;
  readonly deadlines: Deadlines;
  readonly calls: OutgoingCalls;
  readonly events: IncomingEvents = new IncomingEvents(this);
  /** What the application sees of the other side; whoever makes the conversation sets it. */
  remote: unknown = undefined;
  /** The session, or the one that was the last. */
  peer!: Peer;
  /** Events and calls, and streams; undefined between sessions. */
  main: Lane | undefined;
  streams: Lane | undefined;
  /** Whether nothing more is said: it was closed, or there will be no other session. */
  isClosed = false;
  readonly numbers: CallNumbers;
  /** The streams of this side; undefined if the contract has none. */
  opened: OpenedStreamsPart | undefined;
  unread: UnreadValuesPart | undefined;
  /** Whether a session that was reset is followed by another. */
  readonly #comesBack: boolean;
  readonly #parts: Parts;
  /** A contract without streams does without their channel. */
  readonly #hasStreams: boolean;
  #incoming: IncomingCallsPart | undefined;
  #handled: HandledStreamsPart | undefined;
  #stopListening: (() => void) | undefined;
  /** Whether a transport carried this session at any time: before that, nothing leaves. */
  #wasLive = false;
  /** Whether anything came on these channels in this session. */
  readonly #wasHeard = { main: false, streams: false };

  constructor(side: ContractSide, parts: Parts, numbers: CallNumbers) {
    this.side = side;
    this.numbers = numbers;
    this.#parts = parts;
    this.#hasStreams = Object.keys(side.contract.streams).length > 0;
    this.#makeParts();
    this.deadlines = new Deadlines(side.clock);
    this.calls = new OutgoingCalls(this);
    this.#comesBack = numbers.key !== undefined;
  }

  /** A session begins. One that there was is over. */
  begin(peer: Peer): void {
    if (this.isClosed) return;
    if (peer.state === "closed") {
      this.isClosed = !this.#comesBack;
      return;
    }
    if (this.main !== undefined) this.#ended(undefined);
    this.peer = peer;
    this.numbers.begin(peer);
    this.#makeParts();
    this.events.begin();
    this.#wasLive = peer.state === "live";
    this.#wasHeard.main = this.#wasHeard.streams = false;
    this.#stopListening = peer.onState((state, end) => {
      this.#wasLive ||= state === "live";
      if (state === "live" && this.peer === peer) this.calls.sendUnsent();
      if (state === "closed" && this.peer === peer && this.main !== undefined) this.#ended(end);
    });
    this.#speakOn("main", this.side.contract.channel);
    if (this.#hasStreams) this.#speakOn("streams", streamsChannel(this.side.contract));
    this.calls.begin();
  }

  #speakOn(which: "main" | "streams", channel: string): void {
    const { peer, side } = this;
    const open = (): void => {
      this[which] = new Lane(peer.channel(channel), side.contract.codec, side.clock, () => this.#wasLive);
    };
    peer.receive(channel, {
      message: (data) => {
        if (peer !== this.peer || this[which] === undefined) return undefined;
        if (this[which].isRefused) open(); // who speaks, listens
        this.#wasHeard[which] = true;
        this.#received(data);
        // Who does not read what a server says is not read, either. If both did so, each could wait for the other.
        if (side.role !== "server") return undefined;
        const room = which === "streams" ? this.unread?.room() : undefined;
        return room ?? this[which]?.drained();
      },
      opened: () => {
        if (peer === this.peer && this[which]?.isRefused === true) open();
      },
      refused: () => {
        if (peer === this.peer) this.#refused(which);
      },
    });
    open();
  }

  /**
   * Nothing more is said, but that nobody answers here, until another one takes the channels: what is open ends with
   * `SESSION_CLOSED`. The session itself stays.
   */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.calls.end(true, "SESSION_CLOSED", CLOSED);
    this.opened?.cancel();
    this.#handled?.cancel();
    this.#incoming?.end(false);
    this.#stopListening?.();
    this.deadlines.clear();
  }

  encode(message: Message): Encoded {
    return encodeMessage(this.side.contract.codec, message);
  }

  /** Sends the outcome of a call, if there is a session to send it on. */
  reply(data: Encoded, user?: LaneUser): void {
    if (this.main === undefined) user?.left?.();
    else this.main.send(data, user);
  }

  emit(name: string, schema: StandardSchema, value: unknown): SendStatus {
    const data = encodeEvent(this.side, name, schema, value);
    if (this.isClosed) return "closed";
    // A call that was made before comes before.
    this.calls.sendUnsent();
    try {
      return this.main?.offer(data) ?? "closed";
    } catch (cause) {
      throw new CallError("INVALID_INPUT", `event ${name}: the value cannot be sent`, { cause });
    }
  }

  /** Each session has its own. */
  #makeParts(): void {
    const { incoming, opened, handled, unread } = this.#parts;
    this.#incoming = incoming && new incoming(this);
    if (!this.#hasStreams) return;
    this.unread = unread && new unread(this);
    this.opened = opened && new opened(this);
    this.#handled = handled && new handled(this);
  }

  /** The other side does not speak this contract, or not now. */
  #refused(which: "main" | "streams"): void {
    this[which]?.refused();
    if (which === "main") {
      this.calls.refused(REFUSED, this.#wasHeard.main);
      return;
    }
    this.opened?.end("SESSION_CLOSED", REFUSED, this.#wasHeard.streams);
    this.#handled?.end("SESSION_CLOSED", REFUSED, false);
  }

  #ended(end: SessionEnd | undefined): void {
    this.#stopListening?.();
    this.main = undefined;
    this.streams = undefined;
    const isReset = end?.isReset === true;
    const stops = end !== undefined && end.code >= STOP_FROM && end.code < STOP_BELOW;
    const isLast = this.isClosed || !this.#comesBack || (end !== undefined && (!isReset || stops));
    const isLost = isReset || (end === undefined && !this.isClosed);
    // Of a session that never began, nothing was reset: it was closed, here or by whoever let nobody in.
    const wasReset = isLost && (this.#wasLive || !isLast);
    const code = wasReset ? "SESSION_RESET" : "SESSION_CLOSED";
    const message = wasReset ? RESET : CLOSED;
    this.isClosed = isLast;
    if (!this.#wasLive) this.calls.takeBack();
    this.calls.end(isLast, code, message);
    this.opened?.end(code, message, this.#wasLive);
    this.#handled?.end(code, message, false);
    this.#incoming?.end(isLost);
  }

  #received(data: Encoded): void {
    try {
      const message = this.side.contract.codec.decode(data);
      if (Array.isArray(message) && this.#understood(message as unknown as Message, data.length)) return;
      this.#violation("a message that breaks the rules of a contract's messages");
    } catch (error) {
      this.#violation(`a message that cannot be read: ${thrownMessage(error)}`, error);
    }
  }

  #understood(message: Message, byteLength: number): boolean {
    if (this.isClosed) return this.#unanswered(message);
    switch (message[0]) {
      case Kind.event:
        return this.events.receive(message);
      case Kind.call:
        return this.#incoming?.call(message) ?? this.#refuse(Kind.error, message);
      case Kind.result:
        return this.calls.result(message);
      case Kind.error:
        return this.calls.error(message);
      case Kind.cancel:
        return this.#incoming?.cancel(message) ?? true;
      case Kind.hello:
        return this.#incoming?.hello(message) ?? false;
      case Kind.open:
        return this.#handled?.open(message) ?? this.#refuse(Kind.fail, message);
      case Kind.value:
      case Kind.credit:
      case Kind.end:
      case Kind.fail:
      case Kind.stop: {
        const n = message[1];
        if (isCount(n)) return this.#handled?.receive(n, message, byteLength) ?? true;
        return typeof n === "number" && isCount(-n) && this.opened?.receive(-n, message, byteLength) === true;
      }
      default:
        return false;
    }
  }

  /** What comes when it is closed, and no other one is there yet. */
  #unanswered(message: Message): boolean {
    if (message[0] === Kind.call) return this.#refuse(Kind.error, message);
    if (message[0] === Kind.open) return this.#refuse(Kind.fail, message);
    return true;
  }

  /** A call or a stream, where this side answers none. */
  #refuse(kind: typeof Kind.error | typeof Kind.fail, [, n]: Message): boolean {
    if (!isCount(n)) return false;
    if (kind === Kind.error) this.main?.tell([kind, n, "UNKNOWN_NAME"]);
    else this.streams?.tell([kind, -n, "UNKNOWN_NAME"]);
    return true;
  }

  #violation(message: string, cause?: unknown): void {
    const { peer } = this;
    this.side.report(new CallError("INVALID_MESSAGE", message, { cause }), peer);
    void peer.close(NOT_UNDERSTOOD, "not a message of the contract").then(undefined, () => undefined);
    this.isClosed = true;
    if (this.main !== undefined) this.#ended(undefined);
  }
}
