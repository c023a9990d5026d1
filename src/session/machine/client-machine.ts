import type { Transport } from "../transport-port.js";
import { type Fields, HEADER_ROOM, scratch, writeFields } from "../wire/encode-fields.js";
import { readEnd } from "../wire/end-packet.js";
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
import { END_RECORD } from "../wire/record-head.js";
import { RecordReader } from "../wire/record-reader.js";
import {
  actionOf,
  BAD_MESSAGE_CODE,
  BAD_PACKET_CODE,
  FENCED_CODE,
  LOST_CODE,
  NOT_NEEDED_CODE,
  TIMEOUT_CODE,
} from "../wire/session-code.js";
import { WireReader } from "../wire/wire-reader.js";
import type { ClientConfig } from "./client-config.js";
import { ClientReceiving } from "./client-receiving.js";
import { bodyOf, decode, ending } from "./client-sending.js";
import type { SessionLink } from "./link.js";
import type { ReconnectDelays } from "./session-config.js";

/** What lived for so long, in ms, a session or the transport that carried it, worked: its end is no reason to hesitate. */
export const WORKED_AFTER_MS = 5_000;
/** Records that are not confirmed are a question already; without an answer after this, in ms, one that must be answered. */
const UNCONFIRMED_MS = 2_500;
/** So much that came is acknowledged alone, without waiting for something to carry it. */
const ACK_AFTER_BYTES = 65_536;
const MAX_PING_BYTES = 8;

/**
 * The client's side of a session, without I/O: it begins, chooses the transports, and comes back. Blocks come in through its links, calls
 * of the handler and of the transports go out. It has no timer: call {@link handleTimeout} at {@link deadlineMs}. Bytes from
 * the other side never make it throw: what breaks a rule drops the transport, or ends the session, with a code.
 *
 * It says and takes what a server's machine does, and shares no code with it beyond the wire: that one is made for many sessions and much
 * traffic, this one to be short, since each page loads it. A record is an object here, and is encoded each time it is sent.
 */
export class ClientMachine extends ClientReceiving {
  /** The id, 16 bytes. */
  declare readonly id: Uint8Array;
  /** When {@link handleTimeout} is to be called, on the clock of the host; Infinity for never. */
  deadlineMs: number = Infinity;
  /** The smoothed round-trip time in ms; undefined before the first round trip. */
  roundTripMs: number | undefined;
  /** When `handler.dial` is called again, on the clock of the host; Infinity if it does not wait for that. */
  waitingUntilMs: number = Infinity;
  readonly #delays: ReconnectDelays;
  /** The id, and the secret behind it. */
  readonly #identity: Uint8Array;
  #links: SessionLink[] = [];
  /** The transport that another one replaced, until that one proves itself; what it still brings is not looked at. */
  #replaced: Transport | undefined;
  #epoch = 0;
  #liveSinceMs = 0;
  /** How often it was tried since a transport worked. */
  #failures: number;
  /** What the server said to transports that were of no use yet: how long to stay away. */
  #notBeforeMs = 0;
  /** Until when the server wants it to stay away, on the clock of the host. */
  #awayUntilMs = 0;
  /** What the server said in its first welcome: its name, the longest message, how much may be sent on a new channel. */
  #server: Uint8Array | undefined;

  /** How many bytes came that are not acknowledged over the active link. */
  #unacknowledgedBytes = 0;
  #ackDueMs = Infinity;

  /** When to look whether anything was heard. */
  #heartbeatDueMs = Infinity;
  #pingIntervalMs = 0;
  #wasHeard = false;
  /** When the last ping was sent, -1 if it was answered; and what it carries. */
  #askedMs = -1;
  #question = 0;

  /**
   * With an id and a token of its own.
   * @param failures how many sessions before it came to nothing: the first delay is as after so many attempts.
   */
  constructor(config: ClientConfig, delays: ReconnectDelays, failures = 0) {
    super(config);
    const identity = config.host.randomBytes(2 * IDENTITY_BYTES);
    this.#delays = delays;
    this.#failures = failures;
    this.#identity = identity;
    this.id = identity.subarray(0, IDENTITY_BYTES);
  }

  // --- What comes over a link ----------------------------------------------------------------------------------

