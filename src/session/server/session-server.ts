import { TokenBucket } from "../../core/token-bucket.js";
import { checkMessage } from "../machine/check-message.js";
import {
  type OutboxBudget,
  type ServerDeadlines,
  type SessionConfig,
  sessionConfig,
} from "../machine/session-config.js";
import type { SessionHandler } from "../machine/session-handler.js";
import { PEER_HANDLER } from "../peer/peer-handler.js";
import type { MessageOptions, SendStatus, SessionEnd } from "../peer-port.js";
import type { Transport, TransportName } from "../transport-port.js";
import { messageRecord } from "../wire/message-record.js";
import type { OpenPacket } from "../wire/open-packet.js";
import { sameBytes } from "../wire/same-bytes.js";
import { SessionCode } from "../wire/session-code.js";
import { SessionSignal } from "../wire/session-signal.js";
import { EndedSessions } from "./ended-sessions.js";
import { OpenRate } from "./open-rate.js";
import { OpeningTransport } from "./opening-transport.js";
import { Pause } from "./pause.js";
import { ServerSession } from "./server-session.js";
import { countOf, type SessionCounts, sessionCodeName } from "./session-counts.js";
import type { Authenticate, AuthenticationResult, SessionHandlers } from "./session-handlers.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { SessionNumbers } from "./session-limits.js";
import type { SessionServerHost } from "./session-server-host.js";
import type { SessionsElsewhere } from "./sessions-elsewhere.js";

/** What a {@link SessionServer} is made of. */
export interface SessionServerOptions<Data, Request> {
  readonly host: SessionServerHost;
  readonly numbers: SessionNumbers;
  /** What the application does with its sessions: the object itself, since they may be methods. */
  readonly handlers: SessionHandlers<Data, Request>;
  /** Undefined lets everybody in, with `undefined` as `data`. */
  readonly authenticate: Authenticate<Data, Request> | undefined;
  /** Whom a request counts for. */
  addressOf(request: Request): string;
  /** Counts sessions against the limits: which one is reached, or undefined. */
  readonly count: { add(address: string): "total" | "address" | undefined; remove(address: string): void };
  /** The way to sessions of other nodes. Undefined where there are none. */
  readonly elsewhere?: SessionsElsewhere<Request> | undefined;
}

/** What `broadcast` can add. */
export interface SessionBroadcastOptions<Data, Request> extends MessageOptions {
  /** The channel. Default the one that every session has. */
  readonly channel?: string | undefined;
  /** Leave this session out: usually the one that the message came from. Default none. */
  readonly except?: ServerSession<Data, Request> | undefined;
  /** Send only to sessions for which this is true. Default all. */
  readonly where?: ((session: ServerSession<Data, Request>) => boolean) | undefined;
}

/** How the sessions of a server end when it goes down. */
export interface SendAwayOptions {
  readonly reason: string;
  /** When clients may come back at the earliest, in ms. */
  readonly notBeforeMs: number;
  /** Over how long behind that they come back, each at a random time, in ms. */
  readonly spreadMs: number;
  /** How long to wait until what was sent is confirmed, in ms. */
  readonly drainTimeoutMs: number;
}

/** A session that is being authenticated, and the transports that wait for it. */
interface PendingSession<Request> {
  readonly open: OpenPacket;
  readonly waiting: { readonly opening: OpeningTransport<Request>; readonly open: OpenPacket }[];
}

/** More than race each other anyhow. */
const MAX_WAITING_TRANSPORTS = 4;
/** When to come back where there is no room, in ms, and over how long that is spread. */
const RETRY_MS = 5_000;
const RETRY_SPREAD_MS = 5_000;
/** Over how long those come back whose session ended while another node asked for it, in ms. */
const MISSED_SPREAD_MS = 1_000;
/** How often is looked whether all is confirmed, in ms. */
const DRAIN_CHECK_MS = 50;
/** Eviction goes on until so much of the limit is used, so that it does not come with each message. */
const EVICT_DOWN_TO = 7 / 8;

