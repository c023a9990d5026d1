import type { HandshakeErrorCode } from "../../core/error-codes.js";
import { HandshakeError, UsageError } from "../../core/hawser-error.js";
import { type ExtensionOffer, type ExtensionParameter, formatExtensions } from "./extension-grammar.js";

/** The name under which RFC 7692 registers the extension. */
export const DEFLATE_EXTENSION = "permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS = "client_max_window_bits";

/** The base-2 logarithm of the size of an LZ77 window: 8 is 256 bytes, 15 is 32 KiB (RFC 7692 §7.1.2). */
export type WindowBits = 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15;

const MIN_WINDOW_BITS = 8;
const MAX_WINDOW_BITS = 15;

/** What a side asks of `permessage-deflate`; the same options serve for both sides. */
export interface DeflateOptions {
  /**
   * Whether the server must forget its window after each message (§7.1.1.1). Default false: a kept window compresses
   * small similar messages several times better. True saves the memory of a compressor for each connection. A client
   * that asks for it fails the connection if the server does not agree.
   */
  readonly serverNoContextTakeover?: boolean;
  /**
   * Whether the client must forget its window after each message (§7.1.1.2). Default false, for the same reason;
   * true saves the server the memory of a decompressor for each connection. Every client must support it.
   */
  readonly clientNoContextTakeover?: boolean;
  /**
   * The largest window the server may compress with, in bits (§7.1.2.1). Default 15, which is no limit. A client that
   * asks for less fails the connection if the server does not agree.
   */
  readonly serverMaxWindowBits?: WindowBits;
  /**
   * The largest window the client may compress with, in bits (§7.1.2.2). Default for a server: 15, which is no limit.
   * A server with a smaller value declines clients that cannot be limited.
   *
   * Default for a client: true, which offers to be limited and leaves the size to the server, as browsers do. A number
   * also promises never to go above it; false does not offer it. For a server, true and false mean 15.
   */
  readonly clientMaxWindowBits?: WindowBits | boolean;
}

/** What both sides agreed on. */
export interface DeflateParameters {
  /** Whether the server's messages are compressed each on its own. */
  readonly serverNoContextTakeover: boolean;
  /** Whether the client's messages are compressed each on its own. */
  readonly clientNoContextTakeover: boolean;
  /** The largest window of the server's compressor, from 8 to 15 bits. */
  readonly serverMaxWindowBits: number;
  /** The largest window of the client's compressor, from 8 to 15 bits. */
  readonly clientMaxWindowBits: number;
}

/** Throws a {@link UsageError} `INVALID_OPTION` unless `options` are what {@link DeflateOptions} says. */
export function assertDeflateOptions(options: DeflateOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new UsageError("INVALID_OPTION", "The options of permessage-deflate must be an object");
  }
  for (const name of ["serverNoContextTakeover", "clientNoContextTakeover"] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== "boolean") {
      throw new UsageError("INVALID_OPTION", `${name} must be a boolean`);
    }
  }
  const { serverMaxWindowBits, clientMaxWindowBits } = options;
  if (serverMaxWindowBits !== undefined && !isWindowBits(serverMaxWindowBits)) {
    throw new UsageError("INVALID_OPTION", "serverMaxWindowBits must be an integer from 8 to 15");
  }
  if (
    clientMaxWindowBits !== undefined &&
    typeof clientMaxWindowBits !== "boolean" &&
    !isWindowBits(clientMaxWindowBits)
  ) {
    throw new UsageError(
      "INVALID_OPTION",
      "clientMaxWindowBits must be a boolean or an integer from 8 to 15",
    );
  }
}

function isWindowBits(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= MIN_WINDOW_BITS && Number(value) <= MAX_WINDOW_BITS;
}

/** The parameters of one offer or answer, each at most once and each with a possible value. */
interface ReadParameters {
  serverNoContextTakeover: boolean;
  clientNoContextTakeover: boolean;
  serverMaxWindowBits: number | undefined;
  clientMaxWindowBits: number | true | undefined;
}

