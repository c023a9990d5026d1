import type { ClientConfig, ClientHandler, ClientIncoming } from "../session/machine/client-config.js";
import { type ClientMachine, clientMachine } from "../session/machine/client-machine.js";
import type { IncomingChannel } from "../session/machine/incoming-channel.js";
import type { SessionLink } from "../session/machine/link.js";
import type { OutgoingChannel } from "../session/machine/outgoing-channel.js";
import type { ReconnectDelays, SessionConfig } from "../session/machine/session-config.js";
import type { SessionHandler } from "../session/machine/session-handler.js";
import type { ChannelOptions, PeerChannel, SendStatus, ToldMessageOptions } from "../session/peer-port.js";
import { DRAIN_ABOVE_BYTES, type Transport } from "../session/transport-port.js";

/** What a {@link SteppedClient} tells: what a server's session does, and what only a client's does. */
export interface SteppedClientHandler<Owner> extends SessionHandler<Owner> {
  dial(owner: Owner): void;
  waiting(owner: Owner, untilMs: number): void;
  linkLost(owner: Owner, link: SessionLink, code: number, reason: string, notBeforeMs: number): void;
  report(owner: Owner, error: unknown): void;
  credentials(owner: Owner): Uint8Array;
}

/** A call that is to be made, on the clock of the host. */
interface Timer {
  readonly dueMs: number;
  readonly call: () => void;
}

/**
 * A client's machine that has no timers and no turns of its own, and is used as a server's is: it is to be flushed when it wants that, and
 * called at {@link deadlineMs}.
 */
export class SteppedClient {
  readonly config: ClientConfig;
  readonly channel: OutgoingChannel;
  readonly machine: ClientMachine;
  /** When it dials again; Infinity if it does not wait for that. */
  waitingUntilMs: number = Infinity;
  /** The link that carries the session; undefined while suspended. */
  active: SessionLink | undefined;
  isEnded = false;
  /** Whether a transport ever carried the session. */
  wasLive = false;
  readonly #timers = new Set<Timer>();
  #flush: (() => void) | undefined;
  readonly #dial: (isFirst: boolean) => void;

  /** @param owner who is told, as the owner of a server's session is. */
  constructor(
    config: SessionConfig<SteppedClientHandler<never>>,
    owner: unknown,
    delays: ReconnectDelays,
    failures = 0,
    utf8Encode: (text: string) => Uint8Array = (text) => {
      const room = config.host.allocate(3 * text.length);
      return new Uint8Array(room.subarray(0, config.host.utf8Write(text, room, 0)));
    },
  ) {
    const { host, handler } = config;
    const bound: Record<string, unknown> = {};
    for (const [name, call] of Object.entries(handler))
      bound[name] = (...given: unknown[]): unknown =>
        (call as (...all: unknown[]) => unknown)(owner, ...given);
    const told = bound as unknown as ClientHandler;
    this.#dial = told.dial;
    this.config = {
      ...config,
      ...delays,
      host: {
        ...host,
        utf8Encode,
        setTimer: (call, delayMs) => {
          const timer = { dueMs: host.nowMs() + delayMs, call };
          this.#timers.add(timer);
          handler.deadlineChanged(owner as never);
          return timer;
        },
        clearTimer: (timer) => void this.#timers.delete(timer as Timer),
        afterTurn: (call) => {
          this.#flush = call;
          handler.wantsFlush(owner as never);
        },
      },
      handler: {
        ...told,
        channelRefused: (channel, code) => {
          (channel as unknown as OutgoingChannel).isClosed = true;
          told.channelRefused(channel, code);
        },
        dropped: (channel) => handler.dropped(owner as never, channel as unknown as OutgoingChannel, 1),
        live: (link, isResumed) => {
          this.active = link;
          this.wasLive = true;
          told.live(link, isResumed);
        },
        suspended: (code, reason) => {
          this.active = undefined;
          told.suspended(code, reason);
        },
        ended: (end) => {
          this.active = undefined;
          this.isEnded = true;
          this.waitingUntilMs = Infinity;
          told.ended(end);
        },
        dial: (isFirst) => {
          this.waitingUntilMs = Infinity;
          told.dial(isFirst);
        },
        waiting: (delayMs) => {
          this.waitingUntilMs = host.nowMs() + delayMs;
          told.waiting(this.waitingUntilMs);
        },
      },
    };
    this.machine = clientMachine(this.config, failures);
    this.channel = asOutgoing(this.machine.main, {});
  }

  get id(): Uint8Array {
    return this.machine.id;
  }

  get roundTripMs(): number | undefined {
    return this.machine.roundTripMs();
  }

  get outboxBytes(): number {
    return this.machine.outboxBytes();
  }

  /** When {@link handleTimeout} is to be called, on the clock of the host; Infinity for never. */
  get deadlineMs(): number {
    let dueMs = Infinity;
    for (const timer of this.#timers) dueMs = Math.min(dueMs, timer.dueMs);
    return dueMs;
  }

  /** The time is now: does what is due. */
  handleTimeout(): void {
    const nowMs = this.config.host.nowMs();
    for (const timer of [...this.#timers].sort((one, other) => one.dueMs - other.dueMs))
      if (timer.dueMs <= nowMs && this.#timers.delete(timer)) timer.call();
  }

  /** Writes what is to be sent. */
  flush(): void {
    const flush = this.#flush;
    this.#flush = undefined;
    flush?.();
  }

  /** Begins: the handler's `dial` is called. */
  start(): void {
    if (!this.isEnded) this.#dial(true);
  }

  openChannel(name: string, options: ChannelOptions = {}): OutgoingChannel {
    return asOutgoing(this.machine.channel(name, options), options);
  }

  closeChannel(channel: OutgoingChannel): void {
    channel.isClosed = true;
    (channel as unknown as PeerChannel).close();
  }

  send(channel: OutgoingChannel, data: string | Uint8Array, options?: ToldMessageOptions): SendStatus {
    return (channel as unknown as PeerChannel).send(data, options);
  }

  taken(channel: IncomingChannel, byteLength: number): void {
    (channel as unknown as ClientIncoming).taken(byteLength);
  }

  refuseChannel(channel: IncomingChannel, code: number): void {
    (channel as unknown as ClientIncoming).refuse(code);
  }

  signal(code: number, bytes: Uint8Array): void {
    this.machine.signal(code, bytes);
  }

  attach(transport: Transport, isProbe?: boolean): void {
    this.waitingUntilMs = Infinity;
    this.machine.attach(transport, isProbe);
  }

  dialFailed(code: number, reason: string, notBeforeMs: number, delayMs?: number): void {
    this.machine.dialFailed(code, reason, notBeforeMs, delayMs);
  }

  retryNow(isAsked?: boolean): void {
    this.machine.retryNow(isAsked);
  }

  probe(): void {
    this.machine.probe();
  }

  close(code?: number, reason?: string): void {
    this.machine.close(code, reason);
  }

  end(code: number, reason?: string): void {
    this.machine.end(code, reason);
  }
}

/** A client's channel with what tests look at of a server's. */
function asOutgoing(channel: PeerChannel, options: ChannelOptions): OutgoingChannel {
  const { policy = "block", highWaterMarkBytes = DRAIN_ABOVE_BYTES } = options;
  return Object.assign(channel, {
    policy,
    highWaterMarkBytes,
    isClosed: false,
  }) as unknown as OutgoingChannel;
}
