import type { ReadableStream, WritableStream } from "node:stream/web";
import { ConnectionError, type HawserError } from "../../core/hawser-error.js";
import { CloseCode } from "../../protocol/close-code.js";
import type { CloseResult } from "../../protocol/closing-handshake.js";
import { Engine } from "../../protocol/engine.js";
import type { EngineConfig } from "../../protocol/engine-config.js";
import type { DeflateParameters } from "../../protocol/extensions/deflate-negotiation.js";
import type { ByteStream } from "../byte-stream.js";
import { thrownText, warnOf } from "../thrown-text.js";
import type { InternalHandlers } from "./connection-options.js";
import type { ConnectionSettings } from "./connection-settings.js";
import type { DeferredMessages } from "./deferred-messages.js";
import type { HeldBytes } from "./held-bytes.js";
import type { MemoryBudget } from "./memory-budget.js";
import type { Message, MessageQueue } from "./message-queue.js";
import type { ReceiveRate } from "./receive-rate.js";
import { watchRejection } from "./watch-rejection.js";

/** What all connections of an endpoint share; made once. `Socket` is what they are to the engine and the handlers. */
export interface SharedContext<Socket> {
  readonly config: EngineConfig<Socket>;
  readonly settings: ConnectionSettings;
  readonly handlers: InternalHandlers<Socket>;
  /** The budget of all connections of a server. */
  readonly memory: MemoryBudget | undefined;
}

/** What the opening handshake agreed on. */
export interface Agreement {
  readonly protocol: string;
  readonly extensions: string;
  readonly deflate: DeflateParameters | undefined;
}

/** What few connections use, so that the others do not pay for it. */
export interface ConnectionExtras {
  closed?: Promise<CloseResult>;
  resolveClosed?: (result: CloseResult) => void;
  result?: CloseResult;
  /** Whether `close` has been called: nothing is called behind it. */
  isOver?: boolean;
  readyWaiters?: ((isOpen: boolean) => void)[] | undefined;
  /** Whether the stream will tell when what is in it now has left. */
  hearsWhenLeft?: boolean;
  queue?: MessageQueue;
  readable?: ReadableStream<Message>;
  writable?: WritableStream<Message>;
  deferred?: DeferredMessages | undefined;
  /** Received while something else was being handled. */
  late?: HeldBytes | undefined;
  rate?: ReceiveRate;
  /** How many pieces wait in the stream behind others. */
  waitingPieces?: number;
  onPieceLeft?: () => void;
}

/**
 * What every part of a connection needs: the stream and the engine, which it stands between, the handlers and how they are
 * called. The parts are classes, each derived from the one before, and so one object a connection: `ConnectionCore`,
 * `SendingConnection`, `ReceivingConnection`, `MeasuredConnection`, `Connection`. Each keeps its own state in private
 * fields. Below the last their methods are `protected` or `private`: a class with `#methods` costs each connection a word.
 *
 * @typeParam Data what the application keeps with the connection.
 * @typeParam Socket what a connection is to the engine and the handlers.
 */
export abstract class ConnectionCore<Data, Socket> {
  /** Yours: what the application keeps with this connection. On a server, what the `upgrade` hook returned. */
  data: Data;
  /** The subprotocol that was agreed on; empty if none. */
  readonly protocol: string;
  /** The extensions that were agreed on, as in the header; empty if none. */
  readonly extensions: string;
  readonly #context: SharedContext<Socket>;
  readonly #engine: Engine<Socket>;
  readonly #stream: ByteStream;
  #extras: ConnectionExtras | undefined = undefined;
  #isGone = false;

  /** @internal Made by a server or by `connect()`. */
  constructor(context: SharedContext<Socket>, stream: ByteStream, data: Data, agreed: Agreement) {
    this.#context = context;
    this.#stream = stream;
    this.data = data;
    this.protocol = agreed.protocol;
    this.extensions = agreed.extensions;
    this.#engine = new Engine(context.config, this.socket, agreed.deflate);
  }

  /** `open`, then `closing` from the first close frame on, then `closed` when the transport is gone. */
  get state(): "open" | "closing" | "closed" {
    if (this.#isGone) return "closed";
    return this.#engine.isOpen ? "open" : "closing";
  }

  /** The round-trip time of the last ping that was answered, in ms; undefined before the first. */
  get latencyMs(): number | undefined {
    return this.#engine.latencyMs;
  }

  /** Begins the closing handshake. */
  abstract close(code?: number, reason?: string): Promise<CloseResult>;

  /** @internal What it held when it was counted last. */
  abstract get heldBytes(): number;

  /** @internal Counts what it holds again. */
  abstract recount(): void;

  /** @internal A deadline is earlier than it was. */
  protected abstract reschedule(): void;

  /** @internal This, as the engine and the handlers know it. */
  protected get socket(): Socket {
    return this as unknown as Socket;
  }

  /** @internal */
  protected get context(): SharedContext<Socket> {
    return this.#context;
  }

  /** @internal */
  protected get engine(): Engine<Socket> {
    return this.#engine;
  }

  /** @internal */
  protected get stream(): ByteStream {
    return this.#stream;
  }

  /** @internal Undefined while nothing of it was used. */
  protected get extras(): ConnectionExtras | undefined {
    return this.#extras;
  }

  /** @internal */
  protected needExtras(): ConnectionExtras {
    this.#extras ??= {};
    return this.#extras;
  }

  /** @internal Whether the transport is gone. */
  protected get isGone(): boolean {
    return this.#isGone;
  }

  /** @internal */
  protected transportGone(): void {
    this.#isGone = true;
  }

  // --- Handlers that throw -------------------------------------------------------------------------------------

  /** @internal Calls a handler. */
  protected guard(call: () => void | Promise<void>): void {
    try {
      const result = call();
      if (result !== undefined) this.watch(result);
    } catch (error) {
      this.handlerFailed(error);
    }
  }

  /** @internal What an async handler returned. */
  protected watch(result: Promise<void>): void {
    watchRejection(result, (error) => this.handlerFailed(error));
  }

  /** @internal */
  protected handlerFailed(cause: unknown): void {
    const error = new ConnectionError("HANDLER_ERROR", `a handler failed: ${thrownText(cause)}`, cause);
    if (this.#context.handlers.error === undefined || this.#extras?.isOver === true) warnOf(cause);
    else this.reportError(error);
    if (this.#engine.isOpen) void this.close(CloseCode.internalError, "internal error");
  }

  /** @internal */
  protected reportError(error: HawserError): void {
    const { handlers } = this.#context;
    try {
      const result = handlers.error?.(this.socket, error);
      if (result !== undefined) watchRejection(result, warnOf);
    } catch (failure) {
      warnOf(failure);
    }
  }
}