/** Undefined for an unknown or repeated parameter, or a value it cannot have: §7 has an offer declined for these. */
function readParameters(parameters: readonly ExtensionParameter[]): ReadParameters | undefined {
  const read: ReadParameters = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  };
  const seen = new Set<string>();
  for (const { name, value } of parameters) {
    if (seen.has(name)) return undefined;
    seen.add(name);
    if (name === SERVER_NO_CONTEXT_TAKEOVER && value === true) {
      read.serverNoContextTakeover = true;
    } else if (name === CLIENT_NO_CONTEXT_TAKEOVER && value === true) {
      read.clientNoContextTakeover = true;
    } else if (name === CLIENT_MAX_WINDOW_BITS && value === true) {
      read.clientMaxWindowBits = true;
    } else {
      const bits = value === true ? undefined : readWindowBits(value);
      if (bits === undefined) return undefined;
      if (name === SERVER_MAX_WINDOW_BITS) read.serverMaxWindowBits = bits;
      else if (name === CLIENT_MAX_WINDOW_BITS) read.clientMaxWindowBits = bits;
      else return undefined;
    }
  }
  return read;
}

/** §7.1.2: a decimal integer from 8 to 15 without leading zeroes. */
function readWindowBits(value: string): number | undefined {
  const bits = Number(value);
  return isWindowBits(bits) && String(bits) === value ? bits : undefined;
}

/**
 * Server: takes the first offer of permessage-deflate that suits `options`, and says what to answer. Undefined means
 * that none does, and the connection goes on without compression: a bad offer is no reason to fail (§7).
 */
export function acceptDeflateOffer(
  offers: readonly ExtensionOffer[],
  options: DeflateOptions,
): { parameters: DeflateParameters; response: string } | undefined {
  for (const offer of offers) {
    if (offer.name !== DEFLATE_EXTENSION) continue;
    const accepted = acceptOffer(offer, options);
    if (accepted !== undefined) return accepted;
  }
  return undefined;
}

function acceptOffer(
  offer: ExtensionOffer,
  options: DeflateOptions,
): { parameters: DeflateParameters; response: string } | undefined {
  const offered = readParameters(offer.parameters);
  if (offered === undefined) return undefined;

  const clientLimit = windowLimit(options.clientMaxWindowBits);
  // §7.1.2.2: the answer must not limit a client that did not offer it.
  if (clientLimit < MAX_WINDOW_BITS && offered.clientMaxWindowBits === undefined) return undefined;

  const parameters: DeflateParameters = {
    serverNoContextTakeover: offered.serverNoContextTakeover || options.serverNoContextTakeover === true,
    // An offer of this is a hint that the client will not use its window anyway; the answer makes it binding.
    clientNoContextTakeover: offered.clientNoContextTakeover || options.clientNoContextTakeover === true,
    serverMaxWindowBits: Math.min(
      offered.serverMaxWindowBits ?? MAX_WINDOW_BITS,
      windowLimit(options.serverMaxWindowBits),
    ),
    clientMaxWindowBits: Math.min(windowLimit(offered.clientMaxWindowBits), clientLimit),
  };

  const answer: ExtensionParameter[] = [];
  if (parameters.serverNoContextTakeover) answer.push({ name: SERVER_NO_CONTEXT_TAKEOVER, value: true });
  if (parameters.clientNoContextTakeover) answer.push({ name: CLIENT_NO_CONTEXT_TAKEOVER, value: true });
  // §7.1.2.1: an offered limit is accepted by repeating it, even one of 15 that limits nothing.
  if (offered.serverMaxWindowBits !== undefined || parameters.serverMaxWindowBits < MAX_WINDOW_BITS) {
    answer.push({ name: SERVER_MAX_WINDOW_BITS, value: String(parameters.serverMaxWindowBits) });
  }
  if (parameters.clientMaxWindowBits < MAX_WINDOW_BITS) {
    answer.push({ name: CLIENT_MAX_WINDOW_BITS, value: String(parameters.clientMaxWindowBits) });
  }
  return { parameters, response: formatExtensions([{ name: DEFLATE_EXTENSION, parameters: answer }]) };
}

