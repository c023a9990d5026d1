// The endpoint /wire: what happens on a connection of the chat, frame by frame. A page cannot see frames, so the
// server watches them through the diagnostics of Hawser and tells.
import { randomUUID } from "node:crypto";
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
import type { WireRecord } from "./messages.js";

type Socket = ServerConnection<unknown>;

/** How many records wait for a page that has not opened /wire yet. */
const MAX_KEPT_RECORDS = 200;

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

/** The records of one connection. */
class WireLog {
  readonly id: string = randomUUID(); // cannot be guessed: who has it may watch
  readonly watchers = new Set<ServerConnection<WireLog>>();
  readonly #records: string[] = [];
  readonly #openedAtMs = performance.now();

  get ageMs(): number {
    return performance.now() - this.#openedAtMs;
  }

  add(record: WireRecord): void {
    const json = JSON.stringify(record);
    this.#records.push(json);
    if (this.#records.length > MAX_KEPT_RECORDS) this.#records.shift();
    for (const watcher of this.watchers) watcher.send(json);
  }

  watch(watcher: ServerConnection<WireLog>): void {
    for (const json of this.#records) watcher.send(json);
    this.watchers.add(watcher);
  }
}

const logsById = new Map<string, WireLog>();
const logsBySocket = new WeakMap<Socket, WireLog>();

export const wire = endpoint<WireLog>({
  upgrade(request) {
    const log = logsById.get(request.query.get("id") ?? "");
    return log === undefined ? refuse(404, { body: "No such connection.\n" }) : accept(log);
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

/** The id with which the page of this connection can watch it. */
export function wireIdOf(socket: Socket): string {
  return logsBySocket.get(socket)?.id ?? "";
}

diagnostics.open.subscribe((event) => {
  const { socket, requestHead, responseHead } = event as OpenDiagnostic<Socket>;
  if (socket.data instanceof WireLog) return; // else watching would be something to watch
  const log = new WireLog();
  logsBySocket.set(socket, log);
  logsById.set(log.id, log);
  log.add({ type: "handshake", request: withoutSecrets(requestHead), response: responseHead.trim() });
});

diagnostics.frame.subscribe((event) => {
  const frame = event as FrameDiagnostic<Socket>;
  const log = logsBySocket.get(frame.socket);
  log?.add({
    type: "frame",
    atMs: log.ageMs,
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
  const log = logsBySocket.get(socket);
  if (log === undefined) return;
  const isOurs = result.initiator === "local";
  const { code, reason } = (isOurs ? result.sent : result.received) ?? result;
  log.add({
    type: "close",
    atMs: log.ageMs,
    by: isOurs ? "server" : "browser",
    code,
    name: closeCodeName(code),
    reason,
    wasClean: result.wasClean,
  });
  logsById.delete(log.id);
  for (const watcher of log.watchers) void watcher.close(CloseCode.normal, "nothing more to see");
});

/** Cookies may be kept from scripts (`HttpOnly`), so they are not handed to one. */
function withoutSecrets(head: string): string {
  return head.trim().replace(/^(cookie|authorization): .*$/gim, "$1: (not shown)");
}
