import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import {
  accept,
  type HandshakeError,
  refuse,
  type ServeOptions,
  type ServerConnection,
  serve,
  type UpgradeRequest,
  UsageError,
} from "hawser/server";
import { Inbox } from "../support/inbox.js";
import { leakCheck } from "../support/leak-check.js";
import { RawClient, type RawClientOptions, textFrame } from "../support/raw-client.js";
import { rounds, until } from "../support/until.js";
import { warnings } from "../support/warnings.js";

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<_Holds extends true>(): void {}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** One handshake with a server of these options: the client, and what the server made of it. */
async function handshake<Data>(options: ServeOptions<Data>, request: RawClientOptions = {}) {
  const sockets: ServerConnection<Data>[] = [];
  const refusals: HandshakeError[] = [];
  const { open } = options;
  const server = await serve<Data>({
    ...options,
    open(socket) {
      sockets.push(socket);
      return open?.(socket);
    },
    refused: (error) => void refusals.push(error),
  });
  const client = await RawClient.open({ port: server.port, ...request });
  await client.destroy();
  await until(() => server.connections.size === 0, "no connection is left");
  await server.shutdown();
  return { client, socket: sockets[0], refusal: refusals[0] };
}

describe("the upgrade hook", () => {
  after(leakCheck());

  it("accepts with data and header fields, at once", async () => {
    const { client, socket } = await handshake({
      upgrade: () => accept({ user: "ada" }, { headers: { "Set-Cookie": "sid=1; HttpOnly", "X-Node": "7" } }),
      open(socket) {
        assertType<Equals<typeof socket.data, { user: string }>>();
      },
    });
    assert.equal(client.status, 101);
    assert.equal(client.header("Set-Cookie"), "sid=1; HttpOnly");
    assert.equal(client.header("X-Node"), "7");
    assert.deepEqual(socket?.data, { user: "ada" });
  });

  it("accepts later, and sends a field as often as a flat list has it", async () => {
    const { client, socket } = await handshake({
      async upgrade() {
        await rounds(3);
        return accept(5, { headers: ["Set-Cookie", "a=1", "Set-Cookie", "b=2"] });
      },
    });
    assert.equal(client.status, 101);
    assert.deepEqual(client.head.match(/Set-Cookie: .=./g), ["Set-Cookie: a=1", "Set-Cookie: b=2"]);
    assert.equal(socket?.data, 5);
  });

  it("answers by a promise of any kind", async () => {
    const later: PromiseLike<ReturnType<typeof accept<number>>> = {
      // biome-ignore lint/suspicious/noThenProperty: what a library's own promise is
      then: (resolve, reject) =>
        rounds(1)
          .then(() => accept(7))
          .then(resolve, reject),
    };
    const { client, socket } = await handshake({ upgrade: () => later as Promise<Awaited<typeof later>> });
    assert.equal(client.status, 101);
    assert.equal(socket?.data, 7);
  });

  it("refuses with a status, header fields and a body", async () => {
    const { client, socket, refusal } = await handshake({
      upgrade: () => refuse(401, { headers: { "WWW-Authenticate": "Bearer" }, body: "who are you?" }),
    });
    assert.equal(client.status, 401);
    assert.equal(client.header("WWW-Authenticate"), "Bearer");
    assert.equal(client.header("Content-Type"), "text/plain; charset=utf-8");
    assert.equal(client.header("Content-Length"), "12");
    assert.equal(client.header("Connection"), "close");
    assert.equal(client.body, "who are you?");
    assert.equal(socket, undefined);
    assert.equal(refusal?.code, "REFUSED");
    assert.equal(refusal?.status, 401);
  });

  it("counts the bytes of a body that is not ASCII, and leaves its type to the hook", async () => {
    const { client } = await handshake({
      upgrade: async () => refuse(403, { headers: { "content-type": "application/json" }, body: '{"é":1}' }),
    });
    assert.equal(client.header("Content-Length"), "8");
    assert.equal(client.header("Content-Type"), "application/json");
  });

  for (const [how, upgrade] of [
    [
      "throws",
      (): never => {
        throw new Error("no database");
      },
    ],
    [
      "rejects",
      async (): Promise<never> => {
        throw new Error("no database");
      },
    ],
  ] as const) {
    it(`answers 500 where it ${how}, keeps the reason to itself and tells \`refused\``, async () => {
      const { client, refusal } = await handshake({ upgrade });
      assert.equal(client.status, 500);
      assert.doesNotMatch(client.body, /database/);
      assert.equal(messageOf(refusal?.cause), "no database");
    });
  }

  it("warns of a hook that throws where nobody is told", async () => {
    using seen = warnings();
    const server = await serve({
      upgrade: () => {
        throw new Error("nobody listens");
      },
    });
    const client = await RawClient.open({ port: server.port });
    assert.equal(client.status, 500);
    await until(() => seen.messages.length > 0, "a warning");
    assert.deepEqual(seen.messages, ["nobody listens"]);
    await client.destroy();
    await server.shutdown();
  });

  it("answers 500 where it returns nothing, or what cannot stand in the answer", async () => {
    for (const upgrade of [
      (() => undefined) as unknown as () => ReturnType<typeof refuse>,
      () => accept(1, { headers: { "X-Bad": "a\r\nInjected: 1" } }),
      () => accept(1, { headers: { Connection: "close" } }),
      () => accept(1, { protocol: "not-offered" }),
    ]) {
      const { client, socket, refusal } = await handshake({ upgrade });
      assert.equal(client.status, 500);
      assert.doesNotMatch(client.head, /Injected/);
      assert.equal(socket, undefined);
      assert.ok(refusal?.cause instanceof UsageError);
    }
  });

  it("says of which function the options are wrong, and what they are", () => {
    const said = (call: () => unknown) => {
      try {
        return call();
      } catch (error) {
        return (error as UsageError).message;
      }
    };
    const reason = "who are you?" as unknown as object;
    assert.equal(
      said(() => refuse(401, reason)),
      "options of refuse(status, { body, headers }) must be an object, not of type string",
    );
    assert.equal(
      said(() => accept("data", reason)),
      "options of accept(data, { headers, protocol }) must be an object, not of type string",
    );
  });

  it("throws at the call of `refuse` for what cannot be answered, and so answers 500", async () => {
    const wrong: [code: string, call: () => ReturnType<typeof refuse>][] = [
      ...[200, 101, 304, 299, 600, 403.5, Number.NaN, "x", "403", undefined, null].map(
        (status) => ["INVALID_OPTION", () => refuse(status as number)] as [string, () => never],
      ),
      ["INVALID_OPTION", () => refuse(401, { body: 5 as unknown as string })],
      ["INVALID_OPTION", () => refuse(401, { body: null as unknown as string })],
      ["INVALID_OPTION", () => refuse(401, "who are you?" as unknown as object)],
      ["INVALID_OPTION", () => refuse(401, null as unknown as object)],
      ["INVALID_HEADER", () => refuse(403, { headers: { "X-Bad": "a\r\nInjected: 1" } })],
      ["INVALID_HEADER", () => refuse(403, { headers: { "X Bad": "a" } })],
      ["INVALID_HEADER", () => refuse(403, { headers: { "Content-Length": "5" } })],
      ["INVALID_HEADER", () => refuse(403, { headers: { Connection: "keep-alive" } })],
      ["INVALID_HEADER", () => refuse(429, { headers: { "Retry-After": 5 as unknown as string } })],
      ["INVALID_HEADER", () => refuse(403, { headers: ["X-Odd"] })],
      ["INVALID_HEADER", () => refuse(403, { headers: "X-Bad: a" as unknown as string[] })],
      ["INVALID_HEADER", () => refuse(403, { headers: null as unknown as string[] })],
      // Of these nothing would be left.
      [
        "INVALID_HEADER",
        () => refuse(403, { headers: new Headers({ "X-Lost": "a" }) as unknown as string[] }),
      ],
      ["INVALID_HEADER", () => refuse(403, { headers: new Map([["X-Lost", "a"]]) as unknown as string[] })],
    ];
    for (const [code, call] of wrong) {
      let thrown: unknown;
      const { client, refusal } = await handshake({
        upgrade() {
          try {
            return call();
          } catch (error) {
            thrown = error;
            throw error;
          }
        },
      });
      assert.ok(thrown instanceof UsageError, String(call));
      assert.equal(thrown.code, code, String(call));
      assert.equal(client.status, 500);
      assert.doesNotMatch(client.head, /Injected/);
      assert.equal(refusal?.cause, thrown);
    }
  });

  it("answers 500 for header fields of an acceptance of which nothing would be left", async () => {
    for (const headers of [new Headers({ "X-Lost": "a" }), "X-Bad: a", 5, null]) {
      const { client, refusal } = await handshake({
        upgrade: () => accept(1, { headers: headers as unknown as string[] }),
      });
      assert.equal(client.status, 500);
      const cause = refusal?.cause;
      assert.ok(cause instanceof UsageError);
      assert.equal(cause.code, "INVALID_HEADER");
    }
  });

  it("answers all the same where `refused` throws, and the process lives", async () => {
    using seen = warnings();
    const server = await serve({
      upgrade: () => refuse(403, { body: "not you" }),
      refused: () => {
        throw new Error("log is full");
      },
    });
    const client = await RawClient.open({ port: server.port });
    assert.equal(client.status, 403);
    assert.equal(client.body, "not you");
    await client.gone;
    assert.deepEqual(seen.messages, ["log is full"]);
    await server.shutdown();
  });

  it("answers all the same where `refused` rejects later, and the process lives", async () => {
    using seen = warnings();
    const server = await serve({
      upgrade: () => refuse(403),
      refused: async () => {
        await rounds(1);
        throw new Error("log is gone");
      },
    });
    const client = await RawClient.open({ port: server.port });
    assert.equal(client.status, 403);
    await until(() => seen.messages.length > 0, "a warning");
    assert.deepEqual(seen.messages, ["log is gone"]);
    await server.shutdown();
  });

  it("sees the request, which stays reachable", async () => {
    let asked: UpgradeRequest | undefined;
    const { socket } = await handshake(
      {
        upgrade(request) {
          asked = request;
          assert.equal(request.headers.get("x-tag"), "blue");
          return accept();
        },
      },
      {
        path: "/chat?room=5&room=6",
        host: "example.test:80",
        headers: {
          "X-Tag": "blue",
          Origin: "http://example.test",
          Cookie: 'a=1; b="two"; a=3; c=%20x%; d=%41',
        },
      },
    );
    assert.ok(socket && asked);
    assert.equal(socket.request, asked);
    assert.equal(asked.target, "/chat?room=5&room=6");
    assert.equal(asked.path, "/chat");
    assert.deepEqual(asked.query.getAll("room"), ["5", "6"]);
    assert.equal(asked.headers.get("x-tag"), "blue");
    assert.equal(asked.host, "example.test:80");
    assert.equal(asked.origin, "http://example.test");
    assert.equal(asked.remoteAddress, "127.0.0.1");
    assert.equal(asked.isSecure, false);
    assert.deepEqual(
      [...asked.cookies],
      [
        ["a", "1"],
        ["b", "two"],
        ["c", "%20x%"],
        ["d", "A"],
      ],
    );
  });

  it("takes the address from `clientAddress`", async () => {
    const { socket } = await handshake(
      { clientAddress: (request) => request.headers.get("x-real-ip") ?? "" },
      { headers: { "X-Real-IP": "203.0.113.9" } },
    );
    assert.equal(socket?.request.remoteAddress, "203.0.113.9");
  });

  it("loses nothing that the client sent while it was deciding", async () => {
    const asked = new Inbox<() => void>("question");
    const messages = new Inbox<string | Buffer>("message");
    const server = await serve({
      async upgrade() {
        await new Promise<void>((resolve) => asked.push(resolve));
        return accept();
      },
      message: (_socket, data) => messages.push(data),
    });
    const client = await RawClient.dial({ port: server.port });
    client.ask({ firstBytes: textFrame("first") });
    const go = await asked.next();
    client.send(textFrame("second"));
    await rounds(5);
    go();
    await client.answered();
    client.send(textFrame("third"));
    assert.deepEqual(
      [await messages.next(), await messages.next(), await messages.next()],
      ["first", "second", "third"],
    );
    await client.destroy();
    await server.shutdown();
  });

  for (const how of ["resets", "ends"] as const) {
    it(`leaves nothing behind of a client that ${how} the connection meanwhile`, async () => {
      const asked = new Inbox<() => void>("question");
      let opened = 0;
      const server = await serve({
        maxConnections: 1,
        async upgrade() {
          await new Promise<void>((resolve) => asked.push(resolve));
          return accept();
        },
        open: () => void opened++,
      });
      const client = await RawClient.dial({ port: server.port });
      client.ask();
      const go = await asked.next();
      if (how === "resets") client.socket.resetAndDestroy();
      else client.socket.destroy();
      await client.gone;
      await rounds(10);
      go();
      await rounds(10);
      const next = await RawClient.dial({ port: server.port });
      next.ask();
      (await asked.next())();
      await next.answered();
      assert.equal(next.status, 101);
      assert.equal(opened, 1);
      await next.destroy();
      await server.shutdown();
    });
  }
});

