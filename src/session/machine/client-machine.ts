import type { Transport } from "../transport-port.js";
import { IDENTITY_BYTES, openBlock } from "../wire/open-packet.js";
import { USE_PACKET, WELCOME_PACKET } from "../wire/packet-type.js";
import { sameBytes } from "../wire/same-bytes.js";
import { actionOf, FENCED_CODE, LOST_CODE, NOT_NEEDED_CODE } from "../wire/session-code.js";
import { readWelcome } from "../wire/welcome-packet.js";
import type { WireReader } from "../wire/wire-reader.js";
import { Link } from "./link.js";
import type { ReconnectDelays, SessionConfig } from "./session-config.js";
import type { ClientHandler } from "./session-handler.js";
import { SessionMachine } from "./session-machine.js";

/** A transport that carried the session for so long, in ms, worked: its end is no reason to hesitate. */
const WORKED_AFTER_MS = 5_000;

/** What a client's session is doing. */
export type ClientPhase = "connecting" | "live" | "recovering" | "waiting" | "ended";

/** The client's side of a session: it begins, chooses the transports, and comes back. */
export class ClientMachine<Owner> extends SessionMachine<Owner, ClientHandler<Owner>> {
  readonly #delays: ReconnectDelays;
  #epoch = 0;
  /** What the server said in its first welcome; undefined before. */
  #server: Uint8Array | undefined = undefined;
  /** How long the server keeps the session without a transport, in ms; 0 before it said so. */
  resumeWindowMs = 0;
  /** How often it was tried since a transport worked. */
  #failures = 0;
  #liveSinceMs = 0;
  /** What the server said to transports that were of no use yet: how long to stay away, and over how long to spread that. */
  #notBeforeMs = 0;
  #spreadMs = 0;
  /** When to dial again. */
  #dialDueMs = Infinity;

  /** With an id and a token of its own. */
  constructor(config: SessionConfig<ClientHandler<Owner>>, delays: ReconnectDelays, owner: Owner) {
    const identity = config.host.randomBytes(2 * IDENTITY_BYTES);
    super(config, owner, identity.slice(0, IDENTITY_BYTES), identity.slice(IDENTITY_BYTES), false);
    this.#delays = delays;
  }

