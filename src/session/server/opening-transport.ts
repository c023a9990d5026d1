import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import type { Transport, TransportReceiver } from "../transport-port.js";
import { endBlock } from "../wire/end-packet.js";
import { type OpenPacket, readOpen } from "../wire/open-packet.js";
import { PacketType } from "../wire/packet-type.js";
import { actionOf, SessionCode } from "../wire/session-code.js";
import type { SessionServerHost } from "./session-server-host.js";

/** Receives from a transport that belongs to no session yet: its first block says to which it wants. */
export class OpeningTransport<Request> implements TransportReceiver, TimerWheelEntry {
  readonly transport: Transport;
  /** The request that it came in. */
  readonly request: Request;
  /** Whether another node has the client, and asked for a session of this one. */
  readonly isRelayed: boolean;
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  /** Whether nothing can be said to it any more: it has gone, or was refused. */
  isGone = false;
  readonly #host: SessionServerHost;
  readonly #opened: (opening: OpeningTransport<Request>, open: OpenPacket) => void;
  readonly #deadlineMs: number;
  #hasOpened = false;

  constructor(
    host: SessionServerHost,
    transport: Transport,
    request: Request,
    timeoutMs: number,
    opened: (opening: OpeningTransport<Request>, open: OpenPacket) => void,
    isRelayed = false,
  ) {
    this.#host = host;
    this.transport = transport;
    this.request = request;
    this.isRelayed = isRelayed;
    this.#opened = opened;
    this.#deadlineMs = host.nowMs() + timeoutMs;
    transport.receiver = this;
    host.schedule(this, this.#deadlineMs);
  }

  /** A session takes it over, or it is gone. */
  release(): void {
    this.#host.unschedule(this);
  }

  /**
   * Ends it with a word: what the range of the code says, the session is to hear, or the transport alone.
   * @param notBeforeMs when the client is to come back.
   * @param spreadMs over how long to spread those who come back.
   */
  refuse(code: number, reason: string, notBeforeMs = 0, spreadMs = 0): void {
    if (this.isGone) return;
    this.isGone = true;
    this.release();
    const type = actionOf(code) === "retry" ? PacketType.leave : PacketType.reset;
    const bytes = this.#host.allocate(3 * reason.length);
    const end = this.#host.utf8Write(reason, bytes, 0);
    const block = endBlock(type, code, bytes.subarray(0, end), notBeforeMs, spreadMs);
    this.transport.send(block, 0, block.length);
    this.transport.close(code, reason);
  }

  block(bytes: Uint8Array, start: number, end: number): void {
    if (this.isGone) return;
    const open = this.#hasOpened ? undefined : readOpen(bytes, start, end);
    this.#hasOpened = true;
    if (open === undefined) this.refuse(SessionCode.badPacket, "the first block is not an open");
    else if (open.version === 0) this.refuse(SessionCode.unsupportedVersion, "no version in common");
    else this.#opened(this, open);
  }

  drained(): void {}

  lost(): void {}

  closed(): void {
    this.isGone = true;
    this.release();
  }

  onDeadline(nowMs: number): number {
    if (nowMs < this.#deadlineMs) return this.#deadlineMs;
    this.refuse(SessionCode.timeout, "not opened in time");
    return Infinity;
  }
}
