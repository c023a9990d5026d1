import type {
  Peer,
  PeerChannel,
  PeerReceiver,
  PeerSource,
  PeerStateListener,
  SendStatus,
  SessionEnd,
  UnconfirmedMessage,
} from "../session/peer-port.js";

/** One end of a {@link PeerPair}: a `Peer`. */
export class MemoryPeer implements Peer {
  readonly id: string;
  state: Peer["state"] = "live";
  readonly roundTripMs: number | undefined = undefined;
  /** What is on its way to the other end, in order. */
  readonly sent: { readonly channel: string; readonly data: string | Uint8Array }[] = [];
  /** What was said with `close`. */
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  /** The other end. */
  other!: MemoryPeer;
  readonly #pair: PeerPair;
  readonly #channels = new Map<string, MemoryChannel>();
  readonly #receivers = new Map<string, PeerReceiver>();
  readonly #listeners = new Set<PeerStateListener>();

  constructor(pair: PeerPair, id: string) {
    this.#pair = pair;
    this.id = id;
  }

  channel(name: string): MemoryChannel {
    let channel = this.#channels.get(name);
    if (channel === undefined)
      this.#channels.set(name, (channel = new MemoryChannel(name, this, this.#pair)));
    return channel;
  }

  receive(name: string, receiver: PeerReceiver | undefined): void {
    if (receiver === undefined) this.#receivers.delete(name);
    else this.#receivers.set(name, receiver);
  }

