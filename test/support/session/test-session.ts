import { Buffer } from "node:buffer";
import { nodeSessionHost } from "#hub/node-session-host.js";
import {
  DEFAULT_RECONNECT_DELAYS,
  type SessionDeadlines,
  type SessionLimits,
  sessionConfig,
} from "#session/machine/session-config.js";
import { PEER_HANDLER } from "#session/peer/peer-handler.js";
import { SessionPeer } from "#session/peer/session-peer.js";
import type { SendStatus, SessionEnd } from "#session/peer-port.js";
import type { TransportName } from "#session/transport-port.js";
import { SessionCode } from "#session/wire/session-code.js";
import { SessionSignal } from "#session/wire/session-signal.js";
import { SteppedClient, type SteppedClientHandler } from "#testing/stepped-client.js";
import { until } from "../until.js";
import { httpDialer } from "./http-dialer.js";
import type { TestDialer, TestTransport } from "./test-dialer.js";
import { WEBSOCKET_DIALER } from "./websocket-dialer.js";

/** What a {@link TestSession} may differ in. */
export interface TestSessionOptions extends Partial<SessionLimits & SessionDeadlines> {
  /** The way. Default `websocket`. */
  readonly via?: TransportName;
  readonly credentials?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The most to wait before it comes back, in ms. Default 20. */
  readonly reconnectDelayMs?: number;
}

/** The ways, each with what opens it. */
export const DIALERS: ReadonlyMap<TransportName, TestDialer> = new Map<TransportName, TestDialer>([
  ["websocket", WEBSOCKET_DIALER],
  ...(["stream", "sse", "long-polling", "polling"] as const).map((name) => [name, httpDialer(name)] as const),
]);

/** The client's side of a session, as small as can be: one way at a time, and no race. Comes back when it is cut. */
export class TestSession extends SessionPeer {
  protected readonly machine: SteppedClient;
  /** Where it dials the next time. */
  url: string;
  /** What came on any channel, in order. */
  readonly received: (string | Uint8Array)[] = [];
  /** What came on any channel, with its name. */
  readonly byChannel: (readonly [channel: string, data: string | Uint8Array])[] = [];
  /** The channels that it takes nothing on. */
  readonly refuses: Set<string> = new Set();
  readonly states: string[] = [];
  /** The codes with which its transports ended. */
  readonly codes: number[] = [];
  end: SessionEnd | undefined = undefined;
  credentials: string;
  transport: TestTransport | undefined = undefined;
  /** How long the server wants it to stay away. */
  waitingMs = 0;
  /** How often new credentials were asked for. */
  asked = 0;
  via: TransportName;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(url: string, options: TestSessionOptions) {
    super();
    this.url = url;
    this.via = options.via ?? "websocket";
    this.credentials = options.credentials ?? "";
    this.#headers = options.headers ?? {};
    const config = sessionConfig<SteppedClientHandler<TestSession>>({
      ...options,
      host: nodeSessionHost,
      handler: HANDLER as SteppedClientHandler<TestSession>,
    });
    this.machine = new SteppedClient(config, this, {
      reconnectDelayMs: options.reconnectDelayMs ?? 20,
      // What is waited is a random part of it: one that is to stay away would else come back within 100 ms once in 300 times.
      maxReconnectDelayMs: Math.max(
        DEFAULT_RECONNECT_DELAYS.maxReconnectDelayMs,
        options.reconnectDelayMs ?? 0,
      ),
    });
    this.onState((state) => this.states.push(state));
  }

  /** Begins one. It is live when this resolves, or has ended. */
  static async open(url: string, options: TestSessionOptions = {}): Promise<TestSession> {
    const session = TestSession.begin(url, options);
    await session.isLive();
    return session;
  }

  /** Begins one, and waits for nothing. */
  static begin(url: string, options: TestSessionOptions = {}): TestSession {
    const session = new TestSession(url, options);
    session.machine.start();
    return session;
  }

