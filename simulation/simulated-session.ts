import type { IncomingChannel } from "#session/machine/incoming-channel.js";
import type { SessionLink } from "#session/machine/link.js";
import type { OutgoingChannel } from "#session/machine/outgoing-channel.js";
import type { ServerMachine } from "#session/machine/server-machine.js";
import type { SessionHandler } from "#session/machine/session-handler.js";
import type { SendStatus, SessionEnd, UnconfirmedMessage } from "#session/peer-port.js";
import { messageRecord } from "#session/wire/message-record.js";
import { SessionCode } from "#session/wire/session-code.js";
import type { SimulatedTransport } from "#testing/simulated-transport.js";
import type { SteppedClient } from "#testing/stepped-client.js";
import type { VirtualClock, VirtualEvent } from "#testing/virtual-clock.js";
import { contentOf } from "./channel-ledger.js";
import { FellowSessions } from "./fellow-sessions.js";
import type { Role, SessionRecord } from "./session-record.js";
import type { SimulatedEnd } from "./simulated-end.js";
import { POLICIES, type SimulationPlan } from "./simulation-plan.js";
import { hold } from "./violation.js";

/** A transport, and which of its session it is. */
export interface AttachedTransport extends SimulatedTransport {
  epoch?: number;
  /** The client's end of it. */
  atClient?: AttachedTransport;
}

/** What a session needs from the simulation. */
export interface SessionWorld {
  readonly clock: VirtualClock;
  readonly plan: SimulationPlan;
  /** Whether there are no more faults. */
  readonly isHealed: boolean;
  /** Writes a line, if anybody reads it. */
  readonly trace: ((line: string) => void) | undefined;
  /** The transport whose block is being handed over. */
  readonly delivering: AttachedTransport | undefined;
  /** A session has ended. */
  ended(session: SimulatedSession, end: SessionEnd): void;
}

/** What waits to be taken by an application that is slow. */
interface Untaken {
  readonly channel: IncomingChannel;
  readonly byteLength: number;
}

const MOST_CHANNELS = 5;
const encoder = new TextEncoder();

/** An application with one side of a session: sends, receives, and checks what it is told. */
export class SimulatedSession {
  readonly role: Role;
  readonly world: SessionWorld;
  readonly end: SimulatedEnd;
  machine!: SteppedClient | ServerMachine<SimulatedSession>;
  record!: SessionRecord;
  readonly channels: OutgoingChannel[] = [];
  readonly incoming = new Map<IncomingChannel, number>();
  readonly untaken: Untaken[] = [];
  /** What it was attached to. */
  readonly transports: AttachedTransport[] = [];
  /** How it ended. */
  result: SessionEnd | undefined;
  /** Its process is gone: it is not called any more, and calls nobody. */
  isKilled = false;
  isLive = false;
  #armedMs = Infinity;
  #transport: AttachedTransport | undefined;
  #timer: VirtualEvent | undefined;
  #opened = 0;
  readonly #fellows = new FellowSessions();

  constructor(role: Role, world: SessionWorld, end: SimulatedEnd) {
    this.role = role;
    this.world = world;
    this.end = end;
  }

  get other(): Role {
    return this.role === "client" ? "server" : "client";
  }

