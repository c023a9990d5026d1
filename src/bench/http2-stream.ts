import type { LoadCarrier } from "./load-peer.js";

/** What a stream asks its connection to do. */
export interface Http2StreamOwner {
  send(stream: Http2Stream, bytes: Buffer): void;
  end(stream: Http2Stream): void;
  destroy(stream: Http2Stream): void;
  pause(): void;
}

/** A stream of HTTP/2 that carries a WebSocket. */
export class Http2Stream implements LoadCarrier {
  readonly id: number;
  /** How much may be sent. */
  window: number;
  /** How much was received and not given back. */
  consumed = 0;
  /** What waits for a window. */
  readonly queue: Buffer[] = [];
  destroyed = false;
  receiver: ((bytes: Buffer) => void) | undefined;
  readonly #owner: Http2StreamOwner;
  readonly #listeners: { readonly event: string; readonly call: (error: Error) => void }[] = [];

  constructor(id: number, window: number, owner: Http2StreamOwner) {
    this.id = id;
    this.window = window;
    this.#owner = owner;
  }

  on(event: "error" | "end" | "close", listener: (error: Error) => void): void {
    this.#listeners.push({ event, call: listener });
  }

  once(event: "close", listener: () => void): void {
    this.on(event, listener); // there is one close
  }

  write(bytes: Buffer): void {
    if (!this.destroyed) this.#owner.send(this, bytes);
  }

  end(bytes: Buffer): void {
    this.write(bytes);
    if (!this.destroyed) this.#owner.end(this);
  }

  /** Stops all streams of the connection. */
  pause(): void {
    this.#owner.pause();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#owner.destroy(this);
    this.#tell("close", new Error());
  }

  /** The peer has nothing more to say. */
  ended(): void {
    this.#tell("end", new Error());
    this.destroy();
  }

  lost(reason: string): void {
    this.#tell("error", new Error(reason));
    this.destroy();
  }

  #tell(event: string, error: Error): void {
    for (const listener of this.#listeners) if (listener.event === event) listener.call(error);
  }
}
