import { accept, createHub, type HubOptions, type HubSession, refuse } from "hawser/hub";
import { serve } from "hawser/server";
import { answerContract } from "./session-hub-contract.js";

// The server that the Python client of sessions talks to. It says its port in a line, and ends with its input.

/** The first 4 bytes of a message are its number on its channel. */
const NUMBER_BYTES = 4;

/** What came on the channels of a session that are counted: how many, and how many of them not in their turn. */
interface Count {
  next: number;
  wrong: number;
}

const counts = new Map<string, Map<string, Count>>();
/** What `held` waits for. */
const releases: (() => void)[] = [];

/** Bytes that follow from their number, as the client makes them. */
function numbered(index: number, length: number): Buffer {
  const data = Buffer.alloc(Math.max(length, NUMBER_BYTES));
  for (let i = NUMBER_BYTES; i < data.length; i++) data[i] = (index * 31 + i) & 0xff;
  data.writeUInt32BE(index, 0);
  return data;
}

function count(session: HubSession<unknown>, name: string, data: Buffer): void {
  const channels = counts.get(session.id) ?? new Map<string, Count>();
  counts.set(session.id, channels);
  const of = channels.get(name) ?? { next: 0, wrong: 0 };
  channels.set(name, of);
  const index = data.readUInt32BE(0);
  if (index !== of.next || !data.equals(numbered(index, data.length))) of.wrong++;
  of.next = index + 1;
}

/** What a client asks for in a text message on the channel that every session has. */
async function obey(session: HubSession<unknown>, text: string): Promise<void> {
  const [verb = "", ...words] = text.split(" ");
  switch (verb) {
    case "numbers": {
      // numbers <channel> <how many> <every nth is long> <how long>
      const [name = "", total = "0", nth = "1", longBytes = "0"] = words;
      const channel = session.channel(name);
      for (let i = 0; i < Number(total); i++) {
        const length = i % Number(nth) === 0 ? Number(longBytes) : i % 300;
        if (channel.send(numbered(i, length)) === "queued" && !(await channel.ready())) return;
      }
      return;
    }
    case "counts":
      session.send(JSON.stringify(Object.fromEntries(counts.get(session.id) ?? [])));
      return;
    case "say":
      session.send(words.join(" "));
      return;
    case "close":
      void session.close(Number(words[0]), words.slice(1).join(" "));
      return;
    case "away":
      session.sendAway(Number(words[0]), Number(words[1]));
      return;
    case "ask":
      session.askForCredentials();
      return;
    case "user":
      session.send(String(session.data));
      return;
    case "release":
      for (const release of releases.splice(0)) release();
      return;
  }
}

const options: HubOptions<unknown> = {
  // All clients of the tests have one address.
  maxOpensPerSecond: Number.POSITIVE_INFINITY,
  maxSessionsPerAddress: Number.POSITIVE_INFINITY,
  open(session) {
    const held = () => new Promise<void>((resolve) => releases.push(resolve));
    session.receive("held", { message: held });
    session.receive("ends", { message: () => {}, ended: () => void session.send("ended") });
  },
  channel: (_session, name) => /^(?:echo|count|held|ends)/.test(name),
  message(session, data, name, id) {
    // Not waited for: what it asks for goes on beside what it asks for next.
    if (name === "") return void (typeof data === "string" ? obey(session, data) : session.send(data));
    if (name.startsWith("count")) return void count(session, name, data as Buffer);
    const channel = session.channel(name);
    if (channel.send(data, id === undefined ? {} : { id }) === "queued")
      return channel.ready().then(() => undefined);
    return;
  },
};

const server = await serve({
  port: 0,
  routes: {
    "/live": createHub(options),
    "/small": createHub({ ...options, maxMessageBytes: 1_000, windowBytes: 4_096, maxChannels: 4 }),
    "/short": createHub({ ...options, resumeWindowMs: 50 }),
    "/alert": createHub({ ...options, pingIntervalMs: 50, maxPingIntervalMs: 50 }),
    "/impatient": createHub({ ...options, pingIntervalMs: 50, maxPingIntervalMs: 50, pongTimeoutMs: 100 }),
    "/pages": createHub({ ...options, origins: ["https://page.example"] }),
    "/five": createHub({
      ...options,
      open(session) {
        for (let i = 1; i <= 5; i++) session.send(`record ${i}`);
      },
    }),
    "/contract": createHub({ open: answerContract }),
    "/contract-short": createHub({ open: answerContract, resumeWindowMs: 50 }),
    "/locked": createHub({
      ...options,
      authenticate({ credentials }) {
        if (credentials === "later") return refuse(429, { headers: { "retry-after": "60" } });
        if (credentials === "forbidden") return refuse(403);
        return credentials.startsWith("user ") ? accept(credentials.slice(5)) : refuse(401);
      },
    }),
  },
});
process.stdout.write(`${JSON.stringify({ port: server.port })}\n`);
process.stdin.resume();
process.stdin.on("end", () => process.exit());
