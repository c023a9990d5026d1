import type { HawserError } from "../../core/hawser-error.js";

/**
 * The `error` event of a `WebSocket`. In a browser it says nothing, so that a page cannot scan a network it has no
 * access to; on Node there is no such page, and `error` says what happened.
 */
export class ErrorEvent extends Event {
  readonly error: HawserError;
  readonly message: string;

  constructor(type: string, error: HawserError) {
    super(type);
    this.error = error;
    this.message = error.message;
  }

  get [Symbol.toStringTag](): string {
    return "ErrorEvent";
  }
}
