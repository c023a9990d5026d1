import type { Transport, TransportReceiver } from "../transport-port.js";

/**
 * - `opening`: a client's, its `open` is not answered;
 * - `standby`: attached and healthy, but another one carries the session, or none does yet;
 * - `active`: carries the session;
 * - `gone`: fenced, dropped or lost: whatever still comes from it is not looked at.
 */
export type LinkState = "opening" | "standby" | "active" | "gone";

/** The session that a link belongs to, and what it tells it: as {@link TransportReceiver}. */
export interface LinkUser {
  /** @internal */
  linkBlock(link: Link, bytes: Uint8Array, start: number, end: number): void;
  /** @internal */
  linkDrained(link: Link): void;
  /** @internal */
  linkLost(link: Link): void;
  /** @internal */
  linkClosed(link: Link, code: number, reason: string): void;
}

/** A transport that is attached to a session, on either side: made by `attach`. */
export interface SessionLink {
  /** The transport. */
  readonly transport: Transport;
  /** Which transport of this session it is: 1, 2, 3... */
  readonly epoch: number;
  /** When it was attached, on the clock of the host. */
  readonly attachedMs: number;
  /** Whether it was attached as a probe. */
  readonly isProbe: boolean | undefined;
}

/** A transport of a server's session, and the receiver of what comes over it. */
export class Link implements SessionLink, TransportReceiver {
  readonly transport: Transport;
  readonly epoch: number;
  /** What it is to the session, which changes it. */
  state: LinkState;
  readonly attachedMs: number;
  readonly isProbe: boolean;
  /** Whether anything came from it. */
  isProven = false;
  readonly #user: LinkUser;

  /** @internal Made by `attach`. */
  constructor(
    user: LinkUser,
    transport: Transport,
    epoch: number,
    isProbe: boolean,
    state: LinkState,
    attachedMs: number,
  ) {
    this.#user = user;
    this.transport = transport;
    this.epoch = epoch;
    this.isProbe = isProbe;
    this.state = state;
    this.attachedMs = attachedMs;
    transport.receiver = this;
  }

  /** Part of `TransportReceiver`. */
  block(bytes: Uint8Array, start: number, end: number): void {
    this.#user.linkBlock(this, bytes, start, end);
  }

  /** Part of `TransportReceiver`. */
  drained(): void {
    if (this.state === "active") this.#user.linkDrained(this);
  }

  /** Part of `TransportReceiver`. */
  lost(): void {
    if (this.state !== "gone") this.#user.linkLost(this);
  }

  /** Part of `TransportReceiver`. */
  closed(code: number, reason: string): void {
    if (this.state !== "gone") this.#user.linkClosed(this, code, reason);
  }
}
