import { once } from "node:events";
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/**
 * What becomes of WebSockets: they go through; they are answered with 403; nobody answers; their connection is reset; or, with
 * `swallowed`, they are opened, and then nothing of theirs is handed on.
 */
export type WebSocketPassage = "open" | "refused" | "hanging" | "reset" | "swallowed";

/** What an {@link HttpFaultProxy} does to what goes through it. */
export interface HttpFaults {
  /** Default `open`. */
  readonly webSockets?: WebSocketPassage | undefined;
  /** Answers are handed on when they are there as a whole, as proxies do that buffer; those that began as well. Default false. */
  readonly holdsAnswers?: boolean | undefined;
  /** Requests with a longer body, in bytes, come here and are not handed on. Default: all are. */
  readonly holdsRequestsAboveBytes?: number | undefined;
}

/** A request that came, for those who want to know what stands in it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly isUpgrade: boolean;
}

/**
 * A proxy on 127.0.0.1 that understands HTTP, as those of companies do: it knows a WebSocket from a request, and treats
 * them differently. What it does can be changed while it runs. Faults of the network below are those of `FaultProxy`.
 */
export class HttpFaultProxy {
  readonly #server: Server;
  readonly #target: number;
  readonly #agent = new Agent({ keepAlive: true });
  /** The connections of WebSockets: those of clients, and those to the server. */
  readonly #webSockets = new Set<Socket>();
  #faults: HttpFaults = {};
  /** How many requests were held. */
  heldRequests = 0;
  /** Every request, in order. */
  readonly seen: SeenRequest[] = [];

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.#target = target;
    server.on("request", (request, response) => this.#request(request, response));
    server.on("upgrade", (request, socket: Socket, head) => this.#upgrade(request, socket, head));
  }

  /** Resolves when it listens. */
  static async start(targetPort: number): Promise<HttpFaultProxy> {
    const server = createServer({ requestTimeout: 0 });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new HttpFaultProxy(server, targetPort);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on. WebSockets that are open go on, unless {@link cutWebSockets} is called. */
  setFaults(faults: HttpFaults): void {
    this.#faults = faults;
  }

  /** Resets all WebSockets that are open, or hang. */
  cutWebSockets(): void {
    for (const socket of this.#webSockets) socket.resetAndDestroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends everything. */
  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    this.cutWebSockets();
    this.#agent.destroy();
    await closed;
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    this.#see(request, false);
    const { holdsRequestsAboveBytes = Infinity } = this.#faults;
    if (Number(request.headers["content-length"] ?? 0) > holdsRequestsAboveBytes) {
      this.heldRequests++;
      request.resume();
      return;
    }
    const onward = httpRequest({ ...this.#onward(request), agent: this.#agent });
    onward.on("response", (answer) => {
      const held: Buffer[] = [];
      const begin = (): void => {
        if (!response.headersSent) response.writeHead(answer.statusCode!, answer.rawHeaders).flushHeaders();
      };
      if (this.#faults.holdsAnswers !== true) begin();
      answer.on("data", (piece: Buffer) => {
        // What is held once holds up all that is behind it.
        if (this.#faults.holdsAnswers === true || held.length > 0) held.push(piece);
        else {
          begin();
          response.write(piece);
        }
      });
      answer.on("end", () => {
        begin();
        response.end(Buffer.concat(held));
      });
      answer.on("error", () => response.destroy());
    });
    onward.on("error", () => response.destroy());
    response.on("error", ignore);
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#see(request, true);
    const { webSockets = "open" } = this.#faults;
    this.#keep(socket);
    if (webSockets === "refused")
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    else if (webSockets === "reset") socket.resetAndDestroy();
    else if (webSockets === "hanging") socket.resume();
    else {
      const server = connect({ port: this.#target, host: "127.0.0.1", noDelay: true });
      this.#keep(server);
      socket.on("close", () => server.destroy());
      server.on("close", () => socket.destroy());
      const { method, url, rawHeaders } = request;
      let text = `${method} ${url} HTTP/1.1\r\n`;
      for (let i = 0; i < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
      server.write(`${text}\r\n`);
      server.write(head);
      if (webSockets === "swallowed") {
        server.once("data", (first: Buffer) => {
          socket.write(first);
          socket.resume();
          server.resume();
        });
      } else {
        socket.pipe(server);
        server.pipe(socket);
      }
    }
  }

  #onward({ method, url, rawHeaders }: IncomingMessage): RequestOptions {
    return { host: "127.0.0.1", port: this.#target, method, path: url, headers: rawHeaders };
  }

  #see({ method = "", url = "" }: IncomingMessage, isUpgrade: boolean): void {
    this.seen.push({ method, url, isUpgrade });
  }

  #keep(socket: Socket): void {
    this.#webSockets.add(socket);
    socket.on("error", ignore);
    socket.on("close", () => this.#webSockets.delete(socket));
  }
}

function ignore(): void {}