  /** What it is doing: `connecting` before the first welcome, `waiting` until {@link waitingUntilMs}. */
  get phase(): ClientPhase {
    if (this.isEnded) return "ended";
    if (this.active !== undefined) return "live";
    if (this.#dialDueMs < Infinity) return "waiting";
    return this.wasLive ? "recovering" : "connecting";
  }

  /** When `handler.dial` is called again, on the clock of the host; Infinity if it does not wait for that. */
  get waitingUntilMs(): number {
    return this.#dialDueMs;
  }

  /** Begins: `handler.dial` is called. */
  start(): void {
    this.config.handler.dial(this.owner);
  }

  /**
   * Attaches a transport that is open, and sends `open` on it. Without `isProbe` it takes the session over at once from
   * whatever carried it; with it, `handler.healthy` is called after the round trip.
   */
  attach(transport: Transport, isProbe: boolean): Link {
    const { config } = this;
    const nowMs = config.host.nowMs();
    const link = new Link(this, transport, ++this.#epoch, isProbe, "opening", nowMs);
    if (this.isEnded) {
      link.state = "gone";
      transport.close(NOT_NEEDED_CODE, "");
      return link;
    }
    this.links.push(link);
    const block = openBlock({
      isResume: this.#server !== undefined,
      isProbe,
      id: this.id,
      token: this.token,
      epoch: link.epoch,
      received: this.received,
      windowBytes: config.windowBytes,
      maxMessageBytes: config.maxMessageBytes,
      owner: this.#server ?? new Uint8Array(0),
      credentials: config.handler.credentials(this.owner),
    });
    transport.send(block, 0, block.length);
    this.#dialDueMs = Infinity;
    this.wake(nowMs + config.attachTimeoutMs);
    return link;
  }

  /** Has a healthy link carry the session; all others are dropped. Does nothing with one that is not healthy, or gone. */
  use(link: Link): void {
    if (link.state !== "standby") return;
    if (this.active !== undefined && this.active.epoch > link.epoch) {
      this.detach(link, NOT_NEEDED_CODE);
      return;
    }
    this.say(link, USE_PACKET, this.received);
    const { active: replaced } = this;
    if (replaced !== undefined) {
      // The server closes it when it gets our packet. If we did now, it could hear of the end before it hears of the beginning.
      replaced.state = "gone";
      this.links = this.links.filter((other) => other !== replaced);
      this.closeReplaced();
      this.replaced = replaced.transport;
      this.config.handler.linkLost(this.owner, replaced, FENCED_CODE, "", 0);
    }
    this.#goLive(link);
  }

  /** All that was dialled has failed. `code` and `notBeforeMs` as a `TransportDialer` told; 0 if it did not. */
  dialFailed(code: number, reason: string, notBeforeMs: number): void {
    if (this.isEnded || this.active !== undefined || this.#dialDueMs < Infinity) return;
    const action = actionOf(code);
    if (action === "retry") this.#wait(Math.max(notBeforeMs, this.#notBeforeMs), this.#spreadMs);
    else this.end(code, reason);
  }

  /** Does not wait any longer; does nothing while a transport is there or is being opened. */
  retryNow(): void {
    if (this.phase === "waiting") this.#dial();
  }

  /** @internal Part of `LinkUser`. */
  override linkLost(link: Link): void {
    // Whether the server has our first packet nobody knows; a new transport is quicker than to find out.
    if (link.state === "opening") this.detach(link, LOST_CODE);
    else {
      if (link === this.active) this.say(link, USE_PACKET, this.received);
      super.linkLost(link);
    }
  }

  protected override packet(link: Link, type: number, reader: WireReader): boolean | undefined {
    if (type !== WELCOME_PACKET) return undefined;
    const welcome = readWelcome(reader);
    if (reader.isBad) return false;
    if (link.state !== "opening") return true; // repeated, since the server thought that it was lost
    if (this.#server === undefined) {
      this.#server = welcome.owner;
      this.resumeWindowMs = welcome.resumeWindowMs;
      this.meet(welcome.windowBytes, welcome.maxMessageBytes);
    } else if (!sameBytes(this.#server, welcome.owner)) {
      this.detach(link, NOT_NEEDED_CODE);
      return true;
    }
    if (!this.confirm(welcome.received)) return false;
    if (this.isEnded) return true;
    this.heartbeat.measured(this.config.host.nowMs() - link.attachedMs);
    link.state = "standby";
    if (link.isProbe) this.config.handler.healthy(this.owner, link);
    else this.#goLive(link);
    return true;
  }

  protected override lostLink(
    link: Link,
    wasActive: boolean,
    code: number,
    reason: string,
    notBeforeMs: number,
    spreadMs: number,
  ): void {
    if (!wasActive) {
      this.#notBeforeMs = Math.max(this.#notBeforeMs, notBeforeMs);
      this.#spreadMs = Math.max(this.#spreadMs, spreadMs);
      const { handler, host } = this.config;
      handler.linkLost(this.owner, link, code, reason, notBeforeMs + host.random() * spreadMs);
      return;
    }
    const standby = this.links.find(({ state }) => state === "standby");
    const hasWorked = this.config.host.nowMs() - this.#liveSinceMs >= WORKED_AFTER_MS;
    if (hasWorked) this.#failures = 0;
    if (standby !== undefined) this.use(standby);
    else if (hasWorked && notBeforeMs + spreadMs === 0) this.#dial();
    else this.#wait(notBeforeMs, spreadMs);
  }

  protected override roleDue(nowMs: number): number {
    if (this.#dialDueMs <= nowMs) this.#dial();
    return this.#dialDueMs;
  }

  #goLive(link: Link): void {
    this.#dialDueMs = Infinity;
    this.#liveSinceMs = this.config.host.nowMs();
    for (const other of this.links) {
      if (other !== link && other !== this.active) this.detach(other, NOT_NEEDED_CODE);
    }
    this.activate(link);
  }

  #dial(): void {
    this.#dialDueMs = Infinity;
    this.#notBeforeMs = this.#spreadMs = 0;
    this.config.handler.dial(this.owner);
  }

  /** Full jitter: a random part of a delay that doubles, and is capped before the dice are thrown. */
  #wait(notBeforeMs: number, spreadMs: number): void {
    const { reconnectDelayMs, maxReconnectDelayMs } = this.#delays;
    const { host, handler } = this.config;
    const mostMs = Math.min(maxReconnectDelayMs, reconnectDelayMs * 2 ** this.#failures++);
    const delayMs = Math.max(host.random() * mostMs, notBeforeMs + host.random() * spreadMs);
    this.#dialDueMs = host.nowMs() + delayMs;
    this.wake(this.#dialDueMs);
    handler.waiting(this.owner, this.#dialDueMs);
  }
}