  /** Has the timer ring when the session wants it, or a little later. */
  arm(): void {
    const { deadlineMs } = this.machine;
    if (deadlineMs >= this.#armedMs || this.isKilled) return;
    if (this.#timer !== undefined) this.#timer.run = undefined;
    this.#armedMs = deadlineMs;
    const lateMs = this.world.plan.random.chance(0.2) ? this.world.plan.random.integer(0, 50) : 0;
    this.#timer = this.world.clock.at(deadlineMs + lateMs, () =>
      this.end.run(() => {
        this.#armedMs = Infinity;
        if (this.isKilled) return;
        this.machine.handleTimeout();
        this.arm();
      }),
    );
  }

  // --- Acts of the application ---------------------------------------------------------------------------------

  act(): void {
    const { plan, isHealed } = this.world;
    const { random } = plan;
    if (this.isKilled || this.result !== undefined) return;
    const dice = random.next();
    if (dice < 0.7) {
      const channel = random.pick(this.channels);
      for (let i = random.integer(1, 8); i > 0; i--) this.#send(channel);
    } else if (dice < 0.82) {
      if (this.channels.length >= MOST_CHANNELS || this.#opened >= 2 * plan.maxChannels) return;
      const name = `${this.role[0]}${++this.#opened}`;
      const policy = random.pick(POLICIES);
      this.record.ledger(this.role, name, policy).isOneTooMany = this.#opened > plan.maxChannels;
      const maxQueuedBytes = random.pick([undefined, 200, 1_000]);
      const highWaterMarkBytes = random.pick([undefined, 0, 300]);
      this.channels.push(this.machine.openChannel(name, { policy, maxQueuedBytes, highWaterMarkBytes }));
    } else if (dice < 0.86 && this.channels.length > 1) {
      const [channel] = this.channels.splice(random.integer(1, this.channels.length - 1), 1);
      this.record.ledger(this.role, channel!.name).isClosed = true;
      this.machine.closeChannel(channel as never);
    } else if (dice < 0.88 && this.incoming.size > 0) {
      const channel = random.pick([...this.incoming.keys()]);
      this.record.ledger(this.other, channel.name).isRefused = true;
      this.machine.refuseChannel(channel, SessionCode.forbidden);
    } else if (dice < 0.9) this.machine.signal(7, encoder.encode(`signal of ${this.record.key}`));
    else if (dice < 0.95) this.machine.probe();
    else if (!isHealed && dice < 0.96) {
      this.record.isClosed = true;
      this.machine.close(SessionCode.closed, `closed by the ${this.role}`);
    } else if (!isHealed && dice < 0.965) {
      this.record.isClosed = true;
      this.machine.end(SessionCode.closed, "at once");
    }
  }

  /** Sends a short message that nothing keeps from being taken. */
  sayHello(): void {
    this.#send(this.machine.channel, 0);
  }

  #send(channel: OutgoingChannel, longestBytes = this.world.plan.longestBytes): void {
    const { plan } = this.world;
    const { random } = plan;
    const ledger = this.record.ledger(this.role, channel.name);
    const number = ledger.next();
    const mostBytes = random.chance(0.5) ? Math.min(20, longestBytes) : longestBytes;
    const length = random.integer(0, mostBytes);
    let text = `${number}|`;
    const filler = random.chance(0.2) ? "é€𐐷" : String.fromCharCode(97 + (number % 26));
    while (text.length < length) text += filler;
    const data = random.chance(0.5) ? text : encoder.encode(text);
    const id = random.chance(0.1) ? random.bytes(random.integer(1, 32)) : undefined;
    const key = channel.policy === "latest-per-key" ? String(random.integer(0, 2)) : undefined;
    const isTooLong = Buffer.byteLength(data) > plan.maxMessageBytes;
    const droppedBefore = channel.dropped;
    // Before, since its replacement may be told from within.
    const content = contentOf(data, id);
    ledger.accepted.set(number, content);
    if (key !== undefined) ledger.keys.set(number, key);
    const status =
      this.#sendAsShared(channel, data, id) ?? this.machine.send(channel as never, data, { id, key });
    if (status === "too-long") hold(isTooLong, "only what is too long is too long");
    if (status === "dropped" || status === "too-long") {
      ledger.accepted.delete(number);
      hold(channel.dropped > droppedBefore, "a drop is counted");
      ledger.droppedLate--;
    } else if (status === "closed") {
      ledger.accepted.delete(number);
    } else {
      hold(
        (status === "queued") === channel.queuedBytes > channel.highWaterMarkBytes,
        () => `send says ${status} with ${channel.queuedBytes} of ${channel.highWaterMarkBytes} bytes`,
      );
      if (isTooLong) {
        hold(this.role === "client", "a server knows what is too long");
        ledger.tooLong++;
      }
    }
    if (status === "queued" || status === "dropped") ledger.owesReady = true;
    this.world.trace?.(
      `${this.role} sends ${number} of "${channel.name}" (${Buffer.byteLength(data)} bytes): ${status}`,
    );
  }

  /** Half of what can be goes as what a broadcast sends to each. */
  #sendAsShared(
    channel: OutgoingChannel,
    data: string | Uint8Array,
    id: Uint8Array | undefined,
  ): SendStatus | undefined {
    const { machine } = this;
    const { random, pieceBytes } = this.world.plan;
    if (!("sendShared" in machine) || channel !== machine.channel || random.chance(0.5)) return undefined;
    const isText = typeof data === "string";
    const payload = isText ? encoder.encode(data) : data;
    if (payload.length > pieceBytes) return undefined;
    const record = messageRecord(payload, isText, id);
    this.#fellows.append(record);
    return machine.sendShared(record, payload, { id, isText });
  }

