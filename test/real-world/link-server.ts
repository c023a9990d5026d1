// Program: the server at one end of a bad link, in a network namespace of its own.
import { createHash } from "node:crypto";
import { endpoint, type ListeningServer, type ServeOptions, serve } from "hawser/server";
import { Inbox } from "../support/inbox.js";
import { answerCalls } from "./link-calls.js";

const closes = new Map(
  ["/", "/strict", "/quiet", "/hasty"].map((path) => [
    path,
    new Inbox<string>(`end of a connection at ${path}`),
  ]),
);
const messages = new Inbox<string>("message");
const servers: ListeningServer[] = [];

const echo: Partial<ServeOptions> = {
  message(socket, data) {
    messages.push(createHash("sha1").update(data).digest("hex"));
    socket.send(data);
  },
  close: (socket, { code, error }) =>
    closes.get(socket.request.path)?.push(`${code} ${error?.code ?? "none"}`),
};

answerCalls({
  /** Listens, with and without TLS. */
  async start(host: string, ports: readonly [number, number], tls: { key: string; cert: string }) {
    for (const [i, port] of ports.entries()) {
      servers.push(
        await serve({
          host,
          port,
          pingIntervalMs: 250,
          ...(i === 1 && { tls }),
          routes: {
            "/": endpoint({ ...echo, pongTimeoutMs: 15_000 }),
            "/strict": endpoint({ ...echo, pongTimeoutMs: 500 }),
            "/quiet": endpoint({ ...echo, pingIntervalMs: 0, idleTimeoutMs: 0 }),
            "/hasty": endpoint({ ...echo, pingIntervalMs: 0, closeTimeoutMs: 400 }),
          },
        }),
      );
    }
  },
  /** `code error` of the connection at this path that ends next. */
  nextClose: (path: string) => closes.get(path)!.next(),
  /** How many messages came since it was asked last. */
  countMessages: () => messages.takeAll().length,
  shutdown: async (drainTimeoutMs: number) => {
    for (const server of servers) await server.shutdown({ drainTimeoutMs });
  },
});
