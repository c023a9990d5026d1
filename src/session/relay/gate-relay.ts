import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { DRAIN_ABOVE_BYTES, type Transport, type TransportReceiver } from "../transport-port.js";
import { endBlock } from "../wire/end-packet.js";
import { LEAVE_PACKET, RESET_PACKET } from "../wire/packet-type.js";
import { BAD_PACKET_CODE, TIMEOUT_CODE, TOO_SLOW_CODE } from "../wire/session-code.js";
import type { RelayHost } from "./relay-host.js";
import { MAX_REASON_BYTES, type RelayMessage, RelayMessageType, transportNumber } from "./relay-message.js";
import type { RelayPeer } from "./relay-peer.js";
import { Retries } from "./retries.js";

/** Why a transport was not relayed: nobody answers to the owner's name; the broker is silent altogether; too many relays. */
export type RelayFailure = "gone" | "silent" | "full";

/** What is told of the relays of a gate. */
export interface GateRelayUser {
  readonly host: RelayHost;
  /** The open goes out, again or for the first time: is the broker there at all? */
  asked(): void;
  /** Whether anything came from the broker since then. */
  hasHeardSince(timeMs: number): boolean;
  /** It is over. `isLost` if it was given up although neither side wanted that. */
  ended(relay: GateRelay, isLost: boolean): void;
}

/** The owner is told what the client's transport took after so many bytes. */
export const CREDIT_EVERY_BYTES = 16_384;
/** Above so many bytes that the owner did not take, the client is not read. Twice what a session has on its way. */
const PAUSE_ABOVE_BYTES = 524_288;
/** Above so many bytes the transport is given up: only a client that keeps to no window gets there. */
const GIVE_UP_ABOVE_BYTES = 4_194_304;
const NO_BYTES = new Uint8Array(0);

/** At the node that has the client: takes the place of the session for a transport, and has its owner carry it on. */
export class GateRelay implements TransportReceiver, TimerWheelEntry {
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  readonly id: number;
  readonly peer: RelayPeer;
  readonly #user: GateRelayUser;
  readonly #transport: Transport;
  readonly #failed: (why: RelayFailure) => void;
  readonly #retries: Retries;
  /** What is said until it is answered. */
  #open: readonly [request: Uint8Array, block: Uint8Array] | undefined;
  /** A `reset` behind the `open`: of a page that is left, and waits for nothing. */
  #lastWords: Uint8Array | undefined;
  #state: "asking" | "open" | "closing" | "over" = "asking";
  #said = 0;
  #heard = 0;
  #sentBytes = 0;
  #sentTaken = 0;
  #receivedBytes = 0;
  #taken = 0;
  #isPaused = false;
  /** The number of the message that said that blocks were lost on their way to the client. */
  #lostAt = 0;

  /** @param failed called at most once, if the owner never took it: the transport is the caller's again then. */
  constructor(
    user: GateRelayUser,
    id: number,
    peer: RelayPeer,
    transport: Transport,
    open: readonly [request: Uint8Array, block: Uint8Array],
    timeoutMs: number,
    failed: (why: RelayFailure) => void,
  ) {
    this.#user = user;
    this.id = id;
    this.peer = peer;
    this.#transport = transport;
    this.#open = open;
    this.#failed = failed;
    this.#retries = new Retries(user.host.nowMs(), timeoutMs);
    transport.receiver = this;
    this.#ask();
  }

  /** Whether its owner has not answered yet. */
  get isAsking(): boolean {
    return this.#state === "asking";
  }

  #ask(): void {
    const [request, block] = this.#open!;
    this.#user.asked();
    const number = transportNumber(this.#transport.name);
    this.peer.say(RelayMessageType.open, this.id, number, request.length, request, block);
    this.#user.host.schedule(this, this.#retries.dueMs);
  }

