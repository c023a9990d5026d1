import { NODE_NAME_BYTES } from "#session/relay/relay-message.js";
import { SessionRelay } from "#session/relay/session-relay.js";
import type { Transport, TransportReceiver } from "#session/transport-port.js";
import { endBlock } from "#session/wire/end-packet.js";
import { readOpen } from "#session/wire/open-packet.js";
import { PacketType } from "#session/wire/packet-type.js";
import { SessionCode } from "#session/wire/session-code.js";
import { SeededRandom } from "#testbed/seeded-random.js";
import type { VirtualClock } from "#testing/virtual-clock.js";
import { relayHost } from "./relay-host.js";
import { SimulatedBroker } from "./simulated-broker.js";
import { SimulatedEnd } from "./simulated-end.js";
import type { AttachedTransport } from "./simulated-session.js";
import { hold } from "./violation.js";

/** What the relay needs from the simulation. */
export interface RelayWorld {
  readonly clock: VirtualClock;
  readonly seed: number;
  readonly faultsUntilMs: number;
  readonly isHealed: boolean;
  readonly trace: ((line: string) => void) | undefined;
  /** The transport whose block is being handed over to a session. */
  delivering: AttachedTransport | undefined;
  /** A client was told that the owner of its session is gone, since a broker lost what it was asked. */
  ownerLost(id: Uint8Array): void;
}

/** What a session may have on its way: its mark, and what one turn puts on top of it. */
const MOST_BUFFERED_BYTES = 300_000;
const NO_BYTES = new Uint8Array(0);

/** A gate between the clients and the process that has the sessions, with a broker between the two that has faults. */
export class SimulatedRelay {
  /** The computer that clients connect to. */
  gate!: SimulatedEnd;
  readonly #world: RelayWorld;
  readonly #random: SeededRandom;
  readonly #broker: SimulatedBroker;
  #relay!: SessionRelay;
  #owner = new Uint8Array(NODE_NAME_BYTES);
  #gates = 0;
  /** The transports that are relayed, by the number that goes along with each. */
  readonly #transports = new Map<number, AttachedTransport>();
  /** Those at the gate, which break if it does. */
  readonly #atGate = new Set<AttachedTransport>();
  #count = 0;
  #hasStalled = false;

  constructor(world: RelayWorld) {
    this.#world = world;
    const random = new SeededRandom(world.seed ^ 0x5eed);
    this.#random = random;
    const faults = {
      lossPercent: random.pick([0, 0, 1, 10]),
      doublePercent: random.pick([0, 0, 10]),
      swapPercent: random.pick([0, 0, 3]),
      mostLatencyMs: random.pick([2, 100, 100]),
    };
    this.#broker = new SimulatedBroker(world.clock, random, faults, () => world.isHealed);
    this.#startGate();
    for (let i = random.integer(0, 2); i > 0; i--)
      world.clock.at(random.integer(0, world.faultsUntilMs), () => this.#fault());
  }

  /** A process that has sessions from now on. @param accept takes a transport, and its first block. */
  startOwner(name: Uint8Array, end: SimulatedEnd, accept: (transport: AttachedTransport) => void): void {
    this.#owner = new Uint8Array(name);
    new SessionRelay({
      ...this.#parts(end),
      name: this.#owner,
      opened: (transport, request) => {
        const number = Number(Buffer.from(request).toString());
        accept(this.#observed(transport, this.#transports.get(number)!));
      },
    });
  }

  /** A client's transport arrives at the gate. */
  take(transport: AttachedTransport): void {
    const { trace } = this.#world;
    const number = ++this.#count;
    this.#transports.set(number, transport);
    this.#atGate.add(transport);
    transport.receiver = {
      block: (bytes, start, end) => {
        const open = readOpen(bytes, start, end);
        if (open === undefined) {
          transport.close(SessionCode.badPacket, "no open");
          return;
        }
        const owner = open.isResume ? open.owner.subarray(0, NODE_NAME_BYTES) : this.#owner;
        const block = bytes.slice(start, end);
        const askedMs = this.#world.clock.nowMs;
        this.#relay.relay(transport, owner, Buffer.from(String(number)), block, (why) => {
          trace?.(`the owner does not take transport ${number}: ${why}`);
          hold(
            why !== "gone" || this.#hasStalled || !this.#broker.wasDownSince(askedMs),
            "a broker that is down says nothing of owners",
          );
          if (why === "gone" && open.isResume) {
            this.#world.ownerLost(open.id);
            refuse(transport, SessionCode.ownerLost, PacketType.reset);
          } else refuse(transport, SessionCode.tryAgainLater, PacketType.leave);
        });
      },
      drained() {},
      lost() {
        transport.close(SessionCode.lost, "lost");
      },
      closed() {},
    };
  }

