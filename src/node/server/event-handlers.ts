import { CloseEvent } from "../client/close-event.js";
import { ErrorEvent } from "../client/error-event.js";
import type { ConnectionHandlers } from "../connection/connection-options.js";
import { warnOf } from "../thrown-text.js";
import type { ServerConnection } from "./server-connection.js";

/** The handlers of a connection in the shape of Hono's `upgradeWebSocket`. All are optional, and may be async. */
export interface WebSocketEvents {
  /** The opening handshake is done. */
  onOpen?(event: Event, socket: EventSocket): unknown;
  /** A message came: `data` is a string for text, an `ArrayBuffer` or a `Blob` for binary. */
  onMessage?(event: MessageEvent, socket: EventSocket): unknown;
  /** The connection is gone. */
  onClose?(event: CloseEvent, socket: EventSocket): unknown;
  /** Something went wrong; `error` of the event says what. */
  onError?(event: ErrorEvent, socket: EventSocket): unknown;
}

/** The connection as {@link WebSocketEvents} see it: what Hono calls a `WSContext`. */
export class EventSocket {
  /** The connection itself, which can do more. */
  readonly raw: ServerConnection<unknown>;
  /** What binary messages come as. */
  binaryType: "arraybuffer" | "blob" = "arraybuffer";
  /** Where it was opened, with the scheme of the transport to us. */
  readonly url: URL | null;
  /** The subprotocol; null if none. */
  readonly protocol: string | null;

  constructor(raw: ServerConnection<unknown>) {
    const { isSecure, host, target } = raw.request;
    const url = `${isSecure ? "wss" : "ws"}://${host}${target}`;
    this.raw = raw;
    this.url = URL.canParse(url) ? new URL(url) : null;
    this.protocol = raw.protocol === "" ? null : raw.protocol;
  }

  /** 1 while open, 2 while closing, 3 afterwards. */
  get readyState(): 0 | 1 | 2 | 3 {
    const { state } = this.raw;
    return state === "open" ? 1 : state === "closing" ? 2 : 3;
  }

  /** Sends a message: a string as text, bytes as binary. `socket.raw.send` says what became of it. */
  send(data: string | ArrayBuffer | Uint8Array, options: { compress?: boolean } = {}): void {
    this.raw.send(data, options);
  }

  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void {
    void this.raw.close(code, reason);
  }
}

/**
 * Handlers of Hawser from handlers of events, as Hono's `upgradeWebSocket` has them. With it, Hono's helper for Hawser is
 * three lines: see `docs/howto/web-frameworks.md`. What one throws is a warning of the process and closes with 1011.
 */
export function eventHandlers(events: WebSocketEvents): ConnectionHandlers<ServerConnection<unknown>> {
  const sockets = new WeakMap<ServerConnection<unknown>, EventSocket>();
  const of = (raw: ServerConnection<unknown>): EventSocket => {
    let socket = sockets.get(raw);
    if (socket === undefined) sockets.set(raw, (socket = new EventSocket(raw)));
    return socket;
  };
  return {
    open: (raw) => resultOf(events.onOpen?.(new Event("open"), of(raw))),
    message(raw, data) {
      if (events.onMessage === undefined) return;
      const socket = of(raw);
      const event = new MessageEvent("message", { data: dataOf(data, socket.binaryType) });
      return resultOf(events.onMessage(event, socket));
    },
    close(raw, { code, reason, wasClean }) {
      return resultOf(events.onClose?.(new CloseEvent("close", { code, reason, wasClean }), of(raw)));
    },
    error(raw, error) {
      if (error.code === "HANDLER_ERROR") warnOf(error.cause);
      return resultOf(events.onError?.(new ErrorEvent("error", error), of(raw)));
    },
  };
}

/** Handlers of Hono are of any type; a promise among them must be heard of when it is rejected. */
function resultOf(result: unknown): void | Promise<void> {
  return result as void | Promise<void>;
}

function dataOf(data: string | Buffer, binaryType: "arraybuffer" | "blob"): string | ArrayBuffer | Blob {
  if (typeof data === "string") return data;
  if (binaryType === "blob") return new Blob([data]);
  const { buffer, byteOffset, byteLength } = data;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
