import { AsyncResource } from "node:async_hooks";
import { nextTick } from "../../node/next-tick.js";
import type { SentCallback } from "./sent-callback.js";

/** The callback of something that was sent, to be called where it was sent: in its `AsyncLocalStorage`. */
export class PendingCallback extends AsyncResource {
  readonly #callback: SentCallback;

  constructor(callback: SentCallback) {
    super("WebSocketSend");
    this.#callback = callback;
  }

  /** Calls it with the error, or with null as streams do; what it throws becomes an uncaught exception. */
  call(error: Error | null): void {
    try {
      this.runInAsyncScope(this.#callback as (error: Error | null) => void, undefined, error);
    } catch (thrown) {
      nextTick(() => {
        throw thrown;
      });
    }
  }
}

/** Calls all of them, in order. */
export function callAll(callbacks: readonly PendingCallback[], error: Error | null): void {
  for (const callback of callbacks) callback.call(error);
}
