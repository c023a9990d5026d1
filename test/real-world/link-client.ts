// Program: the clients at the other end of a bad link, in a network namespace of their own.
import { ConnectError, type ConnectOptions, connect } from "hawser/client";
import { SeededRandom } from "#testbed/seeded-random.js";
import { Inbox } from "../support/inbox.js";
import { answerCalls } from "./link-calls.js";

type Socket = Awaited<ReturnType<typeof connect>>;

interface Client {
  readonly socket: Socket;
  readonly messages: Inbox<string | Buffer>;
}

const clients = new Map<string, Client>();
const of = (name: string): Client => clients.get(name)!;

answerCalls({
  async open(name: string, url: string, options: ConnectOptions) {
    const messages = new Inbox<string | Buffer>("message");
    const socket = await connect(url, { ...options, message: (_socket, data) => messages.push(data) });
    clients.set(name, { socket, messages });
  },
  /** `code phase` of what does not come to a connection. */
  async failToOpen(url: string, options: ConnectOptions) {
    try {
      (await connect(url, options)).terminate();
      return "open";
    } catch (error) {
      return error instanceof ConnectError ? `${error.code} ${error.phase}` : String(error);
    }
  },
  /** Sends messages of random sizes and bytes, and holds what comes back against them. Returns the ms of the first one. */
  async exchange(name: string, count: number, maxBytes: number, seed: number) {
    const { socket, messages } = of(name);
    const random = new SeededRandom(seed);
    const sent = Array.from({ length: count }, (_, i) =>
      Buffer.from(
        Array.from({ length: i === 0 ? 1 : random.integer(0, maxBytes) }, () => random.integer(0, 255)),
      ),
    );
    const startedAt = performance.now();
    let firstMs = 0;
    for (const message of sent) socket.send(message);
    for (const message of sent) {
      const back = await messages.next();
      firstMs ||= performance.now() - startedAt;
      if (!Buffer.isBuffer(back) || !back.equals(message)) throw new Error("another message came back");
    }
    return firstMs;
  },
  send: (name: string, byteLength: number) => of(name).socket.send(Buffer.alloc(byteLength, "x")),
  /** How long the next message is. */
  receive: async (name: string) => (await of(name).messages.next()).length,
  ping: (name: string) => of(name).socket.ping(),
  state: (name: string) => of(name).socket.state,
  /** `code error` of how it ends. */
  async close(name: string, code: number) {
    const result = await of(name).socket.close(code);
    return `${result.code} ${result.error?.code ?? "none"}`;
  },
  /** The same of how it ended. */
  async closed(name: string) {
    const result = await of(name).socket.closed;
    return `${result.code} ${result.error?.code ?? "none"}`;
  },
});
