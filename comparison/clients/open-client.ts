import { connect as connectSession, type TransportName } from "hawser";
import { connect as connectSocket } from "hawser/client";
import type { Contestant } from "../contestant.js";
import { requireFetched } from "../fetched-packages.js";
import {
  type ComparedClient,
  type ComparedClientEvents,
  MAX_RECONNECT_MS,
  RECONNECT_MS,
} from "./compared-client.js";

/** Opens a client of a library; it comes back by itself when its connection is lost. */
export function openClient(
  { library, transport }: Contestant,
  port: number,
  events: ComparedClientEvents,
): ComparedClient {
  switch (library) {
    case "hawser":
      return hawserClient(transport as TransportName, port, events);
    case "hawser-socket":
      return hawserSocket(port, events);
    case "socket.io":
      return socketIoClient(transport, port, events);
    case "sockjs":
      return sockJsClient(transport, port, events);
  }
}

function hawserClient(transport: TransportName, port: number, events: ComparedClientEvents): ComparedClient {
  const session = connectSession(`ws://127.0.0.1:${port}/live`, {
    transports: [transport],
    reconnectDelayMs: RECONNECT_MS,
    maxReconnectDelayMs: MAX_RECONNECT_MS,
    message: (_session, data) => events.message(String(data)),
    state: (_session, { status }) => {
      if (status === "live") events.opened();
    },
  });
  return { send: (text) => void session.send(text), close: () => void session.close() };
}

function hawserSocket(port: number, events: ComparedClientEvents): ComparedClient {
  const opening = connectSocket(`ws://127.0.0.1:${port}/`, {
    compression: false,
    open: () => events.opened(),
    message: (_socket, data) => events.message(String(data)),
  });
  let send = (text: string): void => void opening.then((socket) => socket.send(text));
  void opening.then((socket) => {
    send = (text) => void socket.send(text);
  });
  return { send: (text) => send(text), close: () => void opening.then((socket) => socket.terminate()) };
}

interface IoClient {
  on(event: string, listener: (data: string) => void): void;
  emit(event: string, data: string): void;
  close(): void;
}

function socketIoClient(transport: string, port: number, events: ComparedClientEvents): ComparedClient {
  const { io } = requireFetched("socket.io-client") as { io(url: string, options: object): IoClient };
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: [transport],
    forceNew: true,
    reconnectionDelay: RECONNECT_MS,
    reconnectionDelayMax: MAX_RECONNECT_MS,
  });
  socket.on("connect", () => events.opened());
  socket.on("message", (data) => events.message(data));
  return { send: (text) => socket.emit("message", text), close: () => socket.close() };
}

interface SockJsClient {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: string }) => void) | null;
  onclose: (() => void) | null;
  readonly readyState: number;
  send(text: string): void;
  close(): void;
}

/** It neither comes back nor waits: an application has to, and this is the usual way. */
function sockJsClient(transport: string, port: number, events: ComparedClientEvents): ComparedClient {
  const SockJs = requireFetched("sockjs-client") as new (
    url: string,
    protocols: null,
    options: object,
  ) => SockJsClient;
  let isClosed = false;
  let waiting: string[] = [];
  let socket: SockJsClient;
  const begin = (): void => {
    socket = new SockJs(`http://127.0.0.1:${port}/live`, null, { transports: [transport] });
    socket.onopen = () => {
      events.opened();
      const before = waiting;
      waiting = [];
      for (const text of before) socket.send(text);
    };
    socket.onmessage = ({ data }) => events.message(data);
    socket.onclose = () => {
      if (!isClosed) setTimeout(begin, RECONNECT_MS);
    };
  };
  begin();
  return {
    send(text) {
      if (socket.readyState === 1) socket.send(text);
      else waiting.push(text);
    },
    close() {
      isClosed = true;
      socket.close();
    },
  };
}
