import type { IncomingChannel } from "../session/machine/incoming-channel.js";
import type { SessionLink } from "../session/machine/link.js";
import type { OutgoingChannel } from "../session/machine/outgoing-channel.js";
import { ServerMachine } from "../session/machine/server-machine.js";
import {
  DEFAULT_RECONNECT_DELAYS,
  DEFAULT_SERVER_DEADLINES,
  type OutboxBudget,
  type SessionDeadlines,
  type SessionLimits,
  sessionConfig,
} from "../session/machine/session-config.js";
import type { SessionHandler } from "../session/machine/session-handler.js";
import type { SessionHost } from "../session/machine/session-host.js";
import type { SessionEnd } from "../session/peer-port.js";
import type { Transport, TransportReceiver } from "../session/transport-port.js";
import { readOpen } from "../session/wire/open-packet.js";
import { BAD_PACKET_CODE } from "../session/wire/session-code.js";
import { SteppedClient, type SteppedClientHandler } from "./stepped-client.js";
import { VirtualClock } from "./virtual-clock.js";

/** What a side of a {@link SessionPair} was told. */
export interface PairEvent {
  readonly type:
    | "message"
    | "channelOpened"
    | "channelClosed"
    | "channelRefused"
    | "dropped"
    | "ready"
    | "signal"
    | "live"
    | "suspended"
    | "ended"
    | "dial"
    | "waiting"
    | "linkLost";
  /** The name of the channel, for what has one. */
  readonly channel?: string;
  /** The message or signal; text is a string. */
  readonly data?: string | Uint8Array | undefined;
  readonly id?: Uint8Array | undefined;
  readonly code?: number;
  readonly count?: number;
  readonly end?: SessionEnd;
  readonly link?: SessionLink;
  readonly isResumed?: boolean;
}

/** What may be different about a {@link SessionPair}. */
export interface SessionPairOptions extends Partial<SessionLimits & SessionDeadlines> {
  /** Text and randomness; by default of no use for secrets. */
  readonly host: Omit<SessionHost, "nowMs">;
  readonly resumeWindowMs?: number;
  readonly serverBudget?: OutboxBudget;
}

/** One side of a {@link SessionPair}. */
export class PairSide<Machine> {
  machine!: Machine;
  /** What it was told, in order. */
  readonly events: PairEvent[] = [];
  /** Whether messages are taken at once; else `taken` has to be called. */
  takesAtOnce = true;
  /** The channels that the other side opened, by name. */
  readonly incoming: Map<string, IncomingChannel> = new Map<string, IncomingChannel>();
  wantsFlush = false;

  /** The messages that it was given. */
  get messages(): (string | Uint8Array | undefined)[] {
    return this.events.filter(({ type }) => type === "message").map(({ data }) => data);
  }

  /** The events of one type. */
  of(type: PairEvent["type"]): PairEvent[] {
    return this.events.filter((event) => event.type === type);
  }
}

/** A transport of a {@link SessionPair}: what is sent waits until it is carried. */
export class PairTransport implements Transport {
  readonly name = "websocket";
  bufferedBytes = 0;
  receiver: TransportReceiver = { block() {}, drained() {}, lost() {}, closed() {} };
  /** What was sent and not carried. */
  sent: Uint8Array[] = [];
  /** Whether nothing of what is sent is carried. */
  isHeld = false;
  /** The code that it was closed with. */
  closedWith: number | undefined = undefined;
  peer!: PairTransport;

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.closedWith === undefined) this.sent.push(new Uint8Array(bytes.subarray(start, end)));
  }

  /** The block itself, so that a test sees whether it is that of others. */
  sendShared(block: Uint8Array): void {
    if (this.closedWith === undefined) this.sent.push(block);
  }

  close(code: number): void {
    this.closedWith ??= code;
  }
}

/** A client's and a server's session over transports in memory, on a virtual clock: for tests, step by step. */
export class SessionPair {
  readonly clock: VirtualClock = new VirtualClock();
  readonly client: PairSide<SteppedClient> = new PairSide<SteppedClient>();
  readonly server: PairSide<ServerMachine<PairSide<unknown>> | undefined> = new PairSide<
    ServerMachine<PairSide<unknown>> | undefined
  >();
  /** Every block that was carried, in order, with who sent it. */
  readonly carried: { readonly from: "client" | "server"; readonly block: Uint8Array }[] = [];
  readonly #serverConfig: ReturnType<typeof sessionConfig<SessionHandler<PairSide<unknown>>>>;
  readonly #resumeWindowMs: number;
  readonly #transports: PairTransport[] = [];

