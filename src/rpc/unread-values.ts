import { CallError } from "./call-error.js";
import type { ConversationPort, UnreadSource, UnreadValuesPart } from "./parts.js";

/** How much may wait before nothing more is taken: as much as a channel of a session lets come unread. */
const MAX_UNREAD_BYTES = 1_048_576;
/** What a value counts besides its bytes: about what the objects around it take. */
const OVERHEAD_BYTES = 64;
/** How often it is seen whether the session has ended meanwhile: nobody is told while a receiver is busy. */
const LOOK_MS = 1_000;

/**
 * The values on one session that came and were not read yet, of all its streams. Credit bounds how many they are, and this how many
 * bytes: above the limit nothing more is taken of their channel, and the session holds the sender back. So that a reader which has
 * stopped does not hold up all other streams for ever, its stream is ended when nobody has read for `maxDeadlineMs`.
 */
export class UnreadValues implements UnreadValuesPart {
  readonly #conversation: ConversationPort;
  readonly #bytesOf = new Map<UnreadSource, number>();
  #bytes = 0;
  #lastReadMs = 0;
  #isOver = false;
  #waiting: Promise<void> | undefined;
  #resolve = (): void => undefined;

  constructor(conversation: ConversationPort) {
    this.#conversation = conversation;
  }

  came(source: UnreadSource, byteLength: number): void {
    const bytes = byteLength + OVERHEAD_BYTES;
    this.#bytes += bytes;
    this.#bytesOf.set(source, (this.#bytesOf.get(source) ?? 0) + bytes);
  }

  read(source: UnreadSource, byteLength: number): void {
    const bytes = byteLength + OVERHEAD_BYTES;
    this.#bytes -= bytes;
    const left = this.#bytesOf.get(source)! - bytes;
    if (left > 0) this.#bytesOf.set(source, left);
    else this.#bytesOf.delete(source);
    this.#lastReadMs = this.#conversation.side.clock.nowMs();
    if (this.#bytes <= MAX_UNREAD_BYTES) this.#release();
  }

  dropped(source: UnreadSource): void {
    this.#bytes -= this.#bytesOf.get(source) ?? 0;
    this.#bytesOf.delete(source);
    if (this.#bytes <= MAX_UNREAD_BYTES) this.#release();
  }

  room(): Promise<void> | undefined {
    if (this.#bytes <= MAX_UNREAD_BYTES || this.#isOver) return undefined;
    if (this.#waiting === undefined) {
      this.#lastReadMs = this.#conversation.side.clock.nowMs();
      this.#waiting = new Promise((resolve) => {
        this.#resolve = resolve;
      });
      this.#lookLater();
    }
    return this.#waiting;
  }

  #release(): void {
    this.#waiting = undefined;
    this.#resolve();
  }

  #lookLater(): void {
    const waiting = this.#waiting;
    this.#conversation.side.clock.after(LOOK_MS, () => {
      if (waiting !== undefined && waiting === this.#waiting) this.#look();
    });
  }

  #look(): void {
    const { streams, side } = this.#conversation;
    if (side.clock.nowMs() - this.#lastReadMs >= side.limits.maxDeadlineMs) this.#endLargest();
    else if (streams === undefined) this.#sessionEnded();
    else {
      void streams.isOpen().then((isOpen) => {
        if (!isOpen) this.#sessionEnded();
      });
    }
    this.#lookLater();
  }

  #sessionEnded(): void {
    this.#isOver = true;
    this.#release();
  }

  #endLargest(): void {
    const [largest] = [...this.#bytesOf].sort(([, one], [, other]) => other - one);
    const [source, bytes] = largest!;
    const text = `${source.what}: ${bytes} bytes of its values were not read, and held up all streams of the session`;
    source.notRead(new CallError("ABORTED", text));
    this.dropped(source);
  }
}
