import { dictionary, domString, enforcedUnsignedShort, exposeInterface, usvString } from "./web-idl.js";
import { validateClose } from "./websocket-arguments.js";

/** What a `WebSocketStream` is closed with, and how it ended. */
export interface WebSocketCloseInfo {
  /** The close code: 1000 or 3000-4999 to close with. Default: no code, or 1000 where there is a reason. */
  readonly closeCode?: number | undefined;
  /** The reason, at most 123 bytes in UTF-8. Default: empty. */
  readonly reason?: string | undefined;
}

let assign: (error: WebSocketError, closeCode: number | null, reason: string) => void;

/**
 * How a `WebSocketStream` failed (WebSockets Standard, `WebSocketError`). Given to `writable.abort()` or
 * `readable.cancel()`, its code and reason are what the connection is closed with.
 */
export class WebSocketError extends DOMException {
  #closeCode: number | null;
  #reason: string;

  /** @throws `InvalidAccessError` and `SyntaxError` as `DOMException` for a code or reason that may not be sent. */
  // The defaults are what makes the length 0.
  constructor(message = "", init: WebSocketCloseInfo = {}) {
    // 1. Set this's name to "WebSocketError".
    // 2. Set this's message to message.
    super(domString(message), "WebSocketError");
    // 3. Let code be init["closeCode"] if it exists, or null otherwise.
    // 4. Let reason be init["reason"] if it exists, or the empty string otherwise.
    const { code, reason } = closeInfoOf(init);
    // 5. Validate close code and reason with code and reason.
    validateClose(code, reason);
    // 6. If reason is non-empty, but code is not set, then set code to 1000 ("Normal Closure").
    // 7. Set this's closeCode to code.
    this.#closeCode = code === null && reason !== "" ? 1000 : code;
    // 8. Set this's reason to reason.
    this.#reason = reason;
  }

  /** The close code; null if there is none. */
  get closeCode(): number | null {
    return this.#closeCode;
  }

  /** The reason, possibly empty. */
  get reason(): string {
    return this.#reason;
  }

  static {
    assign = (error, closeCode, reason) => {
      error.#closeCode = closeCode;
      error.#reason = reason;
    };
  }
}

exposeInterface(WebSocketError, "WebSocketError", ["closeCode", "reason"]);

/** One with a code that nobody may send: 1006, say. `cause` is what Hawser knows of it. */
export function unvalidatedError(
  message: string,
  closeCode: number | null,
  reason: string,
  cause: unknown,
): WebSocketError {
  const error = new WebSocketError(message);
  assign(error, closeCode, reason);
  // As an Error has it.
  if (cause !== undefined) {
    Object.defineProperty(error, "cause", { value: cause, writable: true, configurable: true });
  }
  return error;
}

/** The dictionary `WebSocketCloseInfo`. */
export function closeInfoOf(value: unknown): { code: number | null; reason: string } {
  const { closeCode, reason } = dictionary<WebSocketCloseInfo>(value, "WebSocketCloseInfo");
  return {
    code: closeCode === undefined ? null : enforcedUnsignedShort(closeCode, "closeCode"),
    reason: reason === undefined ? "" : usvString(reason),
  };
}
