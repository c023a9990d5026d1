import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { WindowBits } from "hawser/server";
import { MAX_MESSAGE_BYTES } from "./limits.js";
import { binary, contentOf, type Payload, receivedAs, text } from "./payload.js";
import type { Ability, Deflate, End, EndOptions } from "./peer.js";

/** Which side Hawser is; the peer is the other one. */
export type Role = "client" | "server";

/** Two ends of one connection. */
export interface Pair {
  readonly ours: End;
  readonly theirs: End;
}

/** Something that must work with every peer, in both roles. */
export interface Scenario {
  readonly name: string;
  /** What the peer must be able to do; without it the scenario is left out for that peer. */
  readonly needs?: readonly Ability[];
  /** What Hawser's end must be able to do: its `WebSocket` class can do no more than those of browsers. */
  readonly ourNeeds?: readonly Ability[];
  /** Where Hawser can only be one of both; by default it is each in turn. */
  readonly ourRole?: Role;
  readonly client?: Partial<EndOptions>;
  readonly server?: Partial<EndOptions>;
  run(pair: Pair): Promise<void>;
}

/** Every form of the length field, its borders, and what no buffer holds at once. */
const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 1024 ** 2];

const UNICODE = "Grüße, κόσμε, мир, 世界, 🌍🏳️‍🌈, \u0000\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}";

/** RFC 6455 §7.4.1 and those registered since; 1004, 1005, 1006 and 1015 are never sent. */
const PROTOCOL_CLOSE_CODES = [1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014];
const APPLICATION_CLOSE_CODES = [1000, 3000, 4999];
/** 41 characters of three bytes: as long as a reason can be. */
const LONGEST_REASON = "€".repeat(41);

const SECURE = { isSecure: true };

/** The contract. A new peer gets all of it by being added to a test file; a new scenario runs with all peers. */
export const SCENARIOS: readonly Scenario[] = [
  ...messages(),
  ...fragments(),
  ...compression(),
  ...subprotocols(),
  ...pings(),
  ...closing(),
  {
    name: "messages and a close over TLS",
    needs: ["tls"],
    client: SECURE,
    server: SECURE,
    async run(pair) {
      await bothWays(pair, [text(UNICODE), binary(1024 ** 2), text(100)]);
      await closesWith(pair.ours, pair.theirs, 1000, "bye");
    },
  },
];

function messages(): Scenario[] {
  return [
    {
      name: "text of every kind of length",
      run: (pair) => bothWays(pair, SIZES.map(text)),
    },
    {
      name: "binary of every kind of length",
      run: (pair) => bothWays(pair, [...SIZES, 16 * 1024 ** 2].map(binary)),
    },
    {
      name: "64 MiB in one message",
      run: (pair) => bothWays(pair, [binary(MAX_MESSAGE_BYTES)]),
    },
    {
      name: "text from all of Unicode",
      run: (pair) => bothWays(pair, [text(UNICODE), text(UNICODE.repeat(1000)), text("\u{10ffff}")]),
    },
    {
      name: "a lone surrogate that we send arrives as U+FFFD",
      run: ({ ours, theirs }) => replacesLoneSurrogates(ours, theirs),
    },
    {
      name: "a lone surrogate that the peer sends arrives as U+FFFD",
      needs: ["lone-surrogates"],
      run: ({ ours, theirs }) => replacesLoneSurrogates(theirs, ours),
    },
    {
      name: "5,000 small messages stay in order",
      run: (pair) =>
        bothWays(
          pair,
          Array.from({ length: 5_000 }, (_, i) => (i % 3 ? text(`${i}`) : number(i))),
        ),
    },
  ];
}

function fragments(): Scenario[] {
  const cases: [name: string, pieces: Payload[]][] = [
    ["text, cut between characters", ["Grüße, ", "", "世界 ", "🌍"].map((piece) => text(piece))],
    ["binary, with empty pieces", [binary(""), binary(1), binary(70_000), binary(""), binary("ff")]],
    ["text in 1,000 frames", Array.from({ length: 1_000 }, (_, i) => text(i % 20))],
  ];
  return cases.flatMap(([name, pieces]) => [
    {
      name: `fragments from us: ${name}`,
      ourNeeds: ["fragments"],
      run: ({ ours, theirs }) => sendsFragments(ours, theirs, pieces),
    },
    {
      name: `fragments from the peer: ${name}`,
      needs: ["fragments"],
      run: ({ ours, theirs }) => sendsFragments(theirs, ours, pieces),
    },
  ]);
}

