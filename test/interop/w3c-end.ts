// No import of Node here: this also runs in the page of a browser.
import { Inbox } from "./inbox.js";
import { contentOf, type Payload, type Received } from "./payload.js";
import type { Closed, End } from "./peer.js";

/** What is used of the interface that the web's standard gives `WebSocket`. */
export interface W3cSocket {
  binaryType: string;
  readonly protocol: string;
  readonly extensions: string;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: Required<Closed>) => void) | null;
}

/** An end with the interface of the web: of a browser, or of whoever imitates it. */
export class W3cEnd implements End {
  readonly #socket: W3cSocket;
  readonly #inbox = new Inbox();

  constructor(socket: W3cSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#inbox.message(data);
      else if (data instanceof ArrayBuffer) this.#inbox.message(new Uint8Array(data));
    };
    socket.onclose = ({ code, reason, wasClean }) => this.#inbox.close({ code, reason, wasClean });
  }

  /** Resolves when the connection is open, and rejects if it does not come to that. */
  async opened(): Promise<this> {
    const failed = this.#inbox.closed().then((closed) => {
      throw new Error(`the connection was not opened: ${JSON.stringify(closed)}`);
    });
    await Promise.race([new Promise<void>((resolve) => (this.#socket.onopen = resolve)), failed]);
    return this;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  async send(...messages: readonly Payload[]): Promise<void> {
    for (const message of messages) this.#socket.send(contentOf(message));
  }

  async sendFragments(): Promise<void> {
    throw new Error("the web's API does not send fragments");
  }

  receive(count: number): Promise<Received[]> {
    return this.#inbox.take(count);
  }

  async ping(): Promise<void> {
    throw new Error("the web's API has no pings");
  }

  async receivePing(): Promise<string> {
    throw new Error("the web's API has no pings");
  }

  async close(code?: number, reason?: string): Promise<void> {
    if (code === undefined) this.#socket.close();
    else this.#socket.close(code, reason);
  }

  async terminate(): Promise<void> {
    throw new Error("the web's API has no way to drop a connection");
  }

  closed(): Promise<Closed> {
    return this.#inbox.closed();
  }
}
