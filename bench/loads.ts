import { jsonText } from "#bench/json-text.js";
import type { LoadPlan } from "#bench/load-plan.js";
import { seededRandom } from "#bench/seeded-random.js";
import type { ContenderId } from "./contender.js";

/** What is asked of the contenders. */
export interface Load {
  readonly id: string;
  /** What tables call it; `{connections}` stands for their number. */
  readonly title: string;
  readonly section:
    | "messages"
    | "TLS"
    | "compression"
    | "many connections"
    | "sessions"
    | "HTTP/2"
    | "workers"
    | "clients"
    | "Socket.IO";
  /** Who is measured; Hawser, to which the others are compared, is the first. */
  readonly contenders: readonly ContenderId[];
  /** The path of the URL. */
  readonly path: string;
  /** Whether servers compress every message, with the windows kept. */
  readonly isCompressing: boolean;
  readonly isSecure: boolean;
  readonly plan: Omit<LoadPlan, "durationMs" | "warmUpMs">;
  /** What a contender is sent instead, where it wants the message in a wrapping of its own. */
  readonly contentFor?: Partial<Record<ContenderId, LoadPlan["content"]>>;
  /** A smaller number of connections, for `--quick`. */
  readonly quickConnections?: number;
}

/** The title of a load for a number of connections. */
export function titleOf({ title, plan }: Load, connections: number = plan.connections): string {
  return title.replace("{connections}", connections.toLocaleString("en-US"));
}

const KIB = 1024;
const PLAIN = { path: "/", isCompressing: false, isSecure: false } as const;
const SERVERS: readonly ContenderId[] = ["hawser", "hawser-ws", "ws", "bun"];
const SERVERS_AND_FLOOR: readonly ContenderId[] = [...SERVERS, "net"];
const CLIENTS: readonly ContenderId[] = [
  "hawser-client",
  "hawser-ws-client",
  "ws-client",
  "undici-client",
  "node-client",
];
/** bufferutil has to do with masks only, which tells from messages of this size on. */
const WITH_BUFFERUTIL: readonly ContenderId[] = ["hawser", "hawser-ws", "ws", "ws-bufferutil", "bun", "net"];
/** One process, then a primary with one, and with two. */
const WORKERS: readonly ContenderId[] = ["hawser", "hawser-1-worker", "hawser-2-workers"];
/** What a session adds to a socket, and what its users may have now. */
const SESSIONS: readonly ContenderId[] = ["hawser-session", "hawser", "socket.io"];
const SESSION_BYTES = 128;
const MIXED_SIZES = 256;
const SEED = 6455;

function echo(bytes: number, window: number, connections: number): Load["plan"] {
  return { kind: "echo", connections, window, sizes: [bytes] };
}

/** Other JSON in each message, as those of a chat or a feed: what the window has is keys and words. */
function compressed(id: string, title: string, bytes: number): Load {
  return {
    ...PLAIN,
    id: `deflate-${id}`,
    title: `compressed echo of JSON, ${title}`,
    section: "compression",
    contenders: SERVERS,
    isCompressing: true,
    plan: { ...echo(bytes, 4, 16), content: "json", isCompressionOffered: true },
  };
}

/** One JSON document sent over and over, a value changed each time, as those of a dashboard or a game. */
function compressedDocument(id: string, title: string, bytes: number): Load {
  return {
    ...compressed(`document-${id}`, title, bytes),
    title: `compressed echo of a JSON document, one value changed, ${title}`,
    plan: { ...echo(bytes, 4, 16), content: "document", isCompressionOffered: true },
  };
}

/**
 * Just the same JSON each time. It compresses to nothing, so what is measured is what surrounds compression; the figures
 * of others that the bars were made from were taken with such messages.
 */
function compressedSame(id: string, title: string, bytes: number): Load {
  return {
    ...compressed(`same-${id}`, title, bytes),
    title: `compressed echo of the same JSON, ${title}`,
    plan: {
      ...echo(bytes, 4, 16),
      content: { text: jsonText(bytes, seededRandom(SEED)).toString("latin1") },
      isCompressionOffered: true,
    },
  };
}

