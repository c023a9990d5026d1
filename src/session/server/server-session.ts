import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import type { TokenBucket } from "../../core/token-bucket.js";
import { checkEnd } from "../machine/check-end.js";
import { checkMessage } from "../machine/check-message.js";
import { ServerMachine } from "../machine/server-machine.js";
import { SessionPeer } from "../peer/session-peer.js";
import type { MessageOptions, SendStatus, SessionEnd } from "../peer-port.js";
import type { TransportName } from "../transport-port.js";
import type { OpenPacket } from "../wire/open-packet.js";
import { SessionCode } from "../wire/session-code.js";
import { SessionSignal } from "../wire/session-signal.js";
import { checkSendAway } from "./check-send-away.js";
import { Pause } from "./pause.js";
import type { SessionKeeper } from "./session-keeper.js";

const NO_BYTES = new Uint8Array(0);

/**
 * A client's session on a server. It outlives its transports: what is sent while there is none waits, and is not lost unless
 * the session is. Using it behind its end never throws; `send` says `closed`.
 *
 * @typeParam Data what the application keeps with it: what `authenticate` accepted.
 * @typeParam Request what is known of the request that opened it.
 */
export class ServerSession<Data = undefined, Request = unknown>
  extends SessionPeer
  implements TimerWheelEntry
{
  /** Yours: what `authenticate` accepted, and again when there were new credentials. */
  data: Data;
  /** The request that the first transport of this session came in. */
  readonly request: Request;
  /** @internal */
  readonly machine: ServerMachine<ServerSession<Data, Request>>;
  /** @internal Whom it counts for. */
  readonly address: string;
  /** @internal */
  timerNext: TimerWheelEntry | null = null;
  /** @internal */
  timerPrevious: TimerWheelEntry | null = null;
  /** @internal */
  timerSlot = -1;
  /** @internal Limits on what comes, where there are any. */
  rates: readonly [messages: TokenBucket, bytes: TokenBucket] | undefined = undefined;
  /** @internal New credentials that wait until those before them were judged. */
  nextCredentials: Uint8Array | undefined = undefined;
  /** @internal Whether no transport carries it. */
  isSuspended = true;
  /** @internal Whether credentials are being judged, or were too often just now. */
  isAuthenticating = false;
  /** @internal How often they were; undefined as long as there were none but the first. */
  judged: TokenBucket | undefined = undefined;
  readonly #server: SessionKeeper<ServerSession<Data, Request>>;
  #transport: TransportName;
  /** What keeps its client to the rates just now. */
  #pauses: Set<Pause> | undefined = undefined;

  /** @internal Made by the server. */
  constructor(
    server: SessionKeeper<ServerSession<Data, Request>>,
    open: OpenPacket,
    transport: TransportName,
    data: Data,
    request: Request,
    address: string,
  ) {
    super();
    this.#server = server;
    this.#transport = transport;
    this.data = data;
    this.request = request;
    this.address = address;
    const { config, deadlines, ownerName } = server;
    this.machine = new ServerMachine(config, deadlines, this, open, ownerName);
  }

  /** The way that it travels, or did before it lost its transport. */
  get transport(): TransportName {
    return this.machine.active?.transport.name ?? this.#transport;
  }

  /**
   * How much it holds, in bytes: what was sent and is not confirmed, each message counting 64 more; what came of messages that are
   * not complete; and what came and waits for its receiver, text counting twice its length and 64, bytes 320 more.
   */
  get heldBytes(): number {
    return this.machine.heldBytes + this.heldIncomingBytes;
  }

  /**
   * Sends on the channel that every session has; `session.channel(name)` for others.
   * @throws `UsageError` `INVALID_PAYLOAD` for anything but strings and bytes; `INVALID_OPTION` for an id of other than 1 to 32 bytes.
   */
  send(data: string | Uint8Array, options?: MessageOptions): SendStatus {
    const { machine } = this;
    checkMessage(data, options?.id);
    const status = machine.send(machine.channel, data, options);
    if (status !== "sent") this.noteStatus(status);
    return status;
  }

  /** @internal As {@link send}, of bytes that many get, and that are encoded already. */
  sendShared(record: Uint8Array, payload: Uint8Array, options: MessageOptions): SendStatus {
    const status = this.machine.sendShared(record, payload, options);
    if (status !== "sent") this.noteStatus(status);
    return status;
  }

  /** Resolves with true when there is room on the channel that every session has, with false if the session ends. */
  ready(): Promise<boolean> {
    return this.channel("").ready();
  }

  /**
   * Ends the session at once; what is not confirmed is lost. The client begins a new one, unless the code says to stop. What it sent
   * before, and waits for its receivers, is still handed over, within `closeTimeoutMs`: it counts as delivered.
   * @param code a session code from 4200 to 4599. Default 4400, `closed`.
   * @throws `UsageError` `CLOSE_CODE_NOT_ALLOWED` for any other code, `INVALID_OPTION` for a reason that is no text.
   */
  end(code: number = SessionCode.closed, reason = ""): void {
    checkEnd(code, reason, SessionCode.expired);
    this.machine.end(code, reason);
  }

  /**
   * Has the client come back over another transport, at a random time between `notBeforeMs` and `spreadMs` later. Nothing is
   * lost: the session waits for it.
   * @throws `UsageError` `INVALID_OPTION` for a time that is negative or no number, or a reason that is no text.
   */
  sendAway(notBeforeMs = 0, spreadMs = 0, reason = ""): void {
    checkSendAway(notBeforeMs, spreadMs, reason);
    this.machine.flush();
    this.machine.sendAway(SessionCode.goingAway, reason, notBeforeMs, spreadMs);
  }

  /** Asks the client for new credentials, which `authenticate` will be given: a token is about to expire, say. */
  askForCredentials(): void {
    this.machine.signal(SessionSignal.askForCredentials, NO_BYTES);
  }

  // --- For the server --------------------------------------------------------------------------------------------

  /** @internal Part of `TimerWheelEntry`. */
  onDeadline(nowMs: number): number {
    if (nowMs >= this.machine.deadlineMs) this.machine.handleTimeout();
    return this.machine.deadlineMs;
  }

  /** @internal At the end of a turn in which there was something to send. */
  flush(): void {
    this.machine.flush();
    this.#server.flushed();
  }

  /** @internal It goes on over another way. */
  carriedBy(transport: TransportName): void {
    this.#transport = transport;
  }

  /** @internal */
  protected take(
    data: string | Uint8Array,
    id: Uint8Array | undefined,
    channel: string,
  ): undefined | Promise<void> | "refused" {
    return this.#server.message(this, data, id, channel);
  }

  /** @internal */
  protected admits(channel: string): boolean | Promise<boolean> {
    return this.#server.admits(this, channel) ?? this.hasReceiver("*");
  }

  /** @internal */
  protected override pace(byteLength: number): Promise<void> | undefined {
    const { rates } = this;
    if (rates === undefined || this.machine.isEnded) return undefined;
    const { host } = this.#server;
    const nowMs = host.nowMs();
    const delayMs = Math.max(rates[0].take(1, nowMs), rates[1].take(byteLength, nowMs));
    if (delayMs <= 0) return undefined;
    const pause = new Pause(host, nowMs + delayMs);
    const pauses = (this.#pauses ??= new Set());
    pauses.add(pause);
    return pause.over.then(() => void pauses.delete(pause));
  }

  /** @internal See `SessionHandler.ended`. */
  override onEnded(end: SessionEnd): void {
    // Nothing more comes that would have to be slowed down.
    for (const pause of this.#pauses ?? []) pause.cutShort();
    super.onEnded(end);
  }

  /** @internal */
  protected receiverFailed(error: unknown): void {
    this.#server.failed(this, error);
  }

  /** @internal */
  protected override refusedUnheard(channel: string, code: number): void {
    this.#server.refused(this, channel, code);
  }

  /** @internal */
  protected finished(end: SessionEnd): void {
    this.#server.finished(this, end);
  }
}