describe("an upgrade hook that never answers", () => {
  after(leakCheck());

  it("keeps no place for a client that has gone", async () => {
    const asked = new Inbox<void>("question");
    const server = await serve({
      maxConnections: 1,
      upgrade() {
        asked.push();
        return new Promise<never>(() => {});
      },
    });
    for (let i = 0; i < 3; i++) {
      const client = await RawClient.dial({ port: server.port });
      client.ask();
      await asked.next();
      client.socket.resetAndDestroy();
      await client.gone;
      await rounds(5);
    }
    await server.shutdown();
  });

  it("tells nobody of what a hook throws for a client that has gone, and the process lives", async () => {
    const asked = new Inbox<(error: Error) => void>("question");
    const server = await serve({
      upgrade: () => new Promise<never>((_resolve, reject) => asked.push(reject)),
      refused: () => assert.fail("there is nobody to refuse"),
    });
    const client = await RawClient.dial({ port: server.port });
    client.ask();
    const fail = await asked.next();
    client.socket.resetAndDestroy();
    await client.gone;
    await rounds(5);
    fail(new Error("too late"));
    await rounds(5);
    await server.shutdown();
  });
});

describe("the negotiation of a subprotocol", () => {
  after(leakCheck());
  const offer = { headers: { "Sec-WebSocket-Protocol": "chat.v1, chat.v2" } };

  it("follows the server's preference", async () => {
    const { client, socket } = await handshake({ protocols: ["chat.v3", "chat.v2", "chat.v1"] }, offer);
    assert.equal(client.header("Sec-WebSocket-Protocol"), "chat.v2");
    assert.equal(socket?.protocol, "chat.v2");
  });

  it("goes on without where nothing fits or nothing is offered", async () => {
    for (const [protocols, request] of [
      [["other"], offer],
      [["chat.v1"], {}],
    ] as const) {
      const { client, socket } = await handshake({ protocols }, request);
      assert.equal(client.status, 101);
      assert.equal(client.header("Sec-WebSocket-Protocol"), undefined);
      assert.equal(socket?.protocol, "");
    }
  });

  it("is up to the hook where it wants", async () => {
    const { socket } = await handshake(
      { protocols: ["chat.v2"], upgrade: () => accept(undefined, { protocol: "chat.v1" }) },
      offer,
    );
    assert.equal(socket?.protocol, "chat.v1");
  });
});

