import {
  type CloseResult,
  endpoint,
  type ListeningServer,
  type ServeOptions,
  type ServerConnection,
  serve,
} from "hawser/server";
import { Inbox } from "../support/inbox.js";

/** The message that asks {@link Backend} for everything, at `/all`. */
export const SEND_ALL = "send all";
export const ALL_MESSAGES = 400;
export const ALL_MESSAGE_BYTES = 65_536;

/**
 * A server behind a proxy. It sends back what it gets; at `/quiet` it has no heartbeat, at `/name` it says its name, at
 * `/until-close` it closes on `close`, at `/all` it sends more than the buffers on the way take.
 */
export class Backend {
  readonly server: ListeningServer;
  /** What `name` says of it to each client. */
  readonly name: string;
  readonly sockets: Inbox<ServerConnection<unknown>>;
  readonly closes: Inbox<CloseResult>;
  /** `code address` of what was refused. */
  readonly refused: Inbox<string>;
  /** How often the sender at `/all` had to wait. */
  readonly waits: { count: number };

  private constructor(server: ListeningServer, name: string, made: Omit<Backend, "server" | "name" | "end">) {
    this.server = server;
    this.name = name;
    this.sockets = made.sockets;
    this.closes = made.closes;
    this.refused = made.refused;
    this.waits = made.waits;
  }

  static async start(name: string, options: Partial<ServeOptions> = {}): Promise<Backend> {
    const made = {
      sockets: new Inbox<ServerConnection<unknown>>("connection"),
      closes: new Inbox<CloseResult>("end of a connection"),
      refused: new Inbox<string>("refusal"),
      waits: { count: 0 },
    };
    const handlers: Partial<ServeOptions> = {
      open: (socket) => made.sockets.push(socket as ServerConnection<unknown>),
      message: (socket, data) => void socket.send(data),
      close: (_socket, result) => made.closes.push(result),
    };
    const server = await serve({
      compression: true,
      pingIntervalMs: 300,
      refused: (error, request) => made.refused.push(`${error.code} ${request.remoteAddress}`),
      request: (_request, response) => void response.end(`${name}\n`),
      ...options,
      routes: {
        "/": endpoint(handlers),
        "/quiet": endpoint({ ...handlers, pingIntervalMs: 0, idleTimeoutMs: 0 }),
        "/name": endpoint({ ...handlers, open: (socket) => void socket.send(name) }),
        "/until-close": endpoint({
          ...handlers,
          message: (socket, data) => void (data === "close" ? socket.close(4006) : socket.send(data)),
        }),
        "/all": endpoint({
          compression: false,
          async message(socket, data) {
            if (data !== SEND_ALL) return;
            for (let i = 0; i < ALL_MESSAGES; i++) {
              if (socket.send(Buffer.alloc(ALL_MESSAGE_BYTES, i)) !== "queued") continue;
              made.waits.count++;
              if (!(await socket.ready())) return;
            }
          },
        }),
      },
    });
    return new Backend(server, name, made);
  }

  async end(): Promise<void> {
    await this.server.shutdown({ drainTimeoutMs: 0 });
  }
}
