import assert from "node:assert/strict";
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { after, describe, it } from "node:test";
import {
  type CloseDiagnostic,
  diagnostics,
  type FrameDiagnostic,
  type OpenDiagnostic,
  prepareMessage,
  type ServerConnection,
} from "hawser/server";
import { connected } from "../support/connected.js";
import { leakCheck } from "../support/leak-check.js";
import { binaryFrame, pongFrame, requestHead, textFrame } from "../support/raw-client.js";

/** What is published on a channel until the end of the block. */
function published<Event>(name: string): { events: Event[] } & Disposable {
  const events: Event[] = [];
  const listener = (event: unknown): void => void events.push(event as Event);
  subscribe(name, listener);
  return { events, [Symbol.dispose]: () => void unsubscribe(name, listener) };
}

describe("the diagnostics channels", () => {
  after(leakCheck());

  it("are those of `diagnostics`", () => {
    for (const name of ["connect", "open", "frame", "close"] as const) {
      assert.equal(diagnostics[name], channel(`hawser:${name}`));
    }
  });

  it("tell of an opened connection, with both heads", async () => {
    using opens = published<OpenDiagnostic>("hawser:open");
    const { socket, client, end } = await connected({}, { path: "/chat?x", headers: { "X-Tag": "é" } });
    const [event] = opens.events;
    assert.equal(opens.events.length, 1);
    assert.equal(event?.socket, socket);
    assert.equal(event?.requestHead, requestHead({ path: "/chat?x", headers: { "X-Tag": "é" } }));
    assert.equal(event?.responseHead, client.head);
    await end();
  });

  it("tell of an opened connection when the head of the answer stands before what is sent then", async () => {
    const greet = (event: unknown): void => {
      const { socket } = event as OpenDiagnostic<ServerConnection>;
      socket.send("from a tracer");
    };
    subscribe("hawser:open", greet);
    try {
      const { client, end } = await connected({ open: (socket) => void socket.send("from open") });
      assert.equal(client.status, 101);
      assert.equal(await client.nextText(), "from a tracer");
      assert.equal(await client.nextText(), "from open");
      await end();
    } finally {
      unsubscribe("hawser:open", greet);
    }
  });

  it("tell of each frame, in both directions", async () => {
    using frames = published<FrameDiagnostic>("hawser:frame");
    const { socket, client, end } = await connected();
    client.send(textFrame("hello"), binaryFrame(Buffer.alloc(70_000)));
    client.send(pongFrame(Buffer.alloc(0)));
    socket.send("hi");
    socket.send(Buffer.alloc(20_000));
    socket.send(prepareMessage("prepared"));
    const writer = socket.startMessage({ binary: false });
    writer.write("a");
    writer.end("bc");
    const closing = socket.close(1000);
    for (let i = 0; i < 5; i++) await client.next();
    await client.finish();
    await closing;
    const told = (wanted: string) =>
      frames.events
        .filter(({ direction }) => direction === wanted)
        .map(({ fin, reservedBits, opcode, masked, payloadBytes }) => [
          fin,
          reservedBits,
          opcode,
          masked,
          payloadBytes,
        ]);
    assert.ok(frames.events.every((event) => event.socket === socket));
    assert.deepEqual(told("received"), [
      [true, 0, 1, true, 5],
      [true, 0, 2, true, 70_000],
      [true, 0, 10, true, 0],
      [true, 0, 8, true, 2],
    ]);
    assert.deepEqual(told("sent"), [
      [true, 0, 1, false, 2],
      [true, 0, 2, false, 20_000],
      [true, 0, 1, false, 8],
      [false, 0, 1, false, 1],
      [true, 0, 0, false, 2],
      [true, 0, 8, false, 2],
    ]);
    await end();
  });

  it("tell the length on the wire of a prepared message that is compressed", async () => {
    using frames = published<FrameDiagnostic>("hawser:frame");
    const { socket, client, end } = await connected(
      { compression: true },
      { headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } },
    );
    socket.send(prepareMessage("again and ".repeat(1_000)));
    socket.send("again and ".repeat(1_000));
    for (let i = 0; i < 2; i++) {
      const frame = await client.next();
      assert.equal(frames.events[i]?.reservedBits, 4);
      assert.equal(frames.events[i]?.payloadBytes, frame.payload.length);
    }
    await end();
  });

  it("tell of the end, with how it came", async () => {
    using closes = published<CloseDiagnostic>("hawser:close");
    const { socket, client, end } = await connected();
    const closing = socket.close(4000, "bye");
    await client.finish();
    const result = await closing;
    assert.deepEqual(closes.events, [{ socket, result }]);
    await end();
  });
});
