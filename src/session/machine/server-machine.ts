import type { Transport } from "../transport-port.js";
import { endBlock } from "../wire/end-packet.js";
import type { OpenPacket } from "../wire/open-packet.js";
import { LEAVE_PACKET, RESET_PACKET, USE_PACKET } from "../wire/packet-type.js";
import { sameBytes } from "../wire/same-bytes.js";
import { BAD_MESSAGE_CODE, EXPIRED_CODE, FENCED_CODE, NOT_NEEDED_CODE } from "../wire/session-code.js";
import { welcomeBlock } from "../wire/welcome-packet.js";
import type { WireReader } from "../wire/wire-reader.js";
import { Link } from "./link.js";
import type { ServerDeadlines, SessionConfig } from "./session-config.js";
import type { SessionHandler } from "./session-handler.js";
import { SessionMachine } from "./session-machine.js";

/** More transports at a time nobody needs: the one in use, and some that race. */
const MAX_LINKS = 4;
/** Bytes that tell a session from another one that was made under the same id. */
const INCARNATION_BYTES = 8;

/**
 * The server's side of a session. The layer above reads the first block of a transport (`readOpen`), finds the session or makes
 * it, and attaches the transport.
 */
export class ServerMachine<Owner> extends SessionMachine<Owner, SessionHandler<Owner>> {
  readonly #deadlines: ServerDeadlines;
  /** What the client says in its next `open`. */
  readonly #ownerName: Uint8Array;
  /** The highest epoch that took the session over. */
  #epoch = 0;
  #expiresMs = Infinity;

  /**
   * @param open the first packet of the client. It is still to be attached, with {@link attach}, as every later one.
   * @param ownerName which node and process this is, at most 56 bytes. The client says it in its next `open`
   * (`OpenPacket.owner`), with 8 bytes behind it that are of this session alone.
   */
  constructor(
    config: SessionConfig<SessionHandler<Owner>>,
    deadlines: ServerDeadlines,
    owner: Owner,
    open: OpenPacket,
    ownerName: Uint8Array,
  ) {
    super(config, owner, open.id, open.token, true);
    this.#deadlines = deadlines;
    this.#ownerName = new Uint8Array(ownerName.length + INCARNATION_BYTES);
    this.#ownerName.set(ownerName);
    this.#ownerName.set(config.host.randomBytes(INCARNATION_BYTES), ownerName.length);
    this.meet(open.windowBytes, open.maxMessageBytes);
    this.#expiresMs = config.host.nowMs() + deadlines.resumeWindowMs;
  }

  /** Whether the token of an `open` is that of this session; in constant time. */
  admits(open: OpenPacket): boolean {
    return sameBytes(open.id, this.id) && sameBytes(open.token, this.token);
  }

  /**
   * Attaches a transport whose `open` was admitted, and answers it. Undefined if it was not to be: a newer one carries the
   * session, or this is not the session that is to be resumed; the transport was told and closed.
   */
  attach(transport: Transport, open: OpenPacket): Link | undefined {
    // A late `open` may have made a session anew, under the id of one that was forgotten: that is not the one to be resumed.
    const isOther = this.isEnded || (open.isResume && !sameBytes(open.owner, this.#ownerName));
    if (isOther || open.epoch <= this.#epoch) {
      const code = isOther ? EXPIRED_CODE : FENCED_CODE;
      const block = endBlock(isOther ? RESET_PACKET : LEAVE_PACKET, code, new Uint8Array(0));
      transport.send(block, 0, block.length);
      transport.close(code, "");
      return undefined;
    }
    const nowMs = this.config.host.nowMs();
    const link = new Link(this, transport, open.epoch, open.isProbe, "standby", nowMs);
    this.links.push(link);
    if (!this.confirm(open.received)) {
      this.end(BAD_MESSAGE_CODE, "it cannot have received that much");
      return undefined;
    }
    if (this.isEnded) return undefined;
    this.#welcome(link);
    if (!open.isProbe) this.#takeOver(link);
    else {
      const oldest = this.links.find(({ state }) => state === "standby")!;
      if (this.links.length > MAX_LINKS) this.detach(oldest, NOT_NEEDED_CODE, "too many");
      this.wake(nowMs + this.config.attachTimeoutMs);
    }
    return link;
  }

  /**
   * Drops the active transport, with the wish that the client come back at a random time in a window: for a server that goes
   * down for a moment, or has too much to do. Does nothing while suspended.
   */
  sendAway(code: number, reason: string, notBeforeMs: number, spreadMs: number): void {
    if (this.active !== undefined) this.detach(this.active, code, reason, notBeforeMs, spreadMs);
  }

  /** @internal Part of `LinkUser`. */
  override linkLost(link: Link): void {
    if (!link.isProven) this.#welcome(link);
    super.linkLost(link);
  }

  protected override packet(link: Link, type: number, reader: WireReader): boolean | undefined {
    if (type !== USE_PACKET) return undefined;
    if (!this.confirm(reader.varint())) return false;
    if (this.isEnded || link === this.active) return true;
    if (link.epoch <= this.#epoch) this.detach(link, FENCED_CODE, "a newer one is in use");
    else this.#takeOver(link);
    return true;
  }

  protected override lostLink(_link: Link, wasActive: boolean): void {
    if (wasActive) this.#beginToExpire();
  }

  protected override roleDue(nowMs: number): number {
    if (this.#expiresMs <= nowMs) this.end(EXPIRED_CODE, "nobody came back");
    return this.#expiresMs;
  }

  #takeOver(link: Link): void {
    this.#epoch = link.epoch;
    this.#expiresMs = Infinity;
    this.activate(link);
  }

  #beginToExpire(): void {
    this.#expiresMs = this.config.host.nowMs() + this.#deadlines.resumeWindowMs;
    this.wake(this.#expiresMs);
  }

  #welcome(link: Link): void {
    const { windowBytes, maxMessageBytes } = this.config;
    const block = welcomeBlock({
      received: this.received,
      windowBytes,
      maxMessageBytes,
      resumeWindowMs: this.#deadlines.resumeWindowMs,
      owner: this.#ownerName,
    });
    link.transport.send(block, 0, block.length);
  }
}
