import type { Engine } from "../../protocol/engine.js";
import type { MessageOpcode } from "../../protocol/opcode.js";
import { PreparedMessage } from "../../protocol/prepared-message.js";

/** A message as it is given to an engine. */
export type OutgoingData = string | Uint8Array | PreparedMessage;

interface DeferredMessage {
  readonly data: OutgoingData;
  readonly opcode: MessageOpcode;
  readonly compress: boolean | undefined;
}

/** The entry, its place in the list, and the object around its bytes. */
const MESSAGE_OVERHEAD_BYTES = 192;

/** Messages that wait for the end of one that is sent piece by piece: the protocol cannot interleave two (RFC 6455 §5.4). */
export class DeferredMessages {
  readonly #messages: DeferredMessage[] = [];
  #byteLength = 0;

  /** How many bytes of payload wait. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** How much memory that keeps, objects included. */
  get heldBytes(): number {
    return this.#byteLength + this.#messages.length * MESSAGE_OVERHEAD_BYTES;
  }

  /** Adds a message behind the others. */
  add(data: OutgoingData, byteLength: number, opcode: MessageOpcode, compress: boolean | undefined): void {
    // The caller may change it when `ready()` resolves, which does not wait for what waits here.
    const kept = data instanceof Uint8Array ? new Uint8Array(data) : data;
    this.#messages.push({ data: kept, opcode, compress });
    this.#byteLength += byteLength;
  }

  /** Sends all of them, in their order. */
  sendAll(engine: Engine<unknown>): void {
    this.#byteLength = 0;
    for (const { data, opcode, compress } of this.#messages.splice(0)) {
      if (data instanceof PreparedMessage) engine.sendPrepared(data);
      else engine.send(data, opcode, compress);
    }
  }
}
