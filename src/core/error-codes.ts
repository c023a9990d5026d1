/**
 * The codes of {@link ProtocolError}: what the peer did that RFC 6455 or RFC 7692 forbids, or which of our
 * limits it ran into. The number is the close code that is sent for it (RFC 6455 §7.4.1).
 */
export type ProtocolErrorCode =
  /** A reserved bit is set without an extension that gives it a meaning (§5.2). */
  | "RESERVED_BITS"
  /** Opcode 0x3-0x7 or 0xB-0xF (§5.2). */
  | "RESERVED_OPCODE"
  /** A client sent a frame without a mask (§5.1). */
  | "UNMASKED_FRAME"
  /** A server sent a frame with a mask (§5.1). */
  | "MASKED_FRAME"
  /** A control frame with more than 125 bytes of payload (§5.5). */
  | "CONTROL_FRAME_TOO_LONG"
  /** A control frame without FIN (§5.5). */
  | "FRAGMENTED_CONTROL_FRAME"
  /** A continuation frame with no message to continue (§5.4). */
  | "UNEXPECTED_CONTINUATION"
  /** A new text or binary frame inside a fragmented message (§5.4). */
  | "EXPECTED_CONTINUATION"
  /** A length that is not in its shortest form (§5.2). */
  | "NON_MINIMAL_LENGTH"
  /** A 64-bit length above 2^53-1, which no JavaScript buffer can hold; above 2^63-1 §5.2 forbids it too. */
  | "LENGTH_OVERFLOW"
  /** A text message, or the reason in a close frame, that is not UTF-8 (§8.1). */
  | "INVALID_UTF8"
  /** A close frame with a payload of one byte (§5.5.1). */
  | "INVALID_CLOSE_PAYLOAD"
  /** A close code that must not be sent (§7.4). */
  | "INVALID_CLOSE_CODE"
  /** A compressed message that is not DEFLATE data (RFC 7692 §7.2.2). */
  | "INVALID_COMPRESSED_DATA"
  /** A message above `maxMessageBytes`, counted before and after inflating. */
  | "MESSAGE_TOO_BIG"
  /** A frame above `maxFrameBytes`. */
  | "FRAME_TOO_BIG"
  /** A message in so many fragments that their overhead is above `maxFragmentOverheadBytes`. */
  | "TOO_MANY_FRAGMENTS"
  /** More than `maxPendingPongs` pings whose pongs the peer did not read. */
  | "TOO_MANY_PENDING_PONGS"
  /** More frames or bytes a second than the rate limits allow, with `overRate: "disconnect"`. */
  | "RATE_EXCEEDED";

/** The codes of {@link ConnectionError}: why an open connection ended without the peer breaking a rule. */
export type ConnectionErrorCode =
  /** The transport ended without a closing handshake (close code 1006). */
  | "CONNECTION_LOST"
  /** The transport reported an error, which is the `cause`: `ECONNRESET`, a TLS failure... */
  | "TRANSPORT_ERROR"
  /** No pong within `pongTimeoutMs` of a ping. */
  | "PONG_TIMEOUT"
  /** Nothing received for `idleTimeoutMs`. */
  | "IDLE_TIMEOUT"
  /** A message was not complete `messageTimeoutMs` after its first byte. */
  | "MESSAGE_TIMEOUT"
  /** The peer did not finish the closing handshake within `closeTimeoutMs`. */
  | "CLOSE_TIMEOUT"
  /** The peer reads too slowly: more than `maxBufferedBytes` waited to be sent. */
  | "BUFFER_OVERFLOW"
  /** The connection held more than `maxConnectionMemoryBytes`, or the most where all held more than `maxMemoryBytes`. */
  | "MEMORY_EXCEEDED"
  /** A handler of the application threw, or its promise was rejected; the `cause` says what. */
  | "HANDLER_ERROR"
  /** `terminate()` was called on this side. */
  | "TERMINATED";

