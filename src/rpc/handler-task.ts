import type { Peer } from "../session/peer-port.js";
import type { CallError } from "./call-error.js";
import { DeclaredError } from "./declared-error.js";
import type { ConversationPort } from "./parts.js";

/** A handler at work on a call or a stream; what it is told with. */
export abstract class HandlerTask {
  readonly name: string;
  /** The session on which it was asked. */
  readonly peer: Peer;
  protected readonly conversation: ConversationPort;
  #controller: AbortController | undefined;
  #abortedWith: CallError | undefined;

  constructor(conversation: ConversationPort, peer: Peer, name: string) {
    this.conversation = conversation;
    this.peer = peer;
    this.name = name;
  }

  /** The other side. */
  get remote(): unknown {
    return this.conversation.remote;
  }

  /** Whether nobody waits for the outcome any more. */
  get isAborted(): boolean {
    return this.#abortedWith !== undefined;
  }

  /** Made when it is first asked for: most handlers are done before they could look at it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortedWith === undefined) this.watched();
      else this.#controller.abort(this.#abortedWith);
    }
    return this.#controller.signal;
  }

  /** An error that the contract declares. That it does is seen when it is thrown. */
  error(code: string, data?: unknown): DeclaredError {
    return new DeclaredError(code, data);
  }

  abort(reason: CallError): void {
    if (this.#abortedWith !== undefined) return;
    this.#abortedWith = reason;
    this.#controller?.abort(reason);
  }

  /** Somebody has the signal now, and wants to be told in time. */
  protected abstract watched(): void;
}
