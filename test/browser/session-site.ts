import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHub, type Hub, type HubOptions, type HubSession } from "hawser/hub";
import { attach, type Server } from "hawser/server";
import { projectPath } from "#scripts/project-root.js";
import { NumberTally, numberedText } from "./number-tally.js";

/** Module specifiers that a browser cannot resolve by itself. */
const IMPORT_MAP = {
  imports: {
    hawser: "/dist/entry/session-web.js",
    "hawser/react": "/dist/entry/react.js",
  },
};
const head = `<!doctype html><title>session</title><script type="importmap">${JSON.stringify(IMPORT_MAP)}</script>`;
const PAGE = `${head}<script type="module" src="/build/test/browser/session-page.js"></script>`;

/** What the server saw of one session. */
export interface SeenSession {
  readonly session: HubSession;
  readonly tally: NumberTally;
  /** The last messages, as they came. */
  readonly raw: (string | Uint8Array)[];
  sent: number;
  readonly events: string[];
}

/** A site with a page that has a session, and the hub at the other end. */
export class SessionSite {
  readonly #http: HttpServer;
  readonly #attached: Server;
  readonly hub: Hub;
  /** All sessions that there were, in order. */
  readonly sessions: SeenSession[];

  private constructor(http: HttpServer, attached: Server, hub: Hub, sessions: SeenSession[]) {
    this.#http = http;
    this.#attached = attached;
    this.hub = hub;
    this.sessions = sessions;
  }

  static async start(
    options: HubOptions = {},
    port = 0,
    pages: Readonly<Record<string, string>> = {},
  ): Promise<SessionSite> {
    const sessions: SeenSession[] = [];
    const seen = (session: HubSession): SeenSession => sessions.find((one) => one.session === session)!;
    const hub = createHub({
      resumeWindowMs: 60_000,
      ...options,
      open(session) {
        sessions.push({ session, tally: new NumberTally(), raw: [], sent: 0, events: ["open"] });
      },
      message(session, data) {
        const { tally, raw } = seen(session);
        tally.take(data);
        raw.push(data);
        if (raw.length > 10) raw.shift();
      },
      suspended: (session) => void seen(session).events.push("suspended"),
      resumed: (session) => void seen(session).events.push("resumed"),
      reset: (session, { code }) => void seen(session).events.push(`reset ${code}`),
      closed: (session, { code }) => void seen(session).events.push(`closed ${code}`),
    } satisfies HubOptions);
    const http = createServer(async (request, response) => {
      const path = (request.url ?? "/").replace(/\?.*/, "");
      try {
        if (path.endsWith(".js")) {
          if (!/^\/(dist|build|node_modules)\//.test(path) || path.includes(".."))
            throw new Error("not here");
          response.setHeader("content-type", "text/javascript");
          response.end(await readFile(projectPath(path.slice(1))));
        } else {
          const body = pages[path];
          response.setHeader("content-type", "text/html");
          response.end(
            body === undefined ? (path === "/" ? PAGE : "<!doctype html><title>other</title>") : head + body,
          );
        }
      } catch {
        response.writeHead(404).end();
      }
    });
    const attached = attach(http, { routes: { "/live": hub } });
    http.listen(port, "127.0.0.1");
    await once(http, "listening");
    return new SessionSite(http, attached, hub, sessions);
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  /** Sends numbered messages in a session. */
  async send(one: SeenSession, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const status = one.session.send(numberedText(one.sent + 1));
      if (status === "closed") return;
      if (status === "dropped") i--;
      else one.sent++;
      if (status !== "sent") await one.session.ready();
    }
  }

  /** Drops all WebSockets that are open. */
  cut(): void {
    for (const socket of this.#attached.connections) socket.terminate();
  }

  /** Goes down as a process does that is killed: nobody is told. */
  async kill(): Promise<void> {
    const closed = once(this.#http, "close");
    this.#http.close();
    for (const socket of this.#attached.connections) socket.terminate();
    this.#http.closeAllConnections();
    await closed;
    await this.hub.shutdown({ drainTimeoutMs: 0 }); // nobody hears it any more
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#http.listening) await this.close();
  }

  async close(): Promise<void> {
    await this.#attached.shutdown({ drainTimeoutMs: 0 });
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#http.closeAllConnections();
    await closed;
  }
}
