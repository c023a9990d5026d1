import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ServerConnection } from "hawser/server";
import { Exchange } from "./exchange.js";
import type { WireRecord } from "./messages.js";

/** How many records wait for a page that has not opened /wire yet. */
const MAX_KEPT_RECORDS = 200;
/** The most tabs that are known at a time; beyond them the oldest one is forgotten. */
const MAX_TABS = 1_000;
/** What a page calls itself: random, so that nobody guesses that of another. */
const TAB_ID = /^[\w-]{16,64}$/;

/** A record without the time, which the tab knows. */
export type NewWireRecord = WireRecord extends infer Each
  ? Each extends WireRecord
    ? Omit<Each, "atMs">
    : never
  : never;

/**
 * What carries the session of one tab, below the session: its sockets, what went over them, and whether WebSockets are let
 * through. A session does not show any of this, since it does not depend on it; a demo wants to.
 */
export class Tab {
  /** WebSockets of this tab are refused, as by a network that does not know them. */
  #isBlocked = false;
  readonly watchers = new Set<ServerConnection<Tab>>();
  readonly #webSockets = new Set<Exchange>();
  readonly #requests = new Set<Exchange>();
  readonly #records: string[] = [];
  readonly #firstAtMs = performance.now();

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  set isBlocked(isBlocked: boolean) {
    this.#isBlocked = isBlocked;
    this.note(isBlocked ? "WebSockets are blocked from now on" : "WebSockets are let through again");
    if (isBlocked) for (const exchange of this.#webSockets) exchange.cut();
  }

  /** Destroys the sockets that carry its session just now. */
  cut(): void {
    const exchanges = [...this.#webSockets, ...this.#requests];
    this.note(`${exchanges.length === 1 ? "the socket is" : `${exchanges.length} sockets are`} cut`);
    for (const exchange of exchanges) exchange.cut();
  }

  note(text: string): void {
    this.add({ type: "note", text });
  }

  add(record: NewWireRecord): void {
    const json = JSON.stringify({ ...record, atMs: performance.now() - this.#firstAtMs });
    this.#records.push(json);
    if (this.#records.length > MAX_KEPT_RECORDS) this.#records.shift();
    for (const watcher of this.watchers) watcher.send(json);
  }

  watch(watcher: ServerConnection<Tab>): void {
    for (const json of this.#records.splice(0)) watcher.send(json);
    this.watchers.add(watcher);
  }

  /** A WebSocket of this tab; false if it is blocked. */
  admitUpgrade(socket: Socket): boolean {
    if (this.#isBlocked) {
      this.note("a WebSocket was refused");
      return false;
    }
    const exchange = new Exchange(socket);
    this.#webSockets.add(exchange);
    socket.on("close", () => this.#webSockets.delete(exchange));
    return true;
  }

  /** A request of a transport over HTTP. */
  watchRequest(request: IncomingMessage, response: ServerResponse, via: string): void {
    const exchange = new Exchange(request.socket);
    this.#requests.add(exchange);
    const bodyBytes = Number(request.headers["content-length"] ?? 0);
    let isShown = false;
    const showRequest = (): void => {
      if (isShown) return;
      isShown = true;
      const { up } = exchange.take();
      const bytes = { payloadBytes: bodyBytes, headerBytes: Math.max(0, up - bodyBytes) };
      this.add({ type: "http", to: "server", what: "POST", via, ...bytes });
    };
    request.on("end", showRequest);
    const isStream = via === "stream" || via === "sse";
    let payloadBytes = 0;
    onBody(response, (byteLength, isLast) => {
      showRequest();
      payloadBytes += byteLength;
      if (isLast || !isStream) return;
      const { down } = exchange.take();
      const bytes = { payloadBytes, headerBytes: Math.max(0, down - payloadBytes) };
      this.add({ type: "http", to: "browser", what: "piece", via, ...bytes });
      payloadBytes = 0;
    });
    response.on("close", () => {
      showRequest();
      this.#requests.delete(exchange);
      const { down } = exchange.take();
      if (down === 0) return;
      const bytes = { payloadBytes, headerBytes: Math.max(0, down - payloadBytes) };
      this.add({ type: "http", to: "browser", what: "answer", via, ...bytes });
    });
  }
}

const tabs = new Map<string, Tab>();

/** The tab that a request is from, by the `tab` of its address; undefined if it does not say. */
export function tabOf(query: URLSearchParams): Tab | undefined {
  const id = query.get("tab") ?? "";
  if (!TAB_ID.test(id)) return undefined;
  const tab = tabs.get(id) ?? new Tab();
  tabs.delete(id); // and behind the others again
  tabs.set(id, tab);
  if (tabs.size > MAX_TABS) tabs.delete(tabs.keys().next().value ?? "");
  return tab;
}

/** Tells, after each write, how many bytes of the body it was given. */
function onBody(response: ServerResponse, tell: (byteLength: number, isLast: boolean) => void): void {
  const { write, end } = response;
  const lengthOf = (chunk: unknown): number =>
    typeof chunk === "string" || chunk instanceof Uint8Array ? Buffer.byteLength(chunk) : 0;
  response.write = ((...given: Parameters<typeof write>) => {
    const hasRoom = write.apply(response, given);
    tell(lengthOf(given[0]), false);
    return hasRoom;
  }) as typeof write;
  response.end = ((...given: Parameters<typeof end>) => {
    end.apply(response, given);
    tell(lengthOf(given[0]), true);
    return response;
  }) as typeof end;
}
