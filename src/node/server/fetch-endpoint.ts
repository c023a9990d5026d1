import type { RequestListener } from "node:http";
import { assertFunctions } from "../../core/assert-functions.js";
import { assertObject } from "../../core/assert-object.js";
import { isThenable } from "../../core/is-thenable.js";
import type { ConnectionHandlers } from "../connection/connection-options.js";
import { HANDLER_NAMES } from "../connection/handler-names.js";
import type { Endpoint } from "./endpoint.js";
import type { FetchHandler } from "./fetch-handler.js";
import { fetchListener } from "./fetch-listener.js";
import { flatFields, type HeaderFields } from "./header-fields.js";
import type { ServerConnection } from "./server-connection.js";
import { Acceptance, Refusal, type UpgradeAnswer } from "./upgrade-answer.js";
import type { UpgradeRequest } from "./upgrade-request.js";

/** What {@link fetchEndpoint} makes: an endpoint, and the listener for ordinary requests. */
export interface FetchEndpoint extends Endpoint<unknown> {
  /** Gives ordinary requests to the handler, too; for `serve`, or for `http.createServer`. */
  readonly request: RequestListener;
  upgrade(request: UpgradeRequest): UpgradeAnswer<unknown> | Promise<UpgradeAnswer<unknown>>;
}

/** What {@link upgradeWebSocket} can add. */
export interface UpgradeWebSocketOptions<Data = undefined> {
  /** Becomes `socket.data`. Default undefined. */
  readonly data?: Data | undefined;
  /** The subprotocol: one that the client offered. By default the `protocols` of the endpoint decide. */
  readonly protocol?: string | undefined;
  /** Header fields for the 101. Default none; those of the response that the handler returns go along, too. */
  readonly headers?: HeaderFields | undefined;
}

/** An opening handshake that a handler is looking at. */
interface Upgrade {
  acceptance: Acceptance<unknown> | undefined;
}

/** The handshakes that handlers are looking at. */
const upgrades = new WeakMap<Request, Upgrade>();

/**
 * Makes an endpoint of a web-standard handler, which is given every request as a `Request`, opening handshakes included.
 * It lets a WebSocket in by returning what {@link upgradeWebSocket} gives; any other `Response` refuses it.
 *
 * Spread it into the options of `serve`, or give it to `attach`, `createServer` or `routes`. Only handshakes that are
 * valid, and whose `Origin` is allowed, come to the handler.
 */
export function fetchEndpoint(fetch: FetchHandler): FetchEndpoint {
  return {
    request: fetchListener(fetch),
    upgrade(upgrade) {
      const request = requestOf(upgrade);
      if (request === undefined) return new Refusal(400, [], "There is no such host.\n");
      const state: Upgrade = { acceptance: undefined };
      upgrades.set(request, state);
      const response = fetch(request, {
        incoming: upgrade.incoming,
        outgoing: undefined,
        remoteAddress: upgrade.remoteAddress,
      });
      const answer = (given: Response): UpgradeAnswer<unknown> | Promise<UpgradeAnswer<unknown>> => {
        upgrades.delete(request);
        return answerOf(given, state.acceptance);
      };
      return isThenable(response) ? Promise.resolve(response).then(answer) : answer(response);
    },
  };
}

/**
 * Lets the WebSocket in that `request` asks for, once the handler has returned this response (or one made from it:
 * middleware may add header fields). With neither `message` nor `messageChunk` among the handlers, messages wait to be
 * taken, as everywhere.
 *
 * Of a request that asks for none, it is an answer: 426 Upgrade Required.
 *
 * @param request the request as the handler was given it, not a copy: `c.req.raw` in Hono, `event.req` in h3.
 * @throws `UsageError` `INVALID_OPTION` for a handler that is no function, `INVALID_HEADER`.
 */
export function upgradeWebSocket<Data = undefined>(
  request: Request,
  handlers: ConnectionHandlers<ServerConnection<Data>>,
  options: UpgradeWebSocketOptions<Data> = {},
): Response {
  assertObject(handlers, "handlers");
  assertFunctions(handlers, HANDLER_NAMES);
  assertObject(options, "options");
  const upgrade = upgrades.get(request);
  if (upgrade === undefined) {
    return new Response("This is for WebSocket: connect with ws: or wss:.\n", {
      status: 426,
      headers: { upgrade: "websocket", connection: "upgrade" },
    });
  }
  upgrade.acceptance = new Acceptance<unknown>(
    options.data,
    flatFields(options.headers),
    options.protocol,
    // Those who are called have the data that is given here.
    handlers as ConnectionHandlers<ServerConnection<unknown>>,
  );
  return new Response(null);
}

function answerOf(
  response: Response,
  acceptance: Acceptance<unknown> | undefined,
): UpgradeAnswer<unknown> | Promise<UpgradeAnswer<unknown>> {
  const { status, headers, body } = response;
  // Middleware may have had second thoughts.
  if (acceptance !== undefined && status >= 200 && status <= 299) {
    return new Acceptance(
      acceptance.data,
      [...keptFields(headers, NOT_IN_101), ...acceptance.headers],
      acceptance.protocol ?? headers.get("sec-websocket-protocol") ?? undefined,
      acceptance.handlers,
    );
  }
  // The page that is there is no WebSocket; its status would say that something worked.
  if (status < 300 || status === 304) {
    void body?.cancel();
    return new Refusal(404, [], "There is no WebSocket here.\n");
  }
  const fields = keptFields(headers, NOT_IN_REFUSAL);
  if (body === null) return new Refusal(status, fields, "");
  return response.arrayBuffer().then((bytes) => new Refusal(status, fields, new Uint8Array(bytes)));
}

/** RFC 9110 §7.6.1: about the connection, which is not the handler's. */
const NOT_IN_REFUSAL: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
]);
/** A 101 has no body, and what was agreed on is not the handler's to say, but for the subprotocol. */
const NOT_IN_101: ReadonlySet<string> = new Set([
  ...NOT_IN_REFUSAL,
  "content-encoding",
  "content-type",
  "upgrade",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
]);

function keptFields(headers: Headers, left: ReadonlySet<string>): string[] {
  const fields: string[] = [];
  for (const [name, value] of headers) if (!left.has(name)) fields.push(name, value);
  return fields;
}

/** Undefined for a `Host` that is none to the web, such as 999.999.999.999. */
function requestOf(upgrade: UpgradeRequest): Request | undefined {
  const url = `${upgrade.isSecure ? "https" : "http"}://${upgrade.host}${upgrade.target}`;
  if (!URL.canParse(url)) return undefined;
  const headers = new Headers();
  const { raw } = upgrade.headers;
  for (let i = 0; i < raw.length; i += 2) headers.append(raw[i]!, raw[i + 1]!);
  return new Request(url, { headers });
}
