// The hub /lab/live: one session for each way and one that steers. The server sends the same message over all ways at the same
// moment, the page sends each back, and the server measures: time by its own clock, bytes and requests at its own sockets.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TransportName } from "hawser";
import { accept, createHub, type HubSession, refuse, SessionCode } from "hawser/hub";
import { Exchange } from "./exchange.js";
import { type LabReport, type LabSettings, RATES, SIZES, type Trip, WAYS } from "./lab-messages.js";

const REPORT_INTERVAL_MS = 250;
/** With so many messages on the way nothing more is sent: what would be measured then is a queue. */
const MAX_UNDER_WAY = 50;
/** The most laboratories at a time. */
const MAX_RUNS = 100;
const RUN_ID = /^[\w-]{16,64}$/;

type LabSession = HubSession<LabPlace>;

/** Which session of which run it is; without a way, it is the one that steers. */
interface LabPlace {
  readonly run: Run;
  readonly way: Way | undefined;
}

/** One way of one run: its session, and what it has cost. */
class Way {
  session: LabSession | undefined;
  readonly #exchanges = new Set<Exchange>();
  /** When what is under way was sent, by its number. */
  readonly #sentAtMs = new Map<number, number>();
  #trips: Trip[] = [];
  #sent = 0;
  #returned = 0;
  #requests = 0;
  #upBytes = 0;
  #downBytes = 0;
  #messageBytes = 0;

  send(number: number, text: string): void {
    if (this.session?.state !== "live" || this.#sentAtMs.size >= MAX_UNDER_WAY) return;
    if (this.session.send(text) === "dropped") return;
    this.#sentAtMs.set(number, performance.now());
    this.#sent++;
    this.#messageBytes += text.length;
  }

  returned(text: string): void {
    const number = Number.parseInt(text, 10);
    const sentAtMs = this.#sentAtMs.get(number);
    if (sentAtMs === undefined) return;
    this.#sentAtMs.delete(number);
    const atMs = performance.now();
    this.#trips.push({ atMs, tookMs: atMs - sentAtMs });
    this.#returned++;
    this.#messageBytes += text.length;
  }

  watch(exchange: Exchange, ended: (listener: () => void) => void): void {
    this.#requests++;
    this.#exchanges.add(exchange);
    ended(() => {
      this.#count(exchange);
      this.#exchanges.delete(exchange);
    });
  }

  report(): NonNullable<LabReport["ways"][TransportName]> {
    for (const exchange of this.#exchanges) this.#count(exchange);
    return {
      sent: this.#sent,
      returned: this.#returned,
      requests: this.#requests,
      upBytes: this.#upBytes,
      downBytes: this.#downBytes,
      messageBytes: this.#messageBytes,
      trips: this.#trips.splice(0),
    };
  }

  #count(exchange: Exchange): void {
    const { up, down } = exchange.take();
    this.#upBytes += up;
    this.#downBytes += down;
  }
}

/** What one page compares. */
class Run {
  readonly ways = new Map<TransportName, Way>(WAYS.map((name) => [name, new Way()]));
  #number = 0;
  #sending: NodeJS.Timeout | undefined;
  #reporting: NodeJS.Timeout | undefined;

  /** Whether no session has begun: whoever asks for it may be refused. */
  get isIdle(): boolean {
    return (
      this.#reporting === undefined && [...this.ways.values()].every(({ session }) => session === undefined)
    );
  }

  begin(steering: LabSession): void {
    clearInterval(this.#reporting);
    this.#reporting = setInterval(() => {
      const ways = Object.fromEntries(
        [...this.ways]
          .filter(([, way]) => way.session !== undefined)
          .map(([name, way]) => [name, way.report()]),
      );
      const report: LabReport = { atMs: performance.now(), ways };
      if (steering.state === "live") steering.send(JSON.stringify(report));
    }, REPORT_INTERVAL_MS);
  }

  set({ messagesPerSecond, messageBytes }: LabSettings): void {
    clearInterval(this.#sending);
    if (messagesPerSecond === 0) return;
    this.#sending = setInterval(() => {
      const number = ++this.#number;
      const text = String(number).padEnd(messageBytes, " ~");
      for (const way of this.ways.values()) way.send(number, text);
    }, 1_000 / messagesPerSecond);
  }

  end(): void {
    clearInterval(this.#sending);
    clearInterval(this.#reporting);
    for (const { session } of this.ways.values()) session?.end(SessionCode.closed, "the lab is over");
  }
}

const runs = new Map<string, Run>();

export const lab = createHub<LabPlace>({
  maxMessageBytes: 8_192,
  resumeWindowMs: 10_000,

  authenticate({ request }) {
    const run = runOf(request.query);
    if (run === undefined) {
      return RUN_ID.test(request.query.get("run") ?? "")
        ? refuse(503, { body: "Too many runs." })
        : refuse(400, { body: "No run." });
    }
    return accept({ run, way: wayOf(run, request.query) });
  },

  open(session) {
    const { run, way } = session.data;
    if (way === undefined) run.begin(session);
    else way.session = session;
  },

  message(session, data) {
    const { run, way } = session.data;
    if (typeof data !== "string") return;
    if (way !== undefined) way.returned(data);
    else {
      const settings = readSettings(data);
      if (settings === undefined) session.end(SessionCode.forbidden, "no settings of this lab");
      else run.set(settings);
    }
  },

  closed: leave,
  reset: leave,
});

/** Counts a request of a way. */
export function watchLabRequest(
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
): void {
  const run = runOf(query);
  const way = run && wayOf(run, query);
  way?.watch(new Exchange(request.socket), (ended) => response.on("close", ended));
}

/** Counts the WebSocket of a way. */
export function watchLabSocket(socket: Socket, query: URLSearchParams): void {
  const run = runOf(query);
  const way = run && wayOf(run, query);
  way?.watch(new Exchange(socket), (ended) => socket.on("close", ended));
}

/** When the one that steers is gone, all are. */
function leave({ data: { run, way } }: LabSession): void {
  if (way !== undefined) {
    way.session = undefined;
    return;
  }
  run.end();
  for (const [id, other] of runs) if (other === run) runs.delete(id);
}

function runOf(query: URLSearchParams): Run | undefined {
  const id = query.get("run") ?? "";
  const known = runs.get(id);
  if (known !== undefined) return known;
  if (!RUN_ID.test(id)) return undefined;
  if (runs.size >= MAX_RUNS) {
    const idle = [...runs].find(([, run]) => run.isIdle);
    if (idle === undefined) return undefined;
    runs.delete(idle[0]);
  }
  const run = new Run();
  runs.set(id, run);
  return run;
}

function wayOf(run: Run, query: URLSearchParams): Way | undefined {
  return run.ways.get(query.get("way") as TransportName);
}

function readSettings(json: string): LabSettings | undefined {
  try {
    const { messagesPerSecond, messageBytes } = JSON.parse(json) as LabSettings;
    const isRate = messagesPerSecond === 0 || RATES.some((rate) => rate === messagesPerSecond);
    return isRate && SIZES.some((size) => size === messageBytes)
      ? { messagesPerSecond, messageBytes }
      : undefined;
  } catch {
    return undefined;
  }
}
