import { ConnectionError } from "../../core/hawser-error.js";
import { CONNECTION_BASE_BYTES, type MemoryHolder } from "./memory-budget.js";
import { ReceivingConnection } from "./receiving-connection.js";
import { SMALL_OUTPUT_BYTES } from "./sending-connection.js";

/** What a piece that waits in the stream costs beside its bytes: 154 measured on Node 20. */
const PIECE_OVERHEAD_BYTES = 160;

/** How much memory a connection takes, what is done where that is too much, and what its server's budget is told of it. */
export abstract class MeasuredConnection<Data, Socket>
  extends ReceivingConnection<Data, Socket>
  implements MemoryHolder
{
  #heldBytes = 0;

  /**
   * How much memory it takes, as far as it is counted for `maxConnectionMemoryBytes` and `maxMemoryBytes`: what it holds
   * for its peer, with the objects around that, and 5,120 bytes for itself. Not what the application keeps, nor TLS.
   */
  get memoryBytes(): number {
    return CONNECTION_BASE_BYTES + this.measure();
  }

  /** @internal Part of `MemoryHolder`. */
  override get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @internal Part of `MemoryHolder`. */
  override recount(): void {
    const { memory, settings } = this.context;
    const before = this.#heldBytes;
    this.#heldBytes = this.isGone || this.stream.destroyed ? 0 : this.measure();
    // What is kept only for speed is no reason to end a connection.
    if (this.isOverLimit() && this.engine.hasDeflate) {
      this.engine.letGo();
      this.#heldBytes = this.measure();
    }
    if (this.isOverLimit()) {
      this.#heldBytes = before;
      this.endForMemory(`the connection holds more than ${settings.maxConnectionMemoryBytes} bytes`);
    } else if (this.#heldBytes !== before) memory?.moved(this, this.#heldBytes - before);
  }

  private isOverLimit(): boolean {
    const { settings } = this.context;
    // A single message may be larger than what may be buffered: it is in memory anyway, and not for the peer to judge.
    const ownBytes = Math.max(0, this.leavingBytes() - settings.maxBufferedBytes);
    return this.#heldBytes - ownBytes + CONNECTION_BASE_BYTES > settings.maxConnectionMemoryBytes;
  }

  /** @internal Part of `MemoryHolder`. */
  letGo(): void {
    if (!this.engine.hasDeflate) return;
    this.engine.letGo();
    this.recount();
  }

  /** @internal Part of `MemoryHolder`. */
  endForMemory(message: string): void {
    this.forgetHeld();
    this.engine.terminate(new ConnectionError("MEMORY_EXCEEDED", message));
    this.recount(); // the stream is destroyed
  }

  private measure(): number {
    const { waitingPieces = 0, queue, deferred } = this.extras ?? {};
    const leaving = this.leavingBytes();
    return (
      this.engine.heldBytes +
      this.heldBackBytes +
      (leaving < SMALL_OUTPUT_BYTES ? 0 : leaving) +
      waitingPieces * PIECE_OVERHEAD_BYTES +
      (queue?.heldBytes ?? 0) +
      (deferred?.heldBytes ?? 0)
    );
  }
}