function windowLimit(bits: number | boolean | undefined): number {
  return typeof bits === "number" ? bits : MAX_WINDOW_BITS;
}

/** Client: the value of `Sec-WebSocket-Extensions` that offers permessage-deflate with `options`. */
export function deflateOffer(options: DeflateOptions): string {
  assertDeflateOptions(options);
  const parameters: ExtensionParameter[] = [];
  if (options.serverNoContextTakeover) parameters.push({ name: SERVER_NO_CONTEXT_TAKEOVER, value: true });
  if (options.clientNoContextTakeover) parameters.push({ name: CLIENT_NO_CONTEXT_TAKEOVER, value: true });
  // A limit of 15 limits nothing, but a server that does not know the parameter would decline for it.
  const serverLimit = windowLimit(options.serverMaxWindowBits);
  if (serverLimit < MAX_WINDOW_BITS) {
    parameters.push({ name: SERVER_MAX_WINDOW_BITS, value: String(serverLimit) });
  }
  const client = options.clientMaxWindowBits ?? true;
  if (client !== false) {
    parameters.push({ name: CLIENT_MAX_WINDOW_BITS, value: client === true ? true : String(client) });
  }
  return formatExtensions([{ name: DEFLATE_EXTENSION, parameters }]);
}

/**
 * Client: checks what the server made of {@link deflateOffer}. Undefined means no compression; a
 * {@link HandshakeError} means that the connection must be failed (§7.1, RFC 6455 §9.1).
 */
export function checkDeflateAnswer(
  answer: readonly ExtensionOffer[],
  options: DeflateOptions,
): DeflateParameters | undefined | HandshakeError {
  const [accepted, second] = answer;
  if (accepted === undefined) return undefined;
  if (answer.some((extension) => extension.name !== DEFLATE_EXTENSION)) {
    return failure("UNREQUESTED_EXTENSION", "The server chose an extension that was not offered");
  }
  if (second !== undefined) return failure("INVALID_EXTENSIONS", "The server chose permessage-deflate twice");

  const read = readParameters(accepted.parameters);
  // In an answer client_max_window_bits must have a value (§7.1.2.2).
  if (read === undefined || read.clientMaxWindowBits === true) {
    return failure("INVALID_EXTENSIONS", "The server answered with invalid parameters of permessage-deflate");
  }
  if (read.clientMaxWindowBits !== undefined && options.clientMaxWindowBits === false) {
    return failure("UNREQUESTED_EXTENSION", "The server chose client_max_window_bits, which was not offered");
  }
  if (options.serverNoContextTakeover === true && !read.serverNoContextTakeover) {
    return failure("INVALID_EXTENSIONS", "The server did not agree to server_no_context_takeover");
  }
  const serverMaxWindowBits = read.serverMaxWindowBits ?? MAX_WINDOW_BITS;
  if (serverMaxWindowBits > windowLimit(options.serverMaxWindowBits)) {
    return failure("INVALID_EXTENSIONS", "The server did not agree to server_max_window_bits");
  }
  return {
    serverNoContextTakeover: read.serverNoContextTakeover,
    // §7.1.1.2: what we offered to do we do, whether or not the server took it up.
    clientNoContextTakeover: read.clientNoContextTakeover || options.clientNoContextTakeover === true,
    serverMaxWindowBits,
    // §7.1.2.2: the answer may be larger than the value offered; the client still stays below its own.
    clientMaxWindowBits: Math.min(
      windowLimit(read.clientMaxWindowBits),
      windowLimit(options.clientMaxWindowBits),
    ),
  };
}

function failure(code: HandshakeErrorCode, message: string): HandshakeError {
  return new HandshakeError(code, 101, message);
}
