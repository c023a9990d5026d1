import { cannotBe } from "../../core/cannot-be.js";
import { UsageError } from "../../core/hawser-error.js";
import type { ClientHost, HostChange } from "../client-host-port.js";
import { checkEnd } from "../machine/check-end.js";
import { WORKED_AFTER_MS } from "../machine/client-machine.js";
import {
  DEFAULT_RECONNECT_DELAYS,
  DEFAULT_SESSION_DEADLINES,
  DEFAULT_SESSION_LIMITS,
} from "../machine/session-config.js";
import type { Peer, PeerReceiver, SessionEnd } from "../peer-port.js";
import type { TransportDialer } from "../transport-port.js";
import { actionOf, CLOSED_CODE, UNAUTHORIZED_CODE } from "../wire/session-code.js";
import { ASK_FOR_CREDENTIALS_SIGNAL, CREDENTIALS_SIGNAL } from "../wire/session-signal.js";
import { type ClientPeer, clientPeer, type PeerOwner } from "./client-peer.js";
import { eachOf, listen } from "./listen.js";
import type { SessionOptions } from "./session-options.js";
import type { SessionState } from "./session-state.js";

const NO_BYTES: Uint8Array = new Uint8Array(0);
/** A function that has no credentials after so long, in ms, has failed: it is asked again. */
const CREDENTIALS_TIMEOUT_MS = 30_000;
/** What `open` has room for. */
const MAX_CREDENTIALS_BYTES = 8_192;
/** A longer piece does not fit into a block together with what stands before it. */
const MAX_PIECE_BYTES = 32_768;

/** What a `Session` is made of; what is not said here is said there. */
export interface ClientSession {
  /** What it is doing. */
  state(): SessionState;
  /** The session there is. */
  peer(): ClientPeer;
  receive(name: string, receiver: PeerReceiver | undefined): () => void;
  subscribe(listener: (state: SessionState) => void): () => void;
  onPeer(listener: (peer: Peer) => void): () => void;
  authenticate(): Promise<void>;
  reconnect(): void;
  close(code?: number, reason?: string): Promise<SessionEnd>;
}

