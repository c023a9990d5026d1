import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { assertFunctions } from "../../core/assert-functions.js";
import { assertObject } from "../../core/assert-object.js";
import { broadcastReceivers } from "../../core/broadcast-receivers.js";
import { UsageError } from "../../core/hawser-error.js";
import { PreparedMessage } from "../../protocol/prepared-message.js";
import { nowMs } from "../clock.js";
import { MemoryBudget } from "../connection/memory-budget.js";
import type { BinaryData } from "../connection/payload.js";
import { prepareMessage } from "../connection/prepare-message.js";
import type { SendStatus } from "../connection/send-status.js";
import { SESSION_SUBPROTOCOL } from "../session-subprotocol.js";
import { warnOf } from "../thrown-text.js";
import { Acceptor } from "./acceptor.js";
import type { BroadcastOptions } from "./broadcast-options.js";
import { BroadcastRelay } from "./broadcast-relay.js";
import { earlierAnswer } from "./earlier-answer.js";
import type { Endpoint } from "./endpoint.js";
import { incomingHead } from "./incoming-head.js";
import { Occupants } from "./occupants.js";
import { endpointOf, type PreparedEndpoint, prepareEndpoint, withoutHandlers } from "./prepared-endpoint.js";
import { RouteTable } from "./route-table.js";
import { ServerConnection } from "./server-connection.js";
import { serverLimits } from "./server-limits.js";
import type { ServerOptions } from "./server-options.js";
import { type ShutdownOptions, shutdownOptions } from "./shutdown-options.js";
import { UpgradeRequest } from "./upgrade-request.js";

/**
 * The connections of a server, and the way in for new ones. Made by `serve` (with a port of its own), `attach` (beside
 * an existing HTTP server) or `createServer` (which leaves it to the caller to bring upgrade requests).
 */
export class Server {
  readonly #occupants = new Occupants();
  readonly #routes = new RouteTable<PreparedEndpoint>();
  /** Each once, however many paths lead to it. */
  readonly #endpoints = new Set<Endpoint<unknown>>();
  readonly #options: ServerOptions<unknown>;
  readonly #memory: MemoryBudget;
  readonly #relay: BroadcastRelay | undefined = undefined;
  /** @internal The way in. */
  readonly acceptor: Acceptor;
  #shutdown: Promise<void> | undefined = undefined;
  /** @internal Stops what brings new connections; resolves when that is done, within `drainTimeoutMs`. */
  stopListening: (drainTimeoutMs: number) => Promise<void> = async () => {};

  /**
   * @internal Use `serve`, `attach` or `createServer`.
   * @param others those at the same HTTP server: each path is one's only.
   * @throws `UsageError` `INVALID_OPTION`, `INVALID_PROTOCOL_NAME`.
   */
  constructor(options: ServerOptions<unknown>, others: Iterable<Server> = []) {
    this.#options = options;
    const limits = serverLimits(options);
    assertFunctions(options, ["refused", "clientAddress"]);
    if ("endpoint" in options)
      throw new UsageError("INVALID_OPTION", 'a hub goes into routes: { "/live": hub }');
    this.#memory = new MemoryBudget(limits.maxMemoryBytes);
    this.acceptor = new Acceptor({
      options,
      limits,
      routes: this.#routes,
      memory: this.#memory,
      occupants: this.#occupants,
    });
    const { routes, ...shared } = options;
    if (routes === undefined) {
      this.#endpoints.add(options);
      this.#routes.add("*", prepareEndpoint(this.#memory, options));
    } else {
      assertObject(routes, "routes");
      // Nothing of a `Map` would be left.
      if (Symbol.iterator in routes)
        throw new UsageError("INVALID_OPTION", "routes must be a record of endpoints by path");
      for (const [path, given] of Object.entries(routes)) {
        const endpoint = endpointOf(path, given);
        this.#endpoints.add(endpoint);
        this.#routes.add(
          path,
          prepareEndpoint(this.#memory, endpoint, { ...withoutHandlers(shared), ...endpoint }),
        );
      }
    }
    for (const other of others) this.#routes.assertApartFrom(other.#routes);
    const { broker, brokerTopic = "hawser" } = options;
    if (broker !== undefined)
      this.#relay = new BroadcastRelay(broker, brokerTopic, (message) => void this.#deliver(message));
  }

  /** The open connections. */
  get connections(): ReadonlySet<ServerConnection<unknown>> {
    return this.#occupants.connections;
  }

  /**
   * How much memory the connections take, as it is counted for `maxMemoryBytes`: the sum of their `memoryBytes`, and of
   * those whose opening handshake is not done. Counted when asked, in a loop over those that hold anything.
   */
  get memoryBytes(): number {
    return this.#memory.bytes;
  }

  /** Whether some endpoint is at the path of this request. */
  hasRoute(request: IncomingMessage): boolean {
    return this.hasRouteTo(request.url ?? "");
  }

  /** @internal Whether some endpoint is at this path; what stands behind a `?` does not count. */
  hasRouteTo(target: string): boolean {
    return this.#routes.match(pathOf(target)) !== undefined;
  }

