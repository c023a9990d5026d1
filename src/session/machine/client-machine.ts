import type { ChannelOptions, PeerChannel } from "../peer-port.js";
import { DRAIN_ABOVE_BYTES, type Transport } from "../transport-port.js";
import { bodyOf, type Fields, HEADER_ROOM, scratch, writeFields } from "../wire/encode-fields.js";
import { MAX_REASON_BYTES } from "../wire/end-packet.js";
import { IDENTITY_BYTES, MAX_OWNER_BYTES, PROBE_BIT, RESUME_BIT } from "../wire/open-packet.js";
import {
  ACK_PACKET,
  DATA_PACKET,
  LEAVE_PACKET,
  OPEN_PACKET,
  PING_PACKET,
  PONG_PACKET,
  RESET_PACKET,
  SESSION_VERSION,
  SKIPPABLE_PACKET,
  USE_PACKET,
  WELCOME_PACKET,
} from "../wire/packet-type.js";
import { at, end, fail, isFault, readByte, readFrom, readVarint, skip, take } from "../wire/read-fields.js";
import { CHANNEL_BIT, CONTROL_RECORD, END_RECORD, ID_BIT, SIGNAL_RECORD } from "../wire/record-head.js";
import { MAX_ID_BYTES } from "../wire/record-reader.js";
import {
  actionOf,
  BAD_MESSAGE_CODE,
  BAD_PACKET_CODE,
  CLOSED_CODE,
  FENCED_CODE,
  LOST_CODE,
  NOT_NEEDED_CODE,
  TIMEOUT_CODE,
  TOO_SLOW_CODE,
} from "../wire/session-code.js";
import type { ClientConfig } from "./client-config.js";
import { clientInbox } from "./client-inbox.js";
import { clientOutbox, ending } from "./client-outbox.js";
import type { SessionLink } from "./link.js";
import { MAX_SIGNAL_BYTES } from "./session-rules.js";

/** What lived for so long, in ms, a session or the transport that carried it, worked: its end is no reason to hesitate. */
export const WORKED_AFTER_MS = 5_000;
/** Records that are not confirmed are a question already; without an answer after this, in ms, one that must be answered. */
const UNCONFIRMED_MS = 2_500;
/** So much that came is acknowledged alone, without waiting for something to carry it. */
const ACK_AFTER_BYTES = 65_536;
const MAX_PING_BYTES = 8;

/** The client's side of a session. */
export interface ClientMachine {
  /** The id, 16 bytes. */
  readonly id: Uint8Array;
  /** The channel that every session has, for sending. */
  readonly main: PeerChannel;
  /** How much is kept of what was sent and is not confirmed, in bytes, each message counting 64 more. */
  outboxBytes(): number;
  /** The smoothed round-trip time in ms; undefined before the first round trip. */
  roundTripMs(): number | undefined;
  /** The channel of a name, which is opened if it is not open for sending. */
  channel(name: string, options?: ChannelOptions): PeerChannel;
  /** Says something to the layer above on the other side, at once. At most 8,192 bytes; more is not said. */
  signal(code: number, bytes: Uint8Array): void;
  /**
   * Attaches a transport that is open, and sends `open` on it. Without `isProbe` it takes the session over at once from
   * whatever carried it; with it, after the round trip.
   */
  attach(transport: Transport, isProbe?: boolean): void;
  /**
   * All that was dialled has failed. `code` and `notBeforeMs` as a `TransportDialer` told; 0 if it did not.
   * @param delayMs for how long there is no use in trying, as far as the host knows.
   */
  dialFailed(code: number, reason: string, notBeforeMs: number, delayMs?: number): void;
  /**
   * Does not wait any longer; does nothing while a transport is there or is being opened.
   * @param isAsked whether somebody asks for it, who counts for more than a server that wants it to stay away.
   */
  retryNow(isAsked?: boolean): void;
  /** Asks the other side for a sign of life at once: the network has changed, the page was thawed. */
  probe(): void;
  /**
   * Closes the session in order: the other side is told behind all that was sent. `handler.ended` follows; after
   * `closeTimeoutMs` also if not everything was confirmed.
   */
  close(code?: number, reason?: string): void;
  /** Ends the session at once; the other side is told if it can be. `handler.ended` is called before this returns. */
  end(code: number, reason?: string, isReset?: boolean): void;
}