/** Makes what `session` is made of: one session after the other, over what `dialer` opens. */
export function clientSession<Session>(
  session: Session,
  dialer: TransportDialer,
  host: ClientHost,
  options: SessionOptions<Session>,
): ClientSession {
  const numbers: Record<string, number> = {
    ...DEFAULT_SESSION_LIMITS,
    ...DEFAULT_SESSION_DEADLINES,
    ...DEFAULT_RECONNECT_DELAYS,
  };
  for (const name in numbers) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    const most = name === "pieceBytes" ? MAX_PIECE_BYTES : Number.MAX_SAFE_INTEGER;
    if (typeof value !== "number" || !(value > 0 && value <= most))
      throw cannotBe("INVALID_OPTION", name, typeof value === "number" ? value : typeof value);
    numbers[name] = Math.ceil(value);
  }
  for (const name of ["message", "state", "reset", "error"] as const) {
    const handler = options[name];
    if (handler !== undefined && typeof handler !== "function")
      throw cannotBe("INVALID_OPTION", name, typeof handler);
  }
  const config = { ...numbers, host } as unknown as Parameters<typeof clientPeer>[0];
  const stateListeners = new Set<(state: SessionState) => void>();
  const peerListeners = new Set<(peer: Peer) => void>();
  const receivers = new Map<string, PeerReceiver>();
  let state: SessionState = { status: "connecting" };
  let peer: ClientPeer;
  /** Gives up what is dialled. */
  let giveUp: (() => void) | undefined;
  /** Who this is; how often that was asked for, and which of these answers are known. */
  let credentials: Uint8Array;
  let asked = 0;
  let known = 0;
  /** The server has asked for new ones, and they are not there yet. */
  let serverAsks = false;
  /** Whether the session there is has ended, and is not done with yet. */
  let isEnded = false;
  /** Why it is not live. */
  let lostBecause: string;
  /** How many sessions in a row came to nothing, or to little. */
  let failedSessions = 0;
  /** Since when there is a session that was live; NaN if it was not yet. */
  let liveAtMs: number;
  /** The application has closed it: no other session follows, whatever becomes of this one. */
  let isClosing = false;
  /** Until what receivers promised is not waited for any longer. */
  let timer: unknown;

  const retry = (isAsked?: boolean): void => {
    const { machine } = peer;
    if (state.status === "live" && !isEnded) dialer.networkChanged?.();
    machine.retryNow(isAsked);
  };

  const begin = (): void => {
    const failures = failedSessions++;
    const next = clientPeer(config, failures, owner, receivers);
    peer = next;
    isEnded = false;
    credentials = NO_BYTES;
    liveAtMs = Number.NaN;
    eachOf(peerListeners, (listener) => guard(() => listener(next)));
    // A server that resets each session gets time.
    if (failures > 0) next.machine.dialFailed(0, "", 0);
    else if (!isEnded) void dial(true); // a listener may have closed it
  };

  /** Has new credentials; false for none any more: newer ones are there already, of this session or of the next. */
  const fetchCredentials = async ({ ended }: ClientPeer): Promise<boolean> => {
    const { credentials: ask } = options;
    const mine = ++asked;
    let timeout: unknown;
    const given =
      typeof ask !== "function"
        ? ask
        : await Promise.race([
            ask(),
            ended.then(() => NO_BYTES),
            new Promise<never>((_resolve, reject) => {
              timeout = host.setTimer(() => reject(new Error("they took too long")), CREDENTIALS_TIMEOUT_MS);
            }),
          ]).finally(() => host.clearTimer(timeout));
    const bytes = typeof given === "string" ? host.utf8Encode(given) : (given ?? NO_BYTES);
    if (!(bytes instanceof Uint8Array && bytes.length <= MAX_CREDENTIALS_BYTES))
      throw new UsageError("INVALID_OPTION", "credentials are text or bytes, 8,192 bytes at most");
    // What was asked for later is newer, also if it was there sooner.
    if (mine < known) return false;
    known = mine;
    credentials = bytes;
    return true;
  };

  const dial = async (isFirst: boolean): Promise<void> => {
    const mine = peer;
    const { machine, id } = mine;
    const isOver = (): boolean => isEnded || mine !== peer;
    // Whoever is known is not asked again who it is. Before that, a token may grow too old while nothing gets through.
    if (!isFirst) setState({ status: "recovering", reason: lostBecause });
    else {
      if (state.status !== "connecting") setState({ status: "connecting" });
      try {
        await fetchCredentials(mine);
        if (isOver()) return;
      } catch (error) {
        if (isOver()) return;
        report(error);
        // What cannot be sent now could not be sent the next time.
        if (error instanceof UsageError) machine.end(UNAUTHORIZED_CODE, error.message);
        else dialFailed(0, `no credentials: ${String(error)}`, 0);
        return;
      }
    }
    giveUp?.();
    giveUp = dialer.dial(machine.attach, dialFailed, id);
  };

  const lost = (code: number, reason: string): void => {
    lostBecause = reason || `closed with ${code}`;
  };

  const dialFailed = (code: number, reason: string, notBeforeMs: number): void => {
    lost(code, reason);
    // Without a network it is tried now and then all the same: what hosts say about it is not always true.
    peer.machine.dialFailed(code, reason, notBeforeMs, host.isOffline() ? config.maxReconnectDelayMs : 0);
  };

  const hostChanged = (change: HostChange): void => {
    const { machine, id } = peer;
    if (change === "unload") {
      // Firefox ends the connections of a page before it tells it that it is left.
      if (liveAtMs >= 0 && state.status !== "live") {
        const transport = dialer.farewell?.(id);
        if (transport) machine.attach(transport);
      }
      machine.end(CLOSED_CODE, "the page was left");
      return;
    }
    machine.probe();
    if (change === "online") retry();
    else if (change !== "offline") machine.retryNow();
  };

  const setState = (next: SessionState): void => {
    state = next;
    tell(() => options.state?.(session, next));
    // One of them may have brought about another one.
    eachOf(stateListeners, (listener) => state === next && tell(() => listener(next)));
  };

  /** Tells the application something; what it returns is not waited for. */
  const tell = (call: () => unknown): void => {
    Promise.resolve(guard(call)).catch(report);
  };

  const guard = <T>(call: () => T): T | undefined => {
    try {
      return call();
    } catch (error) {
      report(error);
      return undefined;
    }
  };

  const report = (error: unknown): void => {
    if (options.error) {
      try {
        Promise.resolve(options.error(session, error) as unknown).catch(host.report);
        return;
      } catch {
        // Its own error says less than the one that it was told.
      }
    }
    host.report(error);
  };

  const authenticate = async (): Promise<void> => {
    const { machine } = peer;
    if (await fetchCredentials(peer)) machine.signal(CREDENTIALS_SIGNAL, credentials);
  };

  const receive = (name: string, receiver: PeerReceiver | undefined): (() => void) => {
    if (receiver === undefined) receivers.delete(name);
    else if (typeof receiver?.message !== "function")
      throw cannotBe("INVALID_OPTION", "a receiver", "without message()");
    else receivers.set(name, receiver);
    peer.receive(name, receiver);
    return () => {
      if (receivers.get(name) === receiver) receive(name, undefined);
    };
  };

  /** What its sessions tell, one after the other. */
  const owner: PeerOwner = {
    signal(code) {
      // A server may ask as often as it likes; the application is asked when it has answered.
      if (code !== ASK_FOR_CREDENTIALS_SIGNAL || serverAsks) return;
      serverAsks = true;
      tell(() =>
        authenticate().finally(() => {
          serverAsks = false;
        }),
      );
    },
    live({ transport: { name } }, isResumed) {
      dialer.won?.(name);
      if (!isResumed) liveAtMs = host.nowMs();
      setState({ status: "live", transport: name });
      // Whoever was told may have sent so much that its transport is gone.
      if (state.status === "live") peer.tellState("live");
    },
    suspended(code, reason) {
      giveUp?.();
      lost(code, reason);
      peer.tellState("suspended");
    },
    ended(end) {
      isEnded = true;
      const { finish } = peer;
      giveUp?.();
      timer = host.setTimer(() => finish(end, true), config.closeTimeoutMs);
      finish(end);
    },
    finished(end: SessionEnd) {
      host.clearTimer(timer);
      const { code, reason, isReset } = end;
      if (host.nowMs() - liveAtMs >= WORKED_AFTER_MS) failedSessions = 0;
      lost(code, reason);
      if (isReset && actionOf(code) !== "stop" && !isClosing) begin();
      else {
        stopWatching();
        setState({ status: "closed", code, reason });
      }
      if (isReset) tell(() => options.reset?.(session, end));
    },
    dial,
    waiting: (delayMs) =>
      setState({ status: "waiting", untilMs: host.dateMs() + delayMs, reason: lostBecause }),
    linkLost({ transport }, code, reason, notBeforeMs) {
      if (dialer.lost) dialer.lost(transport, code, reason, notBeforeMs);
      else dialFailed(code, reason, notBeforeMs);
    },
    credentials: () => credentials,
    guard,
    tell,
    report,
  };

  const stopWatching = host.watch(hostChanged);
  if (options.message) receivers.set("", { message: (data) => options.message!(session, data) });
  begin();

  return {
    state: () => state,
    peer: () => peer,
    receive,
    subscribe: (listener) => listen(stateListeners, listener),
    onPeer(listener) {
      if (peer.state !== "closed") listener(peer);
      return listen(peerListeners, listener);
    },
    authenticate,
    reconnect: () => retry(true),
    close(code = CLOSED_CODE, reason = "") {
      checkEnd(code, reason, CLOSED_CODE);
      isClosing = true;
      return peer.close(code, reason);
    },
  };
}
