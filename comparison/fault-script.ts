import { setTimeout as delay } from "node:timers/promises";
import { FaultProxy } from "#testbed/fault-proxy.js";
import { openClient } from "./clients/open-client.js";
import type { Contestant } from "./contestant.js";
import { Deferred } from "./deferred.js";
import { startServer } from "./measure-load.js";
import { type Fate, NumberedMessages, numberedText } from "./numbered-messages.js";

/** How often the connection is cut, and how long lies between. */
const CUTS = 40;
const BETWEEN_MS = 400;
/** A number each way every so many ms. */
const EVERY_MS = 4;
const BYTES = 128;
/** Behind the last cut: enough for everybody to come back and send what waits. */
const QUIET_MS = 4_000;

/** What a library made of the faults. */
export interface FaultResult {
  readonly toServer: Fate;
  readonly toClient: Fate;
  /** From a cut to the next message at the client, in ms. */
  readonly recoveryMs: readonly number[];
}

/** Numbers both ways, every few ms, while the connection is cut in the middle again and again. */
export async function runFaultScript(contestant: Contestant): Promise<FaultResult> {
  const server = startServer(contestant, "numbers", BYTES, EVERY_MS);
  const { port = 0 } = await server.answer();
  const proxy = await FaultProxy.start({ targetPort: port, seed: 6455 });
  const messages = new NumberedMessages();
  const opened = new Deferred();
  let waiting: { readonly sinceMs: number; done(afterMs: number): void } | undefined;
  const client = openClient(contestant, proxy.port, {
    opened: () => opened.resolve(),
    message(text) {
      messages.take(text);
      waiting?.done(performance.now() - waiting.sinceMs);
    },
  });
  await opened.promise;
  let sent = 0;
  await server.ask("begin");
  const timer = setInterval(() => client.send(numberedText(++sent, BYTES)), EVERY_MS);
  const recoveryMs: number[] = [];
  await delay(BETWEEN_MS);
  for (let cut = 0; cut < CUTS; cut++) {
    proxy.cutAll(cut % 2 === 0 ? "rst" : "fin");
    // What had left before still comes, so the clock begins with a breath.
    await delay(EVERY_MS);
    const recovered = new Deferred();
    waiting = {
      sinceMs: performance.now(),
      done(afterMs) {
        waiting = undefined;
        recoveryMs.push(afterMs);
        recovered.resolve();
      },
    };
    await Promise.race([recovered.promise, delay(5_000)]);
    await delay(BETWEEN_MS);
  }
  clearInterval(timer);
  const end = await server.ask("end");
  await delay(QUIET_MS);
  const { fromClient } = await server.ask(sent);
  client.close();
  await server.end();
  await proxy.close();
  return { toServer: fromClient!, toClient: messages.fate(end.sent!), recoveryMs };
}

/** What a message of so many bytes costs on the wire, both ways together, besides itself. */
export async function measureWire(contestant: Contestant): Promise<number> {
  const server = startServer(contestant, "numbers", BYTES, 2 * EVERY_MS);
  const { port = 0 } = await server.answer();
  const proxy = await FaultProxy.start({ targetPort: port, seed: 6455 });
  const messages = new NumberedMessages();
  const opened = new Deferred();
  const client = openClient(contestant, proxy.port, {
    opened: () => opened.resolve(),
    message: (text) => messages.take(text),
  });
  await opened.promise;
  let sent = 0;
  const timer = setInterval(() => client.send(numberedText(++sent, BYTES)), 2 * EVERY_MS);
  await server.ask("begin");
  await delay(1_000);
  const before = { ...proxy.counts, messages: messages.count, sent };
  await delay(4_000);
  const { counts } = proxy;
  const bytes = counts.bytesToServer + counts.bytesToClient - before.bytesToServer - before.bytesToClient;
  const messagesThen = messages.count - before.messages + sent - before.sent;
  clearInterval(timer);
  await server.ask("end");
  client.close();
  await server.end();
  await proxy.close();
  return bytes / messagesThen - BYTES;
}
