import type { ConnectionErrorCode, ProtocolErrorCode } from "../core/error-codes.js";
import { ConnectionError, HawserError, ProtocolError } from "../core/hawser-error.js";
import { CloseCode } from "./close-code.js";
import { checkClose, isReasonShortEnough, readClosePayload, writeClosePayload } from "./close-payload.js";
import { type CloseFrame, type CloseResult, ClosingHandshake } from "./closing-handshake.js";
import type { EngineConfig } from "./engine-config.js";
import { writeFrame } from "./frame-writer.js";
import { Liveness } from "./liveness.js";
import { FIN_BIT, Opcode } from "./opcode.js";
import { violation } from "./violation.js";

/**
 * The part of an engine that is about its end and about time: the closing handshake, failing, the deadlines, and the
 * pauses during which they do not count. `SendingEngine` and `Engine` are derived from it, and so one object a connection.
 * Methods are `protected` or `private` and not `#private`, which would cost each engine a word a class.
 */
export abstract class ClosingEngine<Owner> {
  /** What all engines of an endpoint share. */
  readonly config: EngineConfig<Owner>;
  /** What the handler is told this engine belongs to. */
  readonly owner: Owner;
  readonly #liveness: Liveness;
  #closing: ClosingHandshake | undefined = undefined;
  #isPaused = false;

  /** @internal */
  constructor(config: EngineConfig<Owner>, owner: Owner) {
    this.config = config;
    this.owner = owner;
    this.#liveness = new Liveness(config, config.host.nowMs());
  }

  /** Other limits from now on, with the same role and handler. The deadlines stay as they were at first. */
  reconfigure(config: EngineConfig<Owner>): void {
    (this as { config: EngineConfig<Owner> }).config = config;
  }

  /** Whether messages can be sent: no close frame was sent or received, and nothing failed (RFC 6455 §4.1). */
  get isOpen(): boolean {
    return this.#closing === undefined;
  }

  /** When {@link handleTimeout} is to be called, on the clock of `host.nowMs`; Infinity for never. */
  get deadlineMs(): number {
    return this.#liveness.deadlineMs;
  }

  /** Whether what comes in is held back. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Sends a ping. */
  abstract ping(): void;

  /** @internal What came of a message that is not complete is not wanted any more. */
  protected abstract dropIncomingMessage(): void;

  /** @internal Frees what is kept for messages that are sent: the transport is gone. */
  protected abstract releaseSending(): void;

  /** @internal */
  protected get liveness(): Liveness {
    return this.#liveness;
  }

  // --- Closing -------------------------------------------------------------------------------------------------

  /**
   * Begins the closing handshake (RFC 6455 §7.1.2). Without a code the frame is empty, and the peer reports 1005.
   * Does nothing if closing began already.
   * @throws UsageError `CLOSE_CODE_NOT_ALLOWED`, `CLOSE_REASON_TOO_LONG`.
   */
  close(code?: number, reason = ""): void {
    checkClose(code, reason, this.config.role, this.config.host);
    this.beginClose(code ?? CloseCode.noStatus, reason, undefined);
  }

