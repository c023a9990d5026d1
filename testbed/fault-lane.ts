import type { Socket } from "node:net";
import type { SeededRandom } from "./seeded-random.js";

/** What happens to the bytes of one direction. Nothing by default. */
export interface DirectionFaults {
  /** How late they arrive. Default 0. */
  readonly delayMs?: number | undefined;
  /** Up to this much later still, at random; the order stays. Default 0. */
  readonly jitterMs?: number | undefined;
  /** Default no limit. */
  readonly bytesPerSecond?: number | undefined;
  /** They arrive in pieces of a random size up to this, each a write of its own; 1 for single bytes. Default as they come. */
  readonly maxPieceBytes?: number | undefined;
  /** Only so many bytes of a connection are cut into pieces, for single bytes are slow. Default all. */
  readonly piecesWithinBytes?: number | undefined;
  /** How often nothing moves for a while, as a share of the chunks. Default 0. */
  readonly stallShare?: number | undefined;
  /** How long that lasts at most. Default 1,000. */
  readonly stallMs?: number | undefined;
  /** The share of chunks in which a bit is turned. Default 0: TCP has checksums. */
  readonly corruptShare?: number | undefined;
}

/** What a {@link FaultLane} tells its owner. */
export interface LaneEvents {
  /** The connection is to be cut behind so many bytes; Infinity for never. */
  readonly cutAtByte: number;
  onCut(): void;
  onBytes(count: number): void;
}

/** Above this much on its way, the source is not read: the backpressure of a real path, which holds some, too. */
const MAX_HELD_BYTES = 262_144;

interface Held {
  /** Undefined for the end of the stream. */
  readonly bytes: Buffer | undefined;
  readonly dueAtMs: number;
}

/** One direction of a connection through a fault proxy: reads from one socket, writes to the other, later and worse. */
export class FaultLane {
  faults: DirectionFaults;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #random: SeededRandom;
  readonly #events: LaneEvents;
  readonly #held: Held[] = [];
  #heldBytes = 0;
  #forwardedBytes = 0;
  #lastDueAtMs = 0;
  #isPumping = false;
  #isStopped = false;
  #stalledUntilMs = 0;
  /** Ends the wait that the pump is in. */
  #wake: (() => void) | undefined;

  constructor(from: Socket, to: Socket, random: SeededRandom, faults: DirectionFaults, events: LaneEvents) {
    this.#from = from;
    this.#to = to;
    this.#random = random;
    this.faults = faults;
    this.#events = events;
    from.on("data", (chunk: Buffer) => this.#hold(chunk));
    from.on("end", () => this.#hold(undefined));
    to.on("close", () => this.stop());
  }

  /** Hands on nothing for a while. */
  stall(forMs: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, performance.now() + forMs);
  }

  /** Hands on nothing more, for ever. The source is read all the same, so that its end is seen. */
  stop(): void {
    this.#isStopped = true;
    this.#held.length = 0;
    this.#heldBytes = 0;
    this.#wake?.();
    this.#from.resume();
  }

  #hold(bytes: Buffer | undefined): void {
    if (this.#isStopped) return;
    const { delayMs = 0, jitterMs = 0 } = this.faults;
    const lateMs = delayMs + this.#random.next() * jitterMs;
    this.#lastDueAtMs = Math.max(this.#lastDueAtMs, performance.now() + lateMs);
    this.#held.push({ bytes, dueAtMs: this.#lastDueAtMs });
    this.#heldBytes += bytes?.length ?? 0;
    if (this.#heldBytes > MAX_HELD_BYTES) this.#from.pause();
    if (!this.#isPumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    for (let next = this.#held.shift(); next !== undefined; next = this.#held.shift()) {
      await this.#until(next.dueAtMs);
      const { stallShare = 0, stallMs = 1_000 } = this.faults;
      if (this.#random.chance(stallShare)) this.stall(this.#random.next() * stallMs);
      while (!this.#isStopped && performance.now() < this.#stalledUntilMs)
        await this.#until(this.#stalledUntilMs);
      if (this.#isStopped) break;
      if (next.bytes === undefined) {
        this.#to.end();
        break;
      }
      await this.#forward(next.bytes);
      if (this.#isStopped) break;
      this.#heldBytes -= next.bytes.length;
      if (this.#heldBytes <= MAX_HELD_BYTES / 2) this.#from.resume();
    }
    this.#isPumping = false;
  }

  async #forward(bytes: Buffer): Promise<void> {
    if (this.#random.chance(this.faults.corruptShare ?? 0)) {
      bytes[this.#random.integer(0, bytes.length - 1)]! ^= 1 << this.#random.integer(0, 7);
    }
    let at = 0;
    while (at < bytes.length && !this.#isStopped) {
      const {
        maxPieceBytes = Infinity,
        piecesWithinBytes = Infinity,
        bytesPerSecond = Infinity,
      } = this.faults;
      const isCutUp = maxPieceBytes !== Infinity && this.#forwardedBytes < piecesWithinBytes;
      const wanted = isCutUp ? this.#random.integer(1, maxPieceBytes) : 65_536;
      const end = Math.min(bytes.length, at + wanted, at + this.#events.cutAtByte - this.#forwardedBytes);
      if (end > at) {
        const piece = bytes.subarray(at, end);
        this.#forwardedBytes += piece.length;
        this.#events.onBytes(piece.length);
        if (!this.#to.write(piece)) await this.#drained();
        if (bytesPerSecond !== Infinity)
          await this.#until(performance.now() + (1_000 * piece.length) / bytesPerSecond);
        else if (isCutUp) await this.#round();
      }
      at = end;
      if (this.#forwardedBytes >= this.#events.cutAtByte && !this.#isStopped) this.#events.onCut();
    }
  }

  async #until(timeMs: number): Promise<void> {
    const leftMs = timeMs - performance.now();
    if (leftMs <= 0 || this.#isStopped) return;
    await this.#wait((wake) => {
      const timer = setTimeout(wake, leftMs);
      return () => clearTimeout(timer);
    });
  }

  /** One round of the event loop, so that a piece leaves as a segment of its own. */
  #round(): Promise<void> {
    return this.#wait((wake) => {
      const immediate = setImmediate(wake);
      return () => clearImmediate(immediate);
    });
  }

  #drained(): Promise<void> {
    return this.#wait((wake) => {
      this.#to.once("drain", wake);
      return () => this.#to.off("drain", wake);
    });
  }

  async #wait(begin: (wake: () => void) => () => void): Promise<void> {
    if (this.#isStopped) return;
    let end = (): void => {};
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      end = begin(resolve);
    });
    this.#wake = undefined;
    end();
  }
}
