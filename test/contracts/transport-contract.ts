import assert from "node:assert/strict";
import { it } from "node:test";
import { DRAIN_ABOVE_BYTES, type Transport, type TransportReceiver } from "#session/transport-port.js";
import { MAX_BLOCK_BYTES } from "#session/wire/packet-type.js";
import { rounds, until } from "../support/until.js";

/** The two ends of one transport, and what the network can do to it. */
export interface TransportPair {
  readonly client: Transport;
  readonly server: Transport;
  /** Breaks it between the two, without a word. */
  cut(): void;
}

/** Receives, and keeps what it was told. */
export class RecordingReceiver implements TransportReceiver {
  readonly blocks: Buffer[] = [];
  readonly ends: { readonly code: number; readonly reason: string }[] = [];
  drains = 0;
  losses = 0;
  /** Whether something came behind the end. */
  cameLate = false;
  /** Whether it is being called from within `send` or `close` just now. */
  isInCall = false;
  wasCalledInCall = false;

  block(bytes: Uint8Array, start: number, end: number): void {
    this.#called();
    this.blocks.push(Buffer.from(bytes.subarray(start, end)));
    // Whoever keeps the range is in for a surprise: transports may use the memory again.
  }

  drained(): void {
    this.#called();
    this.drains++;
  }

  lost(): void {
    this.#called();
    this.losses++;
  }

  closed(code: number, reason: string): void {
    this.#called();
    this.ends.push({ code, reason });
  }

  #called(): void {
    if (this.ends.length > 0) this.cameLate = true;
    if (this.isInCall) this.wasCalledInCall = true;
  }
}

/** What a transport says when it is told to do something, and whether that calls the receiver at once. */
function guarded(receiver: RecordingReceiver, call: () => void): void {
  receiver.isInCall = true;
  call();
  receiver.isInCall = false;
}

function blockOf(length: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff));
}

/**
 * Tests that every pair of transports passes: the promises of `Transport`, in both directions. `open` gives a pair over which
 * one block went up already, as the first packet of a session does; both receivers are set.
 */
