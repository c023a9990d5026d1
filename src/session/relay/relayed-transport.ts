import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import {
  DRAIN_ABOVE_BYTES,
  type Transport,
  type TransportName,
  type TransportReceiver,
} from "../transport-port.js";
import { encodeReason } from "./gate-relay.js";
import type { RelayHost } from "./relay-host.js";
import { type RelayMessage, RelayMessageType } from "./relay-message.js";
import type { RelayPeer } from "./relay-peer.js";

/** What is told of a relayed transport. */
export interface RelayedTransportUser {
  readonly host: RelayHost;
  /** Nothing more comes of it. `isLost` if it was given up although neither side wanted that. */
  forgotten(transport: RelayedTransport, isLost: boolean): void;
}

/** The gate is told what was taken after so many bytes. */
const CREDIT_EVERY_BYTES = 65_536;
/** How long the gate may take to say that the client's transport has ended, in ms. */
const LINGER_MS = 10_000;
const NOBODY: TransportReceiver = { block() {}, drained() {}, lost() {}, closed() {} };

/** At the node that has the session: a transport whose client is at another node, the gate. */
export class RelayedTransport implements Transport, TimerWheelEntry {
  readonly name: TransportName;
  receiver: TransportReceiver = NOBODY;
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  readonly peer: RelayPeer;
  /** The number that the gate gave it. */
  readonly id: number;
  readonly #user: RelayedTransportUser;
  #said = 0;
  #heard = 0;
  #sentBytes = 0;
  #sentTaken = 0;
  #receivedBytes = 0;
  #taken = 0;
  #owesDrained = false;
  #isEnded = false;
  #isForgotten = false;

  constructor(user: RelayedTransportUser, peer: RelayPeer, id: number, name: TransportName) {
    this.#user = user;
    this.peer = peer;
    this.id = id;
    this.name = name;
  }

  /** Whether nothing more goes over it. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** What was sent and not taken by the client's transport at the gate. */
  get bufferedBytes(): number {
    return this.#sentBytes - this.#sentTaken;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isEnded) return;
    const block = new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
    this.#taken = this.#receivedBytes;
    this.peer.say(RelayMessageType.downBlock, this.id, ++this.#said, this.#taken, this.#heard, block);
    this.#sentBytes += end - start;
    if (this.bufferedBytes > DRAIN_ABOVE_BYTES) this.#owesDrained = true;
  }

  close(code: number, reason: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { host } = this.#user;
    const text = encodeReason(host, reason);
    const said = code >= 4000 && code < 4600 ? code : 0;
    this.peer.say(RelayMessageType.downClose, this.id, ++this.#said, this.#receivedBytes, said, text);
    const { receiver } = this;
    this.receiver = NOBODY;
    host.endOfTurn({ flush: () => receiver.closed(code, reason) });
    host.schedule(this, host.nowMs() + LINGER_MS);
  }

  /** @internal Part of `TimerWheelEntry`: the gate does not say that it has closed. */
  onDeadline(): number {
    this.forget();
    return Infinity;
  }

  /** The gate asks for it. If that is not the first time, our answer and what stood behind it may be lost. */
  opened(): void {
    this.peer.say(RelayMessageType.accepted, this.id, this.#said + 1);
    if (this.#said > 0 && this.#heard === 0 && !this.#isEnded) this.receiver.lost();
  }

  /** A message of the gate about this transport. */
  take(message: RelayMessage, bytes: Uint8Array): void {
    const { type, number, taken, code, start, end } = message;
    if (type === RelayMessageType.upGone) {
      this.drop("the gate has it no more", false);
      return;
    }
    if (type !== RelayMessageType.upCredit) {
      if (number <= this.#heard) return; // a second time
      if (number > this.#heard + 1) {
        this.peer.say(RelayMessageType.downGone, this.id);
        this.drop("messages between nodes were lost", true);
        return;
      }
      this.#heard = number;
    }
    if (taken > this.#sentBytes) {
      this.peer.say(RelayMessageType.downGone, this.id);
      this.drop("the gate took more than there was", true);
      return;
    }
    if (taken > this.#sentTaken) this.#sentTaken = taken;
    if (type === RelayMessageType.upBlock) {
      this.#receivedBytes += end - start;
      this.receiver.block(bytes, start, end);
      if (!this.#isEnded && this.#receivedBytes - this.#taken >= CREDIT_EVERY_BYTES) {
        this.#taken = this.#receivedBytes;
        this.peer.say(RelayMessageType.downCredit, this.id, this.#taken);
      }
    } else if (type === RelayMessageType.upLost) {
      if (!this.#isEnded) this.receiver.lost();
    } else if (type === RelayMessageType.upClose) {
      this.#close(code, this.#user.host.utf8Decode(bytes, start, end) ?? "");
      this.forget();
    }
    if (this.#owesDrained && !this.#isEnded && this.bufferedBytes <= DRAIN_ABOVE_BYTES) {
      this.#owesDrained = false;
      this.receiver.drained();
    }
  }

  /** It broke. */
  drop(reason: string, isLost: boolean): void {
    this.#close(0, reason);
    this.forget(isLost);
  }

  /** Nothing more comes of it. */
  forget(isLost = false): void {
    if (this.#isForgotten) return;
    this.#isForgotten = true;
    this.#user.host.unschedule(this);
    this.#user.forgotten(this, isLost);
  }

  #close(code: number, reason: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { receiver } = this;
    this.receiver = NOBODY;
    receiver.closed(code, reason);
  }
}
