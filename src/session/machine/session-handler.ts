import type { SessionEnd } from "../peer-port.js";
import type { IncomingChannel } from "./incoming-channel.js";
import type { SessionLink } from "./link.js";
import type { OutgoingChannel } from "./outgoing-channel.js";

/**
 * What a session tells whoever runs it, in order. One handler serves all sessions of an endpoint; `owner` is what the session
 * was made with. The session may be used from within any of these calls, but for `handleTimeout` and the receivers of its
 * links. Byte ranges are valid during the call only. A handler does not throw.
 */
export interface SessionHandler<Owner> {
  /**
   * There is something to send: call `session.flush()` when this turn of the event loop ends, and at once if nothing else
   * will happen in it. Told once; again only after a flush.
   */
  wantsFlush(owner: Owner): void;
  /** `session.deadlineMs` is now earlier than it was. */
  deadlineChanged(owner: Owner): void;
  /**
   * A message is complete: `bytes[start, end)`. Text is not checked: decode it, and call
   * `session.end(SessionCode.badMessage, ...)` if it is not UTF-8. `id` is a copy.
   * @returns whether it is done with. With false it counts against the window of its channel until `session.taken` is called;
   * when the window is full, the sender waits.
   */
  message(
    owner: Owner,
    channel: IncomingChannel,
    isText: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: Uint8Array | undefined,
  ): boolean;
  /** The other side opened a channel. Call `session.refuseChannel` here to have none of it. */
  channelOpened(owner: Owner, channel: IncomingChannel): void;
  /**
   * The other side closed a channel: nothing more comes on it, and its number may be used again. "held" for one of which something
   * waits: it counts against `maxChannels` until `session.channelDone()` is called.
   */
  channelClosed(owner: Owner, channel: IncomingChannel): "held" | undefined;
  /** The other side does not take what is sent on a channel: what waited is dropped, `send` says `closed`. */
  channelRefused(owner: Owner, channel: OutgoingChannel, code: number): void;
  /** So many messages were dropped on a channel, by its policy. `channel.dropped` has the sum. */
  dropped(owner: Owner, channel: OutgoingChannel, count: number): void;
  /** A channel for which `send` said `queued`, or `dropped`, is below its mark again, in bytes. */
  ready(owner: Owner, channel: OutgoingChannel): void;
  /** What the other side said with `session.signal`: something between the layers above, such as new credentials. */
  signal(owner: Owner, code: number, bytes: Uint8Array, start: number, end: number): void;
  /**
   * A transport carries the session, or another one than before; `isResumed` if it is not the first. Nothing was lost in
   * between.
   */
  live(owner: Owner, link: SessionLink, isResumed: boolean): void;
  /** No transport carries the session any more. The code and reason are those of the one that did. */
  suspended(owner: Owner, code: number, reason: string): void;
  /** The session has ended, for good. Nothing is called after that. */
  ended(owner: Owner, end: SessionEnd): void;
}
