import { checkMessage } from "../machine/check-message.js";
import type { OutgoingChannel } from "../machine/outgoing-channel.js";
import type { MessageOptions, PeerChannel, SendStatus } from "../peer-port.js";
import type { PeerMachine } from "./peer-machine.js";

/** A channel of a session for whoever sends on it. */
export class SendingChannel implements PeerChannel {
  readonly #machine: PeerMachine;
  readonly #channel: OutgoingChannel;
  readonly #onClosed: () => void;
  /** Whether the session is to say when there is room again. */
  #isFull = false;
  #waiters: ((hasRoom: boolean) => void)[] = [];

  constructor(machine: PeerMachine, channel: OutgoingChannel, onClosed: () => void) {
    this.#machine = machine;
    this.#channel = channel;
    this.#onClosed = onClosed;
    channel.data = this;
  }

  get name(): string {
    return this.#channel.name;
  }

  get queuedBytes(): number {
    return this.#channel.queuedBytes;
  }

  get dropped(): number {
    return this.#channel.dropped;
  }

  /** Whether nothing can be sent any more. */
  get isClosed(): boolean {
    return this.#channel.isClosed || this.#machine.isEnded;
  }

  send(data: string | Uint8Array, options?: MessageOptions): SendStatus {
    checkMessage(data, options?.id);
    const status = this.#machine.send(this.#channel, data, options);
    this.noted(status);
    return status;
  }

  ready(): Promise<boolean> {
    // Who sends while there is room must not go on for ever, in a loop that lets nothing else run.
    if (this.isClosed || this.#machine.isClosing === true) return Promise.resolve(false);
    if (!this.#isFull) return Promise.resolve(true);
    return new Promise((resolve) => void this.#waiters.push(resolve));
  }

  close(): void {
    this.#machine.closeChannel(this.#channel);
    this.ended();
  }

  /** @internal Something was sent, maybe around this object, with such an answer. */
  noted(status: SendStatus): void {
    if (status === "queued" || status === "dropped") this.#isFull = true;
  }

  /** @internal Nothing can be sent any more. */
  ended(): void {
    this.#onClosed();
    this.resolve(false);
  }

  /** @internal There is room, or never will be. */
  resolve(hasRoom: boolean): void {
    this.#isFull = false;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter(hasRoom);
  }
}