  /** @internal Whether some endpoint takes ordinary requests, too. */
  get takesRequests(): boolean {
    return [...this.#endpoints].some(({ http }) => http !== undefined);
  }

  /**
   * Hands an ordinary request to the endpoint at its path. False if there is none that takes it: then nobody has answered.
   * Never throws for what a peer does.
   */
  handleRequest(incoming: IncomingMessage, response: ServerResponse): boolean {
    const match = this.#routes.match(pathOf(incoming.url ?? ""));
    if (match?.target.endpoint.http === undefined) return false;
    const { endpoint, options } = match.target;
    try {
      const request = new UpgradeRequest(incomingHead(incoming), incoming.socket, incoming);
      request.resolve(match.params, this.#options.clientAddress?.(request) ?? request.remoteAddress);
      endpoint.http!(incoming, response, { request, origins: options.origins ?? "same-origin" });
    } catch (error) {
      warnOf(error);
      if (response.headersSent) response.destroy();
      else {
        // One of them may be what was thrown for, and would be again.
        for (const name of response.getHeaderNames()) response.removeHeader(name);
        response.writeHead(500, { "content-length": 0 }).end();
      }
    }
    return true;
  }

  /**
   * Takes an upgrade request, as Node's `upgrade` event gives it, through the opening handshake. Resolves with the
   * connection, or with undefined if it was refused. Never rejects for what a peer does.
   */
  async handleUpgrade(
    incoming: IncomingMessage,
    stream: Duplex,
    firstBytes: Uint8Array,
  ): Promise<ServerConnection<unknown> | undefined> {
    if (earlierAnswer(stream) === undefined)
      return this.acceptor.upgrade(incomingHead(incoming), stream, firstBytes, incoming);
    await this.acceptor.refuseBehind(incoming, stream);
    return undefined;
  }

  /**
   * Sends a message to all connections but those that carry the sessions of a hub, encoded once; with a `broker`, also to those of the other nodes. Returns how many
   * connections of this server it was `sent` to, `queued` for and so on.
   * @throws {@link UsageError} `INVALID_PAYLOAD`; `INVALID_OPTION` for `to` or `where` without `local`, with a broker, and for a `to` that is none.
   */
  broadcast(
    data: string | BinaryData | PreparedMessage,
    options: BroadcastOptions = {},
  ): Record<SendStatus, number> {
    assertFunctions(options, ["where"]);
    const message = data instanceof PreparedMessage ? data : prepareMessage(data, options);
    const to = broadcastReceivers(options, ServerConnection, "connections");
    if (this.#relay !== undefined && options.local !== true) {
      if (to !== undefined || options.where !== undefined) {
        throw new UsageError("INVALID_OPTION", "with a broker, `to` and `where` need `local: true`");
      }
      this.#relay.publish(message);
    }
    return this.#deliver(message, options, to);
  }

  #deliver(
    message: PreparedMessage,
    { except, where }: BroadcastOptions = {},
    to?: ReadonlySet<ServerConnection<unknown>>,
  ): Record<SendStatus, number> {
    const counts: Record<SendStatus, number> = { sent: 0, queued: 0, dropped: 0, closed: 0 };
    let sent = 0;
    const { connections, haveSessions } = this.#occupants;
    for (const socket of to ?? connections.toArray()) {
      if (socket === except || (where !== undefined && !where(socket))) continue;
      // What carries a session is no connection of the application's.
      if (haveSessions && socket.protocol === SESSION_SUBPROTOCOL) continue;
      const status = socket.sendPrepared(message, undefined);
      if (status === "sent") sent++;
      else counts[status]++;
    }
    counts.sent = sent;
    return counts;
  }

  /**
   * Ends the server: takes no new connections, tells every client with a close frame, waits for them, drops who is left
   * after `drainTimeoutMs`. Resolves when all of it is gone. A second call gets the same promise.
   * @throws {@link UsageError} `CLOSE_CODE_NOT_ALLOWED`, `CLOSE_REASON_TOO_LONG`, `INVALID_OPTION`; the server goes on.
   */
  shutdown(options: ShutdownOptions = {}): Promise<void> {
    this.#shutdown ??= this.#end(shutdownOptions(options));
    return this.#shutdown;
  }

  /** `await using server = await serve(...)`: shuts down at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #end(options: ReturnType<typeof shutdownOptions>): Promise<void> {
    const { code, reason, drainTimeoutMs } = options;
    const occupants = this.#occupants;
    const endsAtMs = nowMs() + drainTimeoutMs;
    this.acceptor.isShuttingDown = true;
    this.#relay?.close();
    let isLate = (): void => {};
    const late = new Promise<void>((resolve) => {
      isLate = resolve;
    });
    const timer =
      drainTimeoutMs === Infinity
        ? undefined
        : setTimeout(() => {
            isLate();
            occupants.drop();
          }, drainTimeoutMs);
    const endpoints = [...this.#endpoints].filter((endpoint) => endpoint.shutdown !== undefined);
    if (endpoints.length > 0) {
      const goodbyes = Promise.all(endpoints.map((endpoint) => shutDownEndpoint(endpoint, options)));
      await Promise.race([goodbyes, late]);
    }
    const leftMs = drainTimeoutMs === Infinity ? Infinity : Math.max(0, endsAtMs - nowMs());
    const stopped = this.stopListening(leftMs);
    for (const socket of occupants.connections) void socket.close(code, reason);
    await occupants.empty();
    await stopped;
    clearTimeout(timer);
  }
}

async function shutDownEndpoint(endpoint: Endpoint<unknown>, options: ShutdownOptions): Promise<void> {
  try {
    await endpoint.shutdown!(options);
  } catch (error) {
    warnOf(error);
  }
}

function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark === -1 ? target : target.slice(0, mark);
}
