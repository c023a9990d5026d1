/** A library, and the way its messages take. */
export interface Contestant {
  readonly id: string;
  /** What tables call it. */
  readonly label: string;
  /** Which programs speak it. */
  readonly library: "hawser" | "hawser-socket" | "socket.io" | "sockjs";
  /** In the words of the library. */
  readonly transport: string;
}

function contestant(library: Contestant["library"], label: string, transport: string): Contestant {
  return { id: `${library} ${transport}`, label, library, transport };
}

/** Sessions over a WebSocket: what is compared by default. */
export const HAWSER: Contestant = contestant("hawser", "Hawser, WebSocket", "websocket");
/** Hawser without sessions: what they cost is measured against it. */
export const HAWSER_SOCKET: Contestant = contestant("hawser-socket", "Hawser's raw socket", "websocket");
export const SOCKET_IO: Contestant = contestant("socket.io", "Socket.IO, WebSocket", "websocket");
export const SOCKJS: Contestant = contestant("sockjs", "SockJS, WebSocket", "websocket");

/** All ways, for what a message costs on the wire. */
export const ALL_WAYS: readonly Contestant[] = [
  HAWSER,
  contestant("hawser", "Hawser, stream", "stream"),
  contestant("hawser", "Hawser, SSE", "sse"),
  contestant("hawser", "Hawser, long polling", "long-polling"),
  contestant("hawser", "Hawser, polling", "polling"),
  SOCKET_IO,
  contestant("socket.io", "Socket.IO, long polling", "polling"),
  SOCKJS,
  contestant("sockjs", "SockJS, XHR streaming", "xhr-streaming"),
  contestant("sockjs", "SockJS, XHR polling", "xhr-polling"),
];
