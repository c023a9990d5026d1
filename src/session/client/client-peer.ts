import { UsageError } from "../../core/hawser-error.js";
import type { BoundHandler, ClientConfig } from "../machine/client-config.js";
import { ClientMachine } from "../machine/client-machine.js";
import type { IncomingChannel } from "../machine/incoming-channel.js";
import type { ReconnectDelays } from "../machine/session-config.js";
import type {
  ChannelOptions,
  Peer,
  PeerChannel,
  PeerReceiver,
  PeerStateListener,
  SessionEnd,
} from "../peer-port.js";
import { BAD_MESSAGE_CODE, FORBIDDEN_CODE } from "../wire/session-code.js";
import { eachOf, listen } from "./listen.js";

/** What a {@link ClientPeer} and its channels see to: the rest of the handler is for whoever has it. */
type OfChannels = "message" | "channelOpened" | "channelClosed" | "channelRefused" | "dropped" | "ready";

/** Whoever has the sessions of a client, one after the other. */
export interface PeerOwner extends Omit<BoundHandler, OfChannels> {
  /** Calls what is the application's. What it throws is reported; it returns undefined then. */
  guard<T>(call: () => T): T | undefined;
  /** Tells it something, and waits for nothing. */
  tell(call: () => unknown): void;
  /** All that was received before the end was handed over. */
  finished(end: SessionEnd): void;
  /** What a receiver promised, in vain. */
  report(error: unknown): void;
}

/** What is to be done for a channel in its turn, and the length of the message that is done with then. */
interface Turn {
  readonly run: () => unknown;
  readonly byteLength: number;
}

/** One session of a client, from its beginning to its end; behind a reset another one follows. */
export class ClientPeer implements Peer {
  declare readonly id: string;
  /** The session itself. */
  declare readonly machine: ClientMachine;
  readonly #owner: PeerOwner;
  readonly #receivers: Map<string, PeerReceiver>;
  readonly #listeners = new Set<PeerStateListener>();
  /** How many channels wait for their receivers. */
  #holding = 0;
  #end: SessionEnd | undefined;
  #isOver = false;
  #resolve!: (end: SessionEnd) => void;
  /** @internal Resolves when it has ended. */
  readonly ended: Promise<SessionEnd> = new Promise((resolve) => {
    this.#resolve = resolve;
  });

  constructor(
    config: Omit<ClientConfig, "handler"> & ReconnectDelays,
    failures: number,
    owner: PeerOwner,
    receivers: ReadonlyMap<string, PeerReceiver>,
  ) {
    this.#owner = owner;
    this.#receivers = new Map(receivers);
    const handler: BoundHandler = {
      ...owner,
      message: (...given) => this.#message(...given),
      channelOpened: (channel) => {
        if (this.#receiver(channel.name) === undefined) this.machine.refuseChannel(channel, FORBIDDEN_CODE);
      },
      channelClosed: (channel) =>
        void this.#inTurn(
          channel,
          // Whoever has come since it was refused is not at the end of anything.
          () => channel.isRefused || this.#receiver(channel.name)?.ended?.(channel.name),
          0,
        ),
      channelRefused: ({ name }, code) =>
        owner.tell(() => {
          const receiver = this.#receiver(name);
          if (receiver?.refused !== undefined) return receiver.refused(name);
          throw new UsageError("CHANNEL_REFUSED", `channel "${name}" was refused with ${code}`);
        }),
      dropped() {},
      ready() {},
    };
    this.machine = new ClientMachine({ ...config, handler }, config, failures);
    this.id = [...this.machine.id].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  get state(): "live" | "suspended" | "closed" {
    if (this.#isOver) return "closed";
    return this.machine.active === undefined ? "suspended" : "live";
  }

  get roundTripMs(): number | undefined {
    return this.machine.roundTripMs;
  }

  channel(name: string, options?: ChannelOptions): PeerChannel {
    return this.machine.channelNamed(name) ?? this.machine.openChannel(name, options);
  }

  receive(name: string, receiver: PeerReceiver | undefined): void {
    if (receiver === undefined) this.#receivers.delete(name);
    else this.#receivers.set(name, receiver);
  }

  onState(listener: PeerStateListener): () => void {
    return listen(this.#listeners, listener);
  }

  close(code?: number, reason?: string): Promise<SessionEnd> {
    this.machine.close(code, reason);
    this.machine.retryNow(); // what was sent is to arrive before the time is over
    return this.ended;
  }

  /** @internal The state has changed. */
  tellState(): void {
    eachOf(this.#listeners, (listener) => this.#owner.tell(() => listener(this.state, this.#end)));
  }

  /**
   * @internal The session has ended. What was confirmed counts as delivered, so it is handed over before anybody hears of that; but
   * not if its receivers take too long (`isLate`).
   */
  finish(end: SessionEnd | undefined, isLate = false): void {
    this.#end = end;
    if (end === undefined || this.#isOver || (this.#holding > 0 && !isLate)) return;
    this.#isOver = true;
    for (const name of this.#receivers.keys()) this.#owner.tell(() => this.#receiver(name)?.ended?.(name));
    this.tellState();
    this.#resolve(end);
    this.#owner.finished(end);
  }

  #receiver(name: string): PeerReceiver | undefined {
    return this.#receivers.get(name) ?? this.#receivers.get("*");
  }

  #message(
    channel: IncomingChannel,
    isText: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: Uint8Array | undefined,
  ): boolean {
    const { machine } = this;
    const { host } = machine.config;
    const byteLength = end - start;
    let data: string | Uint8Array | undefined;
    if (isText) data = host.utf8Decode(bytes, start, end);
    else {
      data = host.allocate(byteLength);
      data.set(bytes.subarray(start, end));
    }
    if (data === undefined) {
      machine.end(BAD_MESSAGE_CODE, "not UTF-8");
      return true;
    }
    const message = data;
    const run = (): unknown => {
      const { name } = channel;
      const receiver = this.#receiver(name);
      if (receiver === undefined) machine.refuseChannel(channel, FORBIDDEN_CODE);
      // What waited while its channel was refused is not taken, either.
      return channel.isRefused ? undefined : receiver?.message(message, id, name);
    };
    return this.#inTurn(channel, run, byteLength);
  }

  /** Does something when all before it on this channel is done; whether it is done with already. */
  #inTurn(channel: IncomingChannel, run: () => unknown, byteLength: number): boolean {
    const waiting = channel.data as Turn[] | undefined;
    if (waiting !== undefined) {
      waiting.push({ run, byteLength });
      return false;
    }
    const result = this.#owner.guard(run);
    if (typeof result !== "object") return true;
    void this.#hold(channel, { run: () => result, byteLength });
    return false;
  }

  /** What comes on this channel waits for what a receiver promised. */
  async #hold(channel: IncomingChannel, first: Turn): Promise<void> {
    const waiting: Turn[] = [first];
    channel.data = waiting;
    this.#holding++;
    for (let turn = waiting.shift(); turn !== undefined; turn = waiting.shift()) {
      if (this.#isOver) break; // the end was told already
      try {
        await turn.run();
      } catch (error) {
        this.#owner.report(error);
      }
      this.machine.taken(channel, turn.byteLength);
    }
    channel.data = undefined;
    this.#holding--;
    this.finish(this.#end);
  }
}
