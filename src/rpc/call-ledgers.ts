import type { Encoded } from "../codec/codec.js";
import { countOption } from "../core/count-option.js";
import type { OptionalOf } from "../core/optional-of.js";
import { type Clock, systemClock } from "./clock.js";

/** What a server keeps so that a call which is sent again after a reset does not run twice. */
export interface LedgerLimits {
  /**
   * How long the calls of a client are known after its session ended, in ms. Default 300,000: five minutes, in which a
   * client that can come back has done so.
   */
  readonly keepResultsMs: number;
  /** How many clients whose session ended are known. Default 10,000; one without results takes some 300 bytes. */
  readonly maxKeptClients: number;
  /**
   * How much the results take that no client has confirmed yet, of all clients together, in bytes, each counting 128 more.
   * Default 16,777,216: a client confirms with its next call, so that they are few.
   */
  readonly maxKeptResultBytes: number;
  /**
   * How much of that one client may take, in bytes. Default 1,048,576: one that never confirms does not push out the
   * results of others.
   */
  readonly maxKeptResultBytesPerClient: number;
}

/** The defaults of {@link LedgerLimits}. */
export const DEFAULT_LEDGER_LIMITS: Readonly<LedgerLimits> = {
  keepResultsMs: 300_000,
  maxKeptClients: 10_000,
  maxKeptResultBytes: 16_777_216,
  maxKeptResultBytesPerClient: 1_048_576,
};

/** What each result counts besides its bytes: about what the objects around it take. */
const OVERHEAD_BYTES = 128;
/**
 * How many calls go on whose sessions were reset, of all clients. One that begins a session, makes calls and resets it could have
 * any number of handlers at work.
 */
export const MAX_LEFT_CALLS = 10_000;

/** A call that a ledger knows. */
export interface LedgerEntry {
  readonly n: number;
  /** The message with its outcome; undefined while it runs. */
  readonly outcome: Encoded | undefined;
}

/** The calls of one client, over all its sessions with this server. */
export class CallLedger {
  readonly key: string;
  readonly calls: Map<number, LedgerEntry> = new Map();
  /** The number of the client's session that was here last. */
  session: number;
  /** Of calls below this that are not in {@link calls}, it is not known whether they ran. */
  unknownBelow: number;
  /** How much its results take, in bytes. */
  keptBytes = 0;
  /** When its session ended; Infinity while there is one. */
  parkedMs: number = Infinity;

  constructor(key: string, session: number, unknownBelow: number) {
    this.key = key;
    this.session = session;
    this.unknownBelow = unknownBelow;
  }
}

/** The ledgers of all clients of a server: bounded in time, number and bytes. It has no timer: it looks when it is used. */
export class CallLedgers {
  readonly #limits: LedgerLimits;
  readonly #clock: Clock;
  readonly #ledgers = new Map<string, CallLedger>();
  /** Those without a session, the longest first. */
  readonly #parked = new Set<CallLedger>();
  /** The entries that have an outcome, the oldest first, with their ledgers. */
  readonly #done = new Map<LedgerEntry, CallLedger>();
  /** Goes through them, from the oldest on. A new one each time would step over all that were deleted before the first. */
  #oldest: MapIterator<[LedgerEntry, CallLedger]> | undefined = undefined;
  #doneBytes = 0;
  /** How many calls go on without their session. */
  #leftCalls = 0;

