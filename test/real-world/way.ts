import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ConnectOptions, connect } from "hawser/client";
import { Inbox } from "../support/inbox.js";
import { type Backend, BEGIN, ENOUGH, FLOW_MESSAGE_BYTES, MAX_FLOW_MESSAGES } from "./backend.js";

/** A way from a client to a server. */
export interface Way {
  readonly url: string;
  readonly options?: ConnectOptions;
  readonly backend: Backend;
  /** The address that the server is to have of a client that connects from {@link CLIENT}. */
  readonly address?: string;
}

/** Another address of the loopback than everybody else's, so that it is seen whether it comes through. */
export const CLIENT = "127.0.0.5";

/** A sender that sent nothing for so long waits for its reader. If it was only slow, the test is weaker, and not wrong. */
const STANDSTILL_MS = 60;

const LARGE: Buffer = randomBytes(1_500_000);
const COMPRESSIBLE: string = "all work and no play ".repeat(5_000);

/** Tests that everything that a WebSocket can do passes unchanged. */
export function carriesEverything(name: string, wayOf: () => Way): void {
  const open = async (path = "/", more: ConnectOptions = {}) => {
    const { url, options } = wayOf();
    const messages = new Inbox<string | Buffer>("message");
    const socket = await connect(url + path, {
      pingIntervalMs: 0,
      localAddress: CLIENT,
      ...options,
      message: (_socket, data) => messages.push(data),
      ...more,
    });
    return { socket, messages };
  };

  it(`${name}: messages of any kind and size, both ways`, async () => {
    const { backend, address } = wayOf();
    const { socket, messages } = await open();
    const other = await backend.sockets.next();
    assert.match(socket.extensions, /^permessage-deflate/);
    if (address !== undefined) assert.equal(other.request.remoteAddress, address);
    const sent = ["", "text: ä€😀", Buffer.of(), Buffer.of(0, 255), LARGE, COMPRESSIBLE];
    for (const message of sent) socket.send(message);
    for (const message of sent) assert.deepEqual(await messages.next(), message);

    const writer = socket.startMessage({ binary: false });
    writer.write("a message ");
    assert.ok(((await socket.ping("between")) ?? -1) >= 0);
    writer.write("in ");
    assert.ok(((await other.ping()) ?? -1) >= 0);
    writer.end("fragments");
    assert.equal(await messages.next(), "a message in fragments");
    await socket.close();
    await backend.closes.next();
  });

  it(`${name}: close codes and reasons, and ends without one`, async () => {
    const { backend } = wayOf();
    for (const who of ["client", "server"] as const) {
      const { socket } = await open();
      const other = await backend.sockets.next();
      void (who === "client" ? socket : other).close(4001, `the ${who} says so`);
      const [atClient, atServer] = [await socket.closed, await backend.closes.next()];
      const told = who === "client" ? atServer : atClient;
      assert.deepEqual([told.code, told.reason], [4001, `the ${who} says so`]);
      assert.deepEqual(
        [atClient.code, atClient.wasClean, atServer.code, atServer.wasClean],
        [4001, true, 4001, true],
      );
    }
    for (const who of ["client", "server"] as const) {
      const { socket } = await open();
      const other = await backend.sockets.next();
      (who === "client" ? socket : other).terminate();
      assert.deepEqual([(await socket.closed).code, (await backend.closes.next()).code], [1006, 1006]);
    }
  });

  it(`${name}: a client that does not read stops the server, and then gets everything in order`, async () => {
    const { url, options, backend } = wayOf();
    const { flow } = backend;
    const socket = await connect(`${url}/flow`, { pingIntervalMs: 0, ...options });
    flow.sent = 0;
    socket.send(BEGIN);
    for (let before = -1; before !== flow.sent || flow.sent === 0; ) {
      before = flow.sent;
      await delay(STANDSTILL_MS);
    }
    assert.ok(flow.sent < MAX_FLOW_MESSAGES, "nothing stops the server");
    socket.send(ENOUGH);
    let count = 0;
    for await (const message of socket) {
      if (typeof message === "string") {
        assert.equal(Number(message), count);
        break;
      }
      assert.ok(message.equals(Buffer.alloc(FLOW_MESSAGE_BYTES, count++)));
    }
    await socket.close();
  });
}