  #block(link: SessionLink, bytes: Uint8Array, start: number, end: number): void {
    if (link === this.active) {
      this.#wasHeard = true;
      this.#closeReplaced();
    }
    let isGood = start < end;
    let at = start;
    while (isGood && at < end && link.state !== "gone") {
      const type = bytes[at]!;
      const reader = new RecordReader(bytes, at + 1, end);
      if (type === DATA_PACKET) {
        isGood = link.state !== "opening" && this.#data(link, reader);
        break;
      }
      const length = reader.varint();
      const body = reader.at;
      isGood = reader.skip(length);
      at = reader.end = reader.at;
      reader.at = body;
      isGood &&= this.#packet(link, type, reader) && !reader.isBad;
    }
    if (!isGood) this.detach(link, BAD_PACKET_CODE);
  }

  /** A packet. False for what breaks a rule. */
  #packet(link: SessionLink, type: number, reader: WireReader): boolean {
    const { bytes, at, end } = reader;
    if (type === RESET_PACKET || type === LEAVE_PACKET) {
      const { code, notBeforeMs, spreadMs, reason } = readEnd(reader);
      if (!reader.isBad) {
        link.transport.close(code, "");
        const afterMs = notBeforeMs + this.config.host.random() * spreadMs;
        this.#lost(link, code, decode(this.config, reason) ?? "", afterMs, type === RESET_PACKET);
      }
      return true;
    }
    if (type === WELCOME_PACKET) return this.#welcome(link, reader);
    if (link.state !== "opening") {
      if (type === ACK_PACKET) return this.confirm(reader.varint());
      if (type === PING_PACKET) {
        if (end === at || end - at > MAX_PING_BYTES) return false;
        // A server that reads none gets no more of them: what waits is a sign of life as well, when it arrives.
        if (link.transport.bufferedBytes < ACK_AFTER_BYTES)
          this.#say(link, PONG_PACKET, bytes.subarray(at, end));
        return true;
      }
      if (type === PONG_PACKET) {
        const nowMs = this.config.host.nowMs();
        if (link === this.active && this.#askedMs >= 0 && bytes[at] === this.#question) {
          this.#measured(nowMs - this.#askedMs);
          this.#quiet(nowMs, false);
        }
        return true;
      }
    }
    return type >= SKIPPABLE_PACKET;
  }

  #welcome(link: SessionLink, reader: WireReader): boolean {
    const version = reader.varint();
    const received = reader.varint();
    const windowBytes = reader.varint();
    const maxMessageBytes = reader.varint();
    reader.varint(); // how long it keeps the session: it says itself when that is over
    const server = reader.field(MAX_OWNER_BYTES);
    if (reader.isBad || version !== SESSION_VERSION) return false;
    if (link.state !== "opening") return true; // repeated, since the server thought that it was lost
    if (this.#server === undefined) {
      this.#server = server;
      this.allowed(windowBytes, maxMessageBytes);
    } else if (String(this.#server) !== String(server)) {
      this.detach(link, NOT_NEEDED_CODE);
      return true;
    }
    if (!this.confirm(received)) return false;
    if (this.isEnded) return true;
    this.#measured(this.config.host.nowMs() - link.attachedMs);
    link.state = "standby";
    if (link.isProbe) this.config.handler.healthy(link);
    else this.#goLive(link);
    return true;
  }

  /** The packet with the records. False for what is the fault of the transport. */
  #data(link: SessionLink, reader: RecordReader): boolean {
    const start = reader.at;
    const confirmed = reader.varint();
    let number = reader.varint();
    if (
      reader.isBad ||
      reader.at === reader.end ||
      number === 0 ||
      number > this.received + 1 ||
      !this.confirm(confirmed)
    )
      return false;
    this.#unacknowledgedBytes += reader.end - start;
    this.#wasBusy();
    for (; reader.at < reader.end && link.state !== "gone"; number++) {
      if (!reader.next()) return false;
      if (number <= this.received) continue;
      this.received = number;
      if (!(reader.head === END_RECORD ? this.#closed(link, reader) : this.record(reader)))
        this.end(BAD_MESSAGE_CODE);
    }
    this.wantsFlush();
    return true;
  }

  /** The record that closes the session in order. */
  #closed(link: SessionLink, { bytes, start, at }: RecordReader): boolean {
    const reader = new WireReader(bytes, start, at);
    const { code, reason } = readEnd(reader);
    if (!reader.isBad) {
      this.#acknowledge(link);
      this.finish(code, decode(this.config, reason) ?? "", false);
    }
    return !reader.isBad;
  }

  protected override flushed(active: SessionLink, hasWritten: boolean): void {
    const { config } = this;
    const nowMs = config.host.nowMs();
    if (hasWritten) {
      this.#acknowledgedAll();
      this.#wasBusy();
      if (this.#askedMs < 0) this.#heartbeatDueMs = Math.min(this.#heartbeatDueMs, nowMs + UNCONFIRMED_MS);
    } else if (this.#unacknowledgedBytes >= ACK_AFTER_BYTES) this.#acknowledge(active);
    else if (this.#unacknowledgedBytes > 0)
      this.#ackDueMs = Math.min(this.#ackDueMs, nowMs + config.ackDelayMs);
    this.wake(Math.min(this.#heartbeatDueMs, this.#ackDueMs));
  }

  // --- Transports ----------------------------------------------------------------------------------------------

  /** Begins: `handler.dial` is called. */
  start(): void {
    if (!this.isEnded) this.config.handler.dial();
  }

  /**
   * Attaches a transport that is open, and sends `open` on it. Without `isProbe` it takes the session over at once from
   * whatever carried it; with it, `handler.healthy` is called after the round trip.
   */
  attach(transport: Transport, isProbe?: boolean): SessionLink {
    const { config } = this;
    const attachedMs = config.host.nowMs();
    const link: SessionLink = { transport, epoch: ++this.#epoch, isProbe, attachedMs, state: "opening" };
    transport.receiver = {
      block: (bytes, start, end) => this.#block(link, bytes, start, end),
      drained: () => this.wantsFlush(),
      lost: () => this.#lostBlocks(link),
      closed: (code, reason) => this.#lost(link, code === 0 ? LOST_CODE : code, reason),
    };
    if (this.isEnded) {
      link.state = "gone";
      transport.close(NOT_NEEDED_CODE, "");
      return link;
    }
    this.#links.push(link);
    const server = this.#server ?? new Uint8Array(0);
    const credentials = config.handler.credentials();
    this.#say(
      link,
      OPEN_PACKET,
      SESSION_VERSION,
      SESSION_VERSION,
      (this.#server === undefined ? 0 : RESUME_BIT) | (isProbe ? PROBE_BIT : 0),
      this.#identity,
      link.epoch,
      this.received,
      config.windowBytes,
      config.maxMessageBytes,
      server.length,
      server,
      credentials.length,
      credentials,
    );
    this.waitingUntilMs = Infinity;
    this.wake(attachedMs + config.attachTimeoutMs);
    return link;
  }

  /** Has a healthy link carry the session; all others are dropped. Does nothing with one that is not healthy, or gone. */
  use(link: SessionLink): void {
    if (link.state !== "standby") return;
    const { active: replaced } = this;
    if (replaced !== undefined && replaced.epoch > link.epoch) {
      this.detach(link, NOT_NEEDED_CODE);
      return;
    }
    this.#say(link, USE_PACKET, this.received);
    if (replaced !== undefined) {
      // The server closes it when it gets our packet. If we did now, it could hear of the end before it hears of the beginning.
      replaced.state = "gone";
      this.#links = this.#links.filter((other) => other !== replaced);
      this.#closeReplaced();
      this.#replaced = replaced.transport;
      this.#failures = 0; // it worked until now, and does again if the new one does not
      this.config.handler.linkLost(replaced, FENCED_CODE, "", 0);
    }
    this.#goLive(link);
  }

  #goLive(link: SessionLink): void {
    const { active, config, wasLive } = this;
    this.waitingUntilMs = Infinity;
    this.#liveSinceMs = config.host.nowMs();
    link.state = "active";
    this.active = link;
    for (const other of this.#links) {
      if (other !== link) this.detach(other, other === active ? FENCED_CODE : NOT_NEEDED_CODE);
    }
    this.sendAgain();
    this.#wasBusy();
    this.#quiet(this.#liveSinceMs, false);
    this.wasLive = true;
    config.handler.live(link, wasLive);
  }

  protected override sendAgain(): void {
    this.#unacknowledgedBytes = Math.min(this.received, 1);
    super.sendAgain();
  }

  #lostBlocks(link: SessionLink): void {
    // Whether the server has our first packet nobody knows; a new transport is quicker than to find out.
    if (link.state === "opening") this.detach(link, LOST_CODE);
    else if (link === this.active) {
      this.#say(link, USE_PACKET, this.received);
      this.sendAgain();
    }
  }

  #closeReplaced(): void {
    this.#replaced?.close(FENCED_CODE, "");
    this.#replaced = undefined;
  }

  /** Sends a packet in a block of its own. */
  #say(link: SessionLink, type: number, ...fields: Fields): void {
    const body = bodyOf(fields);
    link.transport.send(scratch, HEADER_ROOM, writeFields([type, body.length, body]));
  }

  #acknowledge(link: SessionLink): void {
    this.#acknowledgedAll();
    this.#say(link, ACK_PACKET, this.received);
  }

  #acknowledgedAll(): void {
    this.#unacknowledgedBytes = 0;
    this.#ackDueMs = Infinity;
  }

  /** Lets go of a link; if it was the active one, the session is suspended. The other side is told why. */
  override detach(link: SessionLink, code: number, reason = ""): void {
    if (link.state === "gone") return;
    this.#say(link, LEAVE_PACKET, ...ending(this.config, code, reason));
    link.transport.close(code, reason);
    this.#gone(link, code, reason);
  }

  /** The other side ended a transport, or it broke. */
  #lost(link: SessionLink, code: number, reason: string, notBeforeMs = 0, isReset = false): void {
    if (link.state === "gone") return;
    // Where another one is in use, a node that does not know the session has no say in it.
    const counts = this.active === undefined || this.active === link;
    if (counts && (isReset || actionOf(code) !== "retry")) {
      // What we closed and the other side forgot was closed in order, if nothing else is open.
      this.finish(code, reason, !this.isClosed);
    } else this.#gone(link, code, reason, notBeforeMs);
  }

  #gone(link: SessionLink, code: number, reason: string, notBeforeMs = 0): void {
    const { handler, host } = this.config;
    const wasActive = link === this.active;
    link.state = "gone";
    this.#links = this.#links.filter((other) => other !== link);
    if (wasActive) {
      this.#closeReplaced();
      this.active = undefined;
      this.#ackDueMs = this.#heartbeatDueMs = Infinity;
      handler.suspended(code, reason);
    }
    if (this.isEnded) return;
    if (!wasActive) {
      this.#notBeforeMs = Math.max(this.#notBeforeMs, notBeforeMs);
      handler.linkLost(link, code, reason, notBeforeMs);
      return;
    }
    const standby = this.#links.find(({ state }) => state === "standby");
    const hasWorked = host.nowMs() - this.#liveSinceMs >= WORKED_AFTER_MS;
    if (hasWorked) this.#failures = 0;
    if (standby !== undefined) this.use(standby);
    else if (hasWorked && notBeforeMs === 0) this.#dial();
    else this.#wait(notBeforeMs);
  }

  // --- Coming back ---------------------------------------------------------------------------------------------

  /**
   * All that was dialled has failed. `code` and `notBeforeMs` as a `TransportDialer` told; 0 if it did not.
   * @param delayMs for how long there is no use in trying, as far as the host knows.
   */
  dialFailed(code: number, reason: string, notBeforeMs: number, delayMs = 0): void {
    if (this.isEnded || this.active !== undefined || this.waitingUntilMs < Infinity) return;
    if (actionOf(code) === "retry") this.#wait(Math.max(notBeforeMs, this.#notBeforeMs), delayMs);
    else this.end(code, reason);
  }

  /**
   * Does not wait any longer; does nothing while a transport is there or is being opened.
   * @param isAsked whether somebody asks for it, who counts for more than a server that wants it to stay away.
   */
  retryNow(isAsked?: boolean): void {
    if (this.waitingUntilMs < Infinity && (isAsked || this.config.host.nowMs() >= this.#awayUntilMs))
      this.#dial();
  }

  #dial(): void {
    this.waitingUntilMs = Infinity;
    this.#notBeforeMs = 0;
    this.config.handler.dial();
  }

  /** Full jitter: a random part of a delay that doubles, and is capped before the dice are thrown. */
  #wait(notBeforeMs: number, delayMs = 0): void {
    const { reconnectDelayMs, maxReconnectDelayMs } = this.#delays;
    const { host, handler } = this.config;
    const mostMs = Math.min(maxReconnectDelayMs, reconnectDelayMs * 2 ** this.#failures++);
    const nowMs = host.nowMs();
    this.#awayUntilMs = nowMs + notBeforeMs;
    const untilMs = nowMs + Math.max(host.random() * mostMs, notBeforeMs, delayMs);
    this.waitingUntilMs = untilMs;
    this.wake(untilMs);
    handler.waiting(untilMs);
  }

  // --- Ending --------------------------------------------------------------------------------------------------

  /** Ends the session at once; the other side is told if it can be. `handler.ended` is called before this returns. */
  override end(code: number, reason = "", isReset = true): void {
    for (const link of this.#links) this.#say(link, RESET_PACKET, ...ending(this.config, code, reason));
    this.finish(code, reason, isReset);
  }

  /** The session is over, whoever said so. */
  protected override finish(code: number, reason: string, isReset: boolean): void {
    if (this.isEnded) return;
    this.isEnded = true;
    for (const link of this.#links) {
      link.state = "gone";
      link.transport.close(code, reason);
    }
    this.#closeReplaced();
    this.#links = [];
    this.active = undefined;
    this.deadlineMs = this.waitingUntilMs = Infinity;
    this.config.handler.ended({ code, reason, isReset, unconfirmed: this.forget() });
  }

  // --- Time ----------------------------------------------------------------------------------------------------

  /** The time is now: does what is due. To be called at {@link deadlineMs}. */
  handleTimeout(): void {
    const { config, active } = this;
    const nowMs = config.host.nowMs();
    const isLate = nowMs - this.deadlineMs > config.sleepAfterMs;
    this.deadlineMs = Infinity;
    if (this.closeDueMs <= nowMs) this.end(...this.closing);
    if (this.isEnded) return;
    if (active !== undefined) {
      if (this.#ackDueMs <= nowMs) this.#acknowledge(active);
      // When the machine slept, the silence proves nothing.
      if (isLate) this.probe();
      else if (this.#heartbeatDueMs <= nowMs) {
        if (this.#wasHeard) this.#quiet(nowMs, this.isUnconfirmed);
        else if (this.#askedMs >= 0) this.detach(active, TIMEOUT_CODE);
        else this.probe();
      }
    }
    for (const link of this.#links) {
      if (link.state === "active") continue;
      const dueMs = link.attachedMs + config.attachTimeoutMs;
      if (dueMs <= nowMs) this.detach(link, TIMEOUT_CODE);
      else this.wake(dueMs);
    }
    if (this.waitingUntilMs <= nowMs) this.#dial();
    this.wake(Math.min(this.waitingUntilMs, this.#ackDueMs, this.closeDueMs, this.#heartbeatDueMs));
  }

  /** Asks the other side for a sign of life at once: the network has changed, the page was thawed. */
  probe(): void {
    const { active, config } = this;
    if (active === undefined) return;
    this.#wasHeard = false;
    this.#question = (this.#question + 1) & 0x7f;
    this.#askedMs = config.host.nowMs();
    this.#pingIntervalMs = Math.min(2 * this.#pingIntervalMs, config.maxPingIntervalMs);
    this.#heartbeatDueMs = this.#askedMs + config.pongTimeoutMs;
    this.wake(this.#heartbeatDueMs);
    this.#say(active, PING_PACKET, this.#question);
  }

  /** Nothing is asked just now. */
  #quiet(nowMs: number, isWaiting: boolean): void {
    this.#askedMs = -1;
    this.#wasHeard = false;
    this.#heartbeatDueMs = nowMs + (isWaiting ? UNCONFIRMED_MS : this.#pingIntervalMs);
    this.wake(this.#heartbeatDueMs);
  }

  /** More than pings goes to and fro. */
  #wasBusy(): void {
    this.#pingIntervalMs = this.config.pingIntervalMs;
  }

  /** A round trip took so long. */
  #measured(roundTripMs: number): void {
    const before = this.roundTripMs ?? roundTripMs;
    this.roundTripMs = before + (roundTripMs - before) / 4;
  }

  protected override wake(dueMs: number): void {
    if (dueMs >= this.deadlineMs || this.isEnded) return;
    this.deadlineMs = dueMs;
    this.config.handler.deadlineChanged();
  }
}
