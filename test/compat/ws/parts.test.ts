import assert from "node:assert/strict";
import { type Duplex, PassThrough } from "node:stream";
import { it } from "node:test";
import { frame, KEY, OP, readFrames } from "../../support/frames.js";
import { type Client, describeBoth, next, pair, patiently, several } from "./implementations.js";

type Inner = Client & {
  _sender: { sendFrame(pieces: unknown[], done?: (error?: Error) => void): void };
  _receiver: { _maxPayload: number };
  _socket: Duplex;
  setSocket(stream: Duplex, head: Buffer, options: object): void;
};

describeBoth("Sender", (api) => {
  it("frame builds frames once, which are sent to many as Socket.IO does", async (t) => {
    const { client, socket } = await pair(t, api);
    const pieces = api.Sender.frame(Buffer.from("shared"), {
      readOnly: false,
      mask: false,
      rsv1: false,
      opcode: 1,
      fin: true,
    });
    const messages = several(client, "message", 3);
    socket.send("before");
    const sent = new Promise((resolve) => (socket as Inner)._sender.sendFrame(pieces, resolve));
    socket.send("after");
    assert.deepEqual(
      (await messages).map(([data]) => String(data)),
      ["before", "shared", "after"],
    );
    assert.ok(!(await patiently(sent, "the callback")));
  });

  it("frame masks a copy of what is read-only", () => {
    const data = Buffer.from("read only");
    const mask = Buffer.from([9, 8, 7, 6]);
    const options = {
      opcode: 2,
      fin: true,
      mask: true,
      readOnly: true,
      maskBuffer: mask,
      generateMask: () => {},
    };
    const [read] = readFrames(Buffer.concat(api.Sender.frame(data, options)));
    assert.equal(read!.payload.toString(), "read only");
    assert.equal(read!.masked, true);
    assert.equal(data.toString(), "read only");
  });

  it("frame writes lengths in 7, 16 and 64 bits, and all bits of the first byte", () => {
    for (const length of [0, 125, 126, 65_535, 65_536]) {
      const bytes = Buffer.concat(
        api.Sender.frame(Buffer.alloc(length), { opcode: 0, fin: false, rsv1: true }),
      );
      const [read] = readFrames(bytes);
      assert.deepEqual([read!.payload.length, read!.fin, read!.rsv, read!.opcode], [length, false, 4, 0]);
    }
  });

  it("writes to a stream of its own", async () => {
    const stream = new PassThrough();
    const sender = new api.Sender(stream as never);
    await new Promise<void>((resolve) =>
      sender.send("one", { binary: false, fin: true, compress: false, mask: false }, () => resolve()),
    );
    sender.ping("p", false);
    sender.close(1000, "bye", false);
    stream.end();
    const frames = readFrames(Buffer.concat(await stream.toArray()));
    assert.deepEqual(
      frames.map(({ opcode, payload }) => [opcode, payload.toString("latin1")]),
      [
        [OP.text, "one"],
        [OP.ping, "p"],
        [OP.close, "\x03\xe8bye"],
      ],
    );
  });
});

