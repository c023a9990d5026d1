import type { Socket } from "node:net";

/** Up to where the bytes of each socket are counted: browsers send one request after another over the same one. */
const counted = new WeakMap<Socket, { up: number; down: number }>();

/** Bytes of TCP payload, both ways. */
export interface WireBytes {
  readonly up: number;
  readonly down: number;
}

/**
 * One request with its answer, or one WebSocket, measured where it leaves the process: at its socket. What TCP, IP and TLS add
 * is not in it.
 */
export class Exchange {
  readonly #socket: Socket;

  /** The bytes of the socket since the last exchange on it belong to this one: the head of its request. */
  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** What went over it since this was last asked. */
  take(): WireBytes {
    const { bytesRead, bytesWritten } = this.#socket;
    const before = counted.get(this.#socket) ?? { up: 0, down: 0 };
    counted.set(this.#socket, { up: bytesRead, down: bytesWritten });
    return { up: bytesRead - before.up, down: bytesWritten - before.down };
  }

  /** Pulls the plug: no goodbye, as when a network is gone. */
  cut(): void {
    this.#socket.destroy();
  }
}