  /** Takes what it was slow with. */
  takeAll(): void {
    for (const { channel, byteLength } of this.untaken.splice(0)) this.machine.taken(channel, byteLength);
  }

  // --- What has to hold at any time ----------------------------------------------------------------------------

  check(): void {
    const { plan } = this.world;
    const { machine } = this;
    const most = plan.maxOutboxBytes + plan.maxInFlightBytes + plan.pieceBytes + 2_500;
    hold(machine.outboxBytes <= most, () => `the outbox holds ${machine.outboxBytes} bytes of ${most}`);
    hold(machine.outboxBytes >= 0, "the outbox does not hold less than nothing");
    if (this.untaken.length === 0) return;
    const sums = new Map<IncomingChannel, number>();
    for (const { channel, byteLength } of this.untaken)
      sums.set(channel, (sums.get(channel) ?? 0) + byteLength + 64);
    const room = plan.windowBytes + plan.maxMessageBytes + plan.pieceBytes + 200;
    for (const [channel, sum] of sums)
      hold(sum <= room, () => `${sum} bytes of "${channel.name}" wait to be taken, above ${room}`);
  }

  /** Whether nothing is under way from here. */
  get isSettled(): boolean {
    return this.machine.active !== undefined && this.machine.outboxBytes === 0 && this.untaken.length === 0;
  }

  // --- What the session tells ----------------------------------------------------------------------------------

  wantsFlush(): void {
    this.end.atTurnEnd(() => {
      if (!this.isKilled) this.#fellows.turn(() => this.machine.flush());
    });
  }

  message(
    channel: IncomingChannel,
    isText: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
    id: Uint8Array | undefined,
  ): boolean {
    const { world, record } = this;
    hold(!this.isKilled && this.result === undefined, "nothing is handed over behind the end");
    hold(!channel.isRefused, "nothing of a refused channel is handed over");
    const transport = world.delivering;
    if (this.role === "server" && transport?.epoch !== undefined)
      hold(transport.epoch >= record.topEpoch, "nothing of a fenced transport is handed over");
    const content = contentOf(
      isText ? Buffer.from(bytes).toString("utf8", start, end) : bytes.slice(start, end),
      id,
    );
    const problem = record.ledger(this.other, channel.name).deliver(content);
    world.trace?.(`${this.role} is given ${content.slice(1, 9)} of "${channel.name}"`);
    hold(problem === undefined, problem ?? "");
    const { random } = world.plan;
    if (!random.chance(0.2)) return true;
    this.untaken.push({ channel, byteLength: end - start });
    world.clock.after(random.integer(0, world.isHealed ? 100 : 2_000), () =>
      this.end.run(() => {
        if (!this.isKilled && this.result === undefined) this.takeAll();
      }),
    );
    return false;
  }

