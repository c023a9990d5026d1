import { UsageError } from "../../core/hawser-error.js";
import type { Engine } from "../../protocol/engine.js";
import type { MessageOpcode } from "../../protocol/opcode.js";
import type { BinaryData } from "./payload.js";
import { bytesOf } from "./payload.js";
import type { SendStatus } from "./send-status.js";

/** What a {@link MessageWriter} needs of its connection. */
export interface MessageWriterHost {
  readonly engine: Engine<unknown>;
  /** Whether there is room to buffer so many bytes more; if not, the connection is dropped for it. */
  admit(byteLength: number): boolean;
  /** What became of what was just sent. */
  statusAfterSend(): SendStatus;
  /** The message is finished: what waited for its end can go. */
  messageFinished(): void;
}

/**
 * A message sent piece by piece, each as a fragment (RFC 6455 §5.4), for what is too large to be whole in memory or
 * not known yet. Other messages sent meanwhile wait until it is finished, in their order.
 */
export class MessageWriter {
  readonly #host: MessageWriterHost;
  readonly #isText: boolean;
  #isFinished = false;

  /** @internal Made by `socket.startMessage()`. */
  constructor(
    host: MessageWriterHost,
    opcode: MessageOpcode,
    compress: boolean | undefined,
    isText: boolean,
  ) {
    this.#host = host;
    this.#isText = isText;
    host.engine.beginMessage(opcode, compress);
  }

  /**
   * Sends a piece. A string must not end inside a surrogate pair. On `queued`, wait for `socket.ready()`. Above
   * `maxBufferedBytes` the connection is dropped, whatever `overflow` says: no piece can be left out of a message.
   * @throws {@link UsageError} `MESSAGE_IN_PROGRESS` if the message is finished, `INVALID_PAYLOAD` for the wrong type.
   */
  write(piece: string | BinaryData): SendStatus {
    return this.#send(piece, false);
  }

  /** Sends the last piece, or an empty one, and so finishes the message. */
  end(piece: string | BinaryData = this.#isText ? "" : new Uint8Array(0)): SendStatus {
    return this.#send(piece, true);
  }

  #send(piece: string | BinaryData, isLast: boolean): SendStatus {
    if (this.#isFinished) throw new UsageError("MESSAGE_IN_PROGRESS", "this message is finished");
    const payload = typeof piece === "string" ? piece : bytesOf(piece);
    if (!this.#host.engine.isOpen) return "closed";
    if (!this.#host.admit(payload.length)) return "dropped";
    this.#host.engine.continueMessage(payload, isLast);
    const status = this.#host.statusAfterSend();
    if (isLast) {
      this.#isFinished = true;
      this.#host.messageFinished();
    }
    return status;
  }
}
