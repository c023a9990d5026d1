import { UsageError } from "../core/hawser-error.js";
import { ClosingEngine } from "./closing-engine.js";
import type { EngineConfig } from "./engine-config.js";
import type { DeflateParameters } from "./extensions/deflate-negotiation.js";
import { PermessageDeflate } from "./extensions/permessage-deflate.js";
import { checkBytes, writeFrame, writeReadyFrame, writeTextFrame } from "./frame-writer.js";
import { writeMaskKey } from "./mask.js";
import { FIN_BIT, MAX_CONTROL_BYTES, type MessageOpcode, Opcode, RSV1_BIT } from "./opcode.js";
import { messageInProgress, OutgoingMessage } from "./outgoing-message.js";
import { type PingDone, PingLedger } from "./ping-ledger.js";
import type { PreparedMessage } from "./prepared-message.js";

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** The part of an engine that sends: messages, whole or piece by piece, pings and pongs. */
export abstract class SendingEngine<Owner> extends ClosingEngine<Owner> {
  readonly #deflate: PermessageDeflate | undefined;
  #pings: PingLedger | undefined = undefined;
  /** The message being sent piece by piece. */
  #outgoing: OutgoingMessage | undefined = undefined;

  /**
   * @param config shared by all connections of an endpoint; made by `engineConfig`.
   * @param owner given to every call of the handler.
   * @param deflate what the opening handshake agreed on for permessage-deflate, if it did.
   */
  constructor(config: EngineConfig<Owner>, owner: Owner, deflate?: DeflateParameters) {
    super(config, owner);
    if (deflate !== undefined && (!config.host.createDeflate || !config.host.createInflate)) {
      throw new UsageError("INVALID_OPTION", "permessage-deflate was agreed on, but the host has no DEFLATE");
    }
    this.#deflate = deflate && new PermessageDeflate(deflate, config.role, config.host);
  }

  /** The round-trip time of the last ping that was answered, in ms. */
  get latencyMs(): number | undefined {
    return this.#pings?.latencyMs;
  }

  /** Frees what permessage-deflate keeps only for speed. Not to be called from the host's own DEFLATE. */
  letGo(): void {
    this.#deflate?.letGo();
  }

  /** Whether a message that was begun with {@link beginMessage} is not finished. */
  get isSendingMessage(): boolean {
    return this.#outgoing !== undefined;
  }

  /** Whether messages may be compressed on this connection. */
  get hasDeflate(): boolean {
    return this.#deflate !== undefined;
  }

  /** @internal */
  protected get deflate(): PermessageDeflate | undefined {
    return this.#deflate;
  }

  /** @internal The pings that wait for their pongs, if any was sent. */
  protected get pings(): PingLedger | undefined {
    return this.#pings;
  }

  /**
   * Sends a message as one frame. Does nothing once closing began.
   * @param compress whether to compress it where permessage-deflate is in use; by default if it is large enough.
   * @throws UsageError `MESSAGE_IN_PROGRESS` while a message that was begun is not finished (RFC 6455 §5.4);
   * `INVALID_PAYLOAD` for anything but a string or a Uint8Array.
   */
  send(data: string | Uint8Array, opcode: MessageOpcode, compress?: boolean): void {
    if (!this.isOpen) return;
    if (this.#outgoing !== undefined) throw messageInProgress();
    if (this.#deflate !== undefined && compress !== false) {
      const length = typeof data === "string" ? data.length : checkBytes(data).length;
      if (compress === true || length >= this.config.compressFromBytes) {
        const payload = this.#deflate.compressMessage(data);
        writeFrame(this.config, this.owner, FIN_BIT | RSV1_BIT | opcode, payload);
        return;
      }
    }
    if (typeof data === "string") writeTextFrame(this.config, this.owner, FIN_BIT | opcode, data);
    else writeFrame(this.config, this.owner, FIN_BIT | opcode, checkBytes(data));
  }

  /** Sends a prepared message: a server writes the bytes that are shared by all connections. */
  sendPrepared(message: PreparedMessage): void {
    if (!this.isOpen) return;
    if (this.#outgoing !== undefined) throw messageInProgress();
    if (this.config.role === "client") {
      this.send(message.payload, message.opcode, message.compress);
      return;
    }
    let frame = message.frame;
    const deflate = this.#deflate;
    if (
      deflate !== undefined &&
      (message.compress ?? message.payload.length >= this.config.compressFromBytes)
    ) {
      frame = message.compressedFrame(deflate.sendWindowBits);
      deflate.forgetSent();
    }
    writeReadyFrame(this.config, this.owner, frame);
  }

  /**
   * Begins a message whose length is not known, or that is too large to be whole in memory. Pieces follow with
   * {@link continueMessage}; until it is finished, no other message can be sent (RFC 6455 §5.4), but pings,
   * pongs and close frames go out between the pieces.
   */
  beginMessage(opcode: MessageOpcode, compress?: boolean): void {
    if (!this.isOpen) return;
    if (this.#outgoing !== undefined) throw messageInProgress();
    this.#outgoing = new OutgoingMessage(opcode, compress === false ? undefined : this.#deflate);
  }

  /** Sends the next piece of the message that was begun, as one fragment; `last` finishes it. */
  continueMessage(piece: string | Uint8Array, last: boolean): void {
    if (!this.isOpen) return;
    const message = this.#outgoing;
    if (message === undefined) throw new UsageError("MESSAGE_IN_PROGRESS", "no message was begun");
    const { firstByte, payload } = message.next(piece, last, this.config.host);
    if (last) this.#outgoing = undefined;
    writeFrame(this.config, this.owner, firstByte, payload);
  }

  /**
   * Sends a ping (RFC 6455 §5.5.2). `done` is called with the round-trip time in ms when its pong, or that of a
   * later ping, arrives, and with undefined if the connection ends before.
   * @throws UsageError `CONTROL_PAYLOAD_TOO_LONG` above 125 bytes.
   */
  override ping(payload?: Uint8Array, done?: PingDone): void {
    if (payload !== undefined) checkControl(payload);
    if (!this.isOpen) {
      done?.(undefined);
      return;
    }
    const bytes = payload === undefined ? new Uint8Array(4) : new Uint8Array(payload);
    // Unpredictable, so that a peer cannot look alive by answering ahead.
    if (payload === undefined) writeMaskKey(this.config.host.randomMask(), bytes, 0);
    this.#pings ??= new PingLedger();
    this.#pings.add(bytes, this.config.host.nowMs(), done);
    writeFrame(this.config, this.owner, FIN_BIT | Opcode.ping, bytes);
  }

  /**
   * Sends a pong that nobody asked for (RFC 6455 §5.5.3).
   * @throws UsageError `CONTROL_PAYLOAD_TOO_LONG` above 125 bytes.
   */
  pong(payload: Uint8Array = NO_BYTES): void {
    checkControl(payload);
    if (this.isOpen) writeFrame(this.config, this.owner, FIN_BIT | Opcode.pong, payload);
  }

  /** @internal */
  protected override releaseSending(): void {
    this.#deflate?.dispose();
    this.#outgoing = undefined;
    this.#pings?.abandon();
  }
}

function checkControl(payload: Uint8Array): void {
  if (checkBytes(payload).length <= MAX_CONTROL_BYTES) return;
  throw new UsageError(
    "CONTROL_PAYLOAD_TOO_LONG",
    "a ping or pong may have 125 bytes at most (RFC 6455 §5.5)",
  );
}