  /** Waits until a transport carries it, or it has ended. */
  async isLive(): Promise<void> {
    await until(() => this.state !== "suspended", "the session is live");
  }

  /** Waits until so many messages came. */
  async messages(count: number): Promise<(string | Uint8Array)[]> {
    await until(() => this.received.length >= count, `${count} messages; ${this.received.length} came`);
    return this.received;
  }

  /** Waits for the end. */
  async ended(): Promise<SessionEnd> {
    await until(() => this.end !== undefined, "the session ends");
    return this.end!;
  }

  send(data: string | Uint8Array): SendStatus {
    return this.machine.send(this.machine.channel, data);
  }

  /** Says who this is now. */
  renew(credentials: string): void {
    this.machine.signal(SessionSignal.credentials, Buffer.from(credentials));
  }

  /** Gives it up, and waits for nobody. */
  giveUp(): void {
    this.machine.end(SessionCode.closed, "given up");
  }

  /** Breaks its transport, as a network does. */
  cut(): void {
    this.transport?.cut();
  }

  /** Comes back now, however long it was to stay away. */
  retryNow(): void {
    this.machine.retryNow(true);
  }

  /** Opens a second transport beside the first, at another URL, and has it attached. */
  async probe(url: string, via: TransportName): Promise<void> {
    this.machine.attach(await DIALERS.get(via)!.dial(url, this.#headers), true);
  }

  /** Moves to another way while it is live. */
  async moveTo(via: TransportName): Promise<void> {
    const transport = await DIALERS.get(via)!.dial(this.url, this.#headers);
    this.transport = transport;
    this.via = via;
    this.machine.attach(transport, true);
    await until(() => this.machine.active?.transport === transport, `moved to ${via}`);
  }

  // --- For the handler -------------------------------------------------------------------------------------------

  async dial(): Promise<void> {
    try {
      const transport = await DIALERS.get(this.via)!.dial(this.url, this.#headers);
      this.transport = transport;
      this.machine.attach(transport, false);
    } catch {
      this.machine.dialFailed(0, "refused", 0);
    }
  }

  timerNext = null;
  timerPrevious = null;
  timerSlot = -1;
  onDeadline(nowMs: number): number {
    if (nowMs >= this.machine.deadlineMs) this.machine.handleTimeout();
    return this.machine.deadlineMs;
  }

  reschedule(): void {
    nodeSessionHost.schedule(this, this.machine.deadlineMs);
  }

  flush(): void {
    this.machine.flush();
  }

  /** A transport failed before it was of use. */
  lost(code: number, reason: string): void {
    if (this.machine.active === undefined) this.machine.dialFailed(code, reason, 0);
  }

  protected take(data: string | Uint8Array, _id: unknown, channel: string): undefined {
    this.received.push(data);
    this.byChannel.push([channel, data]);
    return undefined;
  }

  protected admits(channel: string): boolean {
    return !this.refuses.has(channel);
  }

  protected receiverFailed(error: unknown): void {
    throw error;
  }

  protected finished(end: SessionEnd): void {
    nodeSessionHost.unschedule(this);
    this.end = end;
  }
}

const HANDLER: SteppedClientHandler<TestSession> = {
  ...PEER_HANDLER,
  wantsFlush: (session) => nodeSessionHost.endOfTurn(session),
  deadlineChanged: (session) => session.reschedule(),
  dropped() {},
  signal(session, code) {
    if (code === SessionSignal.askForCredentials) session.asked++;
  },
  live: (session) => session.onStateChanged(),
  suspended(session, code) {
    session.codes.push(code);
    session.onStateChanged();
  },
  ended: (session, end) => session.onEnded(end),
  dial: (session) => void session.dial(),
  waiting(session, untilMs) {
    session.waitingMs = untilMs - nodeSessionHost.nowMs();
  },
  linkLost(session, _link, code, reason) {
    session.codes.push(code);
    session.lost(code, reason);
  },
  report() {},
  credentials: (session) => Buffer.from(session.credentials),
};