function compression(): Scenario[] {
  const cases: [name: string, options: Deflate][] = [
    ["without context takeover", { serverNoContextTakeover: true, clientNoContextTakeover: true }],
    ["without context takeover of the server", { serverNoContextTakeover: true }],
    ["without context takeover of the client", { clientNoContextTakeover: true }],
    ...([9, 10, 12, 15] as WindowBits[]).map((bits): [string, Deflate] => [
      `with windows of ${bits} bits`,
      { serverMaxWindowBits: bits, clientMaxWindowBits: bits },
    ]),
  ];
  return [
    compressed("as agreed by default", ["deflate"], {}),
    compressedFragments(),
    // zlib makes no window of 8 bits, and so Python refuses to: only ours is that small.
    {
      ...compressed("with 8 bits for what our server sends", ["deflate"], { serverMaxWindowBits: 8 }),
      ourRole: "server",
      client: { deflate: {} },
    },
    {
      ...compressed("with 8 bits for what our client sends", ["deflate", "deflate-parameters"], {
        clientMaxWindowBits: 8,
      }),
      ourRole: "client",
    },
    ...cases.map(([name, options]) => compressed(name, ["deflate", "deflate-parameters"], options)),
    ...cases.map(
      ([name, options]): Scenario => ({
        ...compressed(`${name}, as our server asks`, ["deflate"], options),
        ourRole: "server",
        client: { deflate: {} },
      }),
    ),
  ];
}

function compressed(name: string, needs: readonly Ability[], deflate: Deflate): Scenario {
  const json = JSON.stringify({ type: "message", user: 17, text: "the quick brown fox ".repeat(80) });
  const similar = Array.from({ length: 20 }, (_, i) => text(json.replace("17", String(i))));
  return {
    name: `compression ${name}`,
    needs,
    client: { deflate },
    server: { deflate },
    async run(pair) {
      for (const end of [pair.ours, pair.theirs]) assert.match(end.extensions, /^permessage-deflate\b/);
      await bothWays(pair, similar);
      await bothWays(pair, [
        text(""),
        text("short"),
        text(UNICODE.repeat(100)),
        binary(100_000),
        binary(randomBytes(50_000).toString("hex")),
        text(1024 ** 2),
        ...similar,
      ]);
    },
  };
}

function compressedFragments(): Scenario {
  const pieces = [text(3_000), text(""), text(UNICODE), text(2_000)];
  return {
    name: "compression of fragments",
    needs: ["deflate", "fragments"],
    ourNeeds: ["fragments"],
    client: { deflate: {} },
    server: { deflate: {} },
    async run({ ours, theirs }) {
      for (let i = 0; i < 3; i++) {
        await sendsFragments(ours, theirs, pieces);
        await sendsFragments(theirs, ours, pieces);
      }
    },
  };
}

function subprotocols(): Scenario[] {
  const agreed = (name: string, client: string[], server: string[], protocol: string): Scenario => ({
    name: `subprotocol: ${name}`,
    client: { protocols: client },
    server: { protocols: server },
    async run({ ours, theirs }) {
      assert.equal(ours.protocol, protocol);
      assert.equal(theirs.protocol, protocol);
    },
  });
  return [
    agreed("the one in common", ["chat.v3", "chat.v1"], ["chat.v2", "chat.v1"], "chat.v1"),
    agreed("none is offered", [], ["chat.v1"], ""),
    {
      ...agreed("our server's preference counts", ["chat.v1", "chat.v2"], ["chat.v2", "chat.v1"], "chat.v2"),
      ourRole: "server",
    },
  ];
}

function pings(): Scenario[] {
  return [
    { name: "our ping is answered", ourNeeds: ["pings"], run: ({ ours }) => ours.ping("are you there?") },
    {
      name: "the peer sees our ping",
      needs: ["sees-pings"],
      ourNeeds: ["pings"],
      async run({ ours, theirs }) {
        await Promise.all([
          ours.ping("a"),
          theirs.receivePing().then((payload) => assert.equal(payload, "a")),
        ]);
      },
    },
    {
      name: "the peer's ping is answered, as long as one can be",
      needs: ["pings"],
      async run({ theirs }) {
        for (const payload of ["", "x".repeat(125)]) await theirs.ping(payload);
      },
    },
    {
      name: "we see the peer's ping",
      needs: ["pings"],
      ourNeeds: ["sees-pings"],
      async run({ ours, theirs }) {
        await theirs.ping("Grüße");
        assert.equal(await ours.receivePing(), "Grüße");
      },
    },
  ];
}

