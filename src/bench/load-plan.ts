/** A load to be put on a server. */
export interface LoadPlan {
  /**
   * `echo`: every connection sends messages and gets them back. `fan-out`: one sends, all get it. `connect`: connections
   * are opened and closed again.
   */
  readonly kind: "echo" | "fan-out" | "connect";
  /** How many connections; of `connect`, how many at the same time. */
  readonly connections: number;
  /** How many of them send; the others only stay. Default: all. Of `echo` only. */
  readonly activeConnections?: number | undefined;
  /** How many messages a sender has in flight: the next so many go out when all of these are answered. */
  readonly window: number;
  /** The sizes of the messages in bytes, in the order in which they are sent, over and over. */
  readonly sizes: readonly number[];
  /**
   * The same bytes as binary, other JSON each time as text, one JSON document as text with one value changed each time, or
   * this text. Default `binary`.
   */
  readonly content?: "binary" | "json" | "document" | { readonly text: string } | undefined;
  /** Whether compression is offered; without it in the answer nothing is compressed. Default: false. */
  readonly isCompressionOffered?: boolean | undefined;
  /** How long is measured. */
  readonly durationMs: number;
  /** How long the load runs before anything counts. */
  readonly warmUpMs: number;
  /** The time over which the connections are opened. Default 0: as fast as the server answers. */
  readonly rampMs?: number | undefined;
  /** How long opening all connections may take beyond the ramp. Default 60 s. */
  readonly openTimeoutMs?: number | undefined;
  /** Whether any certificate will do. Default: false. */
  readonly isInsecure?: boolean | undefined;
  /** More fields of the opening handshake. Default: none. */
  readonly headers?: readonly (readonly [name: string, value: string])[] | undefined;
  /** A text to be sent first on every connection. Default: none. */
  readonly hello?: string | undefined;
  /** How many messages the server sends on its own when a connection is new. Default 0. */
  readonly greetings?: number | undefined;
  /** Whether messages go through sessions of Hawser, each over a WebSocket of its own. Default: false. */
  readonly isSession?: boolean | undefined;
  /**
   * WebSockets are streams of so many connections of HTTP/2 (RFC 8441), known beforehand or chosen by ALPN. Default: each has
   * a connection of its own, with HTTP/1.1.
   */
  readonly http2Connections?: number | undefined;
  /** Whether the peer sends back what it gets, mask and all, as a plain TCP echo. Default: false. */
  readonly isRawEcho?: boolean | undefined;
}