/** The codes of {@link HandshakeError}: why an opening handshake was refused, by either side. */
export type HandshakeErrorCode =
  /** The bytes are not an HTTP/1.1 head. */
  | "MALFORMED_HEAD"
  /** The head has more bytes or header fields than allowed. */
  | "HEAD_TOO_LARGE"
  /** The method is not GET (§4.1 item 2). */
  | "METHOD_NOT_ALLOWED"
  /** The HTTP version is below 1.1 (§4.1 item 2). */
  | "HTTP_VERSION"
  /** The request target is not in origin form or has a fragment (§4.1 item 3, RFC 9112 §3.2). */
  | "INVALID_TARGET"
  /** A connection from a proxy of `proxyProtocolFrom` does not begin with a header of the PROXY protocol. */
  | "INVALID_PROXY_HEADER"
  /** `Host` is missing, repeated or malformed (§4.2.1 item 2). */
  | "INVALID_HOST"
  /** `Upgrade` does not name `websocket` (§4.2.1 item 3, §4.1). */
  | "INVALID_UPGRADE"
  /** `Connection` does not name `Upgrade` (§4.2.1 item 4, §4.1). */
  | "INVALID_CONNECTION"
  /** `Sec-WebSocket-Key` is missing, repeated or not 16 bytes in base64 (§4.2.1 item 5). */
  | "INVALID_KEY"
  /** `Sec-WebSocket-Version` is not 13 (§4.4). */
  | "UNSUPPORTED_VERSION"
  /** `Sec-WebSocket-Protocol` is malformed or names a protocol twice (§4.1 item 10). */
  | "INVALID_PROTOCOLS"
  /** `Sec-WebSocket-Extensions` is malformed (§9.1). */
  | "INVALID_EXTENSIONS"
  /** The request has a body, or framing headers that could smuggle one. */
  | "UNEXPECTED_BODY"
  /** The `Origin` is not allowed (§4.2.2 item 4, §10.2). */
  | "ORIGIN_NOT_ALLOWED"
  /** No endpoint at this path. */
  | "NOT_FOUND"
  /** A connection limit is reached: in total or for this address. */
  | "TOO_MANY_CONNECTIONS"
  /** The connections of the server hold as much as `maxMemoryBytes` allows. */
  | "MEMORY_EXCEEDED"
  /** The `upgrade` hook of the application refused. */
  | "REFUSED"
  /** The server is shutting down. */
  | "SHUTTING_DOWN"
  /** Client: the server takes no WebSocket over HTTP/2 (RFC 8441 §3), and no other way was allowed. */
  | "EXTENDED_CONNECT_UNSUPPORTED"
  /** Client: the status of the answer is not 101 (§4.1), or over HTTP/2 not 2xx. */
  | "UNEXPECTED_STATUS"
  /** Client: `Sec-WebSocket-Accept` is missing or is not the one for our key (§4.1). */
  | "INVALID_ACCEPT"
  /** Client: the server chose a subprotocol that was not offered (§4.1). */
  | "UNREQUESTED_PROTOCOL"
  /** Client: the server did not choose one of the subprotocols offered, as `requireProtocol` demands. */
  | "MISSING_PROTOCOL"
  /** Client: the server chose an extension, or a parameter of one, that was not offered (§9.1, RFC 7692 §7.1). */
  | "UNREQUESTED_EXTENSION";

/** The codes of {@link ConnectError}: why `connect()` did not come to an open connection. */
export type ConnectErrorCode =
  /** DNS, TCP or TLS failed; the `cause` is Node's error. */
  | "CONNECT_FAILED"
  /** The opening handshake failed; the `cause` is a {@link HandshakeError}. */
  | "HANDSHAKE_FAILED"
  /** Not open within `handshakeTimeoutMs`. */
  | "HANDSHAKE_TIMEOUT"
  /** The proxy refused or did not speak HTTP. */
  | "PROXY_REFUSED"
  /** More than `maxRedirects` redirects. */
  | "TOO_MANY_REDIRECTS"
  /** A redirect without a usable `Location`, or from `wss:` to `ws:`. */
  | "INVALID_REDIRECT"
  /** The `signal` was aborted; the `cause` is its reason. */
  | "ABORTED";

