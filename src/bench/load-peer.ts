/** Who takes part in a load: a WebSocket connection, or a session over one. */
export interface LoadPeer {
  /** Told of answers, as often as a chunk completes some. */
  onAnswers: ((count: number) => void) | undefined;
  /** Told once that the peer is no use any more, and why. */
  onGone: ((reason: string) => void) | undefined;
  /** Resolves when the messages came that are no answers; is rejected if the connection is gone before. */
  readonly greeted: Promise<void>;
  /** What was received since answers are expected, frames and all, and how many answers that was. */
  readonly received: { readonly bytes: number; readonly answers: number };
  /** Sends the next window of the cycle. */
  write(window: Buffer): void;
  /** Sends a text that no answer is expected to. */
  writeText(text: string): void;
  /** Drops the connection, and tells nobody. */
  destroy(): void;
}

/** Reads what the other side sends. */
export interface AnswerReader {
  /** What the other side did wrong; nothing is counted any more. */
  readonly fault: string | undefined;
  /** Takes what was received, up to `end`; gives how many answers are complete with it. */
  push(bytes: Buffer, end: number): number;
}

/** What carries a {@link LoadPeer}: a socket, or a stream of HTTP/2. */
export interface LoadCarrier {
  readonly destroyed: boolean;
  on(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
  on(event: "end" | "close", listener: () => void): unknown;
  once(event: "close", listener: () => void): unknown;
  write(bytes: Buffer): unknown;
  end(bytes: Buffer): unknown;
  destroy(): unknown;
  pause(): unknown;
}
