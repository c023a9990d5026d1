// No import of Node here: this also runs in the page of a browser.

import { type Received, receivedAs } from "./payload.js";
import type { Closed } from "./peer.js";

type Message = string | Uint8Array<ArrayBuffer>;

/** What one end of a connection has received and nobody has looked at. */
export class Inbox {
  readonly #messages: Message[] = [];
  readonly #pings: string[] = [];
  #closed: Closed | undefined = undefined;
  #wake: () => void = () => {};
  #woken: Promise<void> = Promise.resolve();

  constructor() {
    this.#rearm();
  }

  message(message: Message): void {
    this.#messages.push(message);
    this.#notify();
  }

  ping(payload: string): void {
    this.#pings.push(payload);
    this.#notify();
  }

  close(closed: Closed): void {
    this.#closed = closed;
    this.#notify();
  }

  /** The next messages; rejects as soon as it is certain that they do not come. */
  async take(count: number): Promise<Received[]> {
    await this.#until(() => this.#messages.length >= count, `${count} messages`);
    return Promise.all(this.#messages.splice(0, count).map(receivedAs));
  }

  /** The payload of the next ping. */
  async takePing(): Promise<string> {
    await this.#until(() => this.#pings.length > 0, "a ping");
    return this.#pings.shift() ?? "";
  }

  /** How the connection ended, once it has. */
  async closed(): Promise<Closed> {
    while (this.#closed === undefined) await this.#woken;
    return this.#closed;
  }

  async #until(isThere: () => boolean, what: string): Promise<void> {
    while (!isThere()) {
      if (this.#closed !== undefined)
        throw new Error(`the connection ended before ${what}: ${JSON.stringify(this.#closed)}`);
      await this.#woken;
    }
  }

  #notify(): void {
    this.#wake();
    this.#rearm();
  }

  #rearm(): void {
    this.#woken = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
