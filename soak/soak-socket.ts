import { connect, WebSocket as HawserWebSocket } from "hawser/client";
import { Agent, WebSocket as UndiciWebSocket } from "undici";
import { WebSocket as WsWebSocket } from "ws";
import type { Payload } from "./verified-messages.js";

/** How a connection ended. */
export interface SoakEnd {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** A WebSocket client of any kind, as far as the soak uses one. */
export interface SoakSocket {
  readonly isOpen: boolean;
  readonly bufferedBytes: number;
  readonly closed: Promise<SoakEnd>;
  send(message: Payload): boolean;
  /** In fragments, where the kind can. */
  sendInPieces?(pieces: readonly Buffer[], isText: boolean): boolean;
  ping?(): void;
  pause?(): void;
  resume?(): void;
  close(code: number, reason: string): void;
  terminate?(): void;
}

/** Opens a connection; rejects if that fails. */
export type SoakOpener = (
  url: string,
  ca: string,
  onMessage: (message: Payload) => void,
) => Promise<SoakSocket>;

const HANDSHAKE_TIMEOUT_MS = 5_000;

const openHawser: SoakOpener = async (url, ca, onMessage) => {
  const socket = await connect(url, {
    tls: { ca },
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    pingIntervalMs: 1_000,
    pongTimeoutMs: 2_000,
    closeTimeoutMs: 1_000,
    message: (_socket, data) => onMessage(data),
    error() {},
  });
  return {
    get isOpen() {
      return socket.state === "open";
    },
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    closed: socket.closed,
    send: (message) => ["sent", "queued"].includes(socket.send(message)),
    sendInPieces(pieces, isText) {
      if (socket.state !== "open") return false;
      const writer = socket.startMessage({ binary: !isText });
      for (const piece of pieces) writer.write(piece);
      writer.end();
      return true;
    },
    ping: () => void socket.ping(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: (code, reason) => void socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
};

const openWs: SoakOpener = (url, ca, onMessage) => {
  const socket = new WsWebSocket(url, { ca, handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
  socket.on("message", (data: Buffer, isBinary: boolean) => onMessage(isBinary ? data : data.toString()));
  const closed = new Promise<SoakEnd>((resolve) => {
    socket.on("close", (code, reason) =>
      resolve({ code, reason: reason.toString(), wasClean: code !== 1006 }),
    );
  });
  const opened: SoakSocket = {
    get isOpen() {
      return socket.readyState === WsWebSocket.OPEN;
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    closed,
    send(message) {
      if (!opened.isOpen) return false;
      socket.send(message);
      return true;
    },
    sendInPieces(pieces, isText) {
      if (!opened.isOpen) return false;
      for (const piece of pieces) socket.send(piece, { binary: !isText, fin: false });
      socket.send("", { binary: !isText, fin: true });
      return true;
    },
    ping: () => socket.ping(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () => resolve(opened));
  });
};

/** What the two W3C classes have in common. */
type W3cSocket = Pick<HawserWebSocket, "binaryType" | "readyState" | "bufferedAmount" | "send" | "close"> & {
  addEventListener(type: string, listener: (event: { data: unknown }) => void): void;
};

function openW3c(socket: W3cSocket, onMessage: (message: Payload) => void): Promise<SoakSocket> {
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    onMessage(typeof data === "string" ? data : Buffer.from(data as ArrayBuffer));
  });
  socket.addEventListener("error", () => {});
  const closed = new Promise<SoakEnd>((resolve) => {
    socket.addEventListener("close", (event) => resolve(event as unknown as SoakEnd));
  });
  const opened: SoakSocket = {
    get isOpen() {
      return socket.readyState === 1;
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    closed,
    send(message) {
      if (!opened.isOpen) return false;
      socket.send(message as string);
      return true;
    },
    close: (code, reason) => socket.close(code, reason),
  };
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => resolve(opened));
    void closed.then(() => reject(new Error("not opened")));
  });
}

const openHawserW3c: SoakOpener = (url, ca, onMessage) =>
  openW3c(
    new HawserWebSocket(url, [], {
      tls: { ca },
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    }) as unknown as W3cSocket,
    onMessage,
  );

let agent: Agent | undefined;

const openUndici: SoakOpener = (url, ca, onMessage) => {
  agent ??= new Agent({
    connect: { ca, timeout: HANDSHAKE_TIMEOUT_MS },
    headersTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  return openW3c(new UndiciWebSocket(url, { dispatcher: agent }) as unknown as W3cSocket, onMessage);
};

/** Closes what the clients share. */
export async function closeShared(): Promise<void> {
  await agent?.destroy();
}

/** The kinds of clients, Hawser's own three times as often. */
export const OPENERS: readonly (readonly [name: string, open: SoakOpener])[] = [
  ["hawser", openHawser],
  ["hawser", openHawser],
  ["hawser", openHawser],
  ["hawser WebSocket", openHawserW3c],
  ["ws", openWs],
  ["undici", openUndici],
];
