import { DRAIN_ABOVE_BYTES, type Transport } from "../transport-port.js";
import { encodePacket } from "../wire/encode-fields.js";
import { endBlock, endFields, readEnd } from "../wire/end-packet.js";
import {
  ACK_PACKET,
  DATA_PACKET,
  LEAVE_PACKET,
  PING_PACKET,
  PONG_PACKET,
  RESET_PACKET,
  SKIPPABLE_PACKET,
} from "../wire/packet-type.js";
import { END_RECORD } from "../wire/record-head.js";
import {
  actionOf,
  BAD_PACKET_CODE,
  CLOSED_CODE,
  FENCED_CODE,
  LOST_CODE,
  TIMEOUT_CODE,
} from "../wire/session-code.js";
import { WireReader } from "../wire/wire-reader.js";
import type { Link, LinkUser } from "./link.js";
import { ReceivingSide } from "./receiving-side.js";
import type { SessionConfig } from "./session-config.js";
import type { SessionHandler } from "./session-handler.js";
import { unconfirmedMessages } from "./unconfirmed-messages.js";

const MAX_PING_BYTES = 8;
/** With so much before them that has not left, in bytes, pings are not answered: each transport of a session could hold pongs. */
const PONG_BELOW_BYTES = 1_024;

/**
 * One side of a session, without I/O: what is common to client and server. Blocks come in through its links, calls of the
 * handler and of the transports go out. It has no timer: call {@link handleTimeout} at {@link deadlineMs}. Bytes from the
 * other side never make it throw: what breaks a rule drops the transport, or ends the session, with a code.
 */
