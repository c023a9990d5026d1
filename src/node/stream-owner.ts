/** Who is told what happens on a stream: one at a time. */
export interface StreamOwner {
  /** @internal Bytes came. Only after `readData`. */
  onData(chunk: Buffer): void;
  /** @internal So many bytes came, and lie in `receiveBuffer`. Only of a `RawSocket`. */
  onReceived(byteLength: number): void;
  /** @internal The peer ended its direction. */
  onEnd(): void;
  /** @internal Something failed; `onClose` follows. */
  onError(error: unknown): void;
  /** @internal The stream is gone. */
  onClose(): void;
  /** @internal What was written has left. */
  onDrain(): void;
}