describe("the negotiation of permessage-deflate", () => {
  after(leakCheck());
  const offer = { headers: { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" } };

  it("is declined by default", async () => {
    const { client, socket } = await handshake({}, offer);
    assert.equal(client.header("Sec-WebSocket-Extensions"), undefined);
    assert.equal(socket?.extensions, "");
  });

  it("is accepted where it is on, and can be seen", async () => {
    const { client, socket } = await handshake({ compression: true }, offer);
    assert.match(client.header("Sec-WebSocket-Extensions") ?? "", /^permessage-deflate/);
    assert.equal(socket?.extensions, client.header("Sec-WebSocket-Extensions"));
  });

  it("is declined to the Safari that breaks it, and to no other", async () => {
    const safari = (version: string): string =>
      `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${version} Safari/605.1.15`;
    for (const [version, isAccepted] of [
      ["15.1", false],
      ["15.4", true],
    ] as const) {
      const headers = { ...offer.headers, "User-Agent": safari(version) };
      const { client, socket } = await handshake({ compression: true }, { headers });
      assert.equal(client.status, 101);
      assert.equal(client.header("Sec-WebSocket-Extensions") !== undefined, isAccepted, version);
      assert.equal(socket?.extensions !== "", isAccepted, version);
    }
  });

  it("does not fail the handshake for an offer that makes no sense", async () => {
    const { client, socket } = await handshake(
      { compression: true },
      { headers: { "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=99" } },
    );
    assert.equal(client.status, 101);
    assert.equal(socket?.extensions, "");
  });
});

describe("the origin policy", () => {
  after(leakCheck());

  async function statusFor(origin: string | undefined, origins?: ServeOptions["origins"]): Promise<number> {
    const headers = origin === undefined ? {} : { Origin: origin };
    const { client } = await handshake({ origins }, { host: "app.test:8080", headers });
    return client.status;
  }

  it("lets in by default only pages of the same origin, and what is no browser", async () => {
    assert.equal(await statusFor(undefined), 101);
    assert.equal(await statusFor("http://app.test:8080"), 101);
    assert.equal(await statusFor("http://evil.test"), 403);
    assert.equal(await statusFor("http://app.test"), 403);
    assert.equal(await statusFor("null"), 403);
  });

  it("does not ask the hook about a foreign page, and tells `refused`", async () => {
    const { client, refusal } = await handshake(
      { upgrade: () => assert.fail("asked") },
      { headers: { Origin: "https://evil.test" } },
    );
    assert.equal(client.status, 403);
    assert.equal(refusal?.code, "ORIGIN_NOT_ALLOWED");
  });

  it("takes a list, a function or the dangerous word", async () => {
    assert.equal(await statusFor("https://ok.test", ["https://ok.test"]), 101);
    assert.equal(await statusFor("https://no.test", ["https://ok.test"]), 403);
    assert.equal(await statusFor("https://ok.test", (origin) => origin.endsWith("ok.test")), 101);
    assert.equal(await statusFor("https://no.test", () => false), 403);
    assert.equal(await statusFor("https://no.test", "dangerously-allow-any-origin"), 101);
    assert.equal(
      await statusFor("https://no.test", () => {
        throw new Error("policy failed");
      }),
      500,
    );
  });
});
