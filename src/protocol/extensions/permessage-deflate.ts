import type { DeflateContext, EngineHost, InflateContext, InflateFailure } from "../engine-host.js";
import { encodePayload } from "../frame-writer.js";
import type { DeflateParameters } from "./deflate-negotiation.js";

/** What a flush to a byte boundary ends with, and a message leaves out (RFC 7692 §7.2.1). */
const TAIL_BYTES = 4;
/** An empty message: a stored block without data, its tail left out (RFC 7692 §7.2.3.6). */
const EMPTY_MESSAGE: Uint8Array = new Uint8Array([0]);

/**
 * permessage-deflate on one connection (RFC 7692): both directions, created when first used, since a connection
 * that exchanges no compressed message should not pay for a window.
 */
export class PermessageDeflate {
  readonly parameters: DeflateParameters;
  readonly #host: EngineHost;
  readonly #isServer: boolean;
  #deflate: DeflateContext | undefined = undefined;
  #inflate: InflateContext | undefined = undefined;

  constructor(parameters: DeflateParameters, role: "client" | "server", host: EngineHost) {
    this.parameters = parameters;
    this.#isServer = role === "server";
    this.#host = host;
  }

  /** The window that what we send may refer to, as a power of two. */
  get sendWindowBits(): number {
    return this.#isServer ? this.parameters.serverMaxWindowBits : this.parameters.clientMaxWindowBits;
  }

  /** How many bytes both directions keep now. */
  get heldBytes(): number {
    return (this.#deflate?.heldBytes ?? 0) + (this.#inflate?.heldBytes ?? 0);
  }

  /** Whether an incoming message can be inflated before all of it is there. */
  get canInflatePieces(): boolean {
    return this.#inflater().isIncremental;
  }

  /** Whether what was decompressed last was made for the caller alone, who may keep it. */
  get isOutputFresh(): boolean {
    return this.#inflate?.isOutputFresh === true;
  }

  /** Compresses a whole message. */
  compressMessage(data: string | Uint8Array): Uint8Array {
    if (data.length === 0) return EMPTY_MESSAGE;
    const deflater = this.#deflater();
    const deflated =
      (typeof data === "string" ? deflater.deflateText?.(data) : undefined) ??
      deflater.deflate(encodePayload(this.#host, data));
    return this.#endMessage(deflater, deflated);
  }

  /** Compresses a piece of an outgoing message; `last` ends the message. */
  compress(bytes: Uint8Array, first: boolean, last: boolean): Uint8Array {
    if (first && last && bytes.length === 0) return EMPTY_MESSAGE;
    const deflater = this.#deflater();
    const deflated = deflater.deflate(bytes);
    return last ? this.#endMessage(deflater, deflated) : deflated;
  }

  #endMessage(deflater: DeflateContext, deflated: Uint8Array): Uint8Array {
    const { serverNoContextTakeover, clientNoContextTakeover } = this.parameters;
    if (this.#isServer ? serverNoContextTakeover : clientNoContextTakeover) deflater.reset();
    return deflated.subarray(0, deflated.length - TAIL_BYTES);
  }

  #deflater(): DeflateContext {
    return (this.#deflate ??= this.#host.createDeflate!(this.sendWindowBits));
  }

  /** A message that was compressed elsewhere goes out: what we send next must not refer to what came before it. */
  forgetSent(): void {
    this.#deflate?.reset();
  }

  /** Inflates a piece of an incoming message; `last` ends the message. The output stays within `maxOutputBytes`. */
  decompress(bytes: Uint8Array, last: boolean, maxOutputBytes: number): Uint8Array | InflateFailure {
    const inflater = this.#inflater();
    const inflated = inflater.inflate(bytes, last, maxOutputBytes);
    const { serverNoContextTakeover, clientNoContextTakeover } = this.parameters;
    if (last && (this.#isServer ? clientNoContextTakeover : serverNoContextTakeover)) inflater.reset();
    return inflated;
  }

  /** Frees what is only kept for speed, in both directions. */
  letGo(): void {
    this.#deflate?.letGo?.();
    this.#inflate?.letGo?.();
  }

  /** Frees both directions. */
  dispose(): void {
    this.#deflate?.dispose();
    this.#inflate?.dispose();
    this.#deflate = undefined;
    this.#inflate = undefined;
  }

  #inflater(): InflateContext {
    const { serverMaxWindowBits, clientMaxWindowBits } = this.parameters;
    this.#inflate ??= this.#host.createInflate!(this.#isServer ? clientMaxWindowBits : serverMaxWindowBits);
    return this.#inflate;
  }
}