  live(link: SessionLink): void {
    this.world.trace?.(`${this.role} is live over transport ${link.epoch}`);
    hold(this.machine.active === link, "the link that is live is the active one");
    this.isLive = true;
    this.#transport = link.transport as AttachedTransport;
    if (this.role === "server") {
      hold(link.epoch > this.record.topEpoch, "each takeover has a higher epoch");
      this.record.topEpoch = link.epoch;
    }
  }

  /** A transport may be bad only if it was. */
  checkLoss(transport: AttachedTransport | undefined, code: number): void {
    if (code === SessionCode.badPacket)
      hold(transport?.isBad === true, "no packet is bad that was not cut or lost");
  }

  suspended(code: number): void {
    this.checkLoss(this.#transport, code);
    this.world.trace?.(`${this.role} is suspended: ${code}`);
    hold(this.isLive, "only what is live is suspended");
    this.isLive = false;
    if (this.role === "server") this.record.suspendedMs = this.world.clock.nowMs;
  }

  ended(result: SessionEnd): void {
    const { record, world } = this;
    world.trace?.(`${this.role} has ended: ${result.code} ${result.reason}, reset: ${result.isReset}`);
    hold(this.result === undefined, "it ends once");
    this.result = result;
    this.machine.flush();
    hold(this.machine.outboxBytes === 0, "what has ended keeps nothing");
    if (!result.isReset && result.reason === `closed by the ${this.role}`)
      hold(result.unconfirmed.length === 0, "what is closed in order was confirmed before");
    const byChannel = new Map<string, UnconfirmedMessage[]>();
    for (const message of result.unconfirmed) {
      const list = byChannel.get(message.channel);
      if (list === undefined) byChannel.set(message.channel, [message]);
      else list.push(message);
    }
    for (const ledger of record[this.role].values()) {
      const problem = ledger.told(byChannel.get(ledger.name) ?? []);
      hold(problem === undefined, problem ?? "");
      byChannel.delete(ledger.name);
    }
    hold(byChannel.size === 0, "nothing is unconfirmed on a channel that was never opened");
    world.ended(this, result);
  }
}

/** What is common to the handlers of both sides. */
export function handlerBase(): SessionHandler<SimulatedSession> {
  return {
    wantsFlush: (session) => session.wantsFlush(),
    deadlineChanged: (session) => {
      if (session.machine !== undefined) session.arm();
    },
    message: (session, channel, isText, bytes, start, end, id) =>
      session.message(channel, isText, bytes, start, end, id),
    channelOpened: (session, channel) => {
      session.incoming.set(channel, 0);
      session.record.ledger(session.other, channel.name).wasOpened = true;
    },
    channelClosed: (session, channel) => {
      session.incoming.delete(channel);
      const ledger = session.record.ledger(session.other, channel.name);
      hold(ledger.isClosed || ledger.isRefused || ledger.isLeftOut, "only what was closed is closed");
      return undefined;
    },
    channelRefused: (session, channel, code) => {
      const at = session.channels.indexOf(channel);
      const { isRefused, isLeftOut } = session.record.ledger(session.role, channel.name);
      hold(code === SessionCode.overflow ? isLeftOut : isRefused, "only what was refused is refused");
      if (at > 0) session.channels.splice(at, 1);
    },
    dropped: (session, channel, count) => {
      const ledger = session.record.ledger(session.role, channel.name);
      ledger.droppedLate += count;
    },
    ready: (session, channel) => {
      hold(channel.queuedBytes <= channel.highWaterMarkBytes, "ready means room");
      session.record.ledger(session.role, channel.name).owesReady = false;
    },
    signal: (session, code, bytes, start, end) => {
      const text = Buffer.from(bytes).toString("utf8", start, end);
      hold(code === 7 && text === `signal of ${session.record.key}`, "a signal is as it was");
    },
    live: (session, link) => session.live(link),
    suspended: (session, code) => session.suspended(code),
    ended: (session, end) => session.ended(end),
  };
}
