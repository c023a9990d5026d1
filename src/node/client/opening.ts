import type { Duplex } from "node:stream";
import type { ConnectErrorCode } from "../../core/error-codes.js";
import { ConnectError, ConnectionError, type ConnectPhase, UsageError } from "../../core/hawser-error.js";
import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { nowMs, schedule, unschedule } from "../clock.js";
import { dropStream } from "../drop-stream.js";

/**
 * One call of `connect()` until it is open or has failed. It holds what must not be left behind: the sockets, the
 * deadline, the listener of the signal. Whatever fails first, fails the step that is being waited for.
 */
export class Opening implements TimerWheelEntry {
  /** How far it is. */
  phase: ConnectPhase = "dns";
  /** Another one, that opens what this one is going to use: how far that is counts here, too. */
  waitsFor: Opening | undefined = undefined;
  readonly #timeoutMs: number;
  readonly #deadlineMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #streams = new Map<Duplex, StreamListeners>();
  #failure: ConnectError | undefined;
  #rejectStep: ((error: ConnectError) => void) | undefined;
  /** Part of `TimerWheelEntry`. */
  timerNext: TimerWheelEntry | null = null;
  /** Part of `TimerWheelEntry`. */
  timerPrevious: TimerWheelEntry | null = null;
  /** Part of `TimerWheelEntry`. */
  timerSlot = -1;

  constructor(timeoutMs: number, signal: AbortSignal | undefined) {
    this.#timeoutMs = timeoutMs;
    this.#deadlineMs = nowMs() + timeoutMs;
    this.#signal = signal;
    if (signal?.aborted) this.#abort();
    if (this.#failure !== undefined) return;
    signal?.addEventListener("abort", this.#abort);
    if (timeoutMs > 0) schedule(this, this.#deadlineMs);
  }

  /** Waits for what `begin` starts, unless something fails before it calls `resolve`. */
  async step<T>(begin: (resolve: (value: T) => void) => void): Promise<T> {
    this.check();
    const value = await new Promise<T>((resolve, reject) => {
      this.#rejectStep = reject;
      try {
        begin(resolve);
      } catch (error) {
        // Node checks options where they are used.
        reject(new UsageError("INVALID_OPTION", `Node refused an option: ${messageOf(error)}`, error));
      }
    });
    // It may have failed after `resolve`, before anybody could act on it.
    this.check();
    return value;
  }

  /** Whether it has failed. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Throws if it has failed. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Takes charge of a stream, before anything of it is waited for.
   * @param isExpected whether its end, or an error of it, is no failure; asked when it happens.
   */
  own(stream: Duplex, isExpected: () => boolean = () => false): void {
    const listeners: StreamListeners = {
      error: (error) => {
        if (!isExpected()) this.failWith("CONNECT_FAILED", messageOf(error), { cause: error });
      },
      close: () => {
        if (!isExpected()) this.lost();
      },
    };
    this.#streams.set(stream, listeners);
    stream.on("error", listeners.error);
    stream.on("close", listeners.close);
    if (stream.destroyed) this.lost();
  }

  /** The other side ended the transport. */
  lost(): void {
    const message = "the other side ended the transport";
    this.failWith("CONNECT_FAILED", message, { cause: new ConnectionError("CONNECTION_LOST", message) });
  }

  /** What another one failed with, that was waited for. */
  failAs(error: ConnectError): ConnectError {
    if (this.#failure !== undefined) return this.#failure;
    this.#failure = error;
    this.dropStreams();
    this.#rejectStep?.(error);
    return error;
  }

  /** Fails in the current phase. The first failure counts, and is returned. */
  failWith(
    code: ConnectErrorCode,
    message: string,
    details?: { status?: number; headers?: readonly string[]; cause?: unknown },
  ): ConnectError {
    const phase = this.waitsFor?.phase ?? this.phase;
    return this.failAs(new ConnectError(code, phase, `Not connected (${phase}): ${message}`, details));
  }

  /** Drops the streams, to begin again elsewhere or not at all. */
  dropStreams(): void {
    const streams = [...this.#streams.keys()];
    this.#letGo();
    // The outermost first: it may still want to write to the one below.
    for (const stream of streams.reverse()) dropStream(stream);
  }

  /** Hands the streams over to the connection, which must listen for errors at once. */
  release(): void {
    this.#letGo();
  }

  /** Ends it, in one way or the other. */
  end(): void {
    unschedule(this);
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  /** Part of `TimerWheelEntry`. */
  onDeadline(nowMs: number): number {
    if (nowMs < this.#deadlineMs) return this.#deadlineMs;
    this.failWith("HANDSHAKE_TIMEOUT", `not open within ${this.#timeoutMs} ms`);
    return Infinity;
  }

  readonly #abort = (): void => {
    this.failWith("ABORTED", "the signal was aborted", { cause: this.#signal?.reason });
  };

  #letGo(): void {
    for (const [stream, listeners] of this.#streams) {
      // A stream without an error listener would end the process. It stays, also on a socket under TLS.
      stream.on("error", ignore);
      stream.off("error", listeners.error);
      stream.off("close", listeners.close);
    }
    this.#streams.clear();
  }
}

interface StreamListeners {
  readonly error: (error: unknown) => void;
  readonly close: () => void;
}

function ignore(): void {}

/** Node's `AggregateError` for several addresses has no message of its own. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The message of OpenSSL has its thread, its source file and a line end in it.
  if ("library" in error && "reason" in error) return `${error.reason}${hintOf(error)}`;
  if (error.message !== "") return error.message;
  return "code" in error ? String(error.code) : error.name;
}

function hintOf(error: Error): string {
  return "code" in error && error.code === "ERR_SSL_WRONG_VERSION_NUMBER" ? ": is TLS spoken there?" : "";
}
