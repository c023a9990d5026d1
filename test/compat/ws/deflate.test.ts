import assert from "node:assert/strict";
import { it } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { maskedFrame, RawClient } from "../../support/raw-client.js";
import { describeBoth, listening, pair, patiently, several } from "./implementations.js";

const OFFER = "permessage-deflate; client_max_window_bits";

describeBoth("perMessageDeflate", (api) => {
  it("is off on a server, and offered by a client", async (t) => {
    const { client, socket } = await pair(t, api);
    assert.equal(client.extensions, "");
    assert.equal(socket.extensions, "");
    assert.deepEqual(
      (await pair(t, api, { server: { perMessageDeflate: true } })).client.extensions,
      "permessage-deflate",
    );
  });

  const answers: readonly (readonly [
    title: string,
    options: object,
    offer: string,
    answer: string | undefined,
  ])[] = [
    ["nothing asked", {}, OFFER, "permessage-deflate"],
    [
      "no context takeover",
      { serverNoContextTakeover: true, clientNoContextTakeover: true },
      OFFER,
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    ],
    [
      "windows",
      { serverMaxWindowBits: 10, clientMaxWindowBits: 11 },
      OFFER,
      "permessage-deflate; client_max_window_bits=11; server_max_window_bits=10",
    ],
    [
      "what the client asks for",
      {},
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=12",
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=12",
    ],
    [
      "the first offer that can be met",
      { serverMaxWindowBits: 12 },
      "permessage-deflate; server_max_window_bits=9, permessage-deflate",
      "permessage-deflate; server_max_window_bits=12",
    ],
    ["another extension only", {}, "x-other", undefined],
  ];
  for (const [title, perMessageDeflate, offer, answer] of answers) {
    it(`answers: ${title}`, async (t) => {
      const { port } = await listening(t, api, { perMessageDeflate });
      const client = await RawClient.open({ port, headers: { "Sec-WebSocket-Extensions": offer } });
      assert.equal(client.status, 101);
      const parts = (value = ""): string[] => value.split("; ").sort();
      assert.deepEqual(parts(client.header("Sec-WebSocket-Extensions")), parts(answer));
      await client.destroy();
    });
  }

  it("offers what the options of a client ask for", async (t) => {
    const { request } = await pair(t, api, {
      client: {
        perMessageDeflate: {
          serverNoContextTakeover: true,
          clientNoContextTakeover: true,
          serverMaxWindowBits: 10,
          clientMaxWindowBits: 12,
        },
      },
    });
    const offer =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10";
    assert.equal(request.headers["sec-websocket-extensions"], `${offer}; client_max_window_bits=12`);
  });

  it("compresses, also in fragments and with the window kept", async (t) => {
    for (const perMessageDeflate of [
      true,
      { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
    ]) {
      const { client, socket } = await pair(t, api, {
        server: { perMessageDeflate },
        client: { perMessageDeflate },
      });
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
      const messages = several(client, "message", 12);
      const texts = Array.from({ length: 11 }, (_, i) => "the same again ".repeat(1 + i * 100));
      for (const text of texts) client.send(text);
      client.send("in ", { fin: false });
      client.send("three ", { fin: false });
      client.send("parts", { fin: true });
      assert.deepEqual(
        (await messages).map(([data]) => String(data)),
        [...texts, "in three parts"],
      );
    }
  });

  it("sets RSV1 on the first frame of what is compressed", async (t) => {
    const { wss, port } = await listening(t, api, { perMessageDeflate: true });
    wss.on("connection", (socket) => {
      socket.send("compressed");
      socket.send("not compressed", { compress: false });
      socket.send("a", { fin: false });
      socket.send("b", { fin: true });
    });
    const client = await RawClient.open({ port, headers: { "Sec-WebSocket-Extensions": OFFER } });
    const bits: number[] = [];
    for (let i = 0; i < 4; i++) bits.push((await client.next()).reservedBits);
    assert.deepEqual(bits, [4, 0, 4, 0]);
    await client.destroy();
  });

  it("leaves short messages uncompressed where the window is not kept", async (t) => {
    const { wss, port } = await listening(t, api, {
      perMessageDeflate: { serverNoContextTakeover: true, threshold: 100 },
    });
    wss.on("connection", (socket) => {
      socket.send("x".repeat(99));
      socket.send("x".repeat(100));
    });
    const client = await RawClient.open({ port, headers: { "Sec-WebSocket-Extensions": OFFER } });
    assert.deepEqual([(await client.next()).reservedBits, (await client.next()).reservedBits], [0, 4]);
    await client.destroy();
  });

  it("deflates at the level that is asked for", async (t) => {
    const text = Array.from({ length: 3000 }, (_, i) => `${i * 7919}`).join(" ");
    const sizeAt = async (level: number): Promise<number> => {
      const { wss, port } = await listening(t, api, { perMessageDeflate: { zlibDeflateOptions: { level } } });
      wss.on("connection", (socket) => socket.send(text));
      const client = await RawClient.open({ port, headers: { "Sec-WebSocket-Extensions": OFFER } });
      const { payload } = await client.next();
      await client.destroy();
      return payload.length;
    };
    assert.ok((await sizeAt(9)) < (await sizeAt(1)));
    assert.ok((await sizeAt(0)) >= text.length);
  });

  it("ends a message that inflates above maxPayload with 1009", async (t) => {
    const { wss, port } = await listening(t, api, { perMessageDeflate: true, maxPayload: 1000 });
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => {
      wss.on("connection", (socket) => socket.on("error", resolve));
    });
    const client = await RawClient.open({ port, headers: { "Sec-WebSocket-Extensions": OFFER } });
    client.send(maskedFrame(0xc1, deflated("x".repeat(10_000))));
    assert.equal((await client.nextClose()).code, 1009);
    assert.equal((await patiently(failed, "error")).code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
    await client.gone;
  });

  it("ends what is no DEFLATE data with 1007", async (t) => {
    const { wss, port } = await listening(t, api, { perMessageDeflate: true });
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => {
      wss.on("connection", (socket) => socket.on("error", resolve));
    });
    const client = await RawClient.open({ port, headers: { "Sec-WebSocket-Extensions": OFFER } });
    client.send(maskedFrame(0xc1, Buffer.from([0xff, 0xff, 0xff, 0xff])));
    assert.equal((await client.nextClose()).code, 1007);
    const error = await patiently(failed, "error");
    assert.equal(error.code, "Z_DATA_ERROR");
    assert.equal(error.errno, -3);
    await client.gone;
  });

  it("calls callbacks in the order of the messages, compressed or not", async (t) => {
    const { client, socket } = await pair(t, api, { server: { perMessageDeflate: true } });
    const order: number[] = [];
    const messages = several(socket, "message", 9);
    const done = new Promise<void>((resolve) => {
      for (let i = 0; i < 9; i++)
        client.send("x".repeat(1 + i * 500), { compress: i % 3 !== 0 }, () => {
          if (order.push(i) === 9) resolve();
        });
    });
    assert.deepEqual(
      (await messages).map(([data]) => String(data).length),
      [1, 501, 1001, 1501, 2001, 2501, 3001, 3501, 4001],
    );
    await patiently(done, "nine callbacks");
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describeBoth("PerMessageDeflate as an export", (api) => {
  it("negotiates, compresses and inflates", async () => {
    const server = new api.PerMessageDeflate({ isServer: true });
    const client = new api.PerMessageDeflate({ maxPayload: 1000 });
    assert.equal(api.PerMessageDeflate.extensionName, "permessage-deflate");
    const parse = (params: object): never =>
      api.extension.parse(api.extension.format({ "permessage-deflate": params as never }))[
        "permessage-deflate"
      ] as never;
    server.accept(parse(client.offer()));
    client.accept(parse(server.params ?? {}));
    const compressed = await new Promise<Buffer>((resolve, reject) =>
      server.compress("text ".repeat(50), true, (error, data) => (error ? reject(error) : resolve(data!))),
    );
    assert.ok(compressed.length < 250);
    const text = await new Promise<Buffer>((resolve, reject) =>
      client.decompress(compressed, true, (error, data) => (error ? reject(error) : resolve(data!))),
    );
    assert.equal(text.toString(), "text ".repeat(50));
    server.cleanup();
    client.cleanup();
  });

  it("refuses what it does not know", () => {
    const server = new api.PerMessageDeflate({ isServer: true });
    for (const offer of [
      "a",
      "server_max_window_bits",
      "client_max_window_bits=16",
      "server_no_context_takeover=1",
    ])
      assert.throws(() =>
        server.accept(api.extension.parse(`permessage-deflate; ${offer}`)["permessage-deflate"]!),
      );
  });
});

function deflated(text: string): Buffer {
  return deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}
