import assert from "node:assert/strict";
import {
  type CloseResult,
  type HawserError,
  type ListeningServer,
  type ServeOptions,
  type ServerConnection,
  serve,
} from "hawser/server";
import { Inbox } from "./inbox.js";
import { RawClient, type RawClientOptions } from "./raw-client.js";
import { until } from "./until.js";

/** A server with one connection, and both ends of it. */
export interface Connected {
  readonly server: ListeningServer;
  /** The server's end. */
  readonly socket: ServerConnection;
  /** The other end. */
  readonly client: RawClient;
  /** What the handlers of the server's end were told. */
  readonly messages: Inbox<string | Buffer>;
  readonly errors: Inbox<HawserError>;
  readonly closes: Inbox<CloseResult>;
  /** Drops the connection and ends the server. */
  end(): Promise<void>;
}

/** What {@link connected} can be told: a server's options, and `pulled` for one without a `message` handler. */
export type ConnectedOptions = ServeOptions & { readonly pulled?: boolean };

/** Starts a server and connects to it. Handlers that the options have are called besides. */
export async function connected(
  { pulled = false, ...options }: ConnectedOptions = {},
  request: RawClientOptions = {},
): Promise<Connected> {
  const sockets: ServerConnection[] = [];
  const messages = new Inbox<string | Buffer>("message");
  const errors = new Inbox<HawserError>("error");
  const closes = new Inbox<CloseResult>("end of a connection");
  const takes: Pick<ServeOptions, "message"> =
    pulled || options.messageChunk !== undefined
      ? {}
      : {
          message(socket, data, isBinary) {
            messages.push(data);
            return options.message?.(socket, data, isBinary);
          },
        };
  const server = await serve({
    pingIntervalMs: 0,
    ...options,
    ...takes,
    open(socket) {
      sockets.push(socket);
      return options.open?.(socket);
    },
    error(socket, error) {
      errors.push(error);
      return options.error?.(socket, error);
    },
    close(socket, result) {
      closes.push(result);
      return options.close?.(socket, result);
    },
  });
  const client = await RawClient.open({ port: server.port, ...request });
  assert.equal(client.status, 101);
  const [socket] = sockets;
  assert.ok(socket);
  return {
    server,
    socket,
    client,
    messages,
    errors,
    closes,
    async end() {
      await client.destroy();
      await until(() => server.connections.size === 0, "the server's end is gone");
      await server.shutdown();
    },
  };
}

const CHUNK: Buffer = Buffer.alloc(65_536, "c");
/** Above all that the buffers of a loopback connection take. */
const MAX_ROUNDS = 1_000;

/** Sends to a peer that does not read until the system takes no more. Returns how many messages that took. */
export async function fill(socket: ServerConnection): Promise<number> {
  for (let sent = 0; sent < MAX_ROUNDS; sent++) {
    if (socket.bufferedBytes > 0) return sent;
    socket.send(CHUNK);
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("the system takes everything");
}

/** The messages that {@link fill} sends. */
export { CHUNK as FILLING };