/**
 * The sessions of a server, whatever brings their transports: finds, makes, resumes and ends them. Nothing in here knows of
 * sockets.
 */
export class SessionServer<Data, Request> implements SessionKeeper<ServerSession<Data, Request>> {
  /** @internal What all sessions share. */
  readonly config: SessionConfig<SessionHandler<ServerSession<Data, Request>>>;
  /** @internal */
  readonly deadlines: ServerDeadlines;
  /** @internal What clients are to say when they come back: which process has their session. */
  readonly ownerName: Uint8Array;
  /** @internal */
  readonly host: SessionServerHost;
  readonly #options: SessionServerOptions<Data, Request>;
  readonly #sessions = new Map<string, ServerSession<Data, Request>>();
  readonly #pending = new Map<string, PendingSession<Request>>();
  readonly #ended = new EndedSessions();
  readonly #openRate: OpenRate;
  /** How fast an address may have other nodes asked. */
  readonly #relayRate: OpenRate;
  readonly #budget: OutboxBudget;
  #away: SendAwayOptions | undefined = undefined;
  // Counters: see `SessionCounts`.
  #opened = 0;
  #resumed = 0;
  #suspensions = 0;
  #suspended = 0;
  #closed = 0;
  #dropped = 0;
  #received = 0;
  readonly #resets = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #transports = new Map<TransportName, number>();

  constructor(options: SessionServerOptions<Data, Request>) {
    const { host, numbers } = options;
    this.#options = options;
    this.host = host;
    this.#openRate = new OpenRate(numbers.maxOpensPerSecond);
    this.#relayRate = new OpenRate(numbers.maxOpensPerSecond);
    this.ownerName = host.randomBytes(12);
    this.deadlines = { resumeWindowMs: numbers.resumeWindowMs };
    // A little above where eviction begins: the policies of channels come in only where that was not enough.
    this.#budget = { heldBytes: 0, maxBytes: numbers.maxHeldBytes * 1.25 };
    this.config = sessionConfig({
      ...numbers,
      host,
      handler: this.#handler(),
      budget: this.#budget,
    });
  }

  /** The sessions by their ids: live ones, and those that wait for their clients. */
  get sessions(): ReadonlyMap<string, ServerSession<Data, Request>> {
    return this.#sessions;
  }

