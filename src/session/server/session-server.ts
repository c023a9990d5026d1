import { assertFunctions } from "../../core/assert-functions.js";
import { broadcastReceivers } from "../../core/broadcast-receivers.js";
import { UsageError } from "../../core/hawser-error.js";
import { isThenable } from "../../core/is-thenable.js";
import { checkMessage } from "../machine/check-message.js";
import {
  type OutboxBudget,
  type ServerDeadlines,
  type SessionConfig,
  sessionConfig,
} from "../machine/session-config.js";
import type { SessionHandler } from "../machine/session-handler.js";
import { checkChannelName } from "../peer/check-channel.js";
import { PEER_HANDLER } from "../peer/peer-handler.js";
import type { MessageOptions, SendStatus, SessionEnd } from "../peer-port.js";
import type { Transport } from "../transport-port.js";
import { messageRecord } from "../wire/message-record.js";
import { SessionCode } from "../wire/session-code.js";
import { SessionSignal } from "../wire/session-signal.js";
import { EndedSessions } from "./ended-sessions.js";
import { Pause } from "./pause.js";
import type { SendAwayOptions } from "./send-away-options.js";
import { ServerSession } from "./server-session.js";
import { SessionAdmission } from "./session-admission.js";
import { SessionAuthenticator } from "./session-authenticator.js";
import type { SessionBroadcastOptions } from "./session-broadcast-options.js";
import { SessionCounters } from "./session-counters.js";
import { countOf, type SessionCounts, sessionCodeName } from "./session-counts.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { SessionServerHost } from "./session-server-host.js";
import type { SessionServerOptions } from "./session-server-options.js";

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
  readonly #ended = new EndedSessions();
  /** Those that have ended, and of which something waits for its receiver. */
  readonly #finishing = new Set<ServerSession<Data, Request>>();
  readonly #counters = new SessionCounters();
  readonly #budget: OutboxBudget;
  readonly #authenticator: SessionAuthenticator<Data, Request>;
  readonly #admission: SessionAdmission<Data, Request>;

  constructor(options: SessionServerOptions<Data, Request>) {
    const { host, numbers } = options;
    this.#options = options;
    this.host = host;
    this.ownerName = host.randomBytes(12);
    this.deadlines = { resumeWindowMs: numbers.resumeWindowMs };
    // A little above where eviction begins: the policies of channels come in only where that was not enough.
    this.#budget = { heldBytes: 0, leavingBytes: 0, maxBytes: numbers.maxHeldBytes * 1.25 };
    this.config = sessionConfig({
      ...numbers,
      host,
      handler: this.#handler(),
      budget: this.#budget,
    });
    this.#authenticator = new SessionAuthenticator(host, options.authenticate, numbers.attachTimeoutMs);
    const { handlers } = options;
    this.#admission = new SessionAdmission({
      options,
      keeper: this,
      authenticator: this.#authenticator,
      counters: this.#counters,
      budget: this.#budget,
      sessions: this.#sessions,
      ended: this.#ended,
      makeRoom: () => this.flushed(),
      opened: (session) => this.#call(session, () => handlers.open?.(session)),
    });
  }

  /** The sessions by their ids: live ones, and those that wait for their clients. */
  get sessions(): ReadonlyMap<string, ServerSession<Data, Request>> {
    return this.#sessions;
  }

  /** What was counted so far. */
  get counts(): SessionCounts {
    return this.#counters.counts(this.#sessions.size, this.#budget.heldBytes);
  }

  /**
   * Takes a transport that a client opened; sets its receiver.
   * @param isRelayed whether another node has the client, and relays it: such a one finds sessions, and makes none.
   */
  accept(transport: Transport, request: Request, isRelayed = false): void {
    this.#admission.accept(transport, request, isRelayed);
  }

  /** Whether a session is here, or is about to be. */
  hasSession(id: Uint8Array): boolean {
    return this.#admission.hasSession(id);
  }

  /**
   * Sends a message to all sessions or those of `to`, those that wait for their clients included. Returns for how many it was `sent`, `queued`
   * and so on.
   * @throws `UsageError` as `send` of a session does.
   */
  broadcast(
    data: string | Uint8Array,
    options: SessionBroadcastOptions<Data, Request> = {},
  ): Record<SendStatus, number> {
    const { channel = "", except, where } = options;
    checkMessage(data, options.id);
    checkChannelName(channel);
    assertFunctions(options, ["where"]);
    const to = broadcastReceivers(options, ServerSession, "sessions");
    const counts: Record<SendStatus, number> = { sent: 0, queued: 0, dropped: 0, closed: 0, "too-long": 0 };
    // Encoded once, and not for each.
    const isText = typeof data === "string" || options.isText === true;
    const bytes = typeof data === "string" ? this.#encoded(data) : data;
    const message: MessageOptions = { id: options.id, key: options.key, isText };
    // Each session numbers the same record; what is cut into pieces is not the same in all.
    const isOneRecord = channel === "" && bytes.length <= this.config.pieceBytes;
    const record = isOneRecord ? messageRecord(bytes, isText, options.id) : undefined;
    const payload = record === undefined ? bytes : record.subarray(record.length - bytes.length);
    let sent = 0;
    for (const session of to ?? this.#sessions.values()) {
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
   * within a window. The sessions end here: another process knows nothing of them. Resolves when all have ended, and what came
   * was handed over.
   */
  async shutDown(options: SendAwayOptions): Promise<void> {
    if (this.#admission.away !== undefined) return;
    this.#admission.away = options;
    const { reason, notBeforeMs, spreadMs, drainTimeoutMs } = options;
    const untilMs = this.host.nowMs() + drainTimeoutMs;
    while (this.#isConfirming() && this.host.nowMs() < untilMs)
      await Pause.until(this.host, this.host.nowMs() + DRAIN_CHECK_MS);
    for (const session of [...this.#sessions.values()]) {
      session.sendAway(notBeforeMs, spreadMs, reason);
      session.machine.end(SessionCode.ownerLost, "the server was shut down");
    }
    // What came counts as delivered, and so is handed over before the process may end.
    while (this.#finishing.size > 0 && this.host.nowMs() < untilMs)
      await Pause.until(this.host, this.host.nowMs() + DRAIN_CHECK_MS);
    for (const session of [...this.#finishing]) session.giveUpHeld();
  }

  // --- What the sessions tell ------------------------------------------------------------------------------------

  #handler(): SessionHandler<ServerSession<Data, Request>> {
    const { handlers } = this.#options;
    return {
      ...PEER_HANDLER,
      message: (session, channel, isText, bytes, start, end, id) => {
        this.#counters.received++;
        return session.onMessage(channel, isText, bytes, start, end, id);
      },
      wantsFlush: (session) => this.host.endOfTurn(session),
      deadlineChanged: (session) => this.host.schedule(session, session.machine.deadlineMs),
      dropped: (session, channel, count) => {
        this.#counters.dropped += count;
        if (handlers.dropped !== undefined)
          this.#call(session, () => handlers.dropped?.(session, channel.name, count));
      },
      signal: (session, code, bytes, start, end) => {
        if (code === SessionSignal.credentials)
          this.#authenticator.newCredentials(session, new Uint8Array(bytes.subarray(start, end)));
      },
      live: (session, { transport }, isResumed) => {
        session.carriedBy(transport.name);
        if (session.isSuspended) this.#counters.suspended--;
        session.isSuspended = false;
        if (isResumed) this.#counters.resumed++;
        session.onStateChanged();
        // A listener may have ended it, or sent it away.
        if (isResumed && session.state === "live") this.#call(session, () => handlers.resumed?.(session));
      },
      suspended: (session, code, reason) => {
        this.#counters.suspensions++;
        this.#counters.suspended++;
        session.isSuspended = true;
        session.onStateChanged();
        if (session.state === "suspended")
          this.#call(session, () => handlers.suspended?.(session, { code, reason }));
      },
      ended: (session, end) => {
        this.host.unschedule(session);
        this.#authenticator.forget(session);
        if (session.isSuspended) this.#counters.suspended--;
        this.#sessions.delete(session.id);
        this.#options.count.remove(session.address);
        this.#ended.add(session.id, end.code);
        session.onEnded(end);
        if (!session.isFinishing) return;
        this.#finishing.add(session);
        void Pause.until(this.host, this.host.nowMs() + this.config.closeTimeoutMs).then(() =>
          session.giveUpHeld(),
        );
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
    return isThenable(result) ? (result as Promise<void>) : undefined;
  }

  /** @internal What the application says of a channel; undefined if it does not want to be asked. */
  admits(session: ServerSession<Data, Request>, channel: string): boolean | Promise<boolean> | undefined {
    return this.#options.handlers.channel?.(session, channel);
  }

  /** @internal A session has written what it had. */
  flushed(): void {
    if (this.#isAbove(1)) this.#evict();
  }

  /** @internal A client refuses a channel: it is heard where there is an `error`; a warning for each would be the clients' to make. */
  refused(session: ServerSession<Data, Request>, channel: string, code: number): void {
    if (this.#options.handlers.error === undefined) return;
    this.failed(session, new UsageError("CHANNEL_REFUSED", `channel "${channel}" was refused with ${code}`));
  }

  /** @internal One of the application's handlers failed. */
  failed(session: ServerSession<Data, Request>, error: unknown): void {
    const { handlers } = this.#options;
    try {
      if (handlers.error === undefined) this.host.warn(error);
      else {
        const result = handlers.error(session, error);
        if (isThenable(result)) result.then(undefined, (failure) => this.host.warn(failure));
      }
    } catch (failure) {
      this.host.warn(failure);
    }
  }

  /** @internal A session has ended, and all that it received was handed over. */
  finished(session: ServerSession<Data, Request>, end: SessionEnd): void {
    const { handlers } = this.#options;
    this.#finishing.delete(session);
    if (end.isReset) {
      countOf(this.#counters.resets, sessionCodeName(end.code));
      this.#call(session, () => handlers.reset?.(session, end));
    } else {
      this.#counters.closed++;
      this.#call(session, () => handlers.closed?.(session, end));
    }
  }

  /** Those that nobody uses just now go first, and of each the one that holds the most. */
  #evict(): void {
    const held = [...this.#sessions.values()]
      .map((session) => ({ session, bytes: session.heldBytes }))
      .filter(({ bytes }) => bytes > 0)
      .sort((a, b) => Number(b.session.isSuspended) - Number(a.session.isSuspended) || b.bytes - a.bytes);
    for (const { session } of held) {
      if (!this.#isAbove(EVICT_DOWN_TO)) return;
      session.machine.end(SessionCode.evicted, "the server needs its memory");
    }
  }

  /** Whether more than this part of the limit is held by sessions that have not ended. */
  #isAbove(part: number): boolean {
    const { heldBytes, leavingBytes } = this.#budget;
    return heldBytes - leavingBytes > this.#options.numbers.maxHeldBytes * part;
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
      if (isThenable(result)) result.then(undefined, (error) => this.failed(session, error));
    } catch (error) {
      this.failed(session, error);
    }
  }
}
