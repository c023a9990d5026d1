import type { IncomingChannel } from "../machine/incoming-channel.js";
import type { PeerReceiver } from "../peer-port.js";
import type { PeerMachine } from "./machine-peer.js";

/** A message that waits until an earlier one of its channel is done with. */
interface WaitingMessage {
  readonly data: string | Uint8Array;
  readonly id: Uint8Array | undefined;
  readonly byteLength: number;
}

/**
 * The messages of a channel whose receiver takes its time: while a promise that it returned is pending, what comes waits here.
 * It holds no more than the window of the channel.
 */
export class PeerInbox {
  readonly #machine: PeerMachine;
  readonly #channel: IncomingChannel;
  readonly #deliver: (message: WaitingMessage) => undefined | Promise<void>;
  readonly #waiting: WaitingMessage[] = [];
  #isBusy = false;

  /** @param deliver hands a message to the receiver; does not throw, and what it returns does not reject. */
  constructor(
    machine: PeerMachine,
    channel: IncomingChannel,
    deliver: (message: WaitingMessage) => undefined | Promise<void>,
  ) {
    this.#machine = machine;
    this.#channel = channel;
    this.#deliver = deliver;
  }

  /** Whether what comes has to wait. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** A message behind the one that is not done with. */
  add(message: WaitingMessage): void {
    this.#waiting.push(message);
  }

  /** A message is done with when the promise is; then the next ones are handed out. */
  async hold(done: Promise<void>, byteLength: number): Promise<void> {
    this.#isBusy = true;
    await done;
    this.#machine.taken(this.#channel, byteLength);
    for (let message = this.#next(); message !== undefined; message = this.#next()) {
      await this.#deliver(message);
      this.#machine.taken(this.#channel, message.byteLength);
    }
    this.#isBusy = false;
  }

  #next(): WaitingMessage | undefined {
    return this.#machine.isEnded ? undefined : this.#waiting.shift();
  }
}

/** Who takes the messages of a channel, with its inbox once it needed one. */
export interface Reception {
  readonly receiver: PeerReceiver;
  inbox: PeerInbox | undefined;
}