function closing(): Scenario[] {
  const codes = (codes: readonly number[], needs: readonly Ability[] = []): Scenario[] =>
    codes.flatMap((code) => [
      {
        name: `we close with ${code}`,
        ourNeeds: needs,
        run: ({ ours, theirs }) => closesWith(ours, theirs, code, "because"),
      },
      {
        name: `the peer closes with ${code}`,
        needs,
        run: ({ ours, theirs }) => closesWith(theirs, ours, code, "because"),
      },
    ]);
  const [onlyClients, onlyServers] = codes([1010], ["any-close-code"]) as [Scenario, Scenario];
  return [
    ...codes(APPLICATION_CLOSE_CODES),
    ...codes(PROTOCOL_CLOSE_CODES, ["any-close-code"]),
    { ...onlyClients, ourRole: "client" },
    { ...onlyServers, ourRole: "server" },
    {
      name: "a close reason may have 123 bytes of UTF-8",
      async run({ ours, theirs }) {
        await closesWith(ours, theirs, 4000, LONGEST_REASON);
      },
    },
    {
      name: "a close reason from the peer may have 123 bytes of UTF-8",
      async run({ ours, theirs }) {
        await closesWith(theirs, ours, 4000, LONGEST_REASON);
      },
    },
    {
      name: "a close frame without a code from the peer is reported as 1005",
      needs: ["empty-close"],
      async run({ ours, theirs }) {
        await theirs.close();
        assert.deepEqual(await ours.closed(), { code: 1005, reason: "", wasClean: true });
        assert.equal((await theirs.closed()).code, 1005);
      },
    },
    {
      name: "a close frame without a code from us is reported as 1005",
      ourNeeds: ["empty-close"],
      async run({ ours, theirs }) {
        await ours.close();
        assert.equal((await theirs.closed()).code, 1005);
        assert.deepEqual(await ours.closed(), { code: 1005, reason: "", wasClean: true });
      },
    },
    {
      name: "what was sent before a close arrives before it",
      async run({ ours, theirs }) {
        const expected = await Promise.all([text(200_000), binary(70_000)].map(contentOf).map(receivedAs));
        await ours.send(text(200_000), binary(70_000));
        await ours.close(4001, "done");
        assert.deepEqual(await theirs.receive(2), expected);
        assert.equal((await theirs.closed()).code, 4001);
      },
    },
    {
      name: "both close at the same time",
      async run({ ours, theirs }) {
        await Promise.all([ours.close(4001, "ours"), theirs.close(4002, "theirs")]);
        const [us, them] = await Promise.all([ours.closed(), theirs.closed()]);
        // Who sees the other's frame before sending its own answers it with the same code.
        assert.ok([4001, 4002].includes(us.code), `we saw ${us.code}`);
        assert.ok([4001, 4002].includes(them.code), `the peer saw ${them.code}`);
        assert.equal(us.wasClean, true);
      },
    },
    {
      name: "a connection that we drop is reported as 1006",
      ourNeeds: ["terminate"],
      async run({ ours, theirs }) {
        await ours.terminate();
        assert.deepEqual(await ours.closed(), { code: 1006, reason: "", wasClean: false });
        assert.equal((await theirs.closed()).code, 1006);
      },
    },
    {
      name: "a connection that the peer drops is reported as 1006",
      needs: ["terminate"],
      async run({ ours, theirs }) {
        await theirs.terminate();
        assert.deepEqual(await ours.closed(), { code: 1006, reason: "", wasClean: false });
        assert.equal((await theirs.closed()).code, 1006);
      },
    },
  ];
}

/** Each sends all of it to the other, and it arrives, in order. */
async function bothWays({ ours, theirs }: Pair, sent: readonly Payload[]): Promise<void> {
  const expected = await Promise.all(sent.map((payload) => receivedAs(contentOf(payload))));
  for (const [from, to] of [
    [ours, theirs],
    [theirs, ours],
  ] as const) {
    const [received] = await Promise.all([to.receive(sent.length), from.send(...sent)]);
    assert.deepEqual(received, expected);
  }
}

async function sendsFragments(from: End, to: End, pieces: readonly Payload[]): Promise<void> {
  const contents = pieces.map(contentOf);
  const whole =
    pieces[0]?.isText === true
      ? contents.join("")
      : new Uint8Array(Buffer.concat(contents as Uint8Array<ArrayBuffer>[]));
  await from.sendFragments(pieces);
  assert.deepEqual(await to.receive(1), [await receivedAs(whole)]);
}

async function replacesLoneSurrogates(from: End, to: End): Promise<void> {
  await from.send(text("a\ud800b"), text("\udc00\ud800"));
  const expected = await Promise.all(["a\ufffdb", "\ufffd\ufffd"].map(receivedAs));
  assert.deepEqual(await to.receive(2), expected);
}

/** `from` closes, and both report the code; who was told has the reason as well. */
async function closesWith(from: End, to: End, code: number, reason: string): Promise<void> {
  await from.close(code, reason);
  const [sender, receiver] = await Promise.all([from.closed(), to.closed()]);
  assert.equal(receiver.code, code);
  assert.equal(receiver.reason, reason);
  assert.equal(sender.code, code);
  for (const end of [sender, receiver]) assert.notEqual(end.wasClean, false);
}

/** Four bytes that say which one it is. */
function number(i: number): Payload {
  return binary(i.toString(16).padStart(8, "0"));
}
