import { MAX_ANSWER_BYTES, RelayMessageType } from "./relay-message.js";
import type { RelayPeer } from "./relay-peer.js";

/** A request that another node was given by a client, for a transport that is here. */
export class HeldRequest {
  /** Set by whoever answers it later: the client does not want it any more. */
  onCancel: (() => void) | undefined = undefined;
  readonly peer: RelayPeer;
  readonly number: number;
  readonly #forgotten: (request: HeldRequest) => void;
  #isOver = false;

  constructor(peer: RelayPeer, number: number, forgotten: (request: HeldRequest) => void) {
    this.peer = peer;
    this.number = number;
    this.#forgotten = forgotten;
  }

  /** Answers it, once. */
  answer(status: number, body: Uint8Array): void {
    if (this.#isOver) return;
    this.#end();
    // Longer ones are not read: a transport that holds so much is at its end.
    const fits = body.length <= MAX_ANSWER_BYTES;
    this.peer.say(RelayMessageType.answer, this.number, fits ? status : 410, fits ? body : new Uint8Array(0));
  }

  /** The node that asked does not want it any more, or is gone. */
  cancel(): void {
    if (this.#isOver) return;
    this.#end();
    this.onCancel?.();
  }

  #end(): void {
    this.#isOver = true;
    this.#forgotten(this);
  }
}