  /** @internal Part of `TimerWheelEntry`. */
  onDeadline(nowMs: number): number {
    if (this.#state !== "asking") return Infinity;
    const due = this.#retries.due(nowMs);
    if (due === "again") this.#ask();
    if (due !== "over") return this.#retries.dueMs;
    this.peer.say(RelayMessageType.upGone, this.id); // it may have it, and we did not hear
    this.#end(false);
    this.#failed(this.#user.hasHeardSince(this.#retries.startedMs) ? "gone" : "silent");
    return Infinity;
  }

  // --- From the owner --------------------------------------------------------------------------------------------

  /** A message of the owner about this relay. */
  take(message: RelayMessage, bytes: Uint8Array): void {
    const { type, number } = message;
    if (type === RelayMessageType.accepted) this.#accept(number);
    else if (type === RelayMessageType.downGone) {
      if (this.#state === "closing") this.#end(false);
      else if (this.#state === "asking") {
        this.#end(false);
        this.#failed("full"); // it is there, and has no room
      } else if (this.#state === "open") this.giveUp("the owner has it no more", true);
    } else if (this.#state === "open") {
      if (type === RelayMessageType.downCredit) this.#credit(message.taken);
      else if (number === this.#heard + 1) this.#next(message, bytes);
      else if (number > this.#heard) this.giveUp("messages between nodes were lost", true);
    }
  }

  #accept(next: number): void {
    if (this.#state !== "asking") return; // the answer to a question that was repeated
    this.#state = "open";
    this.#open = undefined;
    this.#heard = next - 1;
    this.#user.host.unschedule(this);
    if (this.#lastWords !== undefined) this.block(this.#lastWords, 0, this.#lastWords.length);
    this.#lastWords = undefined;
  }

  #next({ type, taken, heard, code, start, end }: RelayMessage, bytes: Uint8Array): void {
    this.#heard++;
    this.#credit(taken);
    if (this.#state !== "open") return;
    if (type === RelayMessageType.downClose) {
      this.#state = "closing";
      this.#transport.close(code, this.#user.host.utf8Decode(bytes, start, end) ?? "");
      return;
    }
    this.#receivedBytes += end - start;
    // What was on its way when blocks in front of it were lost is lost, too: the session sends both again, in their order.
    if (heard >= this.#lostAt) this.#transport.send(bytes, start, end);
    if (this.#transport.bufferedBytes > DRAIN_ABOVE_BYTES) return; // it says when it is drained
    if (this.#receivedBytes - this.#taken >= CREDIT_EVERY_BYTES) this.#giveCredit();
  }

  #credit(taken: number): void {
    if (taken > this.#sentBytes) {
      this.giveUp("the owner took more than there was", true);
      return;
    }
    if (taken > this.#sentTaken) this.#sentTaken = taken;
    if (this.#isPaused && this.#sentBytes - this.#sentTaken <= PAUSE_ABOVE_BYTES / 2) {
      this.#isPaused = false;
      this.#transport.resume?.();
    }
  }

  #giveCredit(): void {
    this.peer.say(RelayMessageType.upCredit, this.id, this.#takenNow());
  }

  /** What the client's transport has taken; it may be piggybacked on anything. */
  #takenNow(): number {
    if (this.#transport.bufferedBytes <= DRAIN_ABOVE_BYTES) this.#taken = this.#receivedBytes;
    return this.#taken;
  }

  // --- From the client -------------------------------------------------------------------------------------------

  block(bytes: Uint8Array, start: number, end: number): void {
    if (this.#state === "asking") {
      if (this.#lastWords === undefined && bytes[start] === RESET_PACKET) {
        this.#lastWords = new Uint8Array(bytes.subarray(start, end)); // not `slice`: that of a Buffer copies nothing
        return;
      }
      // Whoever goes on has to wait for its welcome.
      this.#leave(BAD_PACKET_CODE, "a block before the welcome", 0, 0);
      this.peer.say(RelayMessageType.upGone, this.id);
      this.#end(false);
    }
    if (this.#state !== "open") return;
    const block = new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
    this.peer.say(RelayMessageType.upBlock, this.id, ++this.#said, this.#takenNow(), block);
    this.#sentBytes += end - start;
    const waiting = this.#sentBytes - this.#sentTaken;
    if (waiting > GIVE_UP_ABOVE_BYTES) this.giveUp("too much at once", true, TOO_SLOW_CODE);
    else if (waiting > PAUSE_ABOVE_BYTES && !this.#isPaused) {
      this.#isPaused = true;
      this.#transport.pause?.();
    }
  }

  drained(): void {
    if (this.#state === "open") this.#giveCredit();
  }

  lost(): void {
    if (this.#state !== "open") return;
    this.#lostAt = ++this.#said;
    this.peer.say(RelayMessageType.upLost, this.id, this.#lostAt, this.#takenNow());
  }

  closed(code: number, reason: string): void {
    if (this.#state === "over") return;
    if (this.#state === "asking") this.peer.say(RelayMessageType.upGone, this.id);
    else this.#sayClosed(code, reason);
    this.#end(false);
  }

  #sayClosed(code: number, reason: string): void {
    const text = encodeReason(this.#user.host, reason);
    this.peer.say(RelayMessageType.upClose, this.id, ++this.#said, this.#takenNow(), code, text);
  }

  // --- Its end ---------------------------------------------------------------------------------------------------

  /** Gives the transport up: the client resumes over another one. */
  giveUp(reason: string, isLost: boolean, code: number = TIMEOUT_CODE): void {
    if (this.#state === "over") return;
    if (this.#state === "asking") {
      this.peer.say(RelayMessageType.upGone, this.id);
      this.#end(isLost);
      this.#failed("silent"); // not `gone`: nobody has waited for its answer to the end
      return;
    }
    this.peer.say(RelayMessageType.upGone, this.id);
    if (this.#state === "open") this.#leave(code, reason, 0, 0);
    this.#end(isLost);
  }

  /** This node shuts down: the client is sent elsewhere, and finds its session again. */
  sendAway(code: number, reason: string, notBeforeMs: number, spreadMs: number): void {
    if (this.#state === "asking") this.peer.say(RelayMessageType.upGone, this.id);
    else if (this.#state === "open") this.#sayClosed(code, reason);
    if (this.#state !== "closing") this.#leave(code, reason, notBeforeMs, spreadMs);
    this.#end(false);
  }

  #leave(code: number, reason: string, notBeforeMs: number, spreadMs: number): void {
    const block = endBlock(LEAVE_PACKET, code, encodeReason(this.#user.host, reason), notBeforeMs, spreadMs);
    this.#transport.send(block, 0, block.length);
    this.#transport.close(code, reason);
  }

  #end(isLost: boolean): void {
    this.#state = "over";
    this.#open = undefined;
    this.#user.host.unschedule(this);
    if (this.#isPaused) this.#transport.resume?.(); // or its end is not seen
    this.#isPaused = false;
    this.#user.ended(this, isLost);
  }
}

/** A reason as bytes; none if it is too long to be said. */
export function encodeReason(host: RelayHost, reason: string): Uint8Array {
  if (reason === "") return NO_BYTES;
  const bytes = host.allocate(3 * reason.length);
  const length = host.utf8Write(reason, bytes, 0);
  return length > MAX_REASON_BYTES ? NO_BYTES : bytes.subarray(0, length);
}
