import { randomBytes } from "node:crypto";
import type { Peer, PeerSource, SendStatus } from "hawser/contract";
import type { OutgoingChannel } from "#session/machine/outgoing-channel.js";
import { ServerMachine } from "#session/machine/server-machine.js";
import { type SessionConfig, sessionConfig } from "#session/machine/session-config.js";
import type { SessionHandler } from "#session/machine/session-handler.js";
import type { SessionHost } from "#session/machine/session-host.js";
import type { PeerChannel, PeerReceiver, PeerStateListener, SessionEnd } from "#session/peer-port.js";
import type { Transport, TransportReceiver } from "#session/transport-port.js";
import { endBlock } from "#session/wire/end-packet.js";
import { readOpen } from "#session/wire/open-packet.js";
import { RESET_PACKET } from "#session/wire/packet-type.js";
import { SteppedClient, type SteppedClientHandler } from "#testing/stepped-client.js";

const RESUME_WINDOW_MS = 120_000;
const EXPIRED = 4200;
const REFUSED_CHANNEL = 4403;

/** A session as a `Peer`, without all that contracts do not use. */
class MachinePeer implements Peer {
  machine!: SteppedClient | ServerMachine<MachinePeer>;
  wantsFlush = false;
  result: SessionEnd | undefined;
  readonly roundTripMs = undefined;
  readonly #channels = new Map<string, MachineChannel>();
  readonly receivers = new Map<string, PeerReceiver>();
  readonly #listeners = new Set<PeerStateListener>();

  get id(): string {
    return Buffer.from(this.machine.id).toString("hex");
  }

  get state(): Peer["state"] {
    if (this.result !== undefined) return "closed";
    return this.machine.active === undefined ? "suspended" : "live";
  }