/** Sizes as applications have them: nearly all are small, a few are not. From 8 B to 64 KiB, even in their logarithm. */
function mixedSizes(): number[] {
  const random = seededRandom(SEED);
  return Array.from({ length: MIXED_SIZES }, () => Math.round(8 * 8192 ** (random() ** 2)));
}

function socketIoText(event: string, bytes = 100): { readonly text: string } {
  return { text: `42${JSON.stringify([event, "x".repeat(bytes)])}` };
}

/** A text for sessions and sockets, and the same text in an event for Socket.IO. */
function ofSessions(id: string, title: string, event: string, plan: Load["plan"]): Load {
  return {
    ...PLAIN,
    id: `session-${id}`,
    title,
    section: "sessions",
    contenders: SESSIONS,
    plan: { ...plan, content: { text: "x".repeat(SESSION_BYTES) } },
    contentFor: { "socket.io": socketIoText(event, SESSION_BYTES) },
  };
}

/** All loads but those of memory. */
export const LOADS: readonly Load[] = [
  {
    ...PLAIN,
    id: "echo-20-1",
    title: "echo 20 B, 1 in flight",
    section: "messages",
    contenders: SERVERS_AND_FLOOR,
    plan: echo(20, 1, 64),
  },
  {
    ...PLAIN,
    id: "echo-20-16",
    title: "echo 20 B, 16 in flight",
    section: "messages",
    contenders: SERVERS_AND_FLOOR,
    plan: echo(20, 16, 64),
  },
  {
    ...PLAIN,
    id: "echo-1k-16",
    title: "echo 1 KiB, 16 in flight",
    section: "messages",
    contenders: WITH_BUFFERUTIL,
    plan: echo(KIB, 16, 64),
  },
  {
    ...PLAIN,
    id: "echo-64k",
    title: "echo 64 KiB, 4 in flight",
    section: "messages",
    contenders: WITH_BUFFERUTIL,
    plan: echo(64 * KIB, 4, 8),
  },
  {
    ...PLAIN,
    id: "echo-1m",
    title: "echo 1 MiB, 1 in flight",
    section: "messages",
    contenders: WITH_BUFFERUTIL,
    plan: echo(KIB * KIB, 1, 8),
  },
  {
    ...PLAIN,
    id: "echo-mixed",
    title: "echo 8 B to 64 KiB, 8 in flight",
    section: "messages",
    contenders: SERVERS_AND_FLOOR,
    plan: { kind: "echo", connections: 64, window: 8, sizes: mixedSizes() },
  },
  {
    ...PLAIN,
    id: "fan-out-1",
    title: "fan-out 1 to 500, 128 B, 1 in flight",
    section: "messages",
    contenders: SERVERS,
    path: "/fan",
    plan: { kind: "fan-out", connections: 500, window: 1, sizes: [128] },
  },
  {
    ...PLAIN,
    id: "fan-out-16",
    title: "fan-out 1 to 500, 128 B, 16 in flight",
    section: "messages",
    contenders: SERVERS,
    path: "/fan",
    plan: { kind: "fan-out", connections: 500, window: 16, sizes: [128] },
  },
  {
    ...PLAIN,
    id: "connect",
    title: "connect, upgrade, close",
    section: "messages",
    contenders: SERVERS,
    plan: { kind: "connect", connections: 32, window: 1, sizes: [1] },
  },
  {
    ...PLAIN,
    id: "tls-20-16",
    title: "TLS echo 20 B, 16 in flight",
    section: "TLS",
    contenders: SERVERS,
    isSecure: true,
    plan: { ...echo(20, 16, 64), isInsecure: true },
  },
  {
    ...PLAIN,
    id: "tls-64k",
    title: "TLS echo 64 KiB, 4 in flight",
    section: "TLS",
    contenders: SERVERS,
    isSecure: true,
    plan: { ...echo(64 * KIB, 4, 8), isInsecure: true },
  },
  compressed("64", "64 B", 64),
  compressed("256", "256 B", 256),
  compressed("1k", "1 KiB", KIB),
  compressed("16k", "16 KiB", 16 * KIB),
  compressed("64k", "64 KiB", 64 * KIB),
  compressedDocument("256", "256 B", 256),
  compressedDocument("1k", "1 KiB", KIB),
  compressedDocument("16k", "16 KiB", 16 * KIB),
  compressedSame("256", "256 B", 256),
  compressedSame("1k", "1 KiB", KIB),
  compressedSame("16k", "16 KiB", 16 * KIB),
  {
    ...PLAIN,
    id: "mostly-idle",
    title: "echo 128 B, 100 of {connections} connections active",
    section: "many connections",
    contenders: SERVERS_AND_FLOOR,
    plan: { kind: "echo", connections: 10_000, activeConnections: 100, window: 1, sizes: [128] },
    quickConnections: 1_000,
  },
  ofSessions(
    "echo-128",
    "session, echo of a text of 128 B, 16 in flight",
    "message",
    echo(SESSION_BYTES, 16, 64),
  ),
  {
    ...ofSessions("fan-out", "session, fan-out of a text of 128 B 1 to 500, 16 in flight", "fan", {
      kind: "fan-out",
      connections: 500,
      window: 16,
      sizes: [SESSION_BYTES],
    }),
    path: "/fan",
  },
  {
    ...PLAIN,
    id: "http2-echo-20",
    title: "HTTP/2, echo 20 B on {connections} streams of 4 connections, 16 in flight",
    section: "HTTP/2",
    contenders: ["hawser-http2", "hawser"],
    plan: echo(20, 16, 256),
  },
  {
    ...PLAIN,
    id: "workers-echo",
    title: "workers, echo 1 KiB, 16 in flight",
    section: "workers",
    contenders: WORKERS,
    plan: echo(KIB, 16, 64),
  },
  {
    ...PLAIN,
    id: "workers-deflate",
    title: "workers, compressed echo of JSON, 16 KiB",
    section: "workers",
    contenders: WORKERS,
    isCompressing: true,
    plan: { ...echo(16 * KIB, 4, 16), content: "json", isCompressionOffered: true },
  },
  {
    ...PLAIN,
    id: "workers-fan-out",
    title: "workers, fan-out 1 to 500, 128 B, 16 in flight",
    section: "workers",
    contenders: WORKERS,
    path: "/fan",
    plan: { kind: "fan-out", connections: 500, window: 16, sizes: [128] },
  },
  {
    ...PLAIN,
    id: "client-20-1",
    title: "client, echo 20 B, 1 in flight",
    section: "clients",
    contenders: CLIENTS,
    plan: echo(20, 1, 64),
  },
  {
    ...PLAIN,
    id: "client-20-16",
    title: "client, echo 20 B, 16 in flight",
    section: "clients",
    contenders: CLIENTS,
    plan: echo(20, 16, 64),
  },
  {
    ...PLAIN,
    id: "client-64k",
    title: "client, echo 64 KiB, 4 in flight",
    section: "clients",
    contenders: CLIENTS,
    plan: echo(64 * KIB, 4, 8),
  },
  {
    ...PLAIN,
    id: "socket.io-echo",
    title: "Socket.IO event of 100 B, echo, 16 in flight",
    section: "Socket.IO",
    contenders: ["hawser", "socket.io"],
    plan: { kind: "echo", connections: 64, window: 16, sizes: [1], content: socketIoText("message") },
  },
  {
    ...PLAIN,
    id: "socket.io-fan-out",
    title: "Socket.IO event of 100 B, fan-out 1 to 500, 16 in flight",
    section: "Socket.IO",
    contenders: ["hawser", "socket.io"],
    path: "/fan",
    plan: { kind: "fan-out", connections: 500, window: 16, sizes: [1], content: socketIoText("fan") },
  },
];
