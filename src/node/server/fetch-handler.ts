import type { IncomingMessage, ServerResponse } from "node:http";

/** What a {@link FetchHandler} is given beside the request. In Hono it is `c.env`. */
export interface FetchEnvironment {
  /** Node's request. Not for an opening handshake that `serve` has read itself. */
  readonly incoming: IncomingMessage | undefined;
  /** Node's response. Not for an opening handshake. */
  readonly outgoing: ServerResponse | undefined;
  /** The address of the client; of a handshake, what the server's `clientAddress` made of it. */
  readonly remoteAddress: string;
}

/** A web-standard handler of requests: `app.fetch` of Hono, h3 and others, or your own. */
export type FetchHandler = (
  request: Request,
  environment: FetchEnvironment,
) => Response | PromiseLike<Response>;