  constructor(options: SessionPairOptions) {
    const host = { ...options.host, nowMs: (): number => this.clock.nowMs };
    const handler = pairHandler(host);
    this.#resumeWindowMs = options.resumeWindowMs ?? DEFAULT_SERVER_DEADLINES.resumeWindowMs;
    this.#serverConfig = sessionConfig<SessionHandler<PairSide<unknown>>>({
      ...options,
      host,
      handler,
      budget: options.serverBudget,
    });
    const clientConfig = sessionConfig<SteppedClientHandler<PairSide<unknown>>>({
      ...options,
      host,
      handler,
    });
    this.client.machine = new SteppedClient(clientConfig, this.client, DEFAULT_RECONNECT_DELAYS);
  }

  /** The server's machine, once there is one. */
  get serverMachine(): ServerMachine<PairSide<unknown>> {
    return this.server.machine!;
  }

  /** Opens a transport, and attaches it at the client. Nothing is carried yet. */
  open(isProbe = false): {
    readonly client: PairTransport;
    readonly server: PairTransport;
  } {
    const client = new PairTransport();
    const server = new PairTransport();
    client.peer = server;
    server.peer = client;
    this.#transports.push(client, server);
    server.receiver = {
      block: (bytes, start, end) => {
        const open = readOpen(bytes, start, end);
        if (open === undefined) {
          server.close(BAD_PACKET_CODE);
          return;
        }
        this.server.machine ??= new ServerMachine(
          this.#serverConfig,
          { resumeWindowMs: this.#resumeWindowMs },
          this.server,
          open,
          new Uint8Array([1]),
        );
        this.server.machine.attach(server, open);
      },
      drained() {},
      lost() {},
      closed() {},
    };
    this.client.machine.attach(client, isProbe);
    return { client, server };
  }

  /** Opens a transport and carries everything. */
  connect(): { readonly client: PairTransport; readonly server: PairTransport } {
    const transports = this.open();
    this.carry();
    return transports;
  }

  /** Has both sides write what they want to, without carrying it. */
  flush(): void {
    for (const side of [this.client, this.server]) {
      if (!side.wantsFlush || side.machine === undefined) continue;
      side.wantsFlush = false;
      side.machine.flush();
    }
  }

  /** Carries blocks to and fro until there are none. */
  carry(): void {
    let isBusy = true;
    while (isBusy) {
      isBusy = false;
      this.flush();
      for (const transport of this.#transports) {
        const { sent, peer, isHeld } = transport;
        if (isHeld) continue;
        transport.sent = [];
        const from = this.#transports.indexOf(transport) % 2 === 0 ? "client" : "server";
        for (const block of sent) {
          isBusy = true;
          this.carried.push({ from, block });
          peer.receiver.block(block, 0, block.length);
        }
      }
    }
  }

  /** Time goes on; both sides do what is due, and everything is carried. */
  wait(durationMs: number): void {
    const untilMs = this.clock.nowMs + durationMs;
    for (;;) {
      this.carry();
      const dueMs = Math.min(this.client.machine.deadlineMs, this.server.machine?.deadlineMs ?? Infinity);
      if (dueMs > untilMs) break;
      this.clock.step(Math.max(dueMs, this.clock.nowMs));
      this.ring();
    }
    this.clock.step(untilMs);
  }

  /** Both sides look at the clock, if it is time for them. */
  ring(): void {
    for (const { machine } of [this.client, this.server]) {
      if (machine !== undefined && machine.deadlineMs <= this.clock.nowMs) machine.handleTimeout();
    }
  }
}

function pairHandler(host: SessionHost): SteppedClientHandler<PairSide<unknown>> {
  const dataOf = (
    isText: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): string | Uint8Array | undefined =>
    isText ? host.utf8Decode(bytes, start, end) : new Uint8Array(bytes.subarray(start, end));
  const named = (channel: IncomingChannel | OutgoingChannel): { channel: string } => ({
    channel: channel.name,
  });
  return {
    wantsFlush(side) {
      side.wantsFlush = true;
    },
    deadlineChanged() {},
    message(side, channel, isText, bytes, start, end, id) {
      side.events.push({ type: "message", ...named(channel), data: dataOf(isText, bytes, start, end), id });
      return side.takesAtOnce;
    },
    channelOpened(side, channel) {
      side.incoming.set(channel.name, channel);
      side.events.push({ type: "channelOpened", ...named(channel) });
    },
    channelClosed(side, channel) {
      side.events.push({ type: "channelClosed", ...named(channel) });
      return undefined;
    },
    channelRefused(side, channel, code) {
      side.events.push({ type: "channelRefused", ...named(channel), code });
    },
    dropped(side, channel, count) {
      side.events.push({ type: "dropped", ...named(channel), count });
    },
    ready(side, channel) {
      side.events.push({ type: "ready", ...named(channel) });
    },
    signal(side, code, bytes, start, end) {
      side.events.push({ type: "signal", code, data: dataOf(false, bytes, start, end) });
    },
    live(side, link, isResumed) {
      side.events.push({ type: "live", link, isResumed });
    },
    suspended(side, code) {
      side.events.push({ type: "suspended", code });
    },
    ended(side, end) {
      side.events.push({ type: "ended", end });
    },
    dial(side) {
      side.events.push({ type: "dial" });
    },
    waiting(side) {
      side.events.push({ type: "waiting" });
    },
    linkLost(side, link, code) {
      side.events.push({ type: "linkLost", link, code });
    },
    report() {},
    credentials: () => new Uint8Array(0),
  };
}
