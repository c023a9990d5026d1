import { UsageError } from "../../core/hawser-error.js";
import { isThenable } from "../../core/is-thenable.js";
import { checkEnd } from "../machine/check-end.js";
import type { IncomingChannel } from "../machine/incoming-channel.js";
import type { OutgoingChannel } from "../machine/outgoing-channel.js";
import type {
  ChannelOptions,
  Peer,
  PeerChannel,
  PeerReceiver,
  PeerStateListener,
  SendStatus,
  SessionEnd,
} from "../peer-port.js";
import { SessionCode } from "../wire/session-code.js";
import { checkChannel, checkReceiver } from "./check-channel.js";
import { HeldMessages } from "./held-messages.js";
import type { PeerMachine } from "./peer-machine.js";
import { SendingChannel } from "./sending-channel.js";

/** What few sessions use, so that the others do not pay for it. */
interface Extras {
  channels?: Map<string, SendingChannel>;
  receivers?: Map<string, PeerReceiver>;
  listeners?: Set<PeerStateListener>;
  closing?: Promise<SessionEnd>;
  resolveClosing?: (end: SessionEnd) => void;
  /** The channels whose messages wait. */
  holding?: Set<HeldMessages> | undefined;
  /** What waits in them, in bytes. */
  heldBytes?: number;
  /** Ended, and not told yet: what came before is handed over first. */
  pendingEnd?: SessionEnd | undefined;
}

/**
 * A session for an application: what clients and servers have in common above their machines. It gives each message to its
 * receiver, one at a time where that takes time, and knows channels by their names.
 */
export abstract class SessionPeer implements Peer {
  /** @internal The session itself. */
  protected abstract readonly machine: PeerMachine;
  #extras: Extras | undefined = undefined;
  #id = "";
  #end: SessionEnd | undefined = undefined;

  get id(): string {
    if (this.#id === "") {
      for (const byte of this.machine.id) this.#id += byte.toString(16).padStart(2, "0");
    }
    return this.#id;
  }

