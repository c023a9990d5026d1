import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type PerMessageDeflateOptions, WebSocket, WebSocketServer } from "ws";
import { testCertificate } from "../../support/certificate.js";
import { Arrivals } from "../arrivals.js";
import { Inbox } from "../inbox.js";
import { MAX_MESSAGE_BYTES } from "../limits.js";
import { contentOf, type Payload, type Received } from "../payload.js";
import type { Closed, Deflate, End, Peer } from "../peer.js";

/** The npm package `ws`. */
export const ws: Peer = {
  name: "ws",
  abilities: new Set([
    "fragments",
    "pings",
    "sees-pings",
    "any-close-code",
    "empty-close",
    "terminate",
    "tls",
    "deflate",
    "deflate-parameters",
    "lone-surrogates",
  ]),

  async connect(url, { protocols, deflate, isSecure }) {
    const socket = new WebSocket(url, [...protocols], {
      perMessageDeflate: deflateOptions(deflate),
      maxPayload: MAX_MESSAGE_BYTES,
      ...(isSecure && { ca: testCertificate().ca }),
    });
    const end = new WsEnd(socket);
    await once(socket, "open");
    return end;
  },

  async serve({ protocols, deflate, isSecure }) {
    const http = isSecure ? createHttpsServer(testCertificate()) : createHttpServer();
    const server = new WebSocketServer({
      server: http,
      perMessageDeflate: deflateOptions(deflate),
      maxPayload: MAX_MESSAGE_BYTES,
      // By default ws takes the first one that the client offers, whether it knows it or not.
      handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
    });
    const opened = new Arrivals<End>();
    server.on("connection", (socket) => opened.add(new WsEnd(socket)));
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return {
      url: `${isSecure ? "wss" : "ws"}://127.0.0.1:${(http.address() as AddressInfo).port}`,
      accept: () => opened.next(),
      async stop() {
        for (const socket of server.clients) socket.terminate();
        server.close();
        http.close();
        http.closeAllConnections();
        await once(http, "close");
      },
    };
  },
};

/** Whatever the size, so that small messages are tested, too. */
function deflateOptions(deflate: Deflate | undefined): PerMessageDeflateOptions | false {
  return deflate === undefined ? false : { ...deflate, threshold: 0 };
}

class WsEnd implements End {
  readonly #socket: WebSocket;
  readonly #inbox = new Inbox();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer, isBinary: boolean) =>
      this.#inbox.message(isBinary ? new Uint8Array(data) : data.toString()),
    );
    socket.on("ping", (data) => this.#inbox.ping(data.toString()));
    socket.on("close", (code, reason) => this.#inbox.close({ code, reason: reason.toString() }));
    socket.on("error", () => {}); // followed by `close`
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  async send(...messages: readonly Payload[]): Promise<void> {
    for (const message of messages) this.#socket.send(contentOf(message));
  }

  async sendFragments(pieces: readonly Payload[]): Promise<void> {
    for (const [i, piece] of pieces.entries())
      this.#socket.send(contentOf(piece), { binary: !piece.isText, fin: i === pieces.length - 1 });
  }

  receive(count: number): Promise<Received[]> {
    return this.#inbox.take(count);
  }

  async ping(payload: string): Promise<void> {
    const pong = once(this.#socket, "pong");
    this.#socket.ping(payload);
    const [answer] = (await pong) as [Buffer];
    if (answer.toString() !== payload) throw new Error(`a pong with ${answer.toString()}, not ${payload}`);
  }

  receivePing(): Promise<string> {
    return this.#inbox.takePing();
  }

  async close(code?: number, reason?: string): Promise<void> {
    this.#socket.close(code, reason);
  }

  async terminate(): Promise<void> {
    this.#socket.terminate();
  }

  closed(): Promise<Closed> {
    return this.#inbox.closed();
  }
}
