import assert from "node:assert/strict";
import { type ConnectOptions, connect } from "hawser/client";
import {
  accept,
  type Connection,
  type ConnectionHandlers,
  type ConnectionOptions,
  type ServeOptions,
  serve,
} from "hawser/server";
import { testCertificate } from "../../support/certificate.js";
import { Arrivals } from "../arrivals.js";
import { Inbox } from "../inbox.js";
import { MAX_MESSAGE_BYTES } from "../limits.js";
import { contentOf, type Payload, type Received } from "../payload.js";
import type { Closed, End, Peer } from "../peer.js";

/** Hawser itself, by `serve` and `connect`. */
export const hawser: Peer = hawserPeer("Hawser");

/** Hawser with more options, for its client and for its server. */
export function hawserPeer(
  name: string,
  client: Pick<ConnectOptions, "http2" | "maxBufferedBytes"> = {},
  server: Pick<ServeOptions, "http2" | "maxBufferedBytes"> = {},
): Peer {
  return {
    name,
    abilities: new Set([
      "fragments",
      "pings",
      "sees-pings",
      "any-close-code",
      "terminate",
      "tls",
      "deflate",
      "deflate-parameters",
      "lone-surrogates",
    ]),

    async connect(url, { protocols, deflate, isSecure }) {
      const inbox = new Inbox();
      const socket = await connect<Inbox>(url, {
        ...handlers,
        ...limits,
        data: inbox,
        protocols,
        compression: deflate ?? false,
        ...(isSecure && { tls: { ca: testCertificate().ca } }),
        ...client,
      });
      return new HawserEnd(socket);
    },

    async serve({ protocols, deflate, isSecure }) {
      const opened = new Arrivals<End>();
      const listening = await serve<Inbox>({
        ...server,
        ...handlers,
        ...limits,
        protocols,
        compression: deflate ?? false,
        origins: "dangerously-allow-any-origin",
        ...(isSecure && { tls: testCertificate() }),
        upgrade: () => accept(new Inbox()),
        open: (socket) => opened.add(new HawserEnd(socket)),
      });
      return {
        url: listening.url,
        accept: () => opened.next(),
        stop: () => listening.shutdown({ drainTimeoutMs: 0 }),
      };
    },
  };
}

const limits: ConnectionOptions = {
  maxMessageBytes: MAX_MESSAGE_BYTES,
  closeTimeoutMs: 3_000,
};

const handlers: ConnectionHandlers<Connection<Inbox>> = {
  message: (socket, data) => socket.data.message(typeof data === "string" ? data : new Uint8Array(data)),
  ping: (socket, data) => socket.data.ping(data.toString()),
  close: (socket, { code, reason, wasClean }) => socket.data.close({ code, reason, wasClean }),
};

class HawserEnd implements End {
  readonly #socket: Connection<Inbox>;

  constructor(socket: Connection<Inbox>) {
    this.#socket = socket;
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  async send(...messages: readonly Payload[]): Promise<void> {
    for (const message of messages) this.#settled(this.#socket.send(contentOf(message)));
  }

  async sendFragments(pieces: readonly Payload[]): Promise<void> {
    const writer = this.#socket.startMessage({ binary: pieces[0]?.isText === false });
    const last = pieces.length - 1;
    for (const [i, piece] of pieces.entries()) {
      const content = contentOf(piece);
      this.#settled(i === last ? writer.end(content) : writer.write(content));
    }
  }

  receive(count: number): Promise<Received[]> {
    return this.#socket.data.take(count);
  }

  async ping(payload: string): Promise<void> {
    const roundTripMs = await this.#socket.ping(payload);
    assert.ok(roundTripMs !== undefined && roundTripMs >= 0, `a round trip of ${roundTripMs} ms`);
  }

  receivePing(): Promise<string> {
    return this.#socket.data.takePing();
  }

  async close(code?: number, reason?: string): Promise<void> {
    void this.#socket.close(code, reason);
  }

  async terminate(): Promise<void> {
    this.#socket.terminate();
  }

  closed(): Promise<Closed> {
    return this.#socket.data.closed();
  }

  #settled(status: string): void {
    assert.ok(status === "sent" || status === "queued", `the message was ${status}`);
  }
}
