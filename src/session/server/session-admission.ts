import { TokenBucket } from "../../core/token-bucket.js";
import type { OutboxBudget } from "../machine/session-config.js";
import type { Transport } from "../transport-port.js";
import type { OpenPacket } from "../wire/open-packet.js";
import { sameBytes } from "../wire/same-bytes.js";
import { actionOf, SessionCode } from "../wire/session-code.js";
import type { EndedSessions } from "./ended-sessions.js";
import { OpenRate } from "./open-rate.js";
import { OpeningTransport } from "./opening-transport.js";
import { PendingSession, type WaitingTransport } from "./pending-session.js";
import type { SendAwayOptions } from "./send-away-options.js";
import { ServerSession } from "./server-session.js";
import type { SessionAuthenticator } from "./session-authenticator.js";
import type { SessionCounters } from "./session-counters.js";
import { countOf, sessionCodeName } from "./session-counts.js";
import type { AuthenticationResult } from "./session-handlers.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { SessionServerOptions } from "./session-server-options.js";
import type { SessionsElsewhere } from "./sessions-elsewhere.js";

/** What a {@link SessionAdmission} shares with the server that it is part of. */
export interface SessionAdmissionParts<Data, Request> {
  readonly options: SessionServerOptions<Data, Request>;
  /** What the sessions are given as their server. */
  readonly keeper: SessionKeeper<ServerSession<Data, Request>>;
  readonly authenticator: SessionAuthenticator<Data, Request>;
  readonly counters: SessionCounters;
  readonly budget: OutboxBudget;
  /** Those that are there, by their ids: the ones that begin are added. */
  readonly sessions: Map<string, ServerSession<Data, Request>>;
  readonly ended: EndedSessions;
  /** Ends sessions that hold too much. */
  makeRoom(): void;
  /** A session began, and no transport was attached to it yet. */
  opened(session: ServerSession<Data, Request>): void;
}

/** When to come back where there is no room, in ms, and over how long that is spread. */
const RETRY_MS = 5_000;
const RETRY_SPREAD_MS = 5_000;
/** Over how long those come back whose session ended while another node asked for it, in ms. */
const MISSED_SPREAD_MS = 1_000;

/**
 * The way in: which session a transport wants, and whether it gets it. It is attached to one that is there, handed to the
 * node that has it, begins one, or is refused.
 */
export class SessionAdmission<Data, Request> {
  /** Set once the server is going down: nobody is let in any more, and told when to come back. */
  away: SendAwayOptions | undefined = undefined;
  readonly #parts: SessionAdmissionParts<Data, Request>;
  readonly #options: SessionServerOptions<Data, Request>;
  readonly #keeper: SessionKeeper<ServerSession<Data, Request>>;
  readonly #authenticator: SessionAuthenticator<Data, Request>;
  readonly #pending = new Map<string, PendingSession<Data, Request>>();
  readonly #openRate: OpenRate;
  /** How fast an address may have other nodes asked. */
  readonly #relayRate: OpenRate;

  constructor(parts: SessionAdmissionParts<Data, Request>) {
    this.#parts = parts;
    this.#options = parts.options;
    this.#keeper = parts.keeper;
    this.#authenticator = parts.authenticator;
    const { maxOpensPerSecond } = parts.options.numbers;
    this.#openRate = new OpenRate(maxOpensPerSecond);
    this.#relayRate = new OpenRate(maxOpensPerSecond);
  }