  /** @throws UsageError `INVALID_OPTION`. */
  constructor(options: OptionalOf<LedgerLimits> & { clock?: Clock | undefined }) {
    const of = (name: keyof LedgerLimits): number => countOption(options, name, DEFAULT_LEDGER_LIMITS[name]);
    this.#limits = {
      keepResultsMs: of("keepResultsMs"),
      maxKeptClients: of("maxKeptClients"),
      maxKeptResultBytes: of("maxKeptResultBytes"),
      maxKeptResultBytesPerClient: of("maxKeptResultBytesPerClient"),
    };
    this.#clock = options.clock ?? systemClock;
  }

  /** How many clients are known. */
  get clients(): number {
    return this.#ledgers.size;
  }

  /** How much the results take that are kept, in bytes. */
  get keptBytes(): number {
    return this.#doneBytes;
  }

  /**
   * A client begins a session, its own number `session`, in which its new calls are numbered from `next` on. If there was
   * a session in between that was not here, or this client is not known here, older calls may have run elsewhere.
   */
  begin(key: string, session: number, next: number): CallLedger {
    this.#forgetOld();
    let ledger = this.#ledgers.get(key);
    if (ledger === undefined) {
      ledger = new CallLedger(key, session, session === 1 ? 1 : next);
      this.#ledgers.set(key, ledger);
    } else if (session !== ledger.session + 1) ledger.unknownBelow = Math.max(ledger.unknownBelow, next);
    ledger.session = session;
    ledger.parkedMs = Infinity;
    this.#parked.delete(ledger);
    return ledger;
  }

  /** The session of a ledger has ended and its client may come back, if no newer session has it. */
  park(ledger: CallLedger, session: number): void {
    if (ledger.session !== session || this.#ledgers.get(ledger.key) !== ledger) return;
    ledger.parkedMs = this.#clock.nowMs();
    this.#parked.add(ledger);
    this.#forgetOld();
  }

  /** The client of a ledger does not come back. */
  forget(ledger: CallLedger, session: number): void {
    if (ledger.session === session) this.#drop(ledger);
  }

  /** A call goes on without its session; false if there are too many of them. */
  leave(): boolean {
    if (this.#leftCalls >= MAX_LEFT_CALLS) return false;
    this.#leftCalls++;
    return true;
  }

  /** One of those is done. */
  left(): void {
    this.#leftCalls--;
  }

  /** A call has an outcome, which takes its place: of what it ran with, nothing is kept. */
  done(ledger: CallLedger, n: number, outcome: Encoded): void {
    // The client may have settled it meanwhile.
    if (!ledger.calls.has(n)) return;
    const entry: LedgerEntry = { n, outcome };
    ledger.calls.set(n, entry);
    this.#done.set(entry, ledger);
    this.#add(ledger, sizeOf(outcome));
    const { maxKeptResultBytes, maxKeptResultBytesPerClient } = this.#limits;
    if (ledger.keptBytes > maxKeptResultBytesPerClient) {
      for (const oldest of ledger.calls.values()) {
        if (oldest.outcome !== undefined) this.#evict(ledger, oldest);
        if (ledger.keptBytes <= maxKeptResultBytesPerClient) break;
      }
    }
    while (this.#doneBytes > maxKeptResultBytes && this.#done.size > 0) this.#evictOldest();
  }

  /** Of all clients. */
  #evictOldest(): void {
    this.#oldest ??= this.#done.entries();
    const { value, done } = this.#oldest.next();
    if (done === true) this.#oldest = undefined;
    else this.#evict(value[1], value[0]);
  }

  /** The client has the outcome of all calls below `n`, or does not want it. */
  settle(ledger: CallLedger, n: number): void {
    if (n <= ledger.unknownBelow && ledger.calls.size === 0) return;
    for (const [number, entry] of ledger.calls) {
      if (number >= n) break;
      this.#remove(ledger, entry);
    }
    ledger.unknownBelow = Math.max(ledger.unknownBelow, n);
  }

  #evict(ledger: CallLedger, entry: LedgerEntry): void {
    ledger.unknownBelow = Math.max(ledger.unknownBelow, entry.n + 1);
    this.#remove(ledger, entry);
  }

  #remove(ledger: CallLedger, entry: LedgerEntry): void {
    ledger.calls.delete(entry.n);
    if (this.#done.delete(entry)) this.#add(ledger, -sizeOf(entry.outcome!));
  }

  #add(ledger: CallLedger, bytes: number): void {
    ledger.keptBytes += bytes;
    this.#doneBytes += bytes;
  }

  #forgetOld(): void {
    const sinceMs = this.#clock.nowMs() - this.#limits.keepResultsMs;
    for (const ledger of this.#parked) {
      if (ledger.parkedMs >= sinceMs && this.#parked.size <= this.#limits.maxKeptClients) break;
      this.#drop(ledger);
    }
  }

  #drop(ledger: CallLedger): void {
    for (const entry of ledger.calls.values()) this.#remove(ledger, entry);
    this.#parked.delete(ledger);
    if (this.#ledgers.get(ledger.key) === ledger) this.#ledgers.delete(ledger.key);
  }
}

function sizeOf(outcome: Encoded): number {
  // A string of ASCII takes a byte a character, others two.
  return outcome.length + OVERHEAD_BYTES;
}
