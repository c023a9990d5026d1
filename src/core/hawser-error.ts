import type {
  ConnectErrorCode,
  ConnectionErrorCode,
  ErrorCode,
  HandshakeErrorCode,
  ProtocolErrorCode,
  UsageErrorCode,
} from "./error-codes.js";

/** What all errors of Hawser have in common: a `code` that stays the same from version to version. */
export abstract class HawserError extends Error {
  /** Which error this is; see `docs/reference/errors.md`. */
  abstract readonly code: ErrorCode;

  constructor(message: string, cause?: unknown) {
    // An absent cause must not become an own property that prints as `[cause]: undefined`.
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** The peer broke a rule of the protocol or one of our limits; the connection was failed for it (RFC 6455 §7.1.7). */
export class ProtocolError extends HawserError {
  override readonly name = "ProtocolError";
  override readonly code: ProtocolErrorCode;
  /** The close code sent for it: 1002, 1007, 1008 or 1009. */
  readonly closeCode: number;
  /**
   * The number that was wrong, where there is one: the first byte of the frame for its reserved bits or opcode, the
   * length of a control frame, the close code.
   */
  declare readonly detail?: number;

  constructor(code: ProtocolErrorCode, closeCode: number, message: string, cause?: unknown, detail?: number) {
    super(message, cause);
    this.code = code;
    this.closeCode = closeCode;
    if (detail !== undefined) this.detail = detail;
  }
}

/** An open connection ended, and no rule of the protocol was broken: a timeout, a lost transport, a full buffer. */
export class ConnectionError extends HawserError {
  override readonly name = "ConnectionError";
  override readonly code: ConnectionErrorCode;

  constructor(code: ConnectionErrorCode, message: string, cause?: unknown) {
    super(message, cause);
    this.code = code;
  }
}

/** An opening handshake was refused: by us as a server, by us as a client, or by the server we called. */
export class HandshakeError extends HawserError {
  override readonly name = "HandshakeError";
  override readonly code: HandshakeErrorCode;
  /** The HTTP status: the one we answered with, or the one we received. 0 where there was none. */
  readonly status: number;
  /** The headers that belong to {@link status}, as a flat list: name, value, name, value... */
  readonly headers: readonly string[];

  constructor(
    code: HandshakeErrorCode,
    status: number,
    message: string,
    headers: readonly string[] = [],
    cause?: unknown,
  ) {
    super(message, cause);
    this.code = code;
    this.status = status;
    this.headers = headers;
  }
}

/** How far `connect()` came before it failed. */
export type ConnectPhase = "dns" | "tcp" | "tls" | "proxy" | "handshake" | "open";

/** `connect()` did not come to an open connection. */
export class ConnectError extends HawserError {
  override readonly name = "ConnectError";
  override readonly code: ConnectErrorCode;
  /** How far it came. */
  readonly phase: ConnectPhase;
  /** The HTTP status of a refusal, by the server or the proxy. */
  readonly status: number | undefined;
  /** The headers of a refusal, as a flat list: name, value, name, value... */
  readonly headers: readonly string[];

  constructor(
    code: ConnectErrorCode,
    phase: ConnectPhase,
    message: string,
    details: { status?: number; headers?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, details.cause);
    this.code = code;
    this.phase = phase;
    this.status = details.status;
    this.headers = details.headers ?? [];
  }
}

/** The caller of Hawser did something that cannot work: a wrong type, a bad option, a close code that may not be sent. */
export class UsageError extends HawserError {
  override readonly name = "UsageError";
  override readonly code: UsageErrorCode;

  constructor(code: UsageErrorCode, message: string, cause?: unknown) {
    super(message, cause);
    this.code = code;
  }
}