  onState(listener: PeerStateListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(code = 4400, reason = ""): Promise<SessionEnd> {
    this.closedWith = { code, reason };
    this.#pair.end({ code, reason, isReset: false });
    return { code, reason, isReset: false, unconfirmed: [] };
  }

  /** Gives the receiver what came; without one the channel is refused. */
  hand({ channel, data }: { readonly channel: string; readonly data: string | Uint8Array }): void {
    const receiver = this.#receivers.get(channel);
    if (receiver === undefined) this.other.channel(channel).isClosed = true;
    else void receiver.message(typeof data === "string" ? data : data.slice(), undefined, channel);
  }

  /** The session has ended. */
  end(end: Omit<SessionEnd, "unconfirmed">): void {
    if (this.state === "closed") return;
    this.state = "closed";
    const unconfirmed: UnconfirmedMessage[] = this.sent.map((message) => ({ ...message, id: undefined }));
    for (const listener of [...this.#listeners]) listener("closed", { ...end, unconfirmed });
    for (const channel of this.#channels.values()) channel.wake();
  }

  /** Something was delivered: whoever waits for room may look. */
  roomAgain(): void {
    for (const channel of this.#channels.values()) channel.wake();
  }
}

class MemoryChannel implements PeerChannel {
  readonly name: string;
  dropped = 0;
  isClosed = false;
  readonly #peer: MemoryPeer;
  readonly #pair: PeerPair;
  #waiting: ((hasRoom: boolean) => void)[] = [];

  constructor(name: string, peer: MemoryPeer, pair: PeerPair) {
    this.name = name;
    this.#peer = peer;
    this.#pair = pair;
  }

  get queuedBytes(): number {
    return this.#peer.sent.filter(({ channel }) => channel === this.name).length * 64;
  }

  send(data: string | Uint8Array): SendStatus {
    if (this.#peer.state === "closed" || this.isClosed) return "closed";
    if (data.length > this.#pair.maxMessageLength) {
      this.dropped++;
      return "too-long";
    }
    if (this.#peer.sent.length >= this.#pair.maxQueued) {
      this.dropped++;
      return "dropped";
    }
    this.#peer.sent.push({ channel: this.name, data });
    this.#pair.schedule();
    return "sent";
  }

  async ready(): Promise<boolean> {
    if (this.#peer.state !== "closed" && this.#peer.sent.length >= this.#pair.maxQueued) {
      await new Promise<boolean>((resolve) => this.#waiting.push(resolve));
    }
    return this.#peer.state !== "closed" && !this.isClosed;
  }

  close(): void {
    this.isClosed = true;
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve(true);
  }
}

/** The two ends of a session in memory: what one sends, the other gets in the next microtasks, unless the line is held. */
export class PeerPair {
  readonly client: MemoryPeer;
  readonly server: MemoryPeer;
  /** Nothing moves while it is. */
  isHeld: boolean = false;
  /** How many messages may be on their way from an end; then it says `dropped`. Default: without a limit. */
  maxQueued: number = Infinity;
  /** How long a message may be, else `send` says `too-long`. Default: without a limit. */
  maxMessageLength: number = Infinity;
  /** All that was handed over, as text where it is. */
  readonly log: string[] = [];
  #isScheduled = false;

  /** @param id that of the session. */
  constructor(id: string = "0".repeat(32)) {
    this.client = new MemoryPeer(this, id);
    this.server = new MemoryPeer(this, id);
    this.client.other = this.server;
    this.server.other = this.client;
  }

  /** Nothing moves any more, but by {@link deliver}. */
  hold(): void {
    this.isHeld = true;
  }

  /** The line works again. */
  release(): void {
    this.isHeld = false;
    this.schedule();
  }

  /** Moves what waits, in the next microtasks. The ends call it. */
  schedule(): void {
    if (this.#isScheduled || this.isHeld) return;
    this.#isScheduled = true;
    void Promise.resolve().then(() => {
      this.#isScheduled = false;
      if (this.isHeld) return;
      this.deliver(this.client, 1);
      this.deliver(this.server, 1);
      if (this.client.sent.length + this.server.sent.length > 0) this.schedule();
    });
  }

  /** Hands over the next `count` messages that an end has sent, held or not. */
  deliver(from: MemoryPeer, count: number): void {
    for (let i = 0; i < count && from.sent.length > 0 && from.other.state !== "closed"; i++) {
      const message = from.sent.shift()!;
      this.log.push(typeof message.data === "string" ? message.data : `<${message.data.length} bytes>`);
      from.other.hand(message);
      from.roomAgain();
    }
  }

  /** The session is lost, as behind a long outage. What is on its way never arrives. */
  reset(code = 4200): void {
    this.end({ code, reason: "expired", isReset: true });
  }

  /** The session ends, for both. What is on its way never arrives. */
  end(end: Omit<SessionEnd, "unconfirmed">): void {
    this.client.end(end);
    this.server.end(end);
    this.client.sent.length = 0;
    this.server.sent.length = 0;
  }
}

/** A client that has one session after the other, and the server that gets the other ends. */
export class MemoryClient implements PeerSource {
  /** The session that there is, or that was the last. */
  pair: PeerPair;
  readonly #accept: (peer: MemoryPeer) => unknown;
  readonly #listeners = new Set<(peer: Peer) => void>();
  #sessions = 0;

  /** @param accept what the server does with a session: `(peer) => implementation.accept(peer)`. */
  constructor(accept: (peer: MemoryPeer) => unknown) {
    this.#accept = accept;
    this.pair = this.#make(accept, "live");
  }

  /** As `PeerSource` has it. */
  onPeer(listener: (peer: Peer) => void): () => void {
    this.#listeners.add(listener);
    if (this.pair.client.state !== "closed") listener(this.pair.client);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * The next session, behind a reset: with the same server, or with another one. One that is `suspended` was never live, and
   * its line is held.
   */
  comeBack(
    accept: (peer: MemoryPeer) => unknown = this.#accept,
    state: "live" | "suspended" = "live",
  ): PeerPair {
    this.pair = this.#make(accept, state);
    for (const listener of this.#listeners) listener(this.pair.client);
    return this.pair;
  }

  #make(accept: (peer: MemoryPeer) => unknown, state: "live" | "suspended"): PeerPair {
    const pair = new PeerPair((this.#sessions++).toString(16).padStart(32, "0"));
    pair.client.state = state;
    pair.server.state = state;
    pair.isHeld = state === "suspended";
    accept(pair.server);
    return pair;
  }
}
