import type { Hub, HubSession } from "hawser/hub";
import type { SoakParts } from "./soak-parts.js";
import {
  CLOSED_BY_SERVER,
  checkCount,
  countReason,
  SequenceChecker,
  SIDE_CHANNEL,
  sealed,
} from "./verified-messages.js";

/** How long a session waits for its client: less than a black hole lasts, so that some expire. */
const RESUME_WINDOW_MS = 8_000;
/** A slow application: how long it takes for a message, at most. */
const MAX_THINKING_MS = 50;

/** What the hub keeps with a session. */
interface State {
  readonly checkers: ReadonlyMap<string, SequenceChecker>;
  readonly sent: Map<string, number>;
  hasClosed: boolean;
}

export interface SoakHubParts extends SoakParts {
  readonly createHub: typeof import("hawser/hub").createHub;
  readonly accept: typeof import("hawser/hub").accept;
}

/** The sessions of the soak's server: each message of a session has to come, once and in order, over whatever transports. */
export function soakHub({
  createHub,
  accept,
  random,
  bodies,
  ends,
  received,
  problem,
}: SoakHubParts): Hub<State> {
  const send = (session: HubSession<State>, channel: string): void => {
    const { sent } = session.data;
    const sequence = sent.get(channel) ?? 0;
    const message = sealed("C", sequence, bodies.next());
    const status = channel === "" ? session.send(message) : session.channel(channel).send(message);
    if (status === "sent" || status === "queued") sent.set(channel, sequence + 1);
  };
  const note = (what: string): void => {
    ends[what] = (ends[what] ?? 0) + 1;
  };
  return createHub<State>({
    resumeWindowMs: RESUME_WINDOW_MS,
    pingIntervalMs: 1_000,
    maxPingIntervalMs: 2_000,
    pongTimeoutMs: 2_000,
    closeTimeoutMs: 5_000,
    maxOpensPerSecond: 10_000,
    authenticate: () =>
      accept({
        checkers: new Map([
          ["", new SequenceChecker()],
          [SIDE_CHANNEL, new SequenceChecker()],
        ]),
        sent: new Map(),
        hasClosed: false,
      }),
    channel: (_session, name) => name === SIDE_CHANNEL,
    message(session, data, channel) {
      received(data.length);
      const message =
        typeof data === "string" ? data : Buffer.from(data.buffer, data.byteOffset, data.length);
      const wrong = session.data.checkers.get(channel)!.check(message);
      if (wrong !== undefined) problem(`hub, "${channel}": ${wrong}`);
      if (random.chance(0.7)) send(session, channel);
      if (random.chance(0.005) && !session.data.hasClosed) {
        session.data.hasClosed = true;
        void session.close(CLOSED_BY_SERVER, countReason(total(session.data.sent.values())));
      }
      return random.chance(0.05)
        ? new Promise((resolve) => setTimeout(resolve, random.integer(1, MAX_THINKING_MS)))
        : undefined;
    },
    resumed: () => note("session resumed"),
    reset: (_session, { code }) => note(`session reset ${code}`),
    closed({ data }, { code, reason }) {
      note(`session closed ${code}`);
      const came = total([...data.checkers.values()].map(({ received: count }) => count));
      const wrong = data.hasClosed ? undefined : checkCount(reason, came);
      if (wrong !== undefined) problem(`hub: ${wrong}`);
    },
    error: (_session, error) => problem(`hub: ${String(error)}`),
  });
}

function total(counts: Iterable<number>): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