  get state(): "live" | "suspended" | "closed" {
    if (this.#end !== undefined) return "closed";
    return this.machine.active === undefined ? "suspended" : "live";
  }

  get roundTripMs(): number | undefined {
    return this.machine.roundTripMs;
  }

  channel(name: string, options?: ChannelOptions): PeerChannel {
    const extras = (this.#extras ??= {});
    const channels = (extras.channels ??= new Map());
    const known = channels.get(name);
    if (known !== undefined && !known.isClosed) return known;
    checkChannel(name, options);
    const { machine } = this;
    const outgoing = name === "" ? machine.channel : machine.openChannel(name, options);
    const channel = new SendingChannel(machine, outgoing, () => {
      if (channels.get(name) === channel) channels.delete(name);
    });
    if (!machine.isEnded) channels.set(name, channel);
    return channel;
  }

  receive(name: string, receiver: PeerReceiver | undefined): void {
    checkReceiver(name, receiver);
    const extras = (this.#extras ??= {});
    extras.receivers ??= new Map();
    if (receiver === undefined) extras.receivers.delete(name);
    else extras.receivers.set(name, receiver);
  }

  onState(listener: PeerStateListener): () => void {
    if (typeof listener !== "function") throw new UsageError("INVALID_OPTION", "a listener is a function");
    const extras = (this.#extras ??= {});
    const listeners = (extras.listeners ??= new Set());
    // An object of its own for each call: the same function may listen twice.
    const entry: PeerStateListener = (state, end) => listener(state, end);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  close(code: number = SessionCode.closed, reason = ""): Promise<SessionEnd> {
    checkEnd(code, reason, SessionCode.closed);
    const extras = (this.#extras ??= {});
    extras.closing ??= new Promise((resolve) => {
      if (this.#end !== undefined) resolve(this.#end);
      else extras.resolveClosing = resolve;
    });
    this.machine.close(code, reason);
    return extras.closing;
  }

  /** @internal How much waits for its receivers, in bytes: what it takes, and not what it was on the wire. */
  protected get heldIncomingBytes(): number {
    return this.#extras?.heldBytes ?? 0;
  }

  /** @internal Something was sent around the channel that every session has. */
  protected noteStatus(status: SendStatus): void {
    if (status !== "closed") (this.channel("") as SendingChannel).noted(status);
  }

  /** @internal Whether messages of this channel have a receiver of their own. */
  protected hasReceiver(channel: string): boolean {
    return this.#extras?.receivers?.has(channel) === true;
  }

  // --- For whoever runs the machine ------------------------------------------------------------------------------

  /**
   * @internal Takes a message that nobody in particular receives. Undefined if it is done with, "refused" if nobody takes
   * messages of this channel.
   */
  protected abstract take(
    data: string | Uint8Array,
    id: Uint8Array | undefined,
    channel: string,
  ): undefined | Promise<void> | "refused";

  /** @internal Whether the other side may send on a channel of this name. Those that have a receiver are not asked for. */
  protected abstract admits(channel: string): boolean | Promise<boolean>;

  /** @internal A message of so many bytes came: undefined, or what to wait for before the next one is handed over. */
  protected pace(_byteLength: number): Promise<void> | undefined {
    return undefined;
  }

  /** @internal A receiver threw, or its promise was rejected. The session goes on. */
  protected abstract receiverFailed(error: unknown, channel: string): void;

  /** @internal The other side takes nothing on a channel, and no receiver wants to know. */
  protected refusedUnheard(_channel: string, _code: number): void {}

  /** @internal The session has ended, and all that had come was handed over. */
  protected abstract finished(end: SessionEnd): void;

  /** @internal See `SessionHandler.message`. */
  onMessage(
    channel: IncomingChannel,
    isText: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: Uint8Array | undefined,
  ): boolean {
    const { host } = this.machine.config;
    let data: string | Uint8Array;
    if (isText) {
      const text = host.utf8Decode(bytes, start, end);
      if (text === undefined) {
        this.machine.end(SessionCode.badMessage, "text that is not UTF-8");
        return true;
      }
      data = text;
    } else {
      data = host.allocate(end - start);
      data.set(bytes.subarray(start, end));
    }
    const held = channel.data as HeldMessages | undefined;
    if (held?.isHeld === true) {
      // What is short lies in a block with others, and one byte would keep all of it while it waits. Not `data.slice`: that of a
      // Buffer does not copy.
      if (typeof data !== "string") data = Uint8Array.prototype.slice.call(data);
      held.push(data, id, end - start);
      this.#countHeld(heldCost(data));
      return false;
    }
    const result = this.#deliver(channel, data, id, end - start);
    if (result === undefined) return true;
    this.#hold(channel, result, end - start);
    return false;
  }

  /** @internal See `SessionHandler.channelOpened`. */
  onChannelOpened(channel: IncomingChannel): void {
    const { name } = channel;
    if (this.hasReceiver(name)) {
      this.#tell(name, () => this.#receiverOf(name)?.opened?.(name));
      return;
    }
    const answer = this.#guarded(name, () => this.admits(name));
    if (isThenable(answer)) {
      const decided = Promise.resolve(answer).then(
        (isAllowed) => this.#decided(channel, isAllowed === true),
        (error: unknown) => {
          this.receiverFailed(error, name);
          this.#decided(channel, false);
        },
      );
      this.#hold(channel, decided, -1);
    } else this.#decided(channel, answer === true);
  }

  /** @internal See `SessionHandler.channelClosed`. */
  onChannelClosed(channel: IncomingChannel): "held" | undefined {
    const held = channel.data as HeldMessages | undefined;
    if (held?.isHeld === true) {
      held.isClosed = true;
      return "held";
    }
    this.#tellClosed(channel);
    return undefined;
  }

  /** @internal See `SessionHandler.ready`. */
  onReady(channel: OutgoingChannel): void {
    (channel.data as SendingChannel | undefined)?.resolve(true);
  }

  /** @internal See `SessionHandler.channelRefused`. */
  onChannelRefused(channel: OutgoingChannel, code: number): void {
    (channel.data as SendingChannel | undefined)?.ended();
    const { name } = channel;
    const receiver = this.#receiverOf(name);
    if (receiver?.refused !== undefined) this.#tell(name, () => receiver.refused!(name));
    else this.refusedUnheard(name, code);
  }

  /** @internal The state has changed, and not to `closed`. */
  onStateChanged(): void {
    this.#tellState(undefined);
  }

  /** @internal See `SessionHandler.ended`. */
  onEnded(end: SessionEnd): void {
    const extras = this.#extras;
    for (const channel of [...(extras?.channels?.values() ?? [])]) channel.ended();
    // What was confirmed counts as delivered, so it is handed over before anybody hears of the end.
    if (extras?.holding === undefined || extras.holding.size === 0) {
      this.#finish(end);
      return;
    }
    extras.pendingEnd = end;
    this.machine.config.budget!.leavingBytes += extras.heldBytes ?? 0;
  }

  /** @internal Whether it has ended, and that is not told yet: something that came waits for its receiver. */
  get isFinishing(): boolean {
    return this.#extras?.pendingEnd !== undefined;
  }

  /** @internal How it ended, told or not. */
  get endedWith(): SessionEnd | undefined {
    return this.#end ?? this.#extras?.pendingEnd;
  }

  /** @internal What still waits for its receivers is given up: they took too long. */
  giveUpHeld(): void {
    const extras = this.#extras;
    const end = extras?.pendingEnd;
    if (extras === undefined || end === undefined) return;
    this.#countHeld(-(extras.heldBytes ?? 0));
    extras.pendingEnd = extras.holding = undefined;
    this.#finish(end);
  }

  #finish(end: SessionEnd): void {
    this.#end = end;
    const extras = this.#extras;
    for (const name of extras?.receivers?.keys() ?? []) this.#tellEnded(name);
    this.#tellState(end);
    this.finished(end);
    extras?.resolveClosing?.(end);
  }

  #tellState(end: SessionEnd | undefined): void {
    const { state } = this;
    const listeners = this.#extras?.listeners;
    for (const listener of [...(listeners ?? [])]) {
      // One of them may have brought about another state, which all were told, or ended what another one listens to.
      if (this.state === state && listeners!.has(listener)) this.#tell("", () => listener(state, end));
    }
  }

  /** Who has come to take messages since one was refused is not at the end of anything. */
  #tellClosed({ name, isRefused }: IncomingChannel): void {
    if (!isRefused) this.#tellEnded(name);
  }

  #tellEnded(name: string): void {
    this.#tell(name, () => this.#receiverOf(name)?.ended?.(name));
  }

  #receiverOf(name: string): PeerReceiver | undefined {
    const receivers = this.#extras?.receivers;
    return receivers?.get(name) ?? receivers?.get("*");
  }

  /** Hands over a message. A promise says that it takes time. */
  #deliver(
    channel: IncomingChannel,
    data: string | Uint8Array,
    id: Uint8Array | undefined,
    byteLength: number,
  ): Promise<void> | undefined {
    const { name } = channel;
    const pause = this.pace(byteLength);
    try {
      const receiver = this.#extras?.receivers === undefined ? undefined : this.#receiverOf(name);
      const result = receiver === undefined ? this.take(data, id, name) : receiver.message(data, id, name);
      if (isThenable(result)) {
        const promise = Promise.resolve(result as PromiseLike<void>);
        if (pause === undefined) return promise;
        return promise.then(
          () => pause,
          (error: unknown) => {
            this.receiverFailed(error, name);
            return pause;
          },
        );
      }
      if (receiver === undefined && result === "refused")
        this.machine.refuseChannel(channel, SessionCode.forbidden);
    } catch (error) {
      this.receiverFailed(error, name);
    }
    return pause;
  }

  #countHeld(bytes: number): void {
    const extras = this.#extras!;
    extras.heldBytes = (extras.heldBytes ?? 0) + bytes;
    const budget = this.machine.config.budget!;
    budget.heldBytes += bytes;
    if (extras.pendingEnd !== undefined) budget.leavingBytes += bytes;
  }