  /** What was counted so far. */
  get counts(): SessionCounts {
    return {
      sessions: this.#sessions.size,
      suspended: this.#suspended,
      heldBytes: this.#budget.heldBytes,
      opened: this.#opened,
      resumed: this.#resumed,
      suspensions: this.#suspensions,
      closed: this.#closed,
      resets: new Map(this.#resets),
      refused: new Map(this.#refused),
      dropped: this.#dropped,
      received: this.#received,
      transports: new Map(this.#transports),
    };
  }

  /**
   * Takes a transport that a client opened; sets its receiver.
   * @param isRelayed whether another node has the client, and relays it: such a one finds sessions, and makes none.
   */
  accept(transport: Transport, request: Request, isRelayed = false): void {
    if (!isRelayed) countOf(this.#transports, transport.name);
    const { attachTimeoutMs } = this.config;
    new OpeningTransport(this.host, transport, request, attachTimeoutMs, this.#onOpen, isRelayed);
  }

  /** Whether a session is here, or is about to be. */
  hasSession(id: Uint8Array): boolean {
    const key = hexOf(id);
    return this.#sessions.has(key) || this.#pending.has(key);
  }

  /**
   * Sends a message to all sessions, those that wait for their clients included. Returns for how many it was `sent`, `queued`
   * and so on.
   * @throws `UsageError` as `send` of a session does.
   */
  broadcast(
    data: string | Uint8Array,
    options: SessionBroadcastOptions<Data, Request> = {},
  ): Record<SendStatus, number> {
    const { channel = "", except, where } = options;
    checkMessage(data, options.id);
    const counts: Record<SendStatus, number> = { sent: 0, queued: 0, dropped: 0, closed: 0 };
    // Encoded once, and not for each.
    const isText = typeof data === "string" || options.isText === true;
    const bytes = typeof data === "string" ? this.#encoded(data) : data;
    const message: MessageOptions = { id: options.id, key: options.key, isText };
    // Each session numbers the same record; what is cut into pieces is not the same in all.
    const isOneRecord = channel === "" && bytes.length <= this.config.pieceBytes;
    const record = isOneRecord ? messageRecord(bytes, isText, options.id) : undefined;
    const payload = record === undefined ? bytes : record.subarray(record.length - bytes.length);
    let sent = 0;
    for (const session of this.#sessions.values()) {
      if (session === except || (where !== undefined && !where(session))) continue;
      const status =
        record !== undefined
          ? session.sendShared(record, payload, message)
          : channel === ""
            ? session.send(bytes, message)
            : session.channel(channel).send(bytes, message);
      if (status === "sent") sent++;
      else counts[status]++;
    }
    counts.sent = sent;
    return counts;
  }

  /**
   * Takes no new sessions, waits until what was sent is confirmed, and sends the clients away, to come back at a random time
   * within a window. The sessions end here: another process knows nothing of them. Resolves when all have ended.
   */
  async shutDown(options: SendAwayOptions): Promise<void> {
    if (this.#away !== undefined) return;
    this.#away = options;
    const { reason, notBeforeMs, spreadMs, drainTimeoutMs } = options;
    const untilMs = this.host.nowMs() + drainTimeoutMs;
    while (this.#isConfirming() && this.host.nowMs() < untilMs)
      await Pause.until(this.host, this.host.nowMs() + DRAIN_CHECK_MS);
    for (const session of [...this.#sessions.values()]) {
      session.sendAway(notBeforeMs, spreadMs, reason);
      session.machine.end(SessionCode.ownerLost, "the server was shut down");
    }
  }

  // --- Coming in -------------------------------------------------------------------------------------------------

  readonly #onOpen = (opening: OpeningTransport<Request>, open: OpenPacket): void => {
    const { elsewhere } = this.#options;
    if (elsewhere === undefined || opening.isRelayed) this.#open(opening, open, undefined);
    else if (open.isResume && this.#isOfOther(open)) this.#relay(opening, open, elsewhere, open.owner);
    else this.#open(opening, open, elsewhere);
  };

  /** @param elsewhere where else a session may be that is not here; undefined if that is known. */
  #open(
    opening: OpeningTransport<Request>,
    open: OpenPacket,
    elsewhere: SessionsElsewhere<Request> | undefined,
  ): void {
    const id = hexOf(open.id);
    const session = this.#sessions.get(id);
    const pending = this.#pending.get(id);
    if (session !== undefined) {
      if (session.machine.admits(open)) this.#attach(session, opening, open);
      else this.#refuse(opening, SessionCode.refused, "not your session");
    } else if (pending !== undefined) {
      const isSame = sameBytes(pending.open.token, open.token);
      if (!isSame) this.#refuse(opening, SessionCode.refused, "not your session");
      else if (pending.waiting.length >= MAX_WAITING_TRANSPORTS)
        this.#refuse(opening, SessionCode.tryAgainLater, "too many transports", RETRY_MS, RETRY_SPREAD_MS);
      else pending.waiting.push({ opening, open });
    } else if (open.isResume) {
      const isOurs = open.owner.length === 0 || !this.#isOfOther(open);
      const code = isOurs ? (this.#ended.codeOf(id) ?? SessionCode.expired) : SessionCode.ownerLost;
      this.#refuse(opening, code, "no such session any more");
    } else if (opening.isRelayed) {
      this.#refuse(opening, SessionCode.tryAgainLater, "it has just ended", 0, MISSED_SPREAD_MS);
    } else if (elsewhere !== undefined && (open.epoch > 1 || open.isProbe)) {
      // Its first transport may have begun the session at another node, and we were not told.
      elsewhere.find(open.id, (owner) => {
        if (opening.isGone) return;
        if (owner === undefined) this.#open(opening, open, undefined);
        else this.#relay(opening, open, elsewhere, owner);
      });
    } else this.#begin(id, opening, open);
  }

  /** Whether the session is that of another node. Behind its name the owner has something of the session alone. */
  #isOfOther({ owner }: OpenPacket): boolean {
    return !sameBytes(owner.subarray(0, this.ownerName.length), this.ownerName);
  }

  /** The session is at another node: that one goes on with the transport. */
  #relay(
    opening: OpeningTransport<Request>,
    open: OpenPacket,
    elsewhere: SessionsElsewhere<Request>,
    owner: Uint8Array,
  ): void {
    if (this.#away !== undefined) {
      const { notBeforeMs, spreadMs } = this.#away;
      this.#refuse(opening, SessionCode.goingAway, "shutting down", notBeforeMs, spreadMs);
      return;
    }
    if (!this.#relayRate.admits(this.#options.addressOf(opening.request), this.host.nowMs())) {
      this.#refuse(opening, SessionCode.tryAgainLater, "too many at once", RETRY_MS, RETRY_SPREAD_MS);
      return;
    }
    opening.release();
    elsewhere.relay(opening, open, owner.subarray(0, this.ownerName.length), (why) => {
      if (why === "gone") this.#refuse(opening, SessionCode.ownerLost, "no such session any more");
      else if (why === "silent")
        this.#refuse(opening, SessionCode.tryAgainLater, "no broker", RETRY_MS, RETRY_SPREAD_MS);
      else this.#refuse(opening, SessionCode.tryAgainLater, "no room", RETRY_MS, RETRY_SPREAD_MS);
    });
  }

  /** A session that is not there yet is wanted. */
  #begin(id: string, opening: OpeningTransport<Request>, open: OpenPacket): void {
    const { numbers, count, addressOf } = this.#options;
    const address = addressOf(opening.request);
    if (this.#away !== undefined) {
      const { notBeforeMs, spreadMs } = this.#away;
      this.#refuse(opening, SessionCode.goingAway, "shutting down", notBeforeMs, spreadMs);
      return;
    }
    if (!this.#openRate.admits(address, this.host.nowMs())) {
      this.#refuse(opening, SessionCode.tryAgainLater, "too many at once", RETRY_MS, RETRY_SPREAD_MS);
      return;
    }
    const hasRoom = this.#budget.heldBytes <= numbers.maxHeldBytes;
    if (!hasRoom || count.add(address) !== undefined) {
      this.#refuse(opening, SessionCode.tryAgainLater, "too many sessions", RETRY_MS, RETRY_SPREAD_MS);
      return;
    }
    const pending: PendingSession<Request> = { open, waiting: [{ opening, open }] };
    this.#pending.set(id, pending);
    this.#judge(opening.request, open.credentials, undefined, (result) =>
      this.#judged(id, address, pending, result),
    );
  }

  #judged(
    id: string,
    address: string,
    { waiting }: PendingSession<Request>,
    result: AuthenticationResult<Data> | undefined,
  ): void {
    this.#pending.delete(id);
    const still = waiting.filter(({ opening }) => !opening.isGone);
    const [first] = still;
    if (result?.isAccepted !== true || first === undefined || this.#away !== undefined) {
      this.#options.count.remove(address);
      for (const { opening } of still) {
        if (result === undefined)
          this.#refuse(opening, SessionCode.tryAgainLater, "failed", RETRY_MS, RETRY_SPREAD_MS);
        else if (result.isAccepted) {
          const { notBeforeMs, spreadMs } = this.#away!;
          this.#refuse(opening, SessionCode.goingAway, "shutting down", notBeforeMs, spreadMs);
        } else this.#refuse(opening, result.code, result.reason, result.notBeforeMs);
      }
      return;
    }
    const { transport, request } = first.opening;
    const session = new ServerSession(this, first.open, transport.name, result.data, request, address);
    this.#sessions.set(id, session);
    this.#opened++;
    this.#suspended++; // until it is live
    const { numbers, handlers } = this.#options;
    const { maxReceivedMessagesPerSecond, maxReceivedBytesPerSecond, rateBurstMs } = numbers;
    if (maxReceivedMessagesPerSecond !== Infinity || maxReceivedBytesPerSecond !== Infinity) {
      const nowMs = this.host.nowMs();
      session.rates = [
        new TokenBucket(maxReceivedMessagesPerSecond, rateBurstMs, nowMs),
        new TokenBucket(maxReceivedBytesPerSecond, rateBurstMs, nowMs),
      ];
    }
    this.#call(session, () => handlers.open?.(session));
    for (const { opening, open } of still) {
      if (!opening.isGone) this.#attach(session, opening, open);
    }
  }

  #attach(session: ServerSession<Data, Request>, opening: OpeningTransport<Request>, open: OpenPacket): void {
    opening.release();
    session.machine.attach(opening.transport, open);
  }

  #refuse(
    opening: OpeningTransport<Request>,
    code: number,
    reason: string,
    notBeforeMs = 0,
    spreadMs = 0,
  ): void {
    countOf(this.#refused, sessionCodeName(code));
    opening.refuse(code, reason, notBeforeMs, spreadMs);
  }

  /** Asks the application who this is. Answers with undefined if that failed. */
  #judge(
    request: Request,
    credentials: Uint8Array,
    session: ServerSession<Data, Request> | undefined,
    done: (result: AuthenticationResult<Data> | undefined) => void,
  ): void {
    const { authenticate } = this.#options;
    if (authenticate === undefined) {
      // Without anybody to say what it is, it is `undefined`: the types of the hub see to that.
      done({ isAccepted: true, data: undefined as Data });
      return;
    }
    const text = this.host.utf8Decode(credentials, 0, credentials.length);
    if (text === undefined) {
      done({ isAccepted: false, code: SessionCode.unauthorized, reason: "not UTF-8", notBeforeMs: 0 });
      return;
    }
    const failed = (error: unknown): void => {
      this.host.warn(error);
      done(undefined);
    };
    try {
      const result = authenticate({ credentials: text, request, session });
      if ("then" in result) result.then(done, failed);
      else done(result);
    } catch (error) {
      failed(error);
    }
  }

  #newCredentials(session: ServerSession<Data, Request>, credentials: Uint8Array): void {
    if (session.isAuthenticating) {
      session.nextCredentials = credentials; // only the last ones count
      return;
    }
    session.isAuthenticating = true;
    this.#judge(session.request, credentials, session, (result) => {
      session.isAuthenticating = false;
      const { nextCredentials } = session;
      session.nextCredentials = undefined;
      if (session.machine.isEnded) return;
      if (result?.isAccepted === true) session.data = result.data;
      else if (result !== undefined) session.end(result.code, result.reason);
      if (nextCredentials !== undefined) this.#newCredentials(session, nextCredentials);
    });
  }

  // --- What the sessions tell ------------------------------------------------------------------------------------

  #handler(): SessionHandler<ServerSession<Data, Request>> {
    const { handlers } = this.#options;
    return {
      ...PEER_HANDLER,
      message: (session, channel, isText, bytes, start, end, id) => {
        this.#received++;
        return session.onMessage(channel, isText, bytes, start, end, id);
      },
      wantsFlush: (session) => this.host.endOfTurn(session),
      deadlineChanged: (session) => this.host.schedule(session, session.machine.deadlineMs),
      dropped: (session, channel, count) => {
        this.#dropped += count;
        if (handlers.dropped !== undefined)
          this.#call(session, () => handlers.dropped?.(session, channel.name, count));
      },
      signal: (session, code, bytes, start, end) => {
        if (code === SessionSignal.credentials)
          this.#newCredentials(session, new Uint8Array(bytes.subarray(start, end)));
      },
      live: (session, { transport }, isResumed) => {
        session.carriedBy(transport.name);
        if (session.isSuspended) this.#suspended--;
        session.isSuspended = false;
        session.onStateChanged();
        if (!isResumed) return;
        this.#resumed++;
        this.#call(session, () => handlers.resumed?.(session));
      },
      suspended: (session, code, reason) => {
        this.#suspensions++;
        this.#suspended++;
        session.isSuspended = true;
        session.onStateChanged();
        this.#call(session, () => handlers.suspended?.(session, { code, reason }));
      },
      ended: (session, end) => {
        this.host.unschedule(session);
        if (session.isSuspended) this.#suspended--;
        this.#sessions.delete(session.id);
        this.#options.count.remove(session.address);
        this.#ended.add(session.id, end.code);
        session.onEnded(end);
      },
    };
  }

  /** @internal A message that no receiver of the session takes. */
  message(
    session: ServerSession<Data, Request>,
    data: string | Uint8Array,
    id: Uint8Array | undefined,
    channel: string,
  ): undefined | Promise<void> | "refused" {
    const { handlers } = this.#options;
    if (handlers.message === undefined) return "refused";
    const result = handlers.message(session, data, channel, id);
    return typeof result === "object" ? result : undefined;
  }

  /** @internal What the application says of a channel; undefined if it does not want to be asked. */
  admits(session: ServerSession<Data, Request>, channel: string): boolean | Promise<boolean> | undefined {
    return this.#options.handlers.channel?.(session, channel);
  }

  /** @internal A session has written what it had. */
  flushed(): void {
    if (this.#budget.heldBytes > this.#options.numbers.maxHeldBytes) this.#evict();
  }

  /** @internal One of the application's handlers failed. */
  failed(session: ServerSession<Data, Request>, error: unknown): void {
    const { handlers } = this.#options;
    try {
      if (handlers.error === undefined) this.host.warn(error);
      else {
        const result = handlers.error(session, error);
        if (typeof result === "object") result.then(undefined, (failure) => this.host.warn(failure));
      }
    } catch (failure) {
      this.host.warn(failure);
    }
  }

  /** @internal A session has ended, and all that it received was handed over. */
  finished(session: ServerSession<Data, Request>, end: SessionEnd): void {
    const { handlers } = this.#options;
    if (end.isReset) {
      countOf(this.#resets, sessionCodeName(end.code));
      this.#call(session, () => handlers.reset?.(session, end));
    } else {
      this.#closed++;
      this.#call(session, () => handlers.closed?.(session, end));
    }
  }

  /** Those that nobody uses just now go first, and of each the one that holds the most. */
  #evict(): void {
    const { maxHeldBytes } = this.#options.numbers;
    const held = [...this.#sessions.values()]
      .map((session) => ({ session, bytes: session.heldBytes }))
      .filter(({ bytes }) => bytes > 0)
      .sort((a, b) => Number(b.session.isSuspended) - Number(a.session.isSuspended) || b.bytes - a.bytes);
    for (const { session } of held) {
      if (this.#budget.heldBytes <= maxHeldBytes * EVICT_DOWN_TO) return;
      session.machine.end(SessionCode.evicted, "the server needs its memory");
    }
  }

  #encoded(text: string): Uint8Array {
    const bytes = this.host.allocate(3 * text.length);
    return bytes.subarray(0, this.host.utf8Write(text, bytes, 0));
  }

  #isConfirming(): boolean {
    for (const { machine } of this.#sessions.values()) {
      if (machine.active !== undefined && machine.outboxBytes > 0) return true;
    }
    return false;
  }

  #call(session: ServerSession<Data, Request>, call: () => void | Promise<void>): void {
    try {
      const result = call();
      if (typeof result === "object") result.then(undefined, (error) => this.failed(session, error));
    } catch (error) {
      this.failed(session, error);
    }
  }
}

function hexOf(id: Uint8Array): string {
  let hex = "";
  for (const byte of id) hex += byte.toString(16).padStart(2, "0");
  return hex;
}
