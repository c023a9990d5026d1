import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { describe, type TestContext } from "node:test";
import type HawserWebSocket from "hawser/ws";
import { PATIENCE_MS } from "../../support/inbox.js";
import { withTimeout } from "../../support/with-timeout.js";

const require = createRequire(import.meta.url);

type Typed = typeof import("ws", { with: { "resolution-mode": "require" }});
type Untyped = Pick<
  typeof HawserWebSocket,
  "extension" | "PerMessageDeflate" | "Receiver" | "Sender" | "subprotocol"
>;
/** What `require("ws")` gives: as @types/ws has it, and the exports that it leaves out. */
export type Api = Typed & Untyped;
export type Client = InstanceType<Api>;
export type ClientOptions = NonNullable<ConstructorParameters<Api>[2]>;
export type Server = InstanceType<Api["WebSocketServer"]>;
export type ServerOptions = NonNullable<ConstructorParameters<Api["WebSocketServer"]>[0]>;

/** The package `ws`. */
export const ws: Api = require("ws");
/** The drop-in. */
export const hawser: Api = require("hawser/ws");

/** Runs the tests of `suite` with `ws` and with the drop-in: what both pass, they do alike. */
export function describeBoth(title: string, suite: (api: Api) => void): void {
  describe(`ws: ${title}`, () => suite(ws));
  describe(`hawser/ws: ${title}`, () => suite(hawser));
}

/** A server with one client, both open. */
export interface Pair {
  readonly wss: Server;
  readonly url: string;
  readonly client: Client;
  /** The other end of the client. */
  readonly socket: Client;
  readonly request: IncomingMessage;
}

export interface PairOptions {
  readonly server?: ServerOptions & object;
  readonly client?: object;
  readonly protocols?: string[];
  /** The implementation of the client. Default: that of the server. */
  readonly clientApi?: Api;
}

/** A server on a port of its own that ends with the test. */
export async function listening(
  t: TestContext,
  api: Api,
  options: object = {},
): Promise<{ wss: Server; url: string; port: number }> {
  const wss = new api.WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
  t.after(() => {
    for (const client of wss.clients ?? []) client.terminate();
    wss.close();
  });
  await once(wss, "listening");
  const { port } = wss.address() as AddressInfo;
  return { wss, url: `ws://127.0.0.1:${port}`, port };
}

export async function pair(t: TestContext, api: Api, options: PairOptions = {}): Promise<Pair> {
  const { wss, url } = await listening(t, api, options.server);
  const connection = once(wss, "connection") as Promise<[Client, IncomingMessage]>;
  const client = new (options.clientApi ?? api)(url, options.protocols ?? [], options.client);
  t.after(() => client.terminate());
  client.on("error", () => {});
  const opened = once(client, "open");
  const [socket, request] = await patiently(connection, "connection");
  socket.on("error", () => {});
  await patiently(opened, "open");
  return { wss, url, client, socket, request };
}

/** The arguments of the next event of this name. */
export function next(emitter: NodeJS.EventEmitter, event: string): Promise<unknown[]> {
  return patiently(
    new Promise((resolve) => emitter.once(event, (...values: unknown[]) => resolve(values))),
    event,
  );
}

/** The arguments of the next `count` events of this name. */
export function several(emitter: NodeJS.EventEmitter, event: string, count: number): Promise<unknown[][]> {
  const found: unknown[][] = [];
  return patiently(
    new Promise((resolve) => {
      const listener = (...values: unknown[]): void => {
        found.push(values);
        if (found.length < count) return;
        emitter.off(event, listener);
        resolve(found);
      };
      emitter.on(event, listener);
    }),
    `${count} of ${event}`,
  );
}

export function patiently<T>(promise: PromiseLike<T>, what: string): Promise<T> {
  return withTimeout(promise, PATIENCE_MS, what);
}
