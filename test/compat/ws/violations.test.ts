import assert from "node:assert/strict";
import { it } from "node:test";
import { closePayload, type FrameSpec, frame, KEY, OP } from "../../support/frames.js";
import { RawClient } from "../../support/raw-client.js";
import { describeBoth, listening, next, patiently } from "./implementations.js";
import { acceptKeyOf, rawServer } from "./raw-opening.js";

type Case = readonly [
  title: string,
  frames: readonly FrameSpec[],
  code: string,
  message: string,
  closeCode: number,
];

const CASES: readonly Case[] = [
  [
    "RSV1 without an extension",
    [{ opcode: OP.text, rsv: 4, payload: "x" }],
    "WS_ERR_UNEXPECTED_RSV_1",
    "Invalid WebSocket frame: RSV1 must be clear",
    1002,
  ],
  [
    "RSV2",
    [{ opcode: OP.text, rsv: 2, payload: "x" }],
    "WS_ERR_UNEXPECTED_RSV_2_3",
    "Invalid WebSocket frame: RSV2 and RSV3 must be clear",
    1002,
  ],
  ["opcode 3", [{ opcode: 3 }], "WS_ERR_INVALID_OPCODE", "Invalid WebSocket frame: invalid opcode 3", 1002],
  [
    "opcode 11",
    [{ opcode: 11 }],
    "WS_ERR_INVALID_OPCODE",
    "Invalid WebSocket frame: invalid opcode 11",
    1002,
  ],
  [
    "a continuation of nothing",
    [{ opcode: OP.more, payload: "x" }],
    "WS_ERR_INVALID_OPCODE",
    "Invalid WebSocket frame: invalid opcode 0",
    1002,
  ],
  [
    "a new message inside another",
    [
      { opcode: OP.text, fin: false, payload: "x" },
      { opcode: OP.binary, payload: "y" },
    ],
    "WS_ERR_INVALID_OPCODE",
    "Invalid WebSocket frame: invalid opcode 2",
    1002,
  ],
  [
    "a fragmented ping",
    [{ opcode: OP.ping, fin: false }],
    "WS_ERR_EXPECTED_FIN",
    "Invalid WebSocket frame: FIN must be set",
    1002,
  ],
  [
    "a ping of 126 bytes",
    [{ opcode: OP.ping, payload: "x".repeat(126) }],
    "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    "Invalid WebSocket frame: invalid payload length 126",
    1002,
  ],
  [
    "a close frame of one byte",
    [{ opcode: OP.close, payload: "x" }],
    "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    "Invalid WebSocket frame: invalid payload length 1",
    1002,
  ],
  [
    "a close code that must not be sent",
    [{ opcode: OP.close, payload: closePayload(1005) }],
    "WS_ERR_INVALID_CLOSE_CODE",
    "Invalid WebSocket frame: invalid status code 1005",
    1002,
  ],
  [
    "text that is not UTF-8",
    [{ opcode: OP.text, payload: Buffer.from([0xce, 0xba, 0xff]) }],
    "WS_ERR_INVALID_UTF8",
    "Invalid WebSocket frame: invalid UTF-8 sequence",
    1007,
  ],
  [
    "a close reason that is not UTF-8",
    [{ opcode: OP.close, payload: closePayload(1000, Buffer.from([0xff])) }],
    "WS_ERR_INVALID_UTF8",
    "Invalid WebSocket frame: invalid UTF-8 sequence",
    1007,
  ],
  [
    "a message above maxPayload",
    [{ opcode: OP.text, payload: "x".repeat(2001) }],
    "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
    "Max payload size exceeded",
    1009,
  ],
  [
    "a message above maxPayload in fragments",
    [
      { opcode: OP.text, fin: false, payload: "x".repeat(1999) },
      { opcode: OP.more, payload: "xx" },
    ],
    "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
    "Max payload size exceeded",
    1009,
  ],
  [
    "more fragments than maxFragments",
    Array.from({ length: 6 }, (_, i) => ({
      opcode: i === 0 ? OP.text : OP.more,
      fin: i === 5,
      payload: "x",
    })),
    "WS_ERR_TOO_MANY_BUFFERED_PARTS",
    "Too many message fragments",
    1008,
  ],
];