/** The codes of {@link UsageError}: what the caller of Hawser did wrong. */
export type UsageErrorCode =
  /** Not a `ws:`, `wss:`, `http:` or `https:` URL, or one with a fragment. */
  | "INVALID_URL"
  /** An option has the wrong type or is out of its range. */
  | "INVALID_OPTION"
  /** Something that is neither a string nor bytes was given to be sent. */
  | "INVALID_PAYLOAD"
  /** A close code that an application may not send (§7.4). */
  | "CLOSE_CODE_NOT_ALLOWED"
  /** A close reason above 123 bytes in UTF-8 (§5.5). */
  | "CLOSE_REASON_TOO_LONG"
  /** A ping or pong payload above 125 bytes (§5.5). */
  | "CONTROL_PAYLOAD_TOO_LONG"
  /** A header name or value that cannot stand in an HTTP head. */
  | "INVALID_HEADER"
  /** A subprotocol name that is not a token, is empty or repeated. */
  | "INVALID_PROTOCOL_NAME"
  /** A message of a session is lost: it is longer than the server takes, which was not known when it was sent. */
  | "MESSAGE_TOO_LONG"
  /** The other side of a session takes nothing on a channel that was sent on: what it skipped is lost. */
  | "CHANNEL_REFUSED"
  /** A streamed message is not finished yet, or is finished already. */
  | "MESSAGE_IN_PROGRESS"
  /** `serve()` could not listen; the `cause` is Node's error. */
  | "LISTEN_FAILED"
  /** A worker of `startWorkers` ended before it was ready. */
  | "WORKER_FAILED"
  /** A contract has something in it that cannot be, or an error of the name of one of Hawser's, or is none. */
  | "INVALID_CONTRACT";

/** The codes of {@link CodecError}. */
export type CodecErrorCode =
  /** A value of this side that the format of the codec cannot hold. */
  | "ENCODE_FAILED"
  /** A message of the peer that is not in the format of the codec, or above one of its limits. */
  | "DECODE_FAILED";

/** The codes of {@link CallError}: why a call, a stream or an event of a contract came to nothing. */
export type CallErrorCode =
  /** What was given does not fit the schema: the input of a call or stream, a value, an event. */
  | "INVALID_INPUT"
  /** What came back does not fit the schema: an output, a value of a stream, the data of an error. */
  | "INVALID_OUTPUT"
  /** The other side has nothing under this name. */
  | "UNKNOWN_NAME"
  /** The handler threw something that the contract does not declare. */
  | "HANDLER_FAILED"
  /** Whoever gave the values of a stream failed. */
  | "SOURCE_FAILED"
  /** No answer within `deadlineMs`. */
  | "DEADLINE_EXCEEDED"
  /** The `signal` was aborted, or the stream was left; the `cause` is the reason. */
  | "ABORTED"
  /** More calls at a time than `maxConcurrentCalls` of the other side or `maxPendingCalls` of this one. */
  | "TOO_MANY_CALLS"
  /** More open streams than `maxStreams`. */
  | "TOO_MANY_STREAMS"
  /** The call was sent, the session was reset, and the server cannot know whether it ran. */
  | "OUTCOME_UNKNOWN"
  /** The session was reset: what was open on it is gone. */
  | "SESSION_RESET"
  /** The session was closed, or never takes what this contract sends. */
  | "SESSION_CLOSED"
  /** The other side broke a rule of the contract's messages; the session is closed. Told to `error` only. */
  | "INVALID_MESSAGE";

/** Every stable error code of Hawser. */
export type ErrorCode =
  | ProtocolErrorCode
  | ConnectionErrorCode
  | HandshakeErrorCode
  | ConnectErrorCode
  | UsageErrorCode
  | CodecErrorCode
  | CallErrorCode;
