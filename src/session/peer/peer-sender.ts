import type { OutgoingChannel } from "../machine/outgoing-channel.js";
import type { MessageOptions, PeerChannel, SendStatus } from "../peer-port.js";
import type { PeerMachine } from "./machine-peer.js";

/** A channel of a {@link MachinePeer}, for sending. */
export class PeerSender implements PeerChannel {
  readonly #machine: PeerMachine;
  readonly #channel: OutgoingChannel;
  #isFull = false;
  #waiters: ((hasRoom: boolean) => void)[] = [];

  /** @internal Made by a {@link MachinePeer}. */
  constructor(machine: PeerMachine, channel: OutgoingChannel) {
    this.#machine = machine;
    this.#channel = channel;
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

  /** Whether nothing can be sent on it any more. */
  get isClosed(): boolean {
    return this.#channel.isClosed || this.#machine.isEnded;
  }

  send(data: string | Uint8Array, options?: MessageOptions): SendStatus {
    const status = this.#machine.send(this.#channel, data, options);
    if (status === "queued" || status === "dropped") this.#isFull = true;
    return status;
  }

  ready(): Promise<boolean> {
    if (this.isClosed) return Promise.resolve(false);
    if (!this.#isFull) return Promise.resolve(true);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  close(): void {
    this.#machine.closeChannel(this.#channel);
    this.told(false);
  }

  /** @internal There is room again, or there will not be any. */
  told(hasRoom: boolean): void {
    this.#isFull = false;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter(hasRoom);
  }
}
