/** Who is told what happens on a stream: one at a time. */
export interface StreamOwner {
  /** Bytes came. Only after `readData`. */
  onData(chunk: Buffer): void;
  /** So many bytes came, and lie in `receiveBuffer`. Only of a `RawSocket`. */
  onReceived(byteLength: number): void;
  /** The peer ended its direction. */
  onEnd(): void;
  /** Something failed; `onClose` follows. */
  onError(error: unknown): void;
  /** The stream is gone. */
  onClose(): void;
  /** What was written has left. */
  onDrain(): void;
}