describeBoth("error codes", (api) => {
  for (const [title, frames, code, message, closeCode] of CASES) {
    it(`a server: ${title}`, async (t) => {
      const { wss, port } = await listening(t, api, { maxPayload: 2000, maxFragments: 5 });
      const events = new Promise<unknown[]>((resolve) => {
        const seen: unknown[] = [];
        wss.on("connection", (socket) => {
          socket.on("error", (error: NodeJS.ErrnoException) => {
            seen.push(error.code, error.message, socket.readyState);
          });
          socket.on("close", (...values) => {
            seen.push(values[0], String(values[1]));
            resolve(seen);
          });
        });
      });
      const client = await RawClient.open({ port });
      client.send(...frames.map((spec) => frame({ ...spec, mask: KEY })));
      assert.deepEqual(await client.nextClose(), { code: closeCode, reason: "" });
      await client.gone;
      const isClose = code === "WS_ERR_INVALID_UTF8" && title.includes("close");
      const [seenCode, seenMessage, state, ...end] = await patiently(events, "close");
      assert.deepEqual([seenCode, seenMessage, state], [code, message, api.CLOSING]);
      assert.deepEqual(end, isClose ? end : [1006, ""]);
    });
  }

  it("a server: a frame without a mask", async (t) => {
    const { wss, port } = await listening(t, api);
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => {
      wss.on("connection", (socket) => socket.on("error", resolve));
    });
    const client = await RawClient.open({ port });
    client.send(frame({ opcode: OP.text, payload: "x" }));
    assert.equal((await client.nextClose()).code, 1002);
    const error = await patiently(failed, "error");
    assert.equal(error.code, "WS_ERR_EXPECTED_MASK");
    assert.equal(error.message, "Invalid WebSocket frame: MASK must be set");
    assert.ok(error instanceof RangeError);
    await client.gone;
  });

  it("a client: a masked frame", async (t) => {
    const server = await rawServer(t, (socket, key) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKeyOf(key)}\r\n\r\n`,
      );
      socket.write(frame({ opcode: OP.text, payload: "x", mask: KEY }));
      socket.on("end", () => socket.end());
    });
    const client = new api(server.url);
    const closed = next(client, "close");
    const [error] = await next(client, "error");
    assert.equal((error as NodeJS.ErrnoException).code, "WS_ERR_UNEXPECTED_MASK");
    assert.equal((await closed)[0], 1006);
  });

  it("hands out what came before in the same chunk, and nothing after", async (t) => {
    const { wss, port } = await listening(t, api);
    const received: string[] = [];
    const closed = new Promise((resolve) => {
      wss.on("connection", (socket) => {
        socket.on("error", () => {});
        socket.on("message", (data) => received.push(String(data)));
        socket.on("close", resolve);
      });
    });
    const client = await RawClient.open({ port });
    client.send(
      frame({ opcode: OP.text, payload: "before", mask: KEY }),
      frame({ opcode: 3, mask: KEY }),
      frame({ opcode: OP.text, payload: "after", mask: KEY }),
    );
    await client.nextClose();
    await client.gone;
    await patiently(closed, "close");
    assert.deepEqual(received, ["before"]);
  });

  it("a length above 2^53 - 1", async (t) => {
    const { wss, port } = await listening(t, api);
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => {
      wss.on("connection", (socket) => socket.on("error", resolve));
    });
    const client = await RawClient.open({ port });
    client.send(frame({ opcode: OP.text, announce: 2n ** 53n, lengthBits: 64, mask: KEY }));
    await client.nextClose();
    const error = await patiently(failed, "error");
    assert.equal(error.code, "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH");
    assert.equal(error.message, "Unsupported WebSocket frame: payload length > 2^53 - 1");
    await client.gone;
  });

  it("ends a peer that pings and does not read", async (t) => {
    const { wss, port } = await listening(t, api, { maxPendingAutoPongs: 4 });
    const closed = new Promise<number>((resolve) => {
      wss.on("connection", (socket) => {
        // What leaves is held back from here on, so that no pong is ever done.
        (socket as unknown as { _socket: { cork(): void } })._socket.cork();
        socket.on("close", resolve);
      });
    });
    const client = await RawClient.open({ port });
    client.send(...Array.from({ length: 10 }, () => frame({ opcode: OP.ping, mask: KEY })));
    assert.equal(await patiently(closed, "close"), 1006);
    await client.gone;
  });
});