  channel(name: string): MachineChannel {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = new MachineChannel(this, this.machine.openChannel(name));
      this.#channels.set(name, channel);
    }
    return channel;
  }

  receive(name: string, receiver: PeerReceiver | undefined): void {
    if (receiver === undefined) this.receivers.delete(name);
    else this.receivers.set(name, receiver);
  }

  onState(listener: PeerStateListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(code?: number, reason?: string): Promise<SessionEnd> {
    this.machine.close(code, reason);
    return { code: code ?? 4400, reason: reason ?? "", isReset: false, unconfirmed: [] };
  }

  tell(end?: SessionEnd): void {
    this.result = end;
    for (const listener of [...this.#listeners]) listener(this.state, end);
    if (end !== undefined) for (const channel of this.#channels.values()) channel.wake();
  }
}

class MachineChannel implements PeerChannel {
  readonly dropped = 0;
  readonly #peer: MachinePeer;
  readonly #outgoing: OutgoingChannel;
  #isFull = false;
  #waiting: ((hasRoom: boolean) => void)[] = [];

  constructor(peer: MachinePeer, outgoing: OutgoingChannel) {
    this.#peer = peer;
    this.#outgoing = outgoing;
    outgoing.data = this;
  }

  get name(): string {
    return this.#outgoing.name;
  }

  get queuedBytes(): number {
    return this.#outgoing.queuedBytes;
  }

  send(data: string | Uint8Array): SendStatus {
    if (this.#peer.result !== undefined) return "closed";
    const status = this.#peer.machine.send(this.#outgoing as never, data);
    this.#isFull = status === "queued" || status === "dropped";
    return status;
  }

  async ready(): Promise<boolean> {
    if (this.#peer.result === undefined && this.#isFull) {
      await new Promise<boolean>((resolve) => this.#waiting.push(resolve));
    }
    return this.#peer.result === undefined;
  }

  close(): void {}

  wake(): void {
    this.#isFull = false;
    for (const resolve of this.#waiting.splice(0)) resolve(true);
  }
}

/** A transport in memory: what is sent waits until it is carried, or is lost when it is cut. */
class HeldTransport implements Transport {
  readonly name = "websocket";
  readonly bufferedBytes = 0;
  receiver: TransportReceiver = { block() {}, drained() {}, lost() {}, closed() {} };
  readonly sent: Uint8Array[] = [];
  closedWith: number | undefined;
  isGone = false;

  send(bytes: Uint8Array, start: number, end: number): void {
    if (!this.isGone && this.closedWith === undefined) this.sent.push(bytes.slice(start, end));
  }

  close(code: number): void {
    this.closedWith ??= code;
  }

  end(code: number): void {
    if (this.isGone) return;
    this.isGone = true;
    this.receiver.closed(code, "");
  }
}

interface Line {
  readonly client: HeldTransport;
  readonly server: HeldTransport;
}

/**
 * A client and a server with their real session machines, a clock that is turned, and lines that are cut: between two
 * calls of a contract everything that may happen to a session can.
 */
export class MachineWorld implements PeerSource {
  nowMs = 0;
  /** Whether a line can be opened. */
  isOnline = true;
  /** How often the session was resumed, and how often reset. */
  readonly counts = { resumed: 0, reset: 0 };
  #client!: MachinePeer;
  readonly #accept: (peer: Peer) => void;
  readonly #sessions = new Map<string, MachinePeer>();
  readonly #listeners = new Set<(peer: Peer) => void>();
  readonly #lines = new Set<Line>();
  readonly #clientConfig: SessionConfig<SteppedClientHandler<MachinePeer>>;
  readonly #serverConfig: SessionConfig<SessionHandler<MachinePeer>>;
  #wantsToDial = false;
  /** What was dialled ended before it proved itself. */
  #hasFailed = false;

  constructor(accept: (peer: Peer) => void, maxOutboxBytes: number) {
    this.#accept = accept;
    const host: SessionHost = {
      nowMs: () => this.nowMs,
      random: () => 0.5,
      randomBytes: (byteLength) => new Uint8Array(randomBytes(byteLength)),
      allocate: (byteLength) => Buffer.allocUnsafe(byteLength),
      utf8Write: (text, bytes, position) => (bytes as Buffer).write(text, position),
      utf8Decode: (bytes, start, end) => Buffer.from(bytes.subarray(start, end)).toString(),
    };
    const handler = this.#handler();
    this.#clientConfig = sessionConfig({ host, handler, maxOutboxBytes });
    this.#serverConfig = sessionConfig<SessionHandler<MachinePeer>>({ host, handler, maxOutboxBytes });
    this.#begin();
  }

  onPeer(listener: (peer: Peer) => void): () => void {
    this.#listeners.add(listener);
    if (this.#client.state !== "closed") listener(this.#client);
    return () => void this.#listeners.delete(listener);
  }

  /** Carries up to `count` blocks of each line in one direction, or in both. */
  carry(count: number, direction?: "up" | "down"): void {
    this.#settle();
    for (const { client, server } of this.#lines) {
      if (direction !== "down") move(client, server, count);
      if (direction !== "up") move(server, client, count);
    }
    this.#settle();
  }

  /** Breaks all lines, with what is on them. With `onlyHere`, the server does not notice. */
  cut(onlyHere = false): void {
    for (const line of this.#lines) {
      line.client.sent.length = 0;
      line.server.sent.length = 0;
      line.client.end(0);
      if (!onlyHere) line.server.end(0);
    }
    this.#settle();
  }

  /** Lets time pass, and both sides do what is due. */
  pass(durationMs: number): void {
    const untilMs = this.nowMs + durationMs;
    for (let steps = 0; steps < 10_000; steps++) {
      this.#settle();
      const machines = [this.#client.machine, ...[...this.#sessions.values()].map(({ machine }) => machine)];
      const dueMs = Math.min(...machines.map(({ deadlineMs }) => deadlineMs));
      if (dueMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, dueMs);
      for (const machine of machines) if (machine.deadlineMs <= this.nowMs) machine.handleTimeout();
    }
    this.nowMs = untilMs;
    this.#settle();
  }

  #begin(): void {
    this.#client = new MachinePeer();
    const machine = new SteppedClient(this.#clientConfig, this.#client, {
      reconnectDelayMs: 10,
      maxReconnectDelayMs: 100,
    });
    this.#client.machine = machine;
    for (const listener of this.#listeners) listener(this.#client);
    machine.start();
  }

  /** What happens at the end of a turn: dialling, and writing. */
  #settle(): void {
    if (this.#hasFailed) {
      this.#hasFailed = false;
      (this.#client.machine as SteppedClient).dialFailed(0, "", 0);
    }
    if (this.#wantsToDial) {
      this.#wantsToDial = false;
      const machine = this.#client.machine as SteppedClient;
      if (this.isOnline) this.#dial(machine);
      else machine.dialFailed(0, "", 0);
    }
    for (const peer of [this.#client, ...this.#sessions.values()]) {
      if (!peer.wantsFlush) continue;
      peer.wantsFlush = false;
      peer.machine.flush();
    }
    for (const line of [...this.#lines]) {
      const { client, server } = line;
      if (client.closedWith !== undefined && client.sent.length === 0) server.end(client.closedWith);
      if (server.closedWith !== undefined && server.sent.length === 0) client.end(server.closedWith);
      if (client.isGone && server.isGone) this.#lines.delete(line);
    }
  }

  #dial(machine: SteppedClient): void {
    const line: Line = { client: new HeldTransport(), server: new HeldTransport() };
    this.#lines.add(line);
    line.server.receiver = {
      block: (bytes, start, end) => this.#opened(line.server, bytes, start, end),
      drained() {},
      lost() {},
      closed() {},
    };
    machine.attach(line.client, false);
  }

  #opened(transport: HeldTransport, bytes: Uint8Array, start: number, end: number): void {
    const open = readOpen(bytes, start, end)!;
    const id = Buffer.from(open.id).toString("hex");
    let peer = this.#sessions.get(id);
    if (peer === undefined) {
      if (open.isResume) {
        const block = endBlock(RESET_PACKET, EXPIRED, new Uint8Array(0));
        transport.send(block, 0, block.length);
        transport.close(EXPIRED);
        return;
      }
      peer = new MachinePeer();
      const windows = { resumeWindowMs: RESUME_WINDOW_MS };
      peer.machine = new ServerMachine(this.#serverConfig, windows, peer, open, new Uint8Array([1]));
      this.#sessions.set(id, peer);
      this.#accept(peer);
    }
    (peer.machine as ServerMachine<MachinePeer>).attach(transport, open);
  }

  #handler(): SteppedClientHandler<MachinePeer> {
    return {
      wantsFlush(peer) {
        peer.wantsFlush = true;
      },
      deadlineChanged() {},
      message(peer, channel, isText, bytes, start, end, id) {
        const data = Buffer.from(bytes.subarray(start, end));
        void peer.receivers.get(channel.name)?.message(isText ? data.toString() : data, id, channel.name);
        return true;
      },
      channelOpened(peer, channel) {
        if (!peer.receivers.has(channel.name)) peer.machine.refuseChannel(channel, REFUSED_CHANNEL);
      },
      channelClosed: () => undefined,
      channelRefused() {},
      dropped() {},
      ready: (_peer, channel) => (channel.data as MachineChannel).wake(),
      signal() {},
      live: (peer, _link, isResumed) => {
        if (isResumed && peer === this.#client) this.counts.resumed++;
        peer.tell();
      },
      suspended: (peer) => peer.tell(),
      ended: (peer, end) => {
        if (end.isReset && peer === this.#client) this.counts.reset++;
        for (const [id, one] of this.#sessions) if (one === peer) this.#sessions.delete(id);
        peer.tell(end);
        if (peer === this.#client && end.isReset && end.code < 4400) this.#begin();
      },
      dial: () => {
        this.#wantsToDial = true;
      },
      waiting() {},
      linkLost: () => {
        this.#hasFailed = true;
      },
      report() {},
      credentials: () => new Uint8Array(0),
    };
  }
}

function move(from: HeldTransport, to: HeldTransport, count: number): void {
  for (const block of from.sent.splice(0, count)) {
    if (!to.isGone) to.receiver.block(block, 0, block.length);
  }
}