describeBoth("Receiver", (api) => {
  it("tells messages, pings, pongs and the close frame of what is written to it", async () => {
    const receiver = new api.Receiver({ isServer: true });
    const seen: unknown[] = [];
    receiver.on("message", (data, isBinary) => seen.push(["message", String(data), isBinary]));
    receiver.on("ping", (data) => seen.push(["ping", String(data)]));
    receiver.on("pong", (data) => seen.push(["pong", String(data)]));
    const concluded = next(receiver, "conclude");
    const bytes = Buffer.concat([
      frame({ opcode: OP.text, payload: "te", fin: false, mask: KEY }),
      frame({ opcode: OP.ping, payload: "p", mask: KEY }),
      frame({ opcode: OP.more, payload: "xt", mask: KEY }),
      frame({ opcode: OP.pong, payload: "q", mask: KEY }),
      frame({ opcode: OP.binary, payload: "b", mask: KEY }),
      frame({ opcode: OP.close, payload: Buffer.from([3, 232, 0x78]), mask: KEY }),
    ]);
    for (const byte of bytes) receiver.write(Buffer.from([byte]));
    assert.deepEqual(await concluded, [1000, Buffer.from("x")]);
    assert.deepEqual(seen, [
      ["ping", "p"],
      ["message", "text", false],
      ["pong", "q"],
      ["message", "b", true],
    ]);
  });

  it("fails with an error of ws", async () => {
    const receiver = new api.Receiver({ maxPayload: 3 });
    const failed = next(receiver, "error");
    receiver.write(frame({ opcode: OP.text, payload: "four" }));
    assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
  });

  it("gives binary as it is told to", async () => {
    const receiver = new api.Receiver({ binaryType: "arraybuffer" });
    const message = next(receiver, "message");
    receiver.write(frame({ opcode: OP.binary, payload: "b" }));
    assert.ok((await message)[0] instanceof ArrayBuffer);
  });
});

describeBoth("extension and subprotocol", (api) => {
  it("parse and format headers", () => {
    const offers = api.extension.parse('a; b; c=1; c="2", a, d; e=f');
    assert.deepEqual({ ...offers["a"]![0] }, { b: [true], c: ["1", "2"] });
    assert.deepEqual({ ...offers["a"]![1] }, {});
    assert.deepEqual({ ...offers["d"]![0] }, { e: ["f"] });
    assert.equal(
      api.extension.format({ a: { b: true, c: ["1", "2"] }, d: [{}, { e: 3 }] }),
      "a; b; c=1; c=2, d, d; e=3",
    );
    for (const header of ["", ",a", "a,", "a;", "a; b=", "a b", 'a; b="c'])
      assert.throws(() => api.extension.parse(header), SyntaxError, header);
    assert.deepEqual([...api.subprotocol.parse("b , a,c")], ["b", "a", "c"]);
    for (const header of ["", ",a", "a,", "a,a", "a b", "a;b"])
      assert.throws(() => api.subprotocol.parse(header), SyntaxError, header);
  });
});

describeBoth("what programs reach for inside", (api) => {
  it("_receiver._maxPayload can be raised once a peer is known", async (t) => {
    const { client, socket } = await pair(t, api, { server: { maxPayload: 10 } });
    assert.equal((socket as Inner)._receiver._maxPayload, 10);
    (socket as Inner)._receiver._maxPayload = 1000;
    const message = next(socket, "message");
    client.send("x".repeat(500));
    assert.equal(String((await message)[0]).length, 500);
  });

  it("setSocket makes a WebSocket of any pair of streams, as injection in tests does", async () => {
    const { duplexPair } = await import("./duplex-pair.js");
    const [left, right] = duplexPair();
    const make = (isServer: boolean): Inner => {
      const Class = api as unknown as new (address: null, protocols: undefined, options: object) => Inner;
      const socket = new Class(null, undefined, { autoPong: true, closeTimeout: 1000 });
      (socket as unknown as { _isServer: boolean })._isServer = isServer;
      return socket;
    };
    const [server, client] = [make(true), make(false)];
    server.setSocket(left, Buffer.alloc(0), { maxPayload: 0 });
    client.setSocket(right, Buffer.alloc(0), { maxPayload: 0 });
    server.on("message", (data) => server.send(`echo ${String(data)}`));
    const message = next(client, "message");
    client.send("x");
    assert.equal(String((await message)[0]), "echo x");
    const both = Promise.all([next(client, "close"), next(server, "close")]);
    client.close(1000);
    for (const [code] of await both) assert.equal(code, 1000);
  });

  it("_socket is the socket: its address, and its close", async (t) => {
    const { client, socket } = await pair(t, api);
    const inner = (socket as Inner)._socket;
    assert.equal((inner as unknown as { remoteAddress: string }).remoteAddress, "127.0.0.1");
    const gone = next(inner, "close");
    client.close();
    await gone;
  });
});
