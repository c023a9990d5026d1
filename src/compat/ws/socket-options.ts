import type { PerMessageDeflateOptions } from "./per-message-deflate.js";

/** What server and client take alike. */
export interface SocketOptions {
  /** Whether messages, pings and pongs may be told several times in one tick. Default true: waiting for ticks costs time. */
  allowSynchronousEvents?: boolean | undefined;
  /** Whether pings are answered. Default true: RFC 6455 §5.5.2 demands it. */
  autoPong?: boolean | undefined;
  /**
   * How long the closing handshake may take, in ms, up to 50 ms more: one timer serves all connections. Default 30 s, as in
   * `ws`.
   */
  closeTimeout?: number | undefined;
  /** The most bytes of a message, before and after inflating; 0 is no limit. Default 100 MiB, as in `ws`. */
  maxPayload?: number | undefined;
  /** Accepted and not used: what came of a message is one piece of memory. Default 262,144, as in `ws`. */
  maxBufferedChunks?: number | undefined;
  /** The most fragments of a message; 0 is no limit. Default 16,384, as in `ws`. */
  maxFragments?: number | undefined;
  /** How many pongs may wait for a peer that does not read, before it is dropped; 0 is no limit. Default 60, as in `ws`. */
  maxPendingAutoPongs?: number | undefined;
  /** permessage-deflate: true, false, or its options. Default: offered by clients, off on servers, as in `ws`. */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** Whether text is taken as it comes. Default false: RFC 6455 §8.1 demands the check. */
  skipUTF8Validation?: boolean | undefined;
}

/** The defaults that server and client have in common. */
export const SOCKET_DEFAULTS: Readonly<{
  [Name in keyof Omit<SocketOptions, "perMessageDeflate">]-?: NonNullable<SocketOptions[Name]>;
}> = {
  allowSynchronousEvents: true,
  autoPong: true,
  closeTimeout: 30_000,
  maxBufferedChunks: 262_144,
  maxFragments: 16_384,
  maxPayload: 104_857_600,
  maxPendingAutoPongs: 60,
  skipUTF8Validation: false,
};

/** The defaults of a client. */
export const CLIENT_DEFAULTS: typeof SOCKET_DEFAULTS &
  Readonly<{
    followRedirects: boolean;
    maxRedirects: number;
    perMessageDeflate: boolean;
    protocolVersion: number;
  }> = {
  ...SOCKET_DEFAULTS,
  followRedirects: false,
  maxRedirects: 10,
  perMessageDeflate: true,
  protocolVersion: 13,
};