  #decided(channel: IncomingChannel, isAllowed: boolean): void {
    if (!isAllowed) this.machine.refuseChannel(channel, SessionCode.forbidden);
  }

  /** What comes on this channel waits for a promise. `byteLength` is that of its message, -1 if there is none. */
  #hold(channel: IncomingChannel, promise: Promise<void>, byteLength: number): void {
    const held = (channel.data ??= new HeldMessages()) as HeldMessages;
    held.isHeld = true;
    const extras = (this.#extras ??= {});
    extras.holding ??= new Set();
    extras.holding.add(held);
    const release = (): void => this.#release(channel, held, byteLength);
    promise.then(release, (error: unknown) => {
      this.receiverFailed(error, channel.name);
      release();
    });
  }

  #release(channel: IncomingChannel, held: HeldMessages, byteLength: number): void {
    if (this.#end !== undefined) return; // given up
    this.#taken(channel, held, byteLength);
    held.isHeld = false;
    for (let next = held.shift(); next !== undefined; next = held.shift()) {
      this.#countHeld(-heldCost(next.data));
      if (channel.isRefused) continue;
      const result = this.#deliver(channel, next.data, next.id, next.byteLength);
      if (result !== undefined) {
        this.#hold(channel, result, next.byteLength);
        return;
      }
      this.#taken(channel, held, next.byteLength);
    }
    const extras = this.#extras!;
    extras.holding!.delete(held);
    if (held.isClosed) {
      this.machine.channelDone?.();
      this.#tellClosed(channel);
    }
    const { pendingEnd } = extras;
    if (pendingEnd === undefined || extras.holding!.size > 0) return;
    extras.pendingEnd = undefined;
    this.#finish(pendingEnd);
  }

  #taken(channel: IncomingChannel, held: HeldMessages, byteLength: number): void {
    // The number of a channel that was closed may be that of another one by now.
    if (byteLength >= 0 && !held.isClosed && !this.machine.isEnded) this.machine.taken(channel, byteLength);
  }

  /** Tells the application something; what it returns is not waited for. */
  #tell(channel: string, call: () => unknown): void {
    const result = this.#guarded(channel, call);
    if (isThenable(result)) result.then(undefined, (error) => this.receiverFailed(error, channel));
  }

  #guarded<T>(channel: string, call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      this.receiverFailed(error, channel);
      return undefined;
    }
  }
}

/** What a message takes while it waits: a character of text up to two bytes, and an array of its own more than a string. */
function heldCost(data: string | Uint8Array): number {
  return typeof data === "string" ? 2 * data.length + HELD_TEXT_COST : data.length + HELD_BYTES_COST;
}

const HELD_TEXT_COST = 64;
const HELD_BYTES_COST = 320;
