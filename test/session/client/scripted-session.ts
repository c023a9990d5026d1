import { type ConnectOptions, Session, type SessionState, type TransportName } from "hawser";
import { nodeClientHost } from "#node/session/node-client-host.js";
import { transportRace } from "#session/client/transport-race.js";
import type { ClientHost, HostChange, TransportMemory } from "#session/client-host-port.js";
import type {
  DialFailed,
  Transport,
  TransportDialer,
  TransportOpened,
  TransportReceiver,
} from "#session/transport-port.js";
import { endBlock } from "#session/wire/end-packet.js";
import { PacketType } from "#session/wire/packet-type.js";
import { welcomeBlock } from "#session/wire/welcome-packet.js";
import { VirtualClock, type VirtualEvent } from "#testing/virtual-clock.js";

const OWNER = new Uint8Array([1]);

/** A transport whose other end is a test. */
export class ScriptedTransport implements Transport {
  readonly name: TransportName;
  bufferedBytes = 0;
  receiver!: TransportReceiver;
  readonly sent: Uint8Array[] = [];
  isClosed = false;
  /** Whether pings are not answered. */
  isSilent = false;
  #messages = 0;

  constructor(name: TransportName) {
    this.name = name;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    const block = bytes.slice(start, end);
    this.sent.push(block);
    if (block[0] !== PacketType.ping || this.isSilent) return;
    block[0] = PacketType.pong;
    queueMicrotask(() => this.receiver.block(block, 0, block.length));
  }

  close(): void {
    this.isClosed = true;
  }

  /** The server takes it. */
  welcome(received = 0): void {
    const block = welcomeBlock({
      received,
      windowBytes: 262_144,
      maxMessageBytes: 1_048_576,
      resumeWindowMs: 120_000,
      owner: OWNER,
    });
    this.receiver.block(block, 0, block.length);
  }

  /** The server ends the transport (`leave`) or the session (`reset`). */
  end(type: "leave" | "reset", code: number, notBeforeMs = 0): void {
    const block = endBlock(PacketType[type], code, new Uint8Array(0), notBeforeMs);
    this.receiver.block(block, 0, block.length);
  }

  /** The next message of the server, a short one. */
  message(text: string): void {
    const bytes = Buffer.from(text);
    const block = Uint8Array.of(PacketType.data, 0, ++this.#messages, 0, bytes.length, ...bytes);
    this.receiver.block(block, 0, block.length);
  }

  /** It breaks. */
  break(): void {
    this.receiver.closed(0, "broken");
  }
}

/** An attempt of a session to open a transport. */
export class ScriptedDial {
  readonly name: TransportName;
  readonly #opened: TransportOpened;
  readonly #failed: DialFailed;
  isAborted = false;

  constructor(name: TransportName, opened: TransportOpened, failed: DialFailed) {
    this.name = name;
    this.#opened = opened;
    this.#failed = failed;
  }

  open(): ScriptedTransport {
    const transport = new ScriptedTransport(this.name);
    this.#opened(transport);
    return transport;
  }

  fail(notBeforeMs = 0, reason = "no way"): void {
    this.#failed(0, reason, notBeforeMs);
  }
}

/** A session whose time, network and server are those of a test. */
export class ScriptedSession {
  readonly clock: VirtualClock = new VirtualClock();
  readonly dials: ScriptedDial[] = [];
  readonly states: SessionState[] = [];
  readonly memory: Map<string, string> = new Map();
  isOffline = false;
  /** Whether it is to hear of what happens around. */
  isWatched = false;
  readonly session: Session;
  #tell: (change: HostChange) => void = () => {};
  #timers = 0;

  constructor(transports: readonly TransportName[], options: ConnectOptions = {}) {
    const host: ClientHost = {
      ...nodeClientHost,
      nowMs: () => this.clock.nowMs,
      random: () => 0.5,
      dateMs: () => 1_000_000_000_000 + this.clock.nowMs,
      isOffline: () => this.isOffline,
      setTimer: (call, delayMs) => {
        this.#timers++;
        return this.clock.after(delayMs, () => {
          this.#timers--;
          call();
        });
      },
      clearTimer: (timer) => {
        const event = timer as VirtualEvent | undefined;
        if (event?.run === undefined) return;
        event.run = undefined;
        this.#timers--;
      },
      watch: (listener) => {
        this.#tell = listener;
        this.isWatched = true;
        return () => {
          this.#tell = () => {};
          this.isWatched = false;
        };
      },
    };
    const dialers = transports.map(
      (name): TransportDialer => ({
        name,
        dial: (opened, failed) => {
          const dial = new ScriptedDial(name, opened, failed);
          this.dials.push(dial);
          return () => void (dial.isAborted = true);
        },
      }),
    );
    const memory: TransportMemory = {
      recall: () => this.memory.get("example.com"),
      remember: (value) => void this.memory.set("example.com", value),
    };
    const dialer = dialers.length === 1 ? dialers[0]! : transportRace(dialers, host, memory);
    this.session = new Session(dialer, host, {
      ...options,
      state: (_session, state) => void this.states.push(state),
    });
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers;
  }

  /** What happens around. */
  tell(change: HostChange): void {
    this.#tell(change);
  }

  /** Has what is due by then happen. */
  async pass(durationMs: number): Promise<void> {
    await turn();
    const untilMs = this.clock.nowMs + durationMs;
    while (this.clock.step(untilMs)) await turn();
  }

  /** The next attempt that nobody looked at. */
  async dial(): Promise<ScriptedDial> {
    await turn();
    const dial = this.dials.shift();
    if (dial === undefined) throw new Error("nothing is dialled");
    return dial;
  }

  /** Connects over the transport that is tried next. */
  async live(): Promise<ScriptedTransport> {
    const transport = (await this.dial()).open();
    transport.welcome();
    await turn();
    return transport;
  }
}

/** Promises that are there are looked at. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
