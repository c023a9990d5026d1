import type { Duplex } from "node:stream";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";

/** Long enough for the pieces of a write to arrive one by one, and how many of them are worth the time. */
const PAUSE_MS = 3;
const MOST_PAUSES = 20;
/** How long a peer has to read what was written and to end the transport, when a case is over. */
const FAREWELL_MS = 250;

/** Who is told of what a {@link RawSocket} receives. */
export interface RawSocketListener {
  readonly onBytes: (bytes: Buffer) => void;
  /** The transport ended, in words to stand behind `the peer`. May be called more than once. */
  readonly onEnd: (how: string) => void;
}

/** The transport of a case: bytes as they are, written in the pieces that the case wants. */
export class RawSocket {
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Begins to read. */
  listen({ onBytes, onEnd }: RawSocketListener): void {
    const socket = this.#socket;
    if ("setNoDelay" in socket) (socket as Duplex & { setNoDelay(on: boolean): void }).setNoDelay(true);
    socket.on("data", onBytes);
    socket.on("end", () => onEnd("closed the transport"));
    socket.on("close", () => onEnd("closed the transport"));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      onEnd(`broke the transport (${error.code ?? error.message})`),
    );
    socket.resume();
  }

  /** Whether our direction is still open. */
  get writable(): boolean {
    return this.#socket.writable;
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Writes as long as our direction is open, in pieces, each in a segment of its own: each size in turn, the last one again and again. */
  async writePieces(
    bytes: Buffer,
    pieces: readonly number[],
    onPiece: (piece: Buffer) => void,
  ): Promise<void> {
    let start = 0;
    for (let i = 0; start < bytes.length && this.writable; i++) {
      const size = pieces[Math.min(i, pieces.length - 1)] ?? bytes.length;
      const piece = bytes.subarray(start, start + size);
      start += size;
      onPiece(piece);
      this.#socket.write(piece);
      // A pause where they are few, else at least a turn.
      if (start < bytes.length) await (i < MOST_PAUSES ? sleep(PAUSE_MS) : setImmediate());
    }
  }

  /** Ends our direction. */
  end(): void {
    this.#socket.end();
  }

  /** Resets the transport, where it can be reset. */
  reset(): void {
    const socket = this.#socket;
    // Node cannot reset what is below TLS; there it is cut off without TLS's own farewell.
    if ("resetAndDestroy" in socket && !("encrypted" in socket)) {
      (socket as Duplex & { resetAndDestroy(): void }).resetAndDestroy();
    } else socket.destroy();
  }

  /** Ends the transport. What was written still leaves. */
  async finish(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.on("error", () => {});
    socket.resume();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end();
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
    await closed;
    clearTimeout(timer);
  }
}
