import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { after, describe, it } from "node:test";
import {
  type ConnectDiagnostic,
  type ConnectOptions,
  connect,
  diagnostics,
  type OpenDiagnostic,
} from "hawser/client";
import { invalidOption } from "../support/invalid-option.js";
import { leakCheck } from "../support/leak-check.js";
import { withTimeout } from "../support/with-timeout.js";
import { echoServer } from "./echo-server.js";
import { headerOf, rawServer, serverFrame, switching } from "./raw-server.js";

describe("connect", () => {
  after(leakCheck());

  it("exchanges text and binary with a server and closes cleanly", async (t) => {
    const { url } = await echoServer(t);
    const socket = await connect(url);
    assert.equal(socket.state, "open");
    socket.send("grüße");
    socket.send(Buffer.of(0, 255));
    const messages: unknown[] = [];
    for await (const message of socket) if (messages.push(message) === 2) break;
    assert.deepEqual(messages, ["grüße", Buffer.of(0, 255)]);
    const result = await socket.close(4001, "done");
    assert.equal(result.wasClean, true);
    assert.equal(result.code, 4001);
    assert.equal(result.initiator, "local");
    assert.equal(socket.state, "closed");
    assert.equal(socket.send("late"), "closed");
  });

  it("hands out what came before the end of TCP, though it was paused then", async (t) => {
    const frames = Buffer.concat([
      serverFrame(0x81, Buffer.from("a")),
      serverFrame(0x81, Buffer.from("b")),
      serverFrame(0x88, Buffer.of(3, 232)),
    ]);
    const { url } = await rawServer(t, (raw, head) => {
      raw.write(switching(head));
      setTimeout(() => raw.end(frames), 20);
    });
    const seen: unknown[] = [];
    const socket = await connect(url, {
      message(s, data) {
        seen.push(data);
        s.pause();
        setTimeout(() => s.resume(), 50);
      },
    });
    const { code, wasClean } = await withTimeout(socket.closed, 5_000, "the end");
    assert.deepEqual({ seen, code, wasClean }, { seen: ["a", "b"], code: 1000, wasClean: true });
  });

  it("calls the handlers and keeps the data", async (t) => {
    const { url } = await echoServer(t);
    const events: string[] = [];
    const { promise, resolve } = withResolvers();
    const socket = await connect(url, {
      data: { name: "x" },
      open: (s) => void events.push(`open ${s.data.name}`),
      message: (s, data) => {
        events.push(`message ${String(data)}`);
        void s.close();
      },
      close: (_s, result) => {
        events.push(`close ${result.code}`);
        resolve();
      },
    });
    socket.send("a");
    await promise;
    assert.deepEqual(events, ["open x", "message a", "close 1000"]);
  });

  it("tells where it leads and what was answered", async (t) => {
    const server = await rawServer(t, (socket, head) => {
      socket.write(switching(head, "Sec-WebSocket-Protocol: b\r\nX-One: 1\r\n"));
    });
    const socket = await connect(`${server.url}/path?q=1`, { protocols: ["a", "b"] });
    assert.equal(socket.url, `${server.url}/path?q=1`);
    assert.equal(socket.protocol, "b");
    assert.equal(socket.response.status, 101);
    assert.equal(socket.response.headers.get("x-one"), "1");
    socket.terminate();
    await socket.closed;
  });

  it("sends the request that RFC 6455 §4.1 asks for", async (t) => {
    const server = await rawServer(t, (socket, head) => socket.write(switching(head)));
    const socket = await connect(`http://127.0.0.1:${server.port}/a%20b?c=d`, {
      headers: { "X-Many": ["1", "2"], "X-None": undefined },
      origin: "https://example.com",
    });
    const [head = ""] = server.requests;
    assert.match(head, /^GET \/a%20b\?c=d HTTP\/1\.1\r\n/);
    assert.equal(headerOf(head, "host"), `127.0.0.1:${server.port}`);
    assert.equal(headerOf(head, "origin"), "https://example.com");
    assert.equal(headerOf(head, "sec-websocket-version"), "13");
    assert.equal(headerOf(head, "sec-websocket-extensions"), "permessage-deflate; client_max_window_bits");
    assert.equal(Buffer.from(headerOf(head, "sec-websocket-key") ?? "", "base64").length, 16);
    assert.match(head, /\r\nX-Many: 1\r\nX-Many: 2\r\n/);
    assert.doesNotMatch(head, /X-None/);
    socket.terminate();
    await socket.closed;
  });

  it("turns the credentials of the URL into Basic authorization and hides them from then on", async (t) => {
    const server = await rawServer(t, (socket, head) => socket.write(switching(head)));
    const url = `ws://us%C3%A9r:p%3Ass@127.0.0.1:${server.port}/`;
    const socket = await connect(url);
    const expected = `Basic ${Buffer.from("usér:p:ss").toString("base64")}`;
    assert.equal(headerOf(server.requests[0] ?? "", "authorization"), expected);
    assert.equal(socket.url, `${server.url}/`);
    const other = await connect(url, { headers: [["Authorization", "Bearer t"]] });
    assert.equal(headerOf(server.requests[1] ?? "", "authorization"), "Bearer t");
    for (const one of [socket, other]) {
      one.terminate();
      await one.closed;
    }
  });

  it("compresses where the server agrees, and not where it is not offered", async (t) => {
    const { url } = await echoServer(t, { perMessageDeflate: { threshold: 0 } });
    const text = "hawser ".repeat(1000);
    for (const [compression, extensions] of [
      [true, "permessage-deflate"],
      [{ serverMaxWindowBits: 9, clientMaxWindowBits: 10 } as const, /permessage-deflate;.*window_bits=9/],
      [false, ""],
    ] as const) {
      const socket = await connect(url, { compression });
      if (typeof extensions === "string") assert.equal(socket.extensions, extensions);
      else assert.match(socket.extensions, extensions);
      socket.send(text);
      for await (const message of socket) {
        assert.equal(message, text);
        break;
      }
      await socket.close();
    }
  });

  it("reads frames that come in the same packet as the answer", async (t) => {
    const server = await rawServer(t, (socket, head) => {
      socket.write(
        Buffer.concat([Buffer.from(switching(head)), serverFrame(1, "one"), serverFrame(1, "two")]),
      );
    });
    const seen: unknown[] = [];
    const socket = await connect(server.url, { message: (_s, data) => void seen.push(data) });
    assert.deepEqual(seen, ["one", "two"]);
    socket.terminate();
    await socket.closed;
    const puller = await connect(server.url);
    for await (const message of puller) {
      assert.equal(message, "one");
      break;
    }
    puller.terminate();
    await puller.closed;
  });

  it("reads an answer however it is cut", async (t) => {
    let cut = 0;
    const server = await rawServer(t, (socket, head) => {
      const bytes = Buffer.concat([Buffer.from(switching(head)), serverFrame(1, "hi")]);
      socket.setNoDelay(true);
      socket.write(bytes.subarray(0, cut));
      setImmediate(() => setImmediate(() => socket.write(bytes.subarray(cut))));
    });
    const length = switching("").length + 4;
    for (cut = 1; cut < length; cut++) {
      const { promise, resolve } = withResolvers<unknown>();
      const socket = await connect(server.url, { message: (_s, data) => resolve(data) });
      assert.equal(await promise, "hi", `cut at ${cut}`);
      socket.terminate();
      await socket.closed;
    }
  });

  it("skips interim answers, but not without end", async (t) => {
    const hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let count = 2;
    const server = await rawServer(t, (socket, head) => socket.write(hints.repeat(count) + switching(head)));
    const socket = await connect(server.url);
    socket.terminate();
    await socket.closed;
    count = 100;
    await assert.rejects(connect(server.url), { code: "HANDSHAKE_FAILED", status: 103 });
  });

  it("reaches a Unix socket by option and by a ws+unix: URL", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "hawser-"));
    t.after(() => rm(directory, { recursive: true }));
    const path = join(directory, "a b.sock");
    const server = await rawServer(t, (socket, head) => socket.write(switching(head)), { path });
    const one = await connect("ws://example.invalid/chat", { socketPath: path });
    const two = await connect(`ws+unix:${path}:/chat?x=1`);
    assert.match(server.requests[0] ?? "", /^GET \/chat HTTP\/1\.1\r\nHost: example\.invalid\r\n/);
    assert.match(server.requests[1] ?? "", /^GET \/chat\?x=1 HTTP\/1\.1\r\nHost: localhost\r\n/);
    for (const socket of [one, two]) {
      socket.terminate();
      await socket.closed;
    }
  });

  it("uses lookup, family, localAddress and createConnection", async (t) => {
    const server = await rawServer(t, (socket, head) => socket.write(switching(head)));
    const names: string[] = [];
    const socket = await connect(`ws://named.invalid:${server.port}/`, {
      proxy: false,
      family: 4,
      localAddress: "127.0.0.2",
      lookup: (name, options, callback) => {
        names.push(name);
        if (options.all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
        else callback(null, "127.0.0.1", 4);
      },
    });
    assert.deepEqual(names, ["named.invalid"]);
    assert.equal([...server.sockets][0]?.remoteAddress, "127.0.0.2");
    const made = await connect("ws://elsewhere.invalid:1/", {
      createConnection: async (target) => {
        assert.deepEqual(target, { hostname: "elsewhere.invalid", port: 1, isSecure: false });
        const stream = connectTcp(server.port, "127.0.0.1");
        await once(stream, "connect");
        return stream;
      },
    });
    for (const one of [socket, made]) {
      one.terminate();
      await one.closed;
    }
  });

  it("publishes the attempt and the heads on its diagnostics channels", async (t) => {
    const server = await rawServer(t, (socket, head) => socket.write(switching(head, "X-One: 1\r\n")));
    const connects: ConnectDiagnostic[] = [];
    const opens: OpenDiagnostic[] = [];
    const onConnect = (event: unknown): void => void connects.push(event as ConnectDiagnostic);
    const onOpen = (event: unknown): void => void opens.push(event as OpenDiagnostic);
    diagnostics.connect.subscribe(onConnect);
    diagnostics.open.subscribe(onOpen);
    t.after(() => diagnostics.connect.unsubscribe(onConnect));
    t.after(() => diagnostics.open.unsubscribe(onOpen));
    const socket = await connect(`${server.url}/x`);
    assert.deepEqual(connects, [{ url: `${server.url}/x`, redirects: 0 }]);
    assert.equal(opens[0]?.socket, socket);
    assert.equal(opens[0]?.requestHead, server.requests[0]);
    assert.equal(opens[0]?.responseHead, switching(server.requests[0] ?? "", "X-One: 1\r\n"));
    socket.terminate();
    await socket.closed;
  });

  it("rejects what cannot work, before anything is opened", async () => {
    const url = "ws://127.0.0.1:9/";
    const code = async (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => "opened",
        (error: { name: string; code: string }) => `${error.name} ${error.code}`,
      );
    for (const bad of [
      "",
      "/path",
      "ftp://h/",
      "ws://h/#",
      "ws://h/#x",
      "ws://h:99999/",
      "ws+unix:x",
      "ws+unix:",
    ]) {
      assert.equal(await code(connect(bad)), "UsageError INVALID_URL", bad);
    }
    assert.equal(await code(connect(url, { headers: { "x\r\ny": "1" } })), "UsageError INVALID_HEADER");
    assert.equal(await code(connect(url, { headers: { x: "1\r\ny: 2" } })), "UsageError INVALID_HEADER");
    assert.equal(await code(connect(url, { headers: ["x"] })), "UsageError INVALID_HEADER");
    assert.equal(await code(connect(url, { headers: { Host: "x" } })), "UsageError INVALID_HEADER");
    assert.equal(await code(connect(url, { origin: "x\n" })), "UsageError INVALID_HEADER");
    assert.equal(await code(connect(url, { protocols: ["a", "a"] })), "UsageError INVALID_PROTOCOL_NAME");
    assert.equal(await code(connect(url, { protocols: "a b" })), "UsageError INVALID_PROTOCOL_NAME");
    assert.equal(await code(connect(url, { maxRedirects: 21 })), "UsageError INVALID_OPTION");
    assert.equal(await code(connect(url, { handshakeTimeoutMs: -1 })), "UsageError INVALID_OPTION");
    assert.equal(await code(connect(url, { maxMessageBytes: -1 })), "UsageError INVALID_OPTION");
    assert.equal(await code(connect(url, { proxy: "socks5://p" })), "UsageError INVALID_OPTION");
    assert.equal(await code(connect(url, { localAddress: "not an address" })), "UsageError INVALID_OPTION");
    assert.equal(await code(connect("ws+unix:/a:/", { socketPath: "/b" })), "UsageError INVALID_OPTION");
    for (const wrong of [
      null,
      { signal: "x" },
      { signal: null },
      { signal: { aborted: true } },
      { protocols: 5 },
      { autoPong: "no" },
      { highWaterMarkBytes: 2, maxBufferedBytes: 1 },
      { createConnection: 5 },
    ])
      assert.equal(await code(connect(url, wrong as ConnectOptions)), "UsageError INVALID_OPTION");
  });

  it("rejects where `createConnection` gives no stream", async () => {
    for (const given of [undefined, null, {}, Promise.resolve({}), Promise.resolve(undefined)]) {
      const createConnection = (() => given) as unknown as () => Duplex;
      for (const url of ["ws://localhost:1/", "wss://localhost:1/"])
        await assert.rejects(
          connect(url, { createConnection }),
          invalidOption("startsWith", "createConnection"),
        );
    }
  });

  it("does not show a password in an error", async () => {
    await assert.rejects(connect("ws://u:secret@h:x/"), (error: Error) => !error.stack?.includes("secret"));
  });

  it("reports a transport that is lost later to the connection", async (t) => {
    const server = await rawServer(t, (socket, head) => socket.write(switching(head)));
    const socket = await connect(server.url);
    for (const other of server.sockets) other.resetAndDestroy();
    const result = await withTimeout(socket.closed, 5_000, "the end");
    assert.equal(result.code, 1006);
    assert.equal(result.wasClean, false);
    assert.equal(result.error?.code, "TRANSPORT_ERROR");
  });
});

/** As `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
