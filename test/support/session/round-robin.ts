import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";
import type { Duplex } from "node:stream";

/** A load balancer that is anything but sticky: each request and each WebSocket goes to the next node. */
export class RoundRobin {
  /** The ports of the nodes. One that refuses is passed over, as by a health check. */
  ports: number[];
  /** How many requests and WebSockets each node was given. */
  readonly given: Map<number, number> = new Map<number, number>();
  readonly #server = createServer((incoming, response) => this.#pass(incoming, response));
  readonly #sockets = new Set<Duplex>();
  /** What is being carried: answers that are not complete, and WebSockets. */
  readonly #carried = new Set<ServerResponse | Duplex>();
  readonly #agent = new Agent({ keepAlive: false });
  #turn = 0;

  private constructor(ports: readonly number[]) {
    this.ports = [...ports];
    this.#server.on("upgrade", (incoming, socket, head) => this.#upgrade(incoming, socket, head));
    this.#server.on("connection", (socket: Socket) => this.#keep(socket));
  }

  /** Listens. */
  static async open(ports: readonly number[]): Promise<RoundRobin> {
    const balancer = new RoundRobin(ports);
    await new Promise<void>((resolve) => balancer.#server.listen(0, "127.0.0.1", resolve));
    return balancer;
  }

  /** Where clients connect to. */
  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Whether {@link cut} would break anything: between two polls it does not. */
  get isCarrying(): boolean {
    return this.#carried.size > 0;
  }

  /** Breaks every connection there is, as a network does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #next(): number {
    const port = this.ports[this.#turn++ % this.ports.length]!;
    this.given.set(port, (this.given.get(port) ?? 0) + 1);
    return port;
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = incoming;
    const asked = request(
      { port: this.#next(), host: "127.0.0.1", method, path: url, headers, agent: this.#agent },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.on("end", () => this.#carried.delete(response));
        answer.pipe(response);
        answer.on("error", () => response.destroy());
      },
    );
    asked.on("error", () => response.destroy());
    this.#carried.add(response);
    response.on("close", () => {
      this.#carried.delete(response);
      asked.destroy();
    });
    incoming.pipe(asked);
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const node = connect(this.#next(), "127.0.0.1");
    this.#keep(node);
    const fields = incoming.rawHeaders.flatMap((name, i) =>
      i % 2 === 0 ? [`${name}: ${incoming.rawHeaders[i + 1]}`] : [],
    );
    node.write(`GET ${incoming.url} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`);
    node.write(head);
    node.pipe(socket);
    socket.pipe(node);
    node.on("close", () => socket.destroy());
    this.#carried.add(socket);
    socket.on("close", () => {
      this.#carried.delete(socket);
      node.destroy();
    });
  }
}
