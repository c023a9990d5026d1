// The endpoint /wire: what happens on the sockets of a tab of the chat. A page cannot see frames or heads of requests, so the
// server watches them and tells. A raw WebSocket beside the session of the chat: one that looks at it must not be part of it.
import { frameHeaderLength } from "hawser/protocol";
import {
  accept,
  CloseCode,
  type CloseDiagnostic,
  closeCodeName,
  diagnostics,
  endpoint,
  type FrameDiagnostic,
  type OpenDiagnostic,
  refuse,
  type ServerConnection,
} from "hawser/server";
import { Tab, tabOf } from "./tab.js";

type Socket = ServerConnection<unknown>;

/** RSV1, the first of the three reserved bits. */
const RSV1 = 4;

const OPCODE_NAMES: Readonly<Record<number, string>> = {
  0: "continuation",
  1: "text",
  2: "binary",
  8: "close",
  9: "ping",
  10: "pong",
};

export const wire = endpoint<Tab>({
  upgrade(request) {
    const tab = tabOf(request.query);
    return tab === undefined ? refuse(404, { body: "No such tab.\n" }) : accept(tab);
  },
  open(socket) {
    socket.data.watch(socket);
  },
  message(socket) {
    void socket.close(CloseCode.policyViolation, "this endpoint only talks");
  },
  close(socket) {
    socket.data.watchers.delete(socket);
  },
});

const tabsBySocket = new WeakMap<Socket, Tab>();

diagnostics.open.subscribe((event) => {
  const { socket, requestHead, responseHead } = event as OpenDiagnostic<Socket>;
  // Those that watch are not watched, and the laboratory counts by itself.
  if (socket.data instanceof Tab || socket.request.path !== "/chat") return;
  const tab = tabOf(socket.request.query);
  if (tab === undefined) return;
  tabsBySocket.set(socket, tab);
  tab.add({ type: "handshake", request: withoutSecrets(requestHead), response: responseHead.trim() });
});

diagnostics.frame.subscribe((event) => {
  const frame = event as FrameDiagnostic<Socket>;
  tabsBySocket.get(frame.socket)?.add({
    type: "frame",
    to: frame.direction === "received" ? "server" : "browser",
    opcode: OPCODE_NAMES[frame.opcode] ?? `0x${frame.opcode.toString(16)}`,
    fin: frame.fin,
    rsv1: (frame.reservedBits & RSV1) !== 0,
    masked: frame.masked,
    payloadBytes: frame.payloadBytes,
    headerBytes: frameHeaderLength(frame.payloadBytes, frame.masked),
  });
});

diagnostics.close.subscribe((event) => {
  const { socket, result } = event as CloseDiagnostic<Socket>;
  const isOurs = result.initiator === "local";
  const { code, reason } = (isOurs ? result.sent : result.received) ?? result;
  tabsBySocket.get(socket)?.add({
    type: "close",
    by: isOurs ? "server" : "browser",
    code,
    name: closeCodeName(code),
    reason,
    wasClean: result.wasClean,
  });
});

/** Cookies may be kept from scripts (`HttpOnly`), so they are not handed to one. */
function withoutSecrets(head: string): string {
  return head.trim().replace(/^(cookie|authorization): .*$/gim, "$1: (not shown)");
}
