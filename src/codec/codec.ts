/** A value as it travels: the payload of a text message, or that of a binary one. */
export type Encoded = string | Uint8Array;

/**
 * How values become messages and messages values: `json()`, `msgpack()`, or one of your own. Both ends of a session take
 * the same one. It has no state that one message leaves to the next, so that one codec serves all sessions.
 */
export interface Codec {
  /** For messages of errors and logs: `json`, `msgpack`. */
  readonly name: string;
  /**
   * Makes a message of a value. The bytes belong to the caller and are not written to again.
   * @throws CodecError `ENCODE_FAILED` for what the format cannot hold. Whatever else a codec of your own throws is
   * taken as that.
   */
  encode(value: unknown): Encoded;
  /**
   * Reads the message of a peer. What is returned does not share memory with `data`.
   * @throws CodecError `DECODE_FAILED`, and nothing else, for bytes that are not what {@link encode} makes or that are
   * above a limit. Whatever a codec of your own throws is taken as that.
   */
  decode(data: Encoded): unknown;
}
