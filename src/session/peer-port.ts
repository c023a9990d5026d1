/**
 * What became of a message that was given to `send`:
 * - `sent`: taken, and less than the high-water mark of its channel waits;
 * - `queued`: taken, but more waits than the mark: wait for `ready()`;
 * - `dropped`: not taken, since it did not fit and the policy of its channel says so; it is counted and reported;
 * - `closed`: not taken, since the session or the channel is closed;
 * - `too-long`: not taken, and never will be: it has more bytes than `maxMessageBytes` of the other side. It is counted and
 *   reported as what was dropped is. What a client sends before it knows that limit is taken; if it was too long, `error` is told.
 */
export type SendStatus = "sent" | "queued" | "dropped" | "closed" | "too-long";

/**
 * What a channel does with a message that does not fit within its limit, or that of the session, or of the server:
 * - `block`: it is not taken (`dropped`); whoever waits for `ready()` before sending never sees that;
 * - `drop-oldest`: the oldest ones that were not yet sent make room;
 * - `drop-newest`: it is not taken (`dropped`), and nobody is expected to wait;
 * - `latest-per-key`: one that waits under the same key is replaced, at its place in the line, at the limit or not; without
 *   one of its key it is as with `drop-oldest`;
 * - `disconnect`: it is not taken, and the transport is dropped with 4006, so that a peer that is too slow comes back
 *   and resumes; nothing that was taken is lost.
 */
export type OverflowPolicy = "block" | "drop-oldest" | "drop-newest" | "latest-per-key" | "disconnect";

/** What may be said about a channel when it is opened for sending. */
export interface ChannelOptions {
  /** What happens to a message that does not fit. Default: `block`, which loses nothing. */
  readonly policy?: OverflowPolicy | undefined;
  /**
   * How much may wait to be sent on this channel, in bytes, each message counting 64 more. Default: 1 MiB, as for the whole
   * session. One message fits always where nothing else waits on its channel.
   */
  readonly maxQueuedBytes?: number | undefined;
  /** From how many waiting bytes on `send` says `queued`. Default: 64 KiB, some pieces. */
  readonly highWaterMarkBytes?: number | undefined;
}

/** What may be said about one message. */
export interface MessageOptions {
  /**
   * An id of its own, of 1 to 32 bytes, which travels with it and is given to the receiver. Whoever sends a message again in a
   * new session, since a reset left it unconfirmed, uses the same one, and the receiver can tell. Default none: most messages
   * may be lost with their session.
   */
  readonly id?: Uint8Array | undefined;
  /**
   * Bytes are text in UTF-8 already, and are sent as text: for what goes to many, and is encoded once. Default false: bytes are
   * binary. Not checked.
   */
  readonly isText?: boolean | undefined;
  /** For `latest-per-key`: what it replaces. Not sent. Default none: it replaces nothing. */
  readonly key?: string | undefined;
}

/** @internal What a contract says besides about a message. */
export interface ToldMessageOptions extends MessageOptions {
  /** Called in place of `error` if it turns out to be too long for the other side, behind the answer of `send`. */
  readonly tooLong?: (() => void) | undefined;
}

/** A message that was never confirmed when its session ended: it may have arrived, or not. */
export interface UnconfirmedMessage {
  /** The name of its channel. */
  readonly channel: string;
  /** What was sent: text is a string. */
  readonly data: string | Uint8Array;
  /** The id that it was sent with. */
  readonly id: Uint8Array | undefined;
}

/** How a session ended. */
export interface SessionEnd {
  /** The session code: see `SessionCode`. */
  readonly code: number;
  /** In a few words; what the other side said, or what happened here. */
  readonly reason: string;
  /**
   * Whether it was closed in order, by either side (`closed`), or was reset: lost, expired, refused. Behind a reset a client
   * begins a new session, unless the code says to stop.
   */
  readonly isReset: boolean;
  /** The messages of this side that were never confirmed, in the order of each channel. */
  readonly unconfirmed: readonly UnconfirmedMessage[];
}

/**
 * The other end of a session, for what is built on it: calls, rooms. A client's session is one, and so is each session of a
 * server. It outlives its transports; when it ends, it does so for good, and a client's next session is a new `Peer`.
 */
export interface Peer {
  /** The id of the session, 32 hexadecimal digits. Not secret. */
  readonly id: string;
  /**
   * Whether a transport carries it just now, or it waits for one, or it has ended. Of a session that was never `live`, no
   * message has left.
   */
  readonly state: "live" | "suspended" | "closed";
  /** The smoothed round-trip time in ms; undefined before the first round trip. */
  readonly roundTripMs: number | undefined;
  /**
   * The channel of this name, opened for sending on first use. The options count when it is opened. The empty name is the
   * channel that every session has, with the default options.
   * @throws `UsageError` `INVALID_OPTION` for options that cannot be, and a name of more than 256 bytes.
   */
  channel(name: string, options?: ChannelOptions): PeerChannel;
  /**
   * Who takes the messages of a channel, by its name; undefined takes them away from whoever had them. Messages of a channel
   * that nobody takes go to the receiver of `"*"`, and else the channel is refused.
   */
  receive(name: string, receiver: PeerReceiver | undefined): void;
  /** Calls `listener` whenever `state` changes. Returns what ends that. */
  onState(listener: PeerStateListener): () => void;
  /** Ends the session when everything was confirmed. Resolves when it has ended. */
  close(code?: number, reason?: string): Promise<SessionEnd>;
}

/** Told of each change of `Peer.state`; `end` is there with `closed`. */
export type PeerStateListener = (state: Peer["state"], end: SessionEnd | undefined) => void;

/** One of the channels of a session, for sending. Each is ordered; channels are not ordered among themselves. */
export interface PeerChannel {
  /** Its name. */
  readonly name: string;
  /** How many bytes wait to be sent on it, each message counting 64 more. */
  readonly queuedBytes: number;
  /** How many messages were dropped on it, for want of room. */
  readonly dropped: number;
  /**
   * Sends a message: strings are text, bytes binary. Bytes above 16 KiB are not copied: do not change them.
   * @throws `UsageError` `INVALID_PAYLOAD` for anything else; `INVALID_OPTION` for an id of other than 1 to 32 bytes.
   */
  send(data: string | Uint8Array, options?: MessageOptions): SendStatus;
  /** Resolves with true when there is room below the high-water mark, with false if the channel or the session ends. */
  ready(): Promise<boolean>;
  /** Nothing more is sent on it; its name may be opened again. */
  close(): void;
}

/** Who takes the messages of a channel. */
export interface PeerReceiver {
  /**
   * A message: text is a string. Bytes are the receiver's to keep. A promise that it returns holds the channel back: what
   * comes meanwhile waits, in the end at the sender.
   */
  message(data: string | Uint8Array, id: Uint8Array | undefined, channel: string): void | Promise<void>;
  /** Nothing more comes on this channel: it was closed by the sender, or the session has ended. */
  ended?(channel: string): void;
  /** @internal The other side opened a channel of this name. */
  opened?(channel: string): void;
  /**
   * The other side does not take what is sent on the channel of this name: it has nobody who does, may not, or takes no more
   * channels. What waited is dropped, and `send` of that channel says `closed`; asking for one by its name opens another.
   */
  refused?(channel: string): void;
}

/** A client, which has one session after the other: behind a reset there is a new `Peer`. */
export interface PeerSource {
  /**
   * Calls `listener` with the session that there is, at once, and with each that follows, before anything of it is read.
   * Returns what ends that.
   */
  onPeer(listener: (peer: Peer) => void): () => void;
}
