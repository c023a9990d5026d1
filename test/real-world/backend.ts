import {
  type CloseResult,
  endpoint,
  type ListeningServer,
  type ServeOptions,
  type ServerConnection,
  serve,
} from "hawser/server";
import { Inbox } from "../support/inbox.js";

/** To `/flow`: send until {@link ENOUGH}, and then how many messages that were. */
export const BEGIN = "begin";
export const ENOUGH = "enough";
export const FLOW_MESSAGE_BYTES = 65_536;
/** Above all that the buffers on a way take, twice over. */
export const MAX_FLOW_MESSAGES = 4_000;

/**
 * A server behind a proxy. It sends back what it gets; at `/quiet` it has no heartbeat, at `/name` it says its name, at
 * `/until-close` it closes on `close`, at `/flow` it sends as much as is taken.
 */
export class Backend {
  readonly server: ListeningServer;
  /** What `name` says of it to each client. */
  readonly name: string;
  readonly sockets: Inbox<ServerConnection<unknown>>;
  readonly closes: Inbox<CloseResult>;
  /** `code address` of what was refused. */
  readonly refused: Inbox<string>;
  /** Of the sender at `/flow`. */
  readonly flow: { sent: number; isEnough: boolean };

  private constructor(server: ListeningServer, name: string, made: Omit<Backend, "server" | "name" | "end">) {
    this.server = server;
    this.name = name;
    this.sockets = made.sockets;
    this.closes = made.closes;
    this.refused = made.refused;
    this.flow = made.flow;
  }

  static async start(name: string, options: Partial<ServeOptions> = {}): Promise<Backend> {
    const made = {
      sockets: new Inbox<ServerConnection<unknown>>("connection"),
      closes: new Inbox<CloseResult>("end of a connection"),
      refused: new Inbox<string>("refusal"),
      flow: { sent: 0, isEnough: false },
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
        "/flow": endpoint({
          compression: false,
          async message(socket, data) {
            const { flow } = made;
            flow.isEnough = data === ENOUGH;
            if (flow.isEnough) return;
            for (flow.sent = 0; !flow.isEnough && flow.sent < MAX_FLOW_MESSAGES; flow.sent++) {
              const status = socket.send(Buffer.alloc(FLOW_MESSAGE_BYTES, flow.sent));
              if (status === "queued" && !(await socket.ready())) return;
            }
            socket.send(String(flow.sent));
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
