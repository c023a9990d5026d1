/** A stream that this side opened: its values, read with `for await`. Leaving the loop cancels it. */
export interface RemoteStream<Value, Output> extends AsyncIterableIterator<Value, undefined> {
  /**
   * Resolves at the end, with what the handler returned; is rejected with the error that the loop would get, or `ABORTED`
   * where it was left before. The values have to be read for the end to come.
   */
  readonly finished: Promise<Output>;
  /** Does not want any more: the handler's `signal` aborts. */
  cancel(): void;
}
