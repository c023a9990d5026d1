import type { ServeOptions, ServerConnection } from "hawser/server";
import { testCertificate } from "#testbed/certificate.js";
import { type ProcessReport, ProcessWatch } from "#testbed/process-watch.js";
import type { HubNumbers } from "./attack.js";
import type { Tally } from "./attack-field.js";

// The server that is attacked, in a process of its own: node --expose-gc attacked-server.js '{"isSecure":false,"options":{},"hub":{}}'

/** Its argument. */
export interface ServerSetup {
  readonly isSecure: boolean;
  readonly options: ServeOptions;
  readonly hub: HubNumbers;
}

/** The first thing it says. */
export interface ServerAddress {
  readonly port: number;
  readonly ca: string | undefined;
}

/** What it is told: `begin` counting peaks and delays, `report`, `report` with garbage collected, or the end. */
export type ServerCommand = "begin" | "report" | "settled report" | "shutdown";

/** What it answers. */
export interface ServerReport extends ProcessReport {
  readonly connections: number;
  /** How connections of attackers ended: `TOO_MANY_FRAGMENTS 1008`, or `clean 1000`. */
  readonly ends: Tally;
  /** Opening handshakes that were refused, by status. */
  readonly refusals: Tally;
}

const watch = new ProcessWatch();
const { accept, endpoint, prepareMessage, refuse, serve } = await import("hawser/server");
const setup = JSON.parse(process.argv[2]!) as ServerSetup;
const ends: Tally = {};
const refusals: Tally = {};
const note = (tally: Tally, what: string): void => {
  tally[what] = (tally[what] ?? 0) + 1;
};
const count: ServeOptions = {
  close(_socket, { error, code }) {
    note(ends, `${error?.code ?? "clean"} ${code}`);
  },
  error() {}, // its code comes with `close`
};
const echo = (socket: ServerConnection<undefined>, data: string | Buffer): void => void socket.send(data);

const BROADCAST_EVERY_MS = 20;
const broadcastMessage = prepareMessage(Buffer.alloc(262_144, "broadcast"));
let readers = 0;
let broadcasting: NodeJS.Timeout | undefined;

const { createHub } = await import("hawser/hub");
const TALK_EVERY_MS = 20;
const TALK = Buffer.alloc(16_384, "talk ");
const talking = new Map<string, NodeJS.Timeout>();
const isOver = (id: string, code: number): void => {
  clearInterval(talking.get(id));
  talking.delete(id);
  note(ends, `session ${code}`);
};
/** Echoes; and to whoever says "talk" it talks without an end. */
const hub = createHub({
  ...setup.hub,
  message(session, data) {
    if (data !== "talk") session.send(data);
    else if (!talking.has(session.id))
      talking.set(
        session.id,
        setInterval(() => session.send(TALK), TALK_EVERY_MS),
      );
  },
  channel: (_session, name) => name === "side",
  reset: ({ id }, { code }) => isOver(id, code),
  closed: ({ id }, { code }) => isOver(id, code),
});

const server = await serve({
  ...setup.options,
  ...(setup.isSecure && { tls: testCertificate() }),
  refused(error) {
    note(refusals, `${error.status} ${error.code}`);
  },
  routes: {
    "/honest": endpoint({ message: echo }),
    "/echo": endpoint({ ...count, message: echo }),
    "/deflate": endpoint({ ...count, message: echo, compression: true }),
    // Nobody takes the messages.
    "/pull": endpoint({ ...count }),
    // While somebody is connected, there is always something new for all.
    "/broadcast": endpoint({
      ...count,
      open() {
        readers++;
        broadcasting ??= setInterval(() => {
          server.broadcast(broadcastMessage, { where: ({ request }) => request.path === "/broadcast" });
        }, BROADCAST_EVERY_MS);
      },
      close(socket, result) {
        count.close?.(socket, result);
        if (--readers > 0) return;
        clearInterval(broadcasting);
        broadcasting = undefined;
      },
    }),
    "/slow": endpoint({
      ...count,
      async upgrade() {
        await new Promise((resolve) => setTimeout(resolve, 200));
        return accept();
      },
    }),
    "/live": hub,
    "/refused": endpoint({ ...count, upgrade: () => refuse(401, { body: "who are you?" }) }),
  },
});

process.on("message", (command: ServerCommand) => {
  if (command === "begin") {
    watch.begin();
    process.send?.("begun");
  } else if (command === "shutdown") {
    process.disconnect();
    void server.shutdown({ drainTimeoutMs: 1_000 }); // then nothing is left that keeps the process alive
  } else {
    const report: ServerReport = {
      ...watch.report(command === "settled report"),
      connections: server.connections.size + hub.sessions.size,
      ends,
      refusals,
    };
    process.send?.(report);
  }
});
const address: ServerAddress = {
  port: server.port,
  ca: setup.isSecure ? testCertificate().ca : undefined,
};
process.send?.(address);
