import { Buffer } from "node:buffer";
import { Writable } from "node:stream";
import { asBuffer } from "../../node/as-buffer.js";
import { HeldBytes } from "../../node/connection/held-bytes.js";
import { nodeHost } from "../../node/node-host.js";
import { Engine } from "../../protocol/engine.js";
import { engineConfig, FRAGMENT_OVERHEAD_BYTES } from "../../protocol/engine-config.js";
import type { EngineHandler, WritePosition } from "../../protocol/engine-handler.js";
import { Opcode } from "../../protocol/opcode.js";
import { frameError } from "./frame-error.js";
import { wholeNumber } from "./number-options.js";
import { deflateParameters } from "./per-message-deflate.js";
import type { NegotiatedExtensions } from "./sender.js";

/** How a {@link Receiver} is made. */
export interface ReceiverOptions {
  /** Whether several events may come in one tick. Default true. */
  readonly allowSynchronousEvents?: boolean | undefined;
  /** `nodebuffer`, `arraybuffer`, `fragments` or `blob`. Default `nodebuffer`. */
  readonly binaryType?: string | undefined;
  /** What was agreed on. */
  readonly extensions?: NegotiatedExtensions | undefined;
  /** Whether what comes is from a client, and so masked. Default false. */
  readonly isServer?: boolean | undefined;
  /** Accepted and not used. */
  readonly maxBufferedChunks?: number | undefined;
  /** The most fragments of a message. Default 0, no limit. */
  readonly maxFragments?: number | undefined;
  /** The most bytes of a message. Default 0, no limit. */
  readonly maxPayload?: number | undefined;
  /** Default false. */
  readonly skipUTF8Validation?: boolean | undefined;
}

/** Frames of our own go nowhere: a receiver only receives. */
const nowhere: WritePosition = { bytes: new Uint8Array(256), position: 0 };

/**
 * The receiving half of a connection as `ws` exports it: bytes are written to it; it emits `message`, `ping`, `pong`, and
 * `conclude` for a close frame.
 */
export class Receiver extends Writable {
  readonly #engine: Engine<Receiver>;
  readonly #binaryType: string;
  readonly #isOneEventATick: boolean;
  #failure: Error | undefined = undefined;
  #held: HeldBytes | undefined = undefined;
  #whenDone: (() => void) | undefined = undefined;

  constructor(options: ReceiverOptions = {}) {
    super();
    const maxPayload = wholeNumber(options.maxPayload);
    const maxFragments = wholeNumber(options.maxFragments);
    const { extensions = {}, binaryType = "nodebuffer", allowSynchronousEvents = true } = options;
    this.#binaryType = binaryType;
    this.#isOneEventATick = !allowSynchronousEvents;
    const config = engineConfig({
      role: options.isServer === true ? "server" : "client",
      host: nodeHost,
      handler: Receiver.#handler,
      maxMessageBytes: maxPayload > 0 ? maxPayload : Infinity,
      maxFragmentOverheadBytes: maxFragments > 0 ? maxFragments * FRAGMENT_OVERHEAD_BYTES : Infinity,
      pingIntervalMs: 0,
      idleTimeoutMs: 0,
      messageTimeoutMs: 0,
      checksText: !options.skipUTF8Validation,
    });
    const params = extensions["permessage-deflate"]?.params;
    this.#engine = new Engine(config, this, params ? deflateParameters(params) : undefined);
  }

  static readonly #handler: EngineHandler<Receiver> = {
    reserve: () => nowhere,
    commit: nothing,
    write: nothing,
    message: (receiver, opcode, bytes, start, end) => {
      const data = copy(bytes, start, end);
      const isBinary = opcode === Opcode.binary;
      receiver.#tell("message", isBinary ? receiver.#asBinaryType(data) : data, isBinary);
    },
    messageChunk: nothing,
    ping: (receiver, bytes, start, end) => {
      receiver.#tell("ping", copy(bytes, start, end));
      return false;
    },
    pong: (receiver, bytes, start, end) => receiver.#tell("pong", copy(bytes, start, end)),
    closing: (receiver, { code, reason }) => {
      receiver.emit("conclude", code, Buffer.from(reason));
      receiver.end();
    },
    failed: (receiver, error) => {
      receiver.#failure = frameError(error);
    },
    disconnect: nothing,
    deadlineChanged: nothing,
  };

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    // What is unmasked is unmasked in place, and the chunk is the caller's.
    this.#held = new HeldBytes(chunk, 0, chunk.length);
    this.#whenDone = () => callback(this.#failure);
    this.#goOn();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#engine.transportClosed();
    callback(error);
  }

  #goOn(): void {
    this.#held?.give((bytes, start, end) => this.#engine.receive(bytes, start, end));
    if (this.#engine.isPaused) return;
    const done = this.#whenDone;
    this.#whenDone = undefined;
    this.#held = undefined;
    done?.();
  }

  #tell(event: string, ...values: unknown[]): void {
    if (!this.#isOneEventATick) {
      this.emit(event, ...values);
      return;
    }
    this.#engine.pause();
    setImmediate(() => {
      this.emit(event, ...values);
      this.#engine.resume();
      this.#goOn();
    });
  }

  #asBinaryType(data: Buffer): unknown {
    switch (this.#binaryType) {
      case "arraybuffer":
        return new Uint8Array(data).buffer;
      case "blob":
        return new Blob([data as Uint8Array<ArrayBuffer>]);
      case "fragments":
        return data.length === 0 ? [] : [data];
      default:
        return data;
    }
  }
}

function nothing(): void {
  // A receiver sends nothing and has no deadlines.
}

function copy(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(asBuffer(bytes).subarray(start, end));
}
