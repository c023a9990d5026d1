import type { Buffer } from "node:buffer";

/** How `setSocket` sets a connection up. */
export interface SocketSettings {
  /** Default true. */
  readonly allowSynchronousEvents?: boolean | undefined;
  readonly generateMask?: ((mask: Buffer) => void) | undefined;
  /** Accepted and not used: pieces of a message are kept as one. */
  readonly maxBufferedChunks?: number | undefined;
  /** Default 0, no limit. */
  readonly maxFragments?: number | undefined;
  /** In bytes. Default 0, no limit. */
  readonly maxPayload?: number | undefined;
  readonly skipUTF8Validation?: boolean | undefined;
}