  /** Takes a transport; sets its receiver. See `SessionServer.accept`. */
  accept(transport: Transport, request: Request, isRelayed: boolean): void {
    if (!isRelayed) countOf(this.#parts.counters.transports, transport.name);
    const { host, config } = this.#keeper;
    new OpeningTransport(host, transport, request, config.attachTimeoutMs, this.#onOpen, isRelayed);
  }

  /** Whether a session is here, or is about to be. */
  hasSession(id: Uint8Array): boolean {
    const key = hexOf(id);
    return this.#parts.sessions.has(key) || this.#pending.has(key);
  }

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
    const session = this.#parts.sessions.get(id);
    const pending = this.#pending.get(id);
    if (session !== undefined) {
      if (session.machine.admits(open)) this.#attach(session, opening, open);
      else this.#refuse(opening, SessionCode.refused, "not your session");
    } else if (pending !== undefined) {
      const isSame = sameBytes(pending.open.token, open.token);
      if (!isSame) this.#refuse(opening, SessionCode.refused, "not your session");
      else if (!pending.add(opening, open))
        this.#refuse(opening, SessionCode.tryAgainLater, "too many transports", RETRY_MS, RETRY_SPREAD_MS);
    } else if (open.isResume) {
      const isOurs = open.owner.length === 0 || !this.#isOfOther(open);
      const code = isOurs ? this.#parts.ended.codeOf(id) : SessionCode.ownerLost;
      // Whatever a client gave as the reason, a code that says to come back would have it come for ever.
      const isOver = code !== undefined && actionOf(code) !== "retry";
      this.#refuse(opening, isOver ? code : SessionCode.expired, "no such session any more");
    } else if (opening.isRelayed) {
      this.#refuse(opening, SessionCode.tryAgainLater, "it has just ended", 0, MISSED_SPREAD_MS);
    } else if (elsewhere !== undefined && (open.epoch > 1 || open.isProbe)) {
      if (!this.#mayAskOthers(opening)) return;
      // Its first transport may have begun the session at another node, and we were not told.
      elsewhere.find(open.id, (owner) => {
        if (opening.isGone) return;
        if (owner === undefined) this.#open(opening, open, undefined);
        else this.#handOver(opening, open, elsewhere, owner);
      });
    } else this.#begin(id, opening, open);
  }

  /** Whether the session is that of another node. Behind its name the owner has something of the session alone. */
  #isOfOther({ owner }: OpenPacket): boolean {
    return !sameBytes(owner.subarray(0, this.#keeper.ownerName.length), this.#keeper.ownerName);
  }

  /** The session is at another node: that one goes on with the transport. */
  #relay(
    opening: OpeningTransport<Request>,
    open: OpenPacket,
    elsewhere: SessionsElsewhere<Request>,
    owner: Uint8Array,
  ): void {
    if (this.away !== undefined) {
      const { notBeforeMs, spreadMs } = this.away;
      this.#refuse(opening, SessionCode.goingAway, "shutting down", notBeforeMs, spreadMs);
    } else if (this.#mayAskOthers(opening)) this.#handOver(opening, open, elsewhere, owner);
  }

  /** Whether the address may have another node asked now; or it is refused. */
  #mayAskOthers(opening: OpeningTransport<Request>): boolean {
    const address = this.#options.addressOf(opening.request);
    const isAdmitted = this.#relayRate.admits(address, this.#keeper.host.nowMs());
    if (!isAdmitted)
      this.#refuse(opening, SessionCode.tryAgainLater, "too many at once", RETRY_MS, RETRY_SPREAD_MS);
    return isAdmitted;
  }

  #handOver(
    opening: OpeningTransport<Request>,
    open: OpenPacket,
    elsewhere: SessionsElsewhere<Request>,
    owner: Uint8Array,
  ): void {
    opening.release();
    elsewhere.relay(opening, open, owner.subarray(0, this.#keeper.ownerName.length), (why) => {
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
    if (this.away !== undefined) {
      const { notBeforeMs, spreadMs } = this.away;
      this.#refuse(opening, SessionCode.goingAway, "shutting down", notBeforeMs, spreadMs);
      return;
    }
    if (!this.#openRate.admits(address, this.#keeper.host.nowMs())) {
      this.#refuse(opening, SessionCode.tryAgainLater, "too many at once", RETRY_MS, RETRY_SPREAD_MS);
      return;
    }
    this.#parts.makeRoom();
    const hasRoom = this.#parts.budget.heldBytes <= numbers.maxHeldBytes;
    if (!hasRoom || count.add(address) !== undefined) {
      this.#refuse(opening, SessionCode.tryAgainLater, "too many sessions", RETRY_MS, RETRY_SPREAD_MS);
      return;
    }
    const { host, config } = this.#keeper;
    const pending = new PendingSession<Data, Request>(host, open, config.attachTimeoutMs, (waiting, result) =>
      this.#judged(id, address, waiting, result),
    );
    pending.add(opening, open);
    this.#pending.set(id, pending);
    this.#authenticator.judge(opening.request, open.credentials, undefined, (result) =>
      pending.judged(result),
    );
  }

  #judged(
    id: string,
    address: string,
    still: readonly WaitingTransport<Request>[],
    result: AuthenticationResult<Data> | undefined,
  ): void {
    this.#pending.delete(id);
    const [first] = still;
    if (result?.isAccepted !== true || first === undefined || this.away !== undefined) {
      this.#options.count.remove(address);
      for (const { opening } of still) {
        if (result === undefined)
          this.#refuse(opening, SessionCode.tryAgainLater, "failed", RETRY_MS, RETRY_SPREAD_MS);
        else if (result.isAccepted) {
          const { notBeforeMs, spreadMs } = this.away!;
          this.#refuse(opening, SessionCode.goingAway, "shutting down", notBeforeMs, spreadMs);
        } else this.#refuse(opening, result.code, result.reason, result.notBeforeMs);
      }
      return;
    }
    const { transport, request } = first.opening;
    const session = new ServerSession(
      this.#keeper,
      first.open,
      transport.name,
      result.data,
      request,
      address,
    );
    this.#parts.sessions.set(id, session);
    const { counters } = this.#parts;
    counters.opened++;
    counters.suspended++; // until it is live
    const { numbers } = this.#options;
    const { maxReceivedMessagesPerSecond, maxReceivedBytesPerSecond, rateBurstMs } = numbers;
    if (maxReceivedMessagesPerSecond !== Infinity || maxReceivedBytesPerSecond !== Infinity) {
      const nowMs = this.#keeper.host.nowMs();
      session.rates = [
        new TokenBucket(maxReceivedMessagesPerSecond, rateBurstMs, nowMs),
        new TokenBucket(maxReceivedBytesPerSecond, rateBurstMs, nowMs),
      ];
    }
    this.#parts.opened(session);
    for (const { opening, open } of still) {
      if (!opening.isGone) this.#attach(session, opening, open);
    }
  }

  #attach(session: ServerSession<Data, Request>, opening: OpeningTransport<Request>, open: OpenPacket): void {
    const end = session.endedWith;
    if (end !== undefined) {
      this.#refuse(opening, end.code, end.reason); // it was, when it had just begun
      return;
    }
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
    countOf(this.#parts.counters.refused, sessionCodeName(code));
    opening.refuse(code, reason, notBeforeMs, spreadMs);
  }
}

function hexOf(id: Uint8Array): string {
  let hex = "";
  for (const byte of id) hex += byte.toString(16).padStart(2, "0");
  return hex;
}