  #startGate(): void {
    this.gate = new SimulatedEnd(`gate ${++this.#gates}`, this.#world.clock);
    this.#relay = new SessionRelay({
      ...this.#parts(this.gate),
      name: Buffer.from(`gate ${this.#gates}`.padEnd(NODE_NAME_BYTES)),
      opened: () => hold(false, "nobody relays to the gate"),
    });
  }

  #parts(end: SimulatedEnd): Omit<ConstructorParameters<typeof SessionRelay>[0], "name" | "opened"> {
    return {
      host: relayHost(this.#world.clock, end, this.#random),
      broker: this.#broker.at(end),
      topic: "simulated",
      mac: undefined,
      timeoutMs: 2_500,
      maxRelays: 1_000,
      longestRequestMs: 30_000,
      hasSession: () => false,
      hasTransport: () => false,
      requested: () => hold(false, "nobody asks for a request"),
    };
  }

  #fault(): void {
    const { trace } = this.#world;
    const random = this.#random;
    switch (random.integer(0, 3)) {
      case 0: {
        const downMs = random.pick([100, 2_000, 10_000]);
        trace?.(`*** the broker is down for ${downMs} ms`);
        this.#broker.goDown(downMs);
        return;
      }
      case 1: {
        trace?.("*** the gate dies");
        this.gate.isDead = true;
        this.#startGate();
        for (const transport of this.#atGate) transport.break(Infinity, random.pick([0, 50, Infinity]), 0);
        this.#atGate.clear();
        return;
      }
      case 2: {
        const stallMs = random.integer(1, 20_000);
        trace?.(`*** the gate stalls for ${stallMs} ms`);
        this.#hasStalled = true; // it may hear late what came early
        this.gate.sleep(stallMs);
        return;
      }
      default:
        trace?.("*** the gate sends its clients away");
        this.gate.run(() => this.#relay.sendAway(SessionCode.goingAway, "", 100, 500));
    }
  }

  /** A relayed transport, as good or bad as that of the client, and with its blocks in sight. */
  #observed(relayed: Transport, pair: AttachedTransport): AttachedTransport {
    const transport = relayed as AttachedTransport;
    const world = this.#world;
    let receiver: TransportReceiver = transport.receiver;
    Object.defineProperties(transport, {
      isBad: { get: () => pair.isBad },
      receiver: {
        get: (): TransportReceiver => ({
          ...methods(receiver),
          block: (bytes, start, end) => {
            hold(transport.bufferedBytes <= MOST_BUFFERED_BYTES, "what is on its way has a bound");
            world.delivering = transport;
            receiver.block(bytes, start, end);
            world.delivering = undefined;
          },
        }),
        set: (value: TransportReceiver) => {
          receiver = value;
        },
      },
    });
    return transport;
  }
}

function refuse(
  transport: Transport,
  code: number,
  type: typeof PacketType.reset | typeof PacketType.leave,
): void {
  const block = endBlock(type, code, NO_BYTES);
  transport.send(block, 0, block.length);
  transport.close(code, "");
}

function methods(receiver: TransportReceiver): TransportReceiver {
  return {
    block: (...block) => receiver.block(...block),
    drained: () => receiver.drained(),
    lost: () => receiver.lost(),
    closed: (...why) => receiver.closed(...why),
  };
}
