// Command: what a contract costs on top of the codec, in this process and without a network.
//   npm run --silent build && node build/bench/contract-cost.js
import process from "node:process";
import { call, contractClient, defineContract, implement, type Peer, type PeerSource } from "hawser/contract";
import { msgpack } from "hawser/msgpack";
import { z } from "zod";

/** An event whose message is about 128 bytes of JSON. */
const VALUE = {
  id: 123_456,
  user: "alice",
  room: "general",
  text: "hello there, how are you?",
  at: 1.7e12,
  read: false,
};
const SCHEMA = z.object({
  id: z.number(),
  user: z.string(),
  room: z.string(),
  text: z.string(),
  at: z.number(),
  read: z.boolean(),
});
const ROUNDS = 25;
const CALLS_A_ROUND = 20_000;

type Data = string | Uint8Array;

/** A session that goes nowhere: what is sent is kept, or handed to the other end at once. */
class NowherePeer implements Peer {
  readonly id = "0".repeat(32);
  readonly state = "live";
  readonly roundTripMs = undefined;
  last: Data = "";
  other: NowherePeer | undefined;
  readonly #receivers = new Map<string, { message(data: Data, id: undefined, channel: string): unknown }>();

  channel(name: string): ReturnType<Peer["channel"]> {
    return {
      name,
      queuedBytes: 0,
      dropped: 0,
      send: (data) => {
        this.last = data;
        this.other?.hand(name, data);
        return "sent";
      },
      ready: async () => true,
      close: () => undefined,
    };
  }

  receive(name: string, receiver: Parameters<Peer["receive"]>[1]): void {
    if (receiver !== undefined) this.#receivers.set(name, receiver);
  }

  hand(name: string, data: Data): void {
    this.#receivers.get(name)?.message(data, undefined, name);
  }

  onState(): () => void {
    return () => undefined;
  }

  close(): Promise<never> {
    throw new Error("the other side broke the rules");
  }
}

/** CPU time in ns, the best of many rounds: what is above it is the rest of the machine. */
async function measure(run: () => unknown): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < CALLS_A_ROUND; i++) {
      const result = run();
      if (result instanceof Promise) await result;
    }
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, ((user + system) * 1000) / CALLS_A_ROUND);
  }
  return best;
}

async function report(what: string, run: () => unknown): Promise<void> {
  console.log(`${what.padEnd(46)}${(await measure(run)).toFixed(0).padStart(7)} ns`);
}

const jsonText = JSON.stringify([1, "message", VALUE]);
console.log(`node ${process.version}, ${jsonText.length} bytes of JSON`);
await report("JSON.stringify", () => JSON.stringify([1, "message", VALUE]));
await report("JSON.parse", () => JSON.parse(jsonText));
await report("zod alone", () => SCHEMA["~standard"].validate(VALUE));

for (const codec of [undefined, msgpack()]) {
  const contract = defineContract({ events: { message: SCHEMA }, codec });
  const peer = new NowherePeer();
  const remote = implement(contract, { events: { message: () => undefined } }).accept(peer);
  const name = codec?.name ?? "json";
  remote.emit.message(VALUE);
  const data = peer.last;
  await report(`${name}: emit, checked with zod`, () => remote.emit.message(VALUE));
  await report(`${name}: receive, check with zod, call the handler`, () => peer.hand("contract", data));
}

const echo = defineContract({ calls: { echo: call({ input: SCHEMA, output: SCHEMA }) } });
const [here, there] = [new NowherePeer(), new NowherePeer()];
here.other = there;
there.other = here;
implement(echo, { calls: { echo: (value) => value } }).accept(there);
const client: PeerSource = {
  onPeer(listener) {
    listener(here);
    return () => undefined;
  },
};
const server = contractClient(echo, client);
await report("json: a call and its answer, both sides", () => server.call.echo(VALUE));
