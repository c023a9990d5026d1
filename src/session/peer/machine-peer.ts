import type { IncomingChannel } from "../machine/incoming-channel.js";
import type { OutgoingChannel } from "../machine/outgoing-channel.js";
import type { SessionHandler } from "../machine/session-handler.js";
import type { SessionMachine } from "../machine/session-machine.js";
import type {
  ChannelOptions,
  Peer,
  PeerReceiver,
  PeerStateListener,
  SendStatus,
  SessionEnd,
} from "../peer-port.js";
import { SessionCode } from "../wire/session-code.js";
import { PeerInbox } from "./peer-inbox.js";
import { PeerSender } from "./peer-sender.js";

/** A session of either side. */
export type PeerMachine = SessionMachine<unknown, SessionHandler<never>>;

/**
 * A {@link Peer} over a session: channels by name, receivers, promises. Whoever runs the session calls the methods of the
 * second half from the handler of the same name.
 */
export class MachinePeer implements Peer {
  readonly id: string;
  readonly #machine: PeerMachine;
  readonly #report: (error: unknown) => void;
  readonly #senders = new Map<string, PeerSender>();
  readonly #receivers = new Map<string, PeerReceiver>();
  readonly #incoming = new Set<IncomingChannel>();
  readonly #listeners = new Set<PeerStateListener>();
  #inboxes: Map<IncomingChannel, PeerInbox> | undefined = undefined;
  /** That of the channel that every session has: most have no other. */
  #main: PeerReceiver | undefined = undefined;
  #mainSender: PeerSender;
  #end: SessionEnd | undefined = undefined;

  /** @param report is told what receivers and listeners throw; the session goes on. */
  constructor(machine: PeerMachine, report: (error: unknown) => void) {
    this.#machine = machine;
    this.#report = report;
    this.id = hex(machine.id);
    this.#mainSender = new PeerSender(machine, machine.channel);
  }

  get state(): "live" | "suspended" | "closed" {
    if (this.#machine.isEnded) return "closed";
    return this.#machine.active === undefined ? "suspended" : "live";
  }

  get roundTripMs(): number | undefined {
    return this.#machine.roundTripMs;
  }

  /** How it ended; undefined before. */
  get end(): SessionEnd | undefined {
    return this.#end;
  }

  channel(name: string, options: ChannelOptions = {}): PeerSender {
    if (name === "") return this.#mainSender;
    let sender = this.#senders.get(name);
    if (sender === undefined || sender.isClosed) {
      sender = new PeerSender(this.#machine, this.#machine.openChannel(name, options));
      this.#senders.set(name, sender);
    }
    return sender;
  }

  /** As `channel("").send(data)`. */
  send(data: string | Uint8Array): SendStatus {
    return this.#mainSender.send(data);
  }

  receive(name: string, receiver: PeerReceiver | undefined): void {
    if (name === "") this.#main = receiver;
    else if (receiver === undefined) this.#receivers.delete(name);
    else this.#receivers.set(name, receiver);
  }

  onState(listener: PeerStateListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(code: number = SessionCode.closed, reason = ""): Promise<SessionEnd> {
    return new Promise((resolve) => {
      if (this.#end !== undefined) resolve(this.#end);
      else {
        this.onState((_state, end) => {
          if (end !== undefined) resolve(end);
        });
        this.#machine.close(code, reason);
      }
    });
  }

  // --- Called by whoever runs the session ----------------------------------------------------------------------

  /** As `SessionHandler.message`. */
  message(
    channel: IncomingChannel,
    isText: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: Uint8Array | undefined,
  ): boolean {
    const receiver = this.#receiverOf(channel);
    if (receiver === undefined) {
      this.#machine.refuseChannel(channel, SessionCode.closed);
      return true;
    }
    const { host } = this.#machine.config;
    let data: string | Uint8Array | undefined;
    if (isText) data = host.utf8Decode(bytes, start, end);
    else {
      data = host.allocate(end - start);
      data.set(bytes.subarray(start, end));
    }
    if (data === undefined) {
      this.#machine.end(SessionCode.badMessage, "text that is not UTF-8");
      return true;
    }
    const byteLength = end - start;
    const inbox = this.#inboxes?.get(channel);
    if (inbox?.isBusy) {
      inbox.add({ data, id, byteLength });
      return false;
    }
    const done = this.#deliver(receiver, data, id, channel.name);
    if (done === undefined) return true;
    void this.#inboxOf(channel).hold(done, byteLength);
    return false;
  }

  /** As `SessionHandler.channelOpened`. */
  channelOpened(channel: IncomingChannel): void {
    if (this.#receiverOf(channel) === undefined) this.#machine.refuseChannel(channel, SessionCode.closed);
    else this.#incoming.add(channel);
  }

  /** As `SessionHandler.channelClosed`. */
  channelClosed(channel: IncomingChannel): void {
    if (this.#incoming.delete(channel)) this.#tellEnded(channel);
    this.#inboxes?.delete(channel);
  }

  /** As `SessionHandler.channelRefused`. */
  channelRefused(channel: OutgoingChannel): void {
    (channel.data as PeerSender | undefined)?.told(false);
  }

  /** As `SessionHandler.ready`. */
  ready(channel: OutgoingChannel): void {
    (channel.data as PeerSender | undefined)?.told(true);
  }

  /** As `SessionHandler.live`, `suspended` and, with `end`, `ended`. */
  stateChanged(end?: SessionEnd): void {
    this.#end = end;
    const { state } = this;
    for (const listener of this.#listeners) this.#guard(() => listener(state, end));
    if (end === undefined) return;
    this.#listeners.clear();
    this.#mainSender.told(false);
    for (const sender of this.#senders.values()) sender.told(false);
    for (const channel of this.#incoming) this.#tellEnded(channel);
    this.#guard(() => this.#main?.ended?.(""));
  }

  #receiverOf({ name }: IncomingChannel): PeerReceiver | undefined {
    const own = name === "" ? this.#main : this.#receivers.get(name);
    return own ?? this.#receivers.get("*");
  }

  #deliver(
    receiver: PeerReceiver,
    data: string | Uint8Array,
    id: Uint8Array | undefined,
    name: string,
  ): undefined | Promise<void> {
    try {
      const done = receiver.message(data, id, name);
      return done?.then(undefined, this.#report);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  #inboxOf(channel: IncomingChannel): PeerInbox {
    this.#inboxes ??= new Map();
    let inbox = this.#inboxes.get(channel);
    if (inbox === undefined) {
      inbox = new PeerInbox(this.#machine, channel, ({ data, id }) => {
        const receiver = this.#receiverOf(channel);
        return receiver && this.#deliver(receiver, data, id, channel.name);
      });
      this.#inboxes.set(channel, inbox);
    }
    return inbox;
  }

  #tellEnded(channel: IncomingChannel): void {
    this.#guard(() => this.#receiverOf(channel)?.ended?.(channel.name));
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#report(error);
    }
  }
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
