import { UsageError } from "../core/hawser-error.js";
import type { EngineHost } from "./engine-host.js";
import type { PermessageDeflate } from "./extensions/permessage-deflate.js";
import { encodePayload } from "./frame-writer.js";
import { FIN_BIT, type MessageOpcode, Opcode, RSV1_BIT } from "./opcode.js";

/** A fragment, ready to be written as a frame. */
export interface Fragment {
  readonly firstByte: number;
  readonly payload: Uint8Array;
}

/** A message that is sent piece by piece (RFC 6455 §5.4), each piece as a fragment. */
export class OutgoingMessage {
  readonly #opcode: MessageOpcode;
  readonly #deflate: PermessageDeflate | undefined;
  #isFirst = true;

  /** @param deflate compresses it; undefined leaves it as it is. */
  constructor(opcode: MessageOpcode, deflate: PermessageDeflate | undefined) {
    this.#opcode = opcode;
    this.#deflate = deflate;
  }

  /** The next piece as a fragment; `last` finishes the message. */
  next(piece: string | Uint8Array, last: boolean, host: EngineHost): Fragment {
    const isFirst = this.#isFirst;
    let firstByte: number = isFirst ? this.#opcode : Opcode.continuation;
    let payload = encodePayload(host, piece);
    if (this.#deflate !== undefined) {
      // Only the first fragment says that the message is compressed (RFC 7692 §6).
      if (isFirst) firstByte |= RSV1_BIT;
      payload = this.#deflate.compress(payload, isFirst, last);
    }
    if (last) firstByte |= FIN_BIT;
    this.#isFirst = false;
    return { firstByte, payload };
  }
}

/** What is thrown where another message is begun or sent meanwhile. */
export function messageInProgress(): UsageError {
  return new UsageError("MESSAGE_IN_PROGRESS", "the message that was begun must be finished first");
}