export abstract class SessionMachine<Owner, Handler extends SessionHandler<Owner>>
  extends ReceivingSide<Owner, Handler>
  implements LinkUser
{
  /** The id, 16 bytes. */
  readonly id: Uint8Array;
  /** The secret, 16 bytes. */
  readonly token: Uint8Array;
  /** When {@link handleTimeout} is to be called, on the clock of the host; Infinity for never. */
  deadlineMs: number = Infinity;
  /** Whether a transport ever carried the session. */
  protected wasLive = false;
  protected links: Link[] = [];
  /** The transport that another one replaced, until that one proves itself; what it still brings is not looked at. */
  protected replaced: Transport | undefined;
  #closeCode = 0;
  #closeReason = "";
  #closeDueMs = Infinity;
  /** The number of the record that closes the session; 0 while there is none. */
  #lastRecord = 0;

  /** @internal */
  protected constructor(
    config: SessionConfig<Handler>,
    owner: Owner,
    id: Uint8Array,
    token: Uint8Array,
    isServer: boolean,
  ) {
    super(config, owner, isServer);
    this.id = id;
    this.token = token;
  }

  /** The smoothed round-trip time in ms; undefined before the first round trip. */
  get roundTripMs(): number | undefined {
    return this.heartbeat.roundTripMs;
  }

  /** A packet that only one of the two sides understands; undefined if it does not, false if it breaks a rule. */
  protected abstract packet(link: Link, type: number, reader: WireReader): boolean | undefined;
  /** A link is gone. If it was the active one, none carries the session now. */
  protected abstract lostLink(
    link: Link,
    wasActive: boolean,
    code: number,
    reason: string,
    notBeforeMs: number,
    spreadMs: number,
  ): void;
  /** Does what is due on this side alone; returns when to be asked again. */
  protected abstract roleDue(nowMs: number): number;

  // --- Packets -------------------------------------------------------------------------------------------------

  /** @internal Part of {@link LinkUser}. */
  linkBlock(link: Link, bytes: Uint8Array, start: number, end: number): void {
    link.isProven = true;
    if (link === this.active) {
      this.heartbeat.heard = true;
      this.closeReplaced();
    }
    let isGood = start < end;
    let at = start;
    while (isGood && at < end && link.state !== "gone") {
      const type = bytes[at++]!;
      if (type === DATA_PACKET) {
        isGood = link.state !== "opening" && this.data(link, bytes, at, end);
        break;
      }
      const reader = new WireReader(bytes, at, end);
      const length = reader.varint();
      const { at: body } = reader;
      if ((isGood = reader.skip(length))) {
        at = reader.end = reader.at;
        reader.at = body;
        isGood = this.#packet(link, type, reader) && !reader.isBad;
      }
    }
    if (!isGood) this.detach(link, BAD_PACKET_CODE);
  }

  #packet(link: Link, type: number, reader: WireReader): boolean {
    const { bytes, at, end } = reader;
    if (type === RESET_PACKET || type === LEAVE_PACKET) {
      const { code, notBeforeMs, spreadMs, reason } = readEnd(reader);
      if (!reader.isBad) {
        link.transport.close(code, "");
        this.#lost(link, code, this.decode(reason) ?? "", notBeforeMs, spreadMs, type === RESET_PACKET);
      }
      return true;
    }
    const known = this.packet(link, type, reader);
    if (known !== undefined) return known;
    if (link.state !== "opening") {
      if (type === ACK_PACKET) return this.confirm(reader.varint());
      if (type === PING_PACKET) {
        if (end === at || end - at > MAX_PING_BYTES) return false;
        // Whoever does not fetch answers gets no more of them: what waits is a sign of life as well, when it arrives.
        if (link.transport.bufferedBytes <= PONG_BELOW_BYTES)
          this.say(link, PONG_PACKET, bytes.subarray(at, end));
        return true;
      }
      if (type === PONG_PACKET) {
        if (link === this.active) {
          this.heartbeat.answered(bytes[at]!, this.config.host.nowMs());
          this.wake(this.heartbeat.dueMs);
        }
        return true;
      }
    }
    return type >= SKIPPABLE_PACKET;
  }

  /** Sends a packet in a block of its own. */
  protected say(link: Link, type: number, ...fields: readonly (number | Uint8Array)[]): void {
    const block = encodePacket(type, fields);
    link.transport.send(block, 0, block.length);
  }

  protected override acknowledge(link: Link): void {
    // Whoever sends and never reads gets no more of them; when what waits has left, a flush looks again.
    if (link.transport.bufferedBytes > DRAIN_ABOVE_BYTES) this.ackDueMs = Infinity;
    else this.#acknowledge(link);
  }

  #acknowledge(link: Link): void {
    this.acknowledgedAll();
    this.say(link, ACK_PACKET, this.received);
  }

  // --- Transports ----------------------------------------------------------------------------------------------

  /** Has a link carry the session; older ones are let go of. */
  protected activate(link: Link): void {
    const { config, heartbeat, wasLive } = this;
    link.state = "active";
    this.active = link;
    for (const other of this.links) {
      if (other.epoch < link.epoch) this.detach(other, FENCED_CODE);
    }
    this.#sendAgain();
    heartbeat.start(config.host.nowMs());
    this.wake(heartbeat.dueMs);
    this.wasLive = true;
    config.handler.live(this.owner, link, wasLive);
  }

  /** @internal Part of {@link LinkUser}. */
  linkLost(link: Link): void {
    if (link === this.active) this.#sendAgain();
  }

  /** All that is not confirmed is sent again, or for the first time. */
  #sendAgain(): void {
    this.log.rewind();
    this.acknowledged = this.received > 0 ? -1 : 0;
    this.wantFlush();
  }

  /** @internal Part of {@link LinkUser}. */
  linkDrained(): void {
    this.wantFlush();
  }

  /** @internal Part of {@link LinkUser}. */
  linkClosed(link: Link, code: number, reason: string): void {
    this.#lost(link, code === 0 ? LOST_CODE : code, reason, 0, 0, false);
  }

  /** Closes what was replaced. */
  protected closeReplaced(): void {
    if (this.replaced === undefined) return;
    this.replaced.close(FENCED_CODE, "");
    this.replaced = undefined;
  }

  /** Lets go of a link; if it was the active one, the session is suspended. The other side is told why, and when to come back. */
  detach(link: Link, code: number, reason = "", notBeforeMs = 0, spreadMs = 0): void {
    if (link.state === "gone") return;
    this.say(link, LEAVE_PACKET, ...endFields(code, this.encode(reason), notBeforeMs, spreadMs));
    link.transport.close(code, reason);
    this.#gone(link, code, reason, notBeforeMs, spreadMs);
  }

  /** The other side ended a transport, or it broke. */
  #lost(
    link: Link,
    code: number,
    reason: string,
    notBeforeMs: number,
    spreadMs: number,
    isReset: boolean,
  ): void {
    // Where another one is in use, a node that does not know the session has no say in it.
    const counts = this.active === undefined || this.active === link;
    if (counts && (isReset || actionOf(code) !== "retry")) {
      // What we closed and the other side forgot was closed in order, if nothing else is open.
      this.#finish(code, reason, this.#lastRecord === 0 || this.#lastRecord !== this.log.confirmed + 1);
    } else this.#gone(link, code, reason, notBeforeMs, spreadMs);
  }

  #gone(link: Link, code: number, reason: string, notBeforeMs: number, spreadMs: number): void {
    const wasActive = link === this.active;
    link.state = "gone";
    this.links = this.links.filter((other) => other !== link);
    if (wasActive) {
      this.closeReplaced();
      this.active = undefined;
      this.room = 0;
      this.ackDueMs = this.heartbeat.dueMs = Infinity;
      this.config.handler.suspended(this.owner, code, reason);
    }
    if (!this.isEnded) this.lostLink(link, wasActive, code, reason, notBeforeMs, spreadMs);
  }

  // --- Ending --------------------------------------------------------------------------------------------------

  /**
   * Closes the session in order: the other side is told behind all that was sent. `handler.ended` follows; after
   * `closeTimeoutMs` also if not everything was confirmed.
   */
  close(code: number = CLOSED_CODE, reason = ""): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.#closeCode = code;
    this.#closeReason = reason;
    if (!this.wasLive && this.queuedCount === 0) {
      this.#reset(code, reason, 0, 0, false);
      return;
    }
    this.#closeDueMs = this.config.host.nowMs() + this.config.closeTimeoutMs;
    this.wake(this.#closeDueMs);
    if (this.queuedCount === 0) this.emptied();
  }

  protected override emptied(): void {
    if (!this.isClosing || this.isEnded || this.#lastRecord > 0) return;
    this.#lastRecord = this.log.last + 1;
    this.control(END_RECORD, ...endFields(this.#closeCode, this.encode(this.#closeReason), 0, 0));
  }

  protected override confirm(number: number): boolean {
    if (!super.confirm(number)) return false;
    const last = this.#lastRecord;
    if (last > 0 && last <= number) this.#finish(this.#closeCode, this.#closeReason, false);
    return true;
  }

  protected override closedByPeer(link: Link, code: number, reason: string): void {
    this.#acknowledge(link);
    this.#finish(code, reason, false);
  }

  /** Ends the session at once; the other side is told if it can be. `handler.ended` is called before this returns. */
  end(code: number, reason = "", notBeforeMs = 0, spreadMs = 0): void {
    if (!this.isEnded) this.#reset(code, reason, notBeforeMs, spreadMs, true);
  }

  #reset(code: number, reason: string, notBeforeMs: number, spreadMs: number, isReset: boolean): void {
    const block = endBlock(RESET_PACKET, code, this.encode(reason), notBeforeMs, spreadMs);
    for (const { transport } of this.links) transport.send(block, 0, block.length);
    this.#finish(code, reason, isReset);
  }

  /** The session is over, whoever said so. */
  #finish(code: number, reason: string, isReset: boolean): void {
    if (this.isEnded) return;
    this.isEnded = this.isClosing = true;
    for (const link of this.links) {
      link.state = "gone";
      link.transport.close(code, reason);
    }
    this.closeReplaced();
    this.links = [];
    this.active = undefined;
    const { config, log, outgoing } = this;
    const unconfirmed = unconfirmedMessages(log, outgoing, config.host);
    this.clearOutbox();
    this.deadlineMs = Infinity;
    config.handler.ended(this.owner, { code, reason, isReset, unconfirmed });
  }

  // --- Time ----------------------------------------------------------------------------------------------------

  /** The time is now: does what is due. To be called at {@link deadlineMs}. */
  handleTimeout(): void {
    const { config, heartbeat, active, log } = this;
    const nowMs = config.host.nowMs();
    const isLate = nowMs - this.deadlineMs > config.sleepAfterMs;
    this.deadlineMs = Infinity;
    if (this.#closeDueMs <= nowMs) this.end(this.#closeCode, this.#closeReason);
    if (this.isEnded) return;
    if (active !== undefined) {
      if (this.ackDueMs <= nowMs) this.acknowledge(active);
      const action = heartbeat.check(nowMs, isLate, log.head !== undefined);
      if (action === "ping") this.#ping(active);
      else if (action === "dead") this.detach(active, TIMEOUT_CODE);
    }
    for (const link of this.links) {
      if (link.state === "active") continue;
      const dueMs = link.attachedMs + config.attachTimeoutMs;
      if (dueMs <= nowMs) this.detach(link, TIMEOUT_CODE);
      else this.wake(dueMs);
    }
    const dueMs = this.roleDue(nowMs);
    if (this.isEnded) return;
    this.settle(); // what others held of the budget may be free
    this.wake(Math.min(dueMs, this.ackDueMs, this.#closeDueMs, heartbeat.dueMs));
  }

  /** Asks the other side for a sign of life at once: the network has changed, the page was thawed. */
  probe(): void {
    if (this.active === undefined) return;
    this.heartbeat.ask(this.config.host.nowMs());
    this.wake(this.heartbeat.dueMs);
    this.#ping(this.active);
  }

  #ping(link: Link): void {
    this.log.letGo();
    this.say(link, PING_PACKET, this.heartbeat.question);
  }

  protected override wake(dueMs: number): void {
    if (dueMs >= this.deadlineMs || this.isEnded) return;
    this.deadlineMs = dueMs;
    this.config.handler.deadlineChanged(this.owner);
  }
}
