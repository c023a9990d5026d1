import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connect, connectOver, webSocket } from "hawser";

const code = (name: string) => (error: unknown) => (error as { code?: unknown }).code === name;
const URL_OF_NOBODY = "ws://127.0.0.1:9/";

describe("misuse of a client's session", () => {
  for (const url of [
    "",
    "/live",
    "ftp://example.com/",
    "http://",
    "ws://user:secret@example.com/",
    "nonsense",
  ]) {
    it(`refuses the URL "${url}"`, () => assert.throws(() => connect(url), code("INVALID_URL")));
  }

  for (const transports of [[], ["websockets"], ["toString"], [undefined], "websocket", null, {}]) {
    it(`refuses the transports ${JSON.stringify(transports)}`, () =>
      assert.throws(() => connect(URL_OF_NOBODY, { transports } as never), code("INVALID_OPTION")));
  }

  for (const [name, value] of [
    ["maxOutboxBytes", 0],
    ["maxOutboxMessages", -1],
    ["windowBytes", Number.NaN],
    ["pingIntervalMs", "1000"],
    ["maxMessageBytes", Number.POSITIVE_INFINITY],
    ["pieceBytes", 32_769],
    ["reconnectDelayMs", null],
  ] as const) {
    it(`refuses ${name}: ${String(value)}`, () => {
      assert.throws(() => connect(URL_OF_NOBODY, { [name]: value } as never), code("INVALID_OPTION"));
      assert.throws(
        () => connectOver(webSocket, URL_OF_NOBODY, { [name]: value } as never),
        code("INVALID_OPTION"),
      );
    });
  }

  for (const dial of [
    5,
    null,
    [],
    { handshakeTimeoutMs: "5" },
    { maxRedirects: -1 },
    { tls: 5 },
    { headers: { "bad header\n": "x" } },
    { proxy: "socks5://127.0.0.1" },
    { http2: "yes" },
  ]) {
    it(`refuses to dial with ${JSON.stringify(dial)}, also where there are other transports`, () => {
      for (const transports of [undefined, ["websocket"]])
        assert.throws(
          () => connect(URL_OF_NOBODY, { dial, transports } as never),
          (error) => error instanceof Error && error.name === "UsageError",
        );
    });
  }

  for (const [message, options] of [
    ["reconnectDelayMs cannot be string", { reconnectDelayMs: "5" }],
    ["pongTimeoutMs cannot be object", { pongTimeoutMs: [5] }],
    ["maxChannels cannot be 0", { maxChannels: 0 }],
    ["transports cannot be none", { transports: [] }],
    ["transports cannot be string", { transports: "websocket" }],
  ] as const) {
    it(`says what is wrong: ${message}`, () =>
      assert.throws(() => connect(URL_OF_NOBODY, options as never), { message }));
  }

  it("says which limit of a channel is wrong", async () => {
    const session = connect(URL_OF_NOBODY, { transports: ["websocket"] });
    for (const name of ["maxQueuedBytes", "highWaterMarkBytes"])
      assert.throws(() => session.channel("a", { [name]: -1 }), { message: `${name} cannot be -1` });
    await session.close();
  });

  it("repeats no name and no password of a URL", () => {
    for (const url of ["ws://user:secret@example.com/", "ws:user:secret@example.com/", "user:secret@[::1"])
      assert.throws(
        () => connect(url),
        ({ message }: Error) => !/user|secret/.test(message) && message.startsWith("url cannot be "),
      );
  });

  it("refuses to be closed with a code that would not close it, and to send what is not a message", async () => {
    const session = connect(URL_OF_NOBODY, { transports: ["websocket"], closeTimeoutMs: 50 });
    for (const other of [1000, 4000, 4200, 4600, Number.NaN])
      assert.throws(() => session.close(other), code("CLOSE_CODE_NOT_ALLOWED"));
    assert.throws(() => session.close(4400, 5 as never), code("INVALID_OPTION"));
    for (const data of [undefined, null, 1, {}, new ArrayBuffer(1), []])
      assert.throws(() => session.send(data as never), code("INVALID_PAYLOAD"));
    for (const length of [0, 33])
      assert.throws(
        () => session.channel("a").send("a", { id: new Uint8Array(length) }),
        code("INVALID_OPTION"),
      );
    await session.close(4500, "done");
  });

  it("refuses handlers and receivers that are none", async () => {
    for (const name of ["message", "state", "reset", "error"])
      assert.throws(() => connect(URL_OF_NOBODY, { [name]: 5 } as never), code("INVALID_OPTION"));
    const session = connect(URL_OF_NOBODY, { transports: ["websocket"], closeTimeoutMs: 50 });
    for (const receiver of [() => {}, {}, { message: 5 }, null])
      assert.throws(() => session.receive("a", receiver as never), code("INVALID_OPTION"));
    await session.close();
  });

  it("refuses channels that cannot be, and opens none for them", async () => {
    const session = connect(URL_OF_NOBODY, { transports: ["websocket"], closeTimeoutMs: 50 });
    for (const [name, options] of [
      ["a", { policy: "drop" }],
      ["a", { policy: null }],
      ["a", { maxQueuedBytes: -1 }],
      ["a", { maxQueuedBytes: Number.NaN }],
      ["a", { highWaterMarkBytes: Number.NaN }],
      ["a".repeat(257), {}],
      ["é".repeat(129), {}],
    ] as const)
      assert.throws(() => session.channel(name, options as never), code("INVALID_OPTION"));
    assert.equal(session.unconfirmedBytes, 0);
    assert.equal(session.channel("é".repeat(128)).send("a"), "sent");
    await session.close();
  });
});
