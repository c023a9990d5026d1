import { Buffer } from "node:buffer";
import type { ZlibOptions } from "node:zlib";
import { asBuffer } from "../../node/as-buffer.js";
import { type DeflateTuning, ZlibDeflateContext } from "../../node/deflate/deflate-context.js";
import { nextTick } from "../../node/next-tick.js";
import { nodeHost } from "../../node/node-host.js";
import type { EngineHost } from "../../protocol/engine-host.js";
import { DEFLATE_EXTENSION, type DeflateParameters } from "../../protocol/extensions/deflate-negotiation.js";
import { PermessageDeflate as DeflateCodec } from "../../protocol/extensions/permessage-deflate.js";
import type { ExtensionParameters } from "./extension.js";
import { wholeNumber } from "./number-options.js";

/** The options of `perMessageDeflate`, as `ws` has them. */
export interface PerMessageDeflateOptions {
  /** Whether the server forgets its window after each message. Default: what the client asks for. */
  serverNoContextTakeover?: boolean | undefined;
  /** Whether the client forgets its window after each message. Default: what is negotiated. */
  clientNoContextTakeover?: boolean | undefined;
  /** The largest window of the server in bits, 8 to 15. Default: what is negotiated, at most 15. */
  serverMaxWindowBits?: number | undefined;
  /** The largest window of the client in bits, 8 to 15. Default: what is negotiated, at most 15. */
  clientMaxWindowBits?: number | undefined;
  /**
   * How zlib deflates: `level`, `memLevel` and `strategy`; the rest is not used. Default: `level` 1, where `ws` has 6: a third
   * of the time, for some 25 % more bytes.
   */
  zlibDeflateOptions?:
    | {
        flush?: number | undefined;
        finishFlush?: number | undefined;
        chunkSize?: number | undefined;
        windowBits?: number | undefined;
        level?: number | undefined;
        memLevel?: number | undefined;
        strategy?: number | undefined;
        dictionary?: Buffer | Buffer[] | DataView | undefined;
        info?: boolean | undefined;
      }
    | undefined;
  /** Accepted and not used: inflating has nothing to choose. Default: none. */
  zlibInflateOptions?: ZlibOptions | undefined;
  /**
   * Messages below this many bytes are not compressed where the window is not kept between messages. Default 1024: below,
   * the gain rarely pays the time.
   */
  threshold?: number | undefined;
  /** Accepted and not used: messages are compressed in the calling thread, one after the other. Default: none. */
  concurrencyLimit?: number | undefined;
}

/** What a constructor of {@link PerMessageDeflate} takes besides. */
interface Place {
  /** Which side we are. Default false, a client. */
  isServer?: boolean | undefined;
  /** The most bytes of a message after inflating; 0, the default, is no limit. */
  maxPayload?: number | undefined;
}

/** Parameters of the extension, by their names in the header (RFC 7692 §7.1). */
export interface PerMessageDeflateParameters {
  server_no_context_takeover?: true;
  client_no_context_takeover?: true;
  server_max_window_bits?: number;
  client_max_window_bits?: number | true;
}

type Done = (error: Error | null, data?: Buffer) => void;

const LARGEST_WINDOW_BITS = 15;

/** permessage-deflate (RFC 7692) as `ws` exports it: negotiation, and the two directions. */
export class PerMessageDeflate {
  /** @internal Named as in `ws`. */
  readonly _options: PerMessageDeflateOptions & Place;
  /** @internal */
  readonly _threshold: number;
  /** @internal */
  readonly _maxPayload: number;
  /** @internal */
  readonly _isServer: boolean;
  /** What was agreed on; null before {@link accept}. */
  params: PerMessageDeflateParameters | null = null;
  #codec: DeflateCodec | undefined = undefined;
  #isInMessage = false;

  /** @param options what to offer or to accept. */
  constructor(options: PerMessageDeflateOptions & Place = {}) {
    this._options = options;
    this._threshold = options.threshold ?? 1024;
    this._maxPayload = wholeNumber(options.maxPayload);
    this._isServer = options.isServer === true;
  }

  /** The name under which the extension is registered. */
  static get extensionName(): string {
    return DEFLATE_EXTENSION;
  }

