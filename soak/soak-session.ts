import { setTimeout as delay } from "node:timers/promises";
import type { ConnectOptions, Session, TransportName } from "hawser";
import type { SoakParts } from "./soak-parts.js";
import {
  CLOSED_BY_CLIENT,
  CLOSED_BY_SERVER,
  checkCount,
  countReason,
  SequenceChecker,
  SIDE_CHANNEL,
  sealed,
} from "./verified-messages.js";

/** All of them with a race, or one alone. */
const WAYS: readonly (readonly TransportName[] | undefined)[] = [
  undefined,
  undefined,
  ["websocket"],
  ["stream"],
  ["sse"],
  ["long-polling"],
  ["polling"],
];
const CLOSE_PATIENCE_MS = 30_000;

export interface SoakSessionParts extends SoakParts {
  readonly connect: (url: string, options: ConnectOptions) => Session;
}

/** What was sent in the session that there is, and what came; behind a reset both begin anew. */
class Account {
  readonly sent: Map<string, number> = new Map<string, number>();
  readonly checkers: Map<string, SequenceChecker> = new Map([
    ["", new SequenceChecker(true)],
    [SIDE_CHANNEL, new SequenceChecker()],
  ]);

  get sentCount(): number {
    return [...this.sent.values()].reduce((sum, count) => sum + count, 0);
  }

  get receivedCount(): number {
    return [...this.checkers.values()].reduce((sum, { received }) => sum + received, 0);
  }
}

/** One client with a session, until it closes it, or the server does. */
export async function liveInSession(
  url: string,
  isStopping: () => boolean,
  { connect, random, bodies, ends, received, problem }: SoakSessionParts,
): Promise<void> {
  const way = random.pick(WAYS);
  const name = `session over ${way ?? "all"}`;
  const note = (what: string): void => {
    ends[`${name} ${what}`] = (ends[`${name} ${what}`] ?? 0) + 1;
  };
  let account = new Account();
  const take = (channel: string, data: string | Uint8Array): undefined | Promise<void> => {
    received(data.length);
    const message = typeof data === "string" ? data : Buffer.from(data.buffer, data.byteOffset, data.length);
    const wrong = account.checkers.get(channel)!.check(message);
    if (wrong !== undefined) problem(`${name}, "${channel}": ${wrong}`);
    return random.chance(0.03) ? delay(random.integer(1, 50)) : undefined;
  };
  const session = connect(url, {
    ...(way !== undefined && { transports: way }),
    reconnectDelayMs: 50,
    maxReconnectDelayMs: 1_000,
    pingIntervalMs: 1_000,
    maxPingIntervalMs: 2_000,
    pongTimeoutMs: 2_000,
    attachTimeoutMs: 4_000,
    closeTimeoutMs: 20_000,
    message: (_session, data) => take("", data),
    reset(_session, { code }) {
      note(`reset ${code}`);
      account = new Account();
    },
    error: (_session, error) => problem(`${name}: ${String(error)}`),
  });
  session.receive(SIDE_CHANNEL, { message: (data) => take(SIDE_CHANNEL, data) });
  const steps = random.integer(0, 300);
  for (let i = 0; i < steps && session.state.status !== "closed" && !isStopping(); i++) {
    const channel = random.chance(0.3) ? SIDE_CHANNEL : "";
    const { sent } = account;
    const sequence = sent.get(channel) ?? 0;
    const message = sealed("C", sequence, bodies.next());
    const status = channel === "" ? session.send(message) : session.channel(channel).send(message);
    if (status === "sent" || status === "queued") sent.set(channel, sequence + 1);
    if (status !== "sent") await Promise.race([session.ready(), delay(1_000)]);
    if (random.chance(0.5)) await delay(random.integer(0, 60));
    if (random.chance(0.01)) await delay(random.integer(100, 4_000)); // an idle session
  }
  const ended = session.close(CLOSED_BY_CLIENT, countReason(account.sentCount));
  const end = await Promise.race([ended, delay(CLOSE_PATIENCE_MS, undefined, { ref: false })]);
  if (end === undefined) {
    problem(`${name} did not close in ${CLOSE_PATIENCE_MS} ms`);
    return;
  }
  note(`${end.isReset ? "reset" : "closed"} ${end.code}`);
  const wrong =
    !end.isReset && end.code === CLOSED_BY_SERVER ? checkCount(end.reason, account.receivedCount) : undefined;
  if (wrong !== undefined) problem(`${name}: ${wrong}`);
}