/**
 * Makes the client's side of a session, without I/O: it begins, chooses the transports, and comes back. Blocks come in through its
 * links, calls of the handler and of the transports go out; timers are the host's. Bytes from the other side never make it throw:
 * what breaks a rule drops the transport, or ends the session, with a code.
 *
 * It says and takes what a server's machine does, and shares no code with it beyond the wire: that one is made for many sessions and much
 * traffic, this one to be short, since each page loads it. So it is a function with variables, whose names cost a page nothing; a record is
 * an object here, and is encoded each time it is sent.
 * @param failures how many sessions before it came to nothing: the first delay is as after so many attempts.
 */
export function clientMachine(config: ClientConfig, failures = 0): ClientMachine {
  const { host, handler, windowBytes, maxMessageBytes } = config;
  const { nowMs } = host;
  const identity = host.randomBytes(2 * IDENTITY_BYTES);
  /** The link that carries the session, and all that are there. */
  let active: SessionLink | undefined;
  const links = new Set<SessionLink>();
  /** The transport that another one replaced, until that one proves itself; what it still brings is not looked at. */
  let replaced: Transport | undefined;
  let epoch = 0;
  let isEnded = false;
  let wasLive = false;
  let liveSinceMs = 0;
  /** How often it was tried since a transport worked. */
  let failed = failures;
  /** What the server said to transports that were of no use yet: how long to stay away. */
  let mustWaitMs = 0;
  /** Until when the server wants it to stay away, on the clock of the host. */
  let awayUntilMs = 0;
  /** What the server called itself in its first welcome. */
  let server: Uint8Array | undefined;
  let roundTripMs: number | undefined;

  /** The number of the last record that came, and how many bytes did that are not acknowledged over the active link. */
  let received = 0;
  let unacknowledgedBytes = 0;
  let isFlushWanted = false;

  /** When to look whether anything was heard. */
  let heartbeatDueMs = 0;
  let pingIntervalMs = 0;
  let wasHeard = false;
  /** When the last ping was sent, -1 if it was answered; and what it carries. */
  let askedMs = -1;
  let question = 0;

  /** What is to be done later, by what it is for. */
  const timers = new Map<unknown, unknown>();

  const cancel = (key: unknown): void => {
    host.clearTimer(timers.get(key));
    timers.delete(key);
  };

  /** Calls `call` after so many ms, and not when it was to be called before. Not at all once the session has ended. */
  const later = (call: () => void, delayMs: number, key: unknown = call): void => {
    cancel(key);
    const run = (): void => {
      timers.delete(key);
      call();
    };
    if (!isEnded) timers.set(key, host.setTimer(run, Math.ceil(delayMs)));
  };

  const wantsFlush = (): void => {
    if (isFlushWanted || !active) return;
    isFlushWanted = true;
    host.afterTurn(flush);
  };

  // What is not there is not let go of.
  const tooSlow = (): void => detach(active!, TOO_SLOW_CODE);

  // --- What comes over a link ----------------------------------------------------------------------------------

  const block = (link: SessionLink, bytes: Uint8Array, start: number, stop: number): void => {
    if (link === active) {
      wasHeard = true;
      closeReplaced();
    }
    let next = start;
    try {
      while (links.has(link)) {
        readFrom(bytes, next, stop);
        const type = readByte();
        if (type === DATA_PACKET) {
          data(link, bytes, stop);
          return;
        }
        const length = readVarint();
        const from = at;
        next = skip(length);
        readFrom(bytes, from, next);
        packet(link, type);
        if (next === stop) return;
      }
    } catch (fault) {
      if (!isFault(fault)) throw fault;
      detach(link, BAD_PACKET_CODE);
    }
  };

  const packet = (link: SessionLink, type: number): void => {
    if (type === RESET_PACKET || type === LEAVE_PACKET) {
      const [code, reason, afterMs] = readEnd();
      link.transport.close(code, "");
      lost(link, code, reason, afterMs, type === RESET_PACKET);
    } else if (type === WELCOME_PACKET) welcome(link);
    else if (type < SKIPPABLE_PACKET) {
      if (link !== active) fail();
      else if (type === ACK_PACKET) confirm(readVarint());
      else if (type === PING_PACKET && at < end) {
        const asked = take(end - at, MAX_PING_BYTES);
        // A server that reads none gets no more of them: what waits is a sign of life as well, when it arrives.
        if (link.transport.bufferedBytes < ACK_AFTER_BYTES) say(link, PONG_PACKET, asked);
      } else if (type !== PONG_PACKET) fail();
      else if (askedMs >= 0 && readByte() === question) {
        measured(nowMs() - askedMs);
        quiet();
      }
    }
  };

  const readEnd = (): [code: number, reason: string, afterMs: number] => {
    const code = readVarint();
    const afterMs = readVarint() + host.random() * readVarint();
    if (code < 4000 || code >= 4600) fail();
    const bytes = take(end - at, MAX_REASON_BYTES);
    return [code, host.utf8Decode(bytes, 0, bytes.length) ?? "", afterMs];
  };

  const welcome = (link: SessionLink): void => {
    const version = readVarint();
    const confirmed = readVarint();
    const peerWindowBytes = readVarint();
    const peerMaxBytes = readVarint();
    readVarint(); // how long it keeps the session: it says itself when that is over
    const owner = take(readVarint(), MAX_OWNER_BYTES);
    if (version !== SESSION_VERSION) fail();
    if (link === active) return; // repeated, since the server thought that it was lost
    if (!server) {
      server = owner;
      allowed(peerWindowBytes, peerMaxBytes);
    } else if (String(server) !== String(owner)) {
      detach(link, NOT_NEEDED_CODE);
      return;
    }
    confirm(confirmed);
    if (isEnded) return;
    measured(nowMs() - link.attachedMs);
    if (link.isProbe) {
      say(link, USE_PACKET, received);
      if (active) {
        // The server closes it when it gets our packet. If we did now, it could hear of the end before it hears of the beginning.
        links.delete(active);
        closeReplaced();
        replaced = active.transport;
        failed = 0; // it worked until now, and does again if the new one does not
        handler.linkLost(active, FENCED_CODE, "", 0);
      }
    }
    const before = active;
    active = link;
    cancel(link);
    cancel(dial);
    liveSinceMs = nowMs();
    for (const other of links) {
      if (other !== link) detach(other, other === before ? FENCED_CODE : NOT_NEEDED_CODE);
    }
    sendAgain();
    wasBusy();
    quiet();
    const isResumed = wasLive;
    wasLive = true;
    handler.live(link, isResumed);
  };

  /** The packet with the records. */
  const data = (link: SessionLink, bytes: Uint8Array, stop: number): void => {
    if (link !== active) fail();
    const start = at;
    const confirmed = readVarint();
    let number = readVarint();
    if (at === stop || number === 0 || number > received + 1) fail();
    let next = at;
    confirm(confirmed);
    unacknowledgedBytes += stop - start;
    wasBusy();
    for (; next < stop && links.has(link); number++) {
      readFrom(bytes, next, stop);
      const head = readByte();
      const isMessage = head < CONTROL_RECORD;
      const channel = isMessage && (head & CHANNEL_BIT) !== 0 ? readVarint() : 0;
      const id = isMessage && (head & ID_BIT) !== 0 ? take(readVarint(), MAX_ID_BYTES) : undefined;
      const length = readVarint();
      const from = at;
      next = skip(length);
      if (number <= received) continue;
      received = number;
      readFrom(bytes, from, next);
      try {
        if (head === END_RECORD) {
          const [code, reason] = readEnd();
          acknowledge();
          finish(code, reason, false);
        } else record(head, channel, id);
      } catch (fault) {
        if (!isFault(fault)) throw fault;
        endSession(BAD_MESSAGE_CODE);
      }
    }
    wantsFlush();
  };

  const flush = (): void => {
    isFlushWanted = false;
    if (!active) return;
    if (write(active.transport, received)) {
      acknowledgedAll();
      wasBusy();
      if (askedMs < 0 && heartbeatDueMs > nowMs() + UNCONFIRMED_MS) beat(UNCONFIRMED_MS);
    } else if (unacknowledgedBytes >= ACK_AFTER_BYTES) acknowledge();
    else if (unacknowledgedBytes > 0 && !timers.has(acknowledge)) later(acknowledge, config.ackDelayMs);
  };

  // --- Transports ----------------------------------------------------------------------------------------------

  const attach = (transport: Transport, isProbe?: boolean): void => {
    const link = { transport, epoch: ++epoch, isProbe, attachedMs: nowMs() };
    transport.receiver = {
      block: (bytes, start, stop) => block(link, bytes, start, stop),
      drained: wantsFlush,
      lost() {
        // Whether the server has our first packet nobody knows; a new transport is quicker than to find out.
        if (link !== active) detach(link, LOST_CODE);
        else {
          say(link, USE_PACKET, received);
          sendAgain();
        }
      },
      closed: (code, reason) => lost(link, code === 0 ? LOST_CODE : code, reason),
    };
    if (isEnded) {
      transport.close(NOT_NEEDED_CODE, "");
      return;
    }
    links.add(link);
    const owner = server ?? new Uint8Array(0);
    const credentials = handler.credentials();
    say(
      link,
      OPEN_PACKET,
      SESSION_VERSION,
      SESSION_VERSION,
      (server ? RESUME_BIT : 0) | (isProbe ? PROBE_BIT : 0),
      identity,
      epoch,
      received,
      windowBytes,
      maxMessageBytes,
      owner.length,
      owner,
      credentials.length,
      credentials,
    );
    cancel(dial);
    later(() => detach(link, TIMEOUT_CODE), config.attachTimeoutMs, link);
  };

  /** All that is not confirmed is sent again, and the other side has to be told again what came. */
  const sendAgain = (): void => {
    unacknowledgedBytes = Math.min(received, 1);
    rewind();
  };

  const closeReplaced = (): void => {
    replaced?.close(FENCED_CODE, "");
    replaced = undefined;
  };

  /** Sends a packet in a block of its own. */
  const say = (link: SessionLink, type: number, ...fields: Fields): void => {
    const body = bodyOf(fields);
    link.transport.send(scratch, HEADER_ROOM, writeFields([type, body.length, body]));
  };

  const acknowledge = (): void => {
    acknowledgedAll();
    say(active!, ACK_PACKET, received);
  };

  const acknowledgedAll = (): void => {
    unacknowledgedBytes = 0;
    cancel(acknowledge);
  };

  /** Lets go of a link; if it was the active one, the session is suspended. The other side is told why. */
  const detach = (link: SessionLink, code: number, reason = ""): void => {
    if (!links.has(link)) return;
    say(link, LEAVE_PACKET, ...ending(host, code, reason));
    link.transport.close(code, reason);
    gone(link, code, reason, 0);
  };

  /** The other side ended a transport, or it broke. */
  const lost = (link: SessionLink, code: number, reason: string, notBeforeMs = 0, isReset = false): void => {
    if (!links.has(link)) return;
    // Where another one is in use, a node that does not know the session has no say in it.
    const counts = !active || active === link;
    // What we closed and the other side forgot was closed in order, if nothing else is open.
    if (counts && (isReset || actionOf(code) !== "retry")) finish(code, reason, !isClosed());
    else gone(link, code, reason, notBeforeMs);
  };

  const gone = (link: SessionLink, code: number, reason: string, notBeforeMs: number): void => {
    links.delete(link);
    cancel(link);
    if (link !== active) {
      mustWaitMs = Math.max(mustWaitMs, notBeforeMs);
      handler.linkLost(link, code, reason, notBeforeMs);
      return;
    }
    suspend();
    handler.suspended(code, reason);
    if (isEnded) return;
    const hasWorked = nowMs() - liveSinceMs >= WORKED_AFTER_MS;
    if (hasWorked) failed = 0;
    if (hasWorked && notBeforeMs === 0) dial();
    else wait(notBeforeMs);
  };

  /** Nothing carries the session any more. */
  const suspend = (): void => {
    active = undefined;
    closeReplaced();
    acknowledgedAll();
    cancel(heartbeat);
  };

  // --- Coming back ---------------------------------------------------------------------------------------------

  const dial = (): void => {
    cancel(dial);
    mustWaitMs = 0;
    handler.dial(!wasLive);
  };

  /** Full jitter: a random part of a delay that doubles, and is capped before the dice are thrown. */
  const wait = (notBeforeMs: number, atLeastMs = 0): void => {
    const mostMs = Math.min(config.maxReconnectDelayMs, config.reconnectDelayMs * 2 ** failed++);
    const delayMs = Math.max(host.random() * mostMs, notBeforeMs, atLeastMs);
    awayUntilMs = nowMs() + notBeforeMs;
    later(dial, delayMs);
    handler.waiting(delayMs);
  };

  // --- Ending --------------------------------------------------------------------------------------------------

  const endSession = (code: number, reason = "", isReset = true): void => {
    for (const link of links) say(link, RESET_PACKET, ...ending(host, code, reason));
    finish(code, reason, isReset);
  };

  /** The session is over, whoever said so. */
  const finish = (code: number, reason: string, isReset: boolean): void => {
    if (isEnded) return;
    isEnded = true;
    for (const { transport } of links) transport.close(code, reason);
    links.clear();
    suspend();
    for (const key of timers.keys()) cancel(key);
    handler.ended({ code, reason, isReset, unconfirmed: forget() });
  };

  // --- Time ----------------------------------------------------------------------------------------------------

  const heartbeat = (): void => {
    // When the machine slept, the silence proves nothing.
    if (nowMs() - heartbeatDueMs > config.sleepAfterMs || (!wasHeard && askedMs < 0)) probe();
    else if (wasHeard) quiet(isUnconfirmed());
    else detach(active!, TIMEOUT_CODE);
  };

  /** Looks after so many ms whether anything was heard. */
  const beat = (delayMs: number): void => {
    heartbeatDueMs = nowMs() + delayMs;
    later(heartbeat, delayMs);
  };

  const probe = (): void => {
    if (!active) return;
    wasHeard = false;
    question = (question + 1) & 0x7f;
    askedMs = nowMs();
    pingIntervalMs = Math.min(2 * pingIntervalMs, config.maxPingIntervalMs);
    beat(config.pongTimeoutMs);
    say(active, PING_PACKET, question);
  };

  /** Nothing is asked just now. */
  const quiet = (isWaiting?: boolean): void => {
    askedMs = -1;
    wasHeard = false;
    beat(isWaiting ? UNCONFIRMED_MS : pingIntervalMs);
  };

  /** More than pings goes to and fro. */
  const wasBusy = (): void => {
    pingIntervalMs = config.pingIntervalMs;
  };

  /** A round trip took so long. */
  const measured = (tookMs: number): void => {
    roundTripMs ??= tookMs;
    roundTripMs += (tookMs - roundTripMs) / 4;
  };

  const outbox = clientOutbox(
    config,
    () => !!active && active.transport.bufferedBytes <= DRAIN_ABOVE_BYTES,
    wantsFlush,
    tooSlow,
    endSession,
    finish,
  );
  const { control, write, confirm, allowed, rewind, isClosed, isUnconfirmed, forget } = outbox;
  const record = clientInbox(config, outbox);

  return {
    id: identity.subarray(0, IDENTITY_BYTES),
    main: outbox.main,
    outboxBytes: outbox.outboxBytes,
    channel: outbox.channel,
    roundTripMs: () => roundTripMs,
    signal(code, bytes) {
      if (bytes.length <= MAX_SIGNAL_BYTES) control(SIGNAL_RECORD, code, bytes);
    },
    attach,
    dialFailed(code, reason, notBeforeMs, delayMs) {
      if (isEnded || active || timers.has(dial)) return;
      if (actionOf(code) === "retry") wait(Math.max(notBeforeMs, mustWaitMs), delayMs);
      else endSession(code, reason);
    },
    retryNow(isAsked) {
      if (timers.has(dial) && (isAsked || nowMs() >= awayUntilMs)) dial();
    },
    probe,
    close(code = CLOSED_CODE, reason = "") {
      if (isEnded || !outbox.close(code, reason)) return;
      if (!wasLive && outbox.isEmpty()) endSession(code, reason, false);
      else {
        later(() => endSession(code, reason), config.closeTimeoutMs);
        outbox.closeIfEmpty();
      }
    },
    end: endSession,
  };
}