  /** The parameters that a client offers. */
  offer(): PerMessageDeflateParameters {
    const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } =
      this._options;
    const offer: PerMessageDeflateParameters = {};
    if (serverNoContextTakeover) offer.server_no_context_takeover = true;
    if (clientNoContextTakeover) offer.client_no_context_takeover = true;
    if (serverMaxWindowBits) offer.server_max_window_bits = serverMaxWindowBits;
    if (clientMaxWindowBits) offer.client_max_window_bits = clientMaxWindowBits;
    else if (clientMaxWindowBits === undefined || clientMaxWindowBits === null)
      offer.client_max_window_bits = true;
    return offer;
  }

  /**
   * Chooses among the offers of a client, or checks the answer of a server.
   * @param configurations as `extension.parse` gives them.
   * @throws Error or TypeError where nothing acceptable is among them.
   */
  accept(configurations: readonly ExtensionParameters[]): PerMessageDeflateParameters {
    const read = configurations.map((values) => readParameters(values, this._isServer));
    this.params = this._isServer ? this.#chooseOffer(read) : this.#checkAnswer(read[0] ?? {});
    return this.params;
  }

  /** Frees what is held. */
  cleanup(): void {
    this.#codec?.dispose();
    this.#codec = undefined;
  }

  /** Compresses a piece of a message; `fin` ends it. */
  compress(data: string | Buffer, fin: boolean, done: Done): void {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    const deflated = this.#open().compress(bytes, !this.#isInMessage, fin);
    this.#isInMessage = !fin;
    nextTick(done, null, asBuffer(deflated));
  }

  /** Inflates a piece of a message; `fin` ends it. */
  decompress(data: Buffer, fin: boolean, done: Done): void {
    const limit = this._maxPayload > 0 ? this._maxPayload : Infinity;
    const inflated = this.#open().decompress(data, fin, limit);
    if (typeof inflated !== "string") {
      nextTick(done, null, asBuffer(inflated));
      return;
    }
    const error =
      inflated === "too-big"
        ? Object.assign(new RangeError("Max payload size exceeded"), {
            code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
          })
        : Object.assign(new Error("invalid compressed data"), { code: "Z_DATA_ERROR", errno: -3 });
    nextTick(done, error);
  }

  #open(): DeflateCodec {
    const role = this._isServer ? "server" : "client";
    this.#codec ??= new DeflateCodec(deflateParameters(this.params ?? {}), role, deflateHost(this._options));
    return this.#codec;
  }

  #chooseOffer(offers: readonly PerMessageDeflateParameters[]): PerMessageDeflateParameters {
    const options = this._options;
    const accepted = offers.find((offer) => isAcceptable(offer, options));
    if (accepted === undefined) throw new Error("None of the extension offers can be accepted");
    if (options.serverNoContextTakeover) accepted.server_no_context_takeover = true;
    if (options.clientNoContextTakeover) accepted.client_no_context_takeover = true;
    if (typeof options.serverMaxWindowBits === "number")
      accepted.server_max_window_bits = options.serverMaxWindowBits;
    if (typeof options.clientMaxWindowBits === "number") {
      accepted.client_max_window_bits = options.clientMaxWindowBits;
    } else if (accepted.client_max_window_bits === true || isOff(options.clientMaxWindowBits)) {
      delete accepted.client_max_window_bits;
    }
    return accepted;
  }

  #checkAnswer(answer: PerMessageDeflateParameters): PerMessageDeflateParameters {
    const { clientNoContextTakeover, clientMaxWindowBits } = this._options;
    if (clientNoContextTakeover === false && answer.client_no_context_takeover)
      throw new Error('Unexpected parameter "client_no_context_takeover"');
    const bits = answer.client_max_window_bits;
    if (bits === undefined) {
      if (typeof clientMaxWindowBits === "number") answer.client_max_window_bits = clientMaxWindowBits;
    } else if (
      isOff(clientMaxWindowBits) ||
      (typeof clientMaxWindowBits === "number" && Number(bits) > clientMaxWindowBits)
    ) {
      throw new Error('Unexpected or invalid parameter "client_max_window_bits"');
    }
    return answer;
  }
}

/** `false` forbids, in programs without types: the types know numbers only. */
function isOff(value: unknown): boolean {
  return value === false;
}

function isAcceptable(offer: PerMessageDeflateParameters, options: PerMessageDeflateOptions): boolean {
  const { serverMaxWindowBits, clientMaxWindowBits, serverNoContextTakeover } = options;
  if (serverNoContextTakeover === false && offer.server_no_context_takeover) return false;
  const serverBits = offer.server_max_window_bits;
  if (serverBits !== undefined) {
    if (isOff(serverMaxWindowBits)) return false;
    if (typeof serverMaxWindowBits === "number" && serverMaxWindowBits > serverBits) return false;
  }
  if (typeof clientMaxWindowBits !== "number") return true;
  const clientBits = offer.client_max_window_bits;
  return typeof clientBits === "number" ? clientMaxWindowBits <= clientBits : clientBits === true;
}

function readParameters(values: ExtensionParameters, isServer: boolean): PerMessageDeflateParameters {
  const parameters: PerMessageDeflateParameters = {};
  for (const [name, [value, ...more]] of Object.entries(values)) {
    if (more.length > 0) throw new Error(`Parameter "${name}" must have only a single value`);
    switch (name) {
      case "server_no_context_takeover":
      case "client_no_context_takeover":
        if (value !== true) throw invalidValue(name, value);
        parameters[name] = true;
        break;
      case "client_max_window_bits":
        parameters[name] = value === true && isServer ? true : windowBits(name, value);
        break;
      case "server_max_window_bits":
        parameters[name] = windowBits(name, value);
        break;
      default:
        throw new Error(`Unknown parameter "${name}"`);
    }
  }
  return parameters;
}

function windowBits(name: string, value: string | true | undefined): number {
  const bits = value === true ? Number.NaN : Number(value);
  if (!Number.isInteger(bits) || bits < 8 || bits > LARGEST_WINDOW_BITS) throw invalidValue(name, value);
  return bits;
}

function invalidValue(name: string, value: unknown): TypeError {
  return new TypeError(`Invalid value for parameter "${name}": ${String(value)}`);
}

/** What was agreed on, as the engine takes it. */
export function deflateParameters(params: PerMessageDeflateParameters): DeflateParameters {
  const bits = (value: number | true | undefined): number =>
    typeof value === "number" ? value : LARGEST_WINDOW_BITS;
  return {
    serverNoContextTakeover: params.server_no_context_takeover === true,
    clientNoContextTakeover: params.client_no_context_takeover === true,
    serverMaxWindowBits: bits(params.server_max_window_bits),
    clientMaxWindowBits: bits(params.client_max_window_bits),
  };
}

/** The host of an engine that deflates as the options say. */
export function deflateHost({ zlibDeflateOptions }: PerMessageDeflateOptions): EngineHost {
  if (zlibDeflateOptions === undefined) return nodeHost;
  const { level, memLevel, strategy } = zlibDeflateOptions;
  const tuning: DeflateTuning = { level, memLevel, strategy };
  return { ...nodeHost, createDeflate: (bits) => new ZlibDeflateContext(bits, tuning) };
}
