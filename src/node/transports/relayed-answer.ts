import type { PolledAnswer } from "./http-transport.js";

/** A request that a client sent to another node, for a transport that is here. */
export interface RelayedHttpRequest {
  /** Called if the client does not want the answer any more. */
  onCancel: (() => void) | undefined;
  /** Answers it, once. */
  answer(status: number, body: Uint8Array): void;
}

/** The answer of a poll, given through another node. */
export class RelayedAnswer implements PolledAnswer {
  readonly #request: RelayedHttpRequest;
  #status = 200;

  constructor(request: RelayedHttpRequest) {
    this.#request = request;
  }

  on(event: "close" | "error", listener: () => void): this {
    if (event === "close") this.#request.onCancel = listener;
    return this;
  }

  writeHead(status: number): this {
    this.#status = status;
    return this;
  }

  end(body: Uint8Array): void {
    this.#request.answer(this.#status, body);
  }
}