  /** Drops the connection without a closing handshake; the peer reports 1006. */
  terminate(error?: HawserError): void {
    const closing = (this.#closing ??= new ClosingHandshake("local"));
    if (closing.received === undefined || closing.sent === undefined) {
      closing.error ??=
        error ?? new ConnectionError("TERMINATED", "the connection was terminated on this side");
    }
    closing.isFailed = true;
    this.#liveness.stopKeepalive();
    this.#liveness.endPhase();
    this.config.handler.disconnect(this.owner, "destroy");
  }

  /** Fails the connection for what the peer did: a close frame with `error.closeCode`, then TCP is ended (§7.1.7). */
  fail(error: ProtocolError): void {
    const closing = (this.#closing ??= new ClosingHandshake("local"));
    if (closing.isDiscarding) return;
    closing.error ??= error;
    closing.isFailed = true;
    this.dropIncomingMessage();
    if (closing.sent === undefined) {
      const { host, explainsFailures } = this.config;
      const reason = explainsFailures && isReasonShortEnough(error.message, host) ? error.message : "";
      this.writeClose(closing, { code: error.closeCode, reason });
    }
    this.beginClosePhase();
    this.config.handler.failed?.(this.owner, error);
    this.config.handler.disconnect(this.owner, "end");
  }

  private beginClose(code: number, reason: string, error: HawserError | undefined): void {
    if (this.#closing !== undefined) return;
    this.#closing = new ClosingHandshake("local");
    this.#closing.error = error;
    this.writeClose(this.#closing, { code, reason });
    this.beginClosePhase();
  }

  private writeClose(closing: ClosingHandshake, frame: CloseFrame): void {
    closing.sent = frame;
    writeFrame(this.config, this.owner, FIN_BIT | Opcode.close, writeClosePayload(frame, this.config.host));
  }

  /** @internal A close frame came. */
  protected receiveClose(bytes: Uint8Array, start: number, end: number): void {
    const received = readClosePayload(bytes, start, end, this.config.host, this.config.checksText);
    if (received instanceof ProtocolError) {
      this.fail(received);
      return;
    }
    const closing = (this.#closing ??= new ClosingHandshake("remote"));
    closing.received = received;
    this.beginClosePhase();
    // The answer carries the code that came (§5.5.1); a frame without one is answered by a frame without one.
    if (closing.sent === undefined) {
      this.writeClose(
        closing,
        this.config.repeatsCloseReason ? received : { code: received.code, reason: "" },
      );
    }
    this.config.handler.closing(this.owner, received);
    // The server ends TCP first, so that it, and not the client, holds TIME_WAIT (§7.1.1).
    if (this.config.role === "server") this.config.handler.disconnect(this.owner, "end");
  }

  /** @internal Whether nothing more is read: what still comes is discarded. */
  protected isDiscarding(): boolean {
    return this.#closing?.isDiscarding === true;
  }

  /** @internal Whether the rest of a chunk is to be taken. */
  protected goesOn(): boolean {
    return !this.#isPaused && !this.isDiscarding();
  }

  /** The peer ended its direction of the transport. There is no half-open WebSocket: ours is ended as well. */
  receiveEnd(): void {
    if (this.#closing === undefined) {
      this.#closing = new ClosingHandshake("remote");
      this.#closing.error = new ConnectionError(
        "CONNECTION_LOST",
        "the peer ended the transport without a closing handshake",
      );
      this.beginClosePhase();
    }
    this.config.handler.disconnect(this.owner, "end");
  }

  /** The transport is gone, with an error or without. Returns how the connection ended (RFC 6455 §7.1.4). */
  transportClosed(cause?: unknown): CloseResult {
    const closing = (this.#closing ??= new ClosingHandshake("remote"));
    if (closing.received === undefined && closing.error === undefined) {
      closing.error =
        cause === undefined
          ? new ConnectionError("CONNECTION_LOST", "the transport ended without a closing handshake")
          : new ConnectionError("TRANSPORT_ERROR", `the transport failed: ${messageOf(cause)}`, cause);
    }
    closing.isFailed = true;
    this.#liveness.stopKeepalive();
    this.#liveness.endPhase();
    this.dropIncomingMessage();
    this.releaseSending();
    return closing.result();
  }

  /** @internal Fails the connection for a rule that was broken. */
  protected failFor(code: ProtocolErrorCode, detail?: number): false {
    this.fail(violation(code, detail));
    return false;
  }

  // --- Time ----------------------------------------------------------------------------------------------------

  /**
   * `receive` stops behind the current message, and takes nothing until {@link resume}. Nor does a deadline
   * count that waits for the peer: its silence proves nothing while nobody listens. What is left of the time for a
   * message is left to it afterwards.
   */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    if (this.#closing === undefined) this.#liveness.suspendPhase(this.config.host.nowMs());
  }

  /** `receive` takes everything again. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#liveness.heard(); // what it sent meanwhile is still to be read
    this.moveDeadline(() => this.#liveness.resumePhase(this.config.host.nowMs()));
  }

  /** The time is `nowMs`, on the clock of `host.nowMs`: does what is due. Call it at {@link deadlineMs}. */
  handleTimeout(nowMs: number): void {
    if (this.#isPaused) this.#liveness.heard();
    for (let action = this.#liveness.due(nowMs); action !== undefined; action = this.#liveness.due(nowMs)) {
      switch (action) {
        case "ping":
          this.ping();
          break;
        case "pong-timeout":
          this.#liveness.stopKeepalive();
          this.terminate(lost("PONG_TIMEOUT", `no pong within ${this.config.pongTimeoutMs} ms`));
          break;
        case "idle-timeout":
          this.#liveness.stopKeepalive();
          this.beginClose(
            CloseCode.goingAway,
            "idle timeout",
            lost("IDLE_TIMEOUT", `nothing received for ${this.config.idleTimeoutMs} ms`),
          );
          break;
        case "lifetime-end":
          this.beginClose(CloseCode.goingAway, "maximum lifetime reached", undefined);
          break;
        case "phase-timeout":
          this.phaseTimeout();
          break;
      }
    }
  }

  private phaseTimeout(): void {
    const closing = this.#closing;
    if (closing !== undefined) {
      this.terminate(
        lost("CLOSE_TIMEOUT", `no end of the closing handshake in ${this.config.closeTimeoutMs} ms`),
      );
      return;
    }
    const error = lost("MESSAGE_TIMEOUT", `a message not complete after ${this.config.messageTimeoutMs} ms`);
    this.beginClose(CloseCode.policyViolation, "message timeout", error);
    this.#closing!.isFailed = true;
    this.config.handler.disconnect(this.owner, "end");
  }

  private beginClosePhase(): void {
    this.#liveness.stopKeepalive();
    this.beginPhase(this.config.closeTimeoutMs);
  }

  /** @internal From now on something of the peer has so much time. */
  protected beginPhase(timeoutMs: number): void {
    this.moveDeadline(() => this.#liveness.beginPhase(this.config.host.nowMs(), timeoutMs));
  }

  /** @internal Tells the host if `move` makes the deadline an earlier one. */
  protected moveDeadline(move: () => void): void {
    const before = this.#liveness.deadlineMs;
    move();
    if (this.#liveness.deadlineMs < before) this.config.handler.deadlineChanged(this.owner);
  }
}

function lost(code: ConnectionErrorCode, message: string): ConnectionError {
  return new ConnectionError(code, message);
}

function messageOf(cause: unknown): string {
  return cause instanceof HawserError || cause instanceof Error ? cause.message : String(cause);
}