export function transportContract(
  open: (client: TransportReceiver, server: TransportReceiver) => Promise<TransportPair>,
): void {
  const make = async () => {
    const client = new RecordingReceiver();
    const server = new RecordingReceiver();
    const pair = await open(client, server);
    await until(() => server.blocks.length === 1, "the first block");
    server.blocks.length = 0;
    return { pair, client, server };
  };
  /** What the session of each side does in the end: not every transport tells the other side by itself. */
  const end = async ({ pair, client, server }: Awaited<ReturnType<typeof make>>): Promise<void> => {
    pair.client.close(4003, "done");
    pair.server.close(4003, "done");
    await until(() => server.ends.length === 1 && client.ends.length === 1, "both ends");
  };
  const sendAll = (transport: Transport, receiver: RecordingReceiver, blocks: readonly Buffer[]): void => {
    for (const block of blocks) {
      const padded = Buffer.concat([Buffer.from("xx"), block, Buffer.from("yy")]);
      guarded(receiver, () => transport.send(padded, 2, 2 + block.length));
      padded.fill(0); // the bytes are the caller's again
    }
  };

  it("carries blocks of all sizes both ways, whole and in order", async () => {
    const { pair, client, server } = await make();
    const sizes = [1, 2, 127, 128, 4_096, 16_384, 16_385, MAX_BLOCK_BYTES];
    const up = sizes.map((size) => blockOf(size, 1));
    const down = sizes.map((size) => blockOf(size, 2));
    sendAll(pair.client, client, up);
    sendAll(pair.server, server, down);
    await until(() => server.blocks.length === up.length, "all blocks up");
    await until(() => client.blocks.length === down.length, "all blocks down");
    assert.ok(up.every((block, i) => block.equals(server.blocks[i]!)));
    assert.ok(down.every((block, i) => block.equals(client.blocks[i]!)));
    await end({ pair, client, server });
  });

  it("keeps the order of many blocks in many turns, and loses none", async () => {
    const { pair, client, server } = await make();
    const count = 200;
    for (let i = 0; i < count; i++) {
      sendAll(pair.server, server, [Buffer.from([i])]);
      sendAll(pair.client, client, [Buffer.from([i])]);
      if (i % 7 === 0) await rounds(1);
    }
    await until(() => client.blocks.length >= count && server.blocks.length >= count, "all blocks");
    const expected = Array.from({ length: count }, (_, i) => i);
    assert.deepEqual(
      client.blocks.map(([byte]) => byte),
      expected,
    );
    assert.deepEqual(
      server.blocks.map(([byte]) => byte),
      expected,
    );
    await end({ pair, client, server });
  });

  it("says that it is drained when it was full", async () => {
    const { pair, client, server } = await make();
    const blocks: Buffer[] = [];
    while (pair.server.bufferedBytes <= DRAIN_ABOVE_BYTES) {
      blocks.push(blockOf(MAX_BLOCK_BYTES, blocks.length));
      sendAll(pair.server, server, blocks.slice(-1));
    }
    await until(() => client.blocks.length === blocks.length, "all blocks");
    await until(() => server.drains > 0, "it is drained");
    await until(() => pair.server.bufferedBytes === 0, "nothing is left");
    await end({ pair, client, server });
  });

  it("closes behind what was sent, when the server closes", async () => {
    const { pair, client, server } = await make();
    sendAll(pair.server, server, [blockOf(3_000, 1), blockOf(10, 2)]);
    guarded(server, () => pair.server.close(4004, "bye"));
    await until(() => client.blocks.length === 2, "what was sent");
    await until(() => server.ends.length === 1, "the server's end");
    // A client of requests and answers hears of it from the session, and closes its own end then.
    pair.client.close(4003, "");
    await until(() => client.ends.length === 1, "the client's end");
  });

  it("closes behind what was sent, when the client closes", async () => {
    const { pair, client, server } = await make();
    sendAll(pair.client, client, [blockOf(3_000, 1), blockOf(10, 2)]);
    guarded(client, () => pair.client.close(4003, "bye"));
    await until(() => server.blocks.length === 2, "what was sent");
    await until(() => client.ends.length === 1, "the client's end");
    pair.server.close(4000, "");
    await until(() => server.ends.length === 1, "the server's end");
  });

  it("tells the end once, calls nobody behind it or from within a call, and can be used all the same", async () => {
    const { pair, client, server } = await make();
    guarded(server, () => pair.server.close(4000, "first"));
    guarded(server, () => pair.server.close(4001, "second"));
    guarded(server, () => pair.server.send(blockOf(10, 1), 0, 10));
    pair.client.close(4003, "");
    await until(() => client.ends.length === 1 && server.ends.length === 1, "both ends");
    guarded(client, () => pair.client.send(blockOf(10, 1), 0, 10));
    guarded(client, () => pair.client.close(4000, ""));
    pair.cut();
    await rounds(20);
    for (const one of [client, server]) {
      assert.equal(one.ends.length, 1);
      assert.equal(one.cameLate, false);
      assert.equal(one.wasCalledInCall, false);
    }
  });

  it("ends at both sides when it is cut, without a code", async () => {
    const { pair, client, server } = await make();
    pair.cut();
    await until(() => client.ends.length === 1, "the client's end");
    assert.equal(client.ends[0]!.code, 0);
    pair.server.close(4002, "nothing heard"); // what a session does in the end, where nothing else tells
    await until(() => server.ends.length === 1, "the server's end");
  });

  it("hands blocks to a new receiver as soon as there is one", async () => {
    const { pair, client, server } = await make();
    const second = new RecordingReceiver();
    pair.server.receiver = second;
    sendAll(pair.client, client, [blockOf(10, 1)]);
    await until(() => second.blocks.length === 1, "a block");
    assert.equal(server.blocks.length, 0);
    pair.client.close(4003, "");
    pair.server.close(4000, "");
    await until(() => second.ends.length === 1, "the end");
    assert.equal(server.ends.length, 0);
  });
}
