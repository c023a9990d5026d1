import type { ClientMessage, ServerMessage } from "../messages.js";

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/** A normal closure: somebody wanted it to end, so it is not opened again. */
const NORMAL_CLOSURE = 1000;

export type ConnectionState =
  | { readonly name: "connecting" }
  | { readonly name: "open" }
  | {
      readonly name: "closed";
      readonly code: number;
      readonly reason: string;
      /** Whether both sides sent a close frame. */
      readonly wasClean: boolean;
      /** When the next attempt is; undefined if there is none. */
      readonly retryInMs: number | undefined;
    };

/** The WebSocket address of a path on the server that the page came from; older browsers take no relative one. */
export function webSocketUrl(path: string): string {
  return location.origin.replace(/^http/, "ws") + path;
}

/** Whom the connection tells. */
export interface ConnectionListener {
  state(state: ConnectionState): void;
  message(message: ServerMessage): void;
  image(bytes: ArrayBuffer): void;
}

/** The connection to the chat. After it was lost it is opened again, with longer and longer waiting in between. */
export class Connection {
  readonly #path: () => string;
  readonly #listener: ConnectionListener;
  #socket: WebSocket | undefined;
  #failures = 0;
  #retryTimer: number | undefined;

  /** `path` is asked before each attempt. */
  constructor(path: () => string, listener: ConnectionListener) {
    this.#path = path;
    this.#listener = listener;
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open(): void {
    clearTimeout(this.#retryTimer);
    this.#listener.state({ name: "connecting" });
    const socket = new WebSocket(webSocketUrl(this.#path()));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#failures = 0;
      this.#listener.state({ name: "open" });
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === "string") this.#listener.message(JSON.parse(data) as ServerMessage);
      else this.#listener.image(data);
    };
    socket.onclose = ({ code, reason, wasClean }) => {
      const retryInMs = code === NORMAL_CLOSURE ? undefined : this.#retryDelayMs();
      if (retryInMs !== undefined) this.#retryTimer = setTimeout(() => this.open(), retryInMs);
      this.#listener.state({ name: "closed", code, reason, wasClean, retryInMs });
    };
    this.#socket = socket;
  }

  send(message: ClientMessage): void {
    if (this.isOpen) this.#socket?.send(JSON.stringify(message));
  }

  sendImage(file: Blob): void {
    if (this.isOpen) this.#socket?.send(file);
  }

  close(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }

  /** Twice as long after each failure; a little at random, so that a thousand tabs do not come back at once. */
  #retryDelayMs(): number {
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LONGEST_RETRY_MS);
    return delayMs * (1 + Math.random() / 4);
  }
}
