// Program: many clients of one library in one process, which put a load on a server, or only stay.
import process from "node:process";
import type { ComparedClient } from "./clients/compared-client.js";
import { openClient } from "./clients/open-client.js";
import type { Contestant } from "./contestant.js";

/** Its settings, as JSON in the last argument. */
export interface LoadSettings {
  readonly contestant: Contestant;
  readonly port: number;
  readonly clients: number;
  /** `echo`: each client has `window` messages on their way. `fan-out`: the first has, and all get them. `idle`: nothing. */
  readonly kind: "echo" | "fan-out" | "idle";
  readonly window: number;
  readonly bytes: number;
}

/** What it says: that all clients are open, and how many messages came so far. */
export interface LoadAnswer {
  readonly received: number;
}

/** So many are being opened at a time. */
const OPENING_AT_A_TIME = 50;

const { contestant, port, clients, kind, window, bytes } = JSON.parse(process.argv.at(-1)!) as LoadSettings;
const text = "x".repeat(bytes);
let received = 0;

const open: ComparedClient[] = [];
while (open.length < clients) {
  const count = Math.min(OPENING_AT_A_TIME, clients - open.length);
  open.push(...(await Promise.all(Array.from({ length: count }, begin))));
}
process.on("message", (question) => {
  if (question === "begin") {
    const senders = kind === "echo" ? open : kind === "fan-out" ? open.slice(0, 1) : [];
    for (const client of senders) for (let i = 0; i < window; i++) client.send(text);
  }
  process.send?.({ received } satisfies LoadAnswer);
});
process.on("disconnect", () => process.exit(0));
process.send?.({ received } satisfies LoadAnswer);

function begin(): Promise<ComparedClient> {
  return new Promise((resolve) => {
    let waitingFor = 0;
    const client = openClient(contestant, port, {
      opened: () => resolve(client),
      message() {
        received++;
        if (kind !== "echo" && client !== open[0]) return;
        // The next ones go out together, when the last of these has come.
        if (++waitingFor < window) return;
        waitingFor = 0;
        for (let i = 0; i < window; i++) client.send(text);
      },
    });
  });
}
