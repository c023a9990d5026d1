import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { maskedFrame, pingFrame, RawClient, textFrame } from "../../support/raw-client.js";
import { describeBoth, hawser, listening, next, pair } from "./implementations.js";

describeBoth("limits that are no whole numbers", (api) => {
  const limits: readonly (readonly [maxPayload: unknown, largest: number])[] = [
    ["1000", 1000],
    [1000.5, 1000],
    [0.001 * 1024 * 1024, 1048],
  ];
  for (const [maxPayload, largest] of limits) {
    it(`maxPayload: ${JSON.stringify(maxPayload)} is one of ${largest} bytes`, async (t) => {
      const options = { maxPayload };
      const { client, socket } = await pair(t, api, { server: options as object, client: options as object });
      for (const [from, to] of [
        [client, socket],
        [socket, client],
      ] as const) {
        const message = next(to, "message");
        from.send("x".repeat(largest));
        await message;
      }
      const closed = next(client, "close");
      client.send("x".repeat(largest + 1));
      assert.equal((await closed)[0], 1009);
    });
  }

  for (const maxPayload of [null, Number.NaN, Infinity, -1, 2 ** 33, "many", 0.5]) {
    it(`maxPayload: ${String(maxPayload)} is no limit`, async (t) => {
      const { client, socket } = await pair(t, api, {
        server: { maxPayload: maxPayload as number, maxFragments: maxPayload as number },
      });
      const message = next(socket, "message");
      client.send("x".repeat(2000), { fin: false });
      client.send("x".repeat(2000));
      assert.equal(((await message)[0] as Buffer).length, 4000);
    });
  }

  it('maxFragments: "2" is a limit', async (t) => {
    const { client, socket } = await pair(t, api, { server: { maxFragments: "2" } as object });
    const error = next(socket, "error");
    for (const fin of [false, false, true]) client.send("x", { fin });
    assert.equal(((await error)[0] as NodeJS.ErrnoException).code, "WS_ERR_TOO_MANY_BUFFERED_PARTS");
  });

  for (const closeTimeout of ["1", Number.NaN, -5, 0]) {
    it(`closeTimeout: ${JSON.stringify(closeTimeout)} ends the wait for a peer that does not answer`, async (t) => {
      const { wss, port } = await listening(t, api, { closeTimeout });
      const closed = new Promise<unknown>((resolve) => {
        wss.on("connection", (socket) => {
          socket.on("close", resolve);
          socket.close();
        });
      });
      const client = await RawClient.open({ port });
      assert.equal(await closed, 1006);
      await client.destroy();
    });
  }

  it("of a Receiver", async () => {
    const receiver = new api.Receiver({ isServer: true, maxPayload: "3" as never });
    const message = next(receiver, "message");
    receiver.write(textFrame("abc"));
    await message;
    const error = next(receiver, "error");
    receiver.write(textFrame("abcd"));
    assert.equal(((await error)[0] as NodeJS.ErrnoException).code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
  });
});

describeBoth("options that are null", (api) => {
  for (const name of ["headers", "origin", "perMessageDeflate", "maxFragments"]) {
    it(`${name} of a client is as if it were not there`, async (t) => {
      await pair(t, api, { client: { [name]: null } });
    });
  }
});

describe("hawser/ws: what cannot be read as a number", () => {
  it("is refused when server or client are made, and not when a peer comes", () => {
    for (const name of ["maxPayload", "maxFragments", "maxPendingAutoPongs", "closeTimeout"]) {
      const options = { [name]: Symbol("many") } as object;
      const refused = { name: "TypeError", message: `The "${name}" option must be a number` };
      assert.throws(() => new hawser.WebSocketServer({ noServer: true, ...options }), refused);
      assert.throws(() => new hawser("ws://127.0.0.1:1", options), refused);
    }
  });
});

describeBoth("options that are truthy or falsy", (api) => {
  it("skipUTF8Validation: 1 is on", async (t) => {
    const { wss, port } = await listening(t, api, { skipUTF8Validation: 1 });
    const message = new Promise((resolve) => wss.on("connection", (one) => one.on("message", resolve)));
    const client = await RawClient.open({ port });
    client.send(maskedFrame(0x81, Buffer.from([0xff])));
    assert.deepEqual(await message, Buffer.from([0xff]));
    await client.destroy();
  });

  for (const allowSynchronousEvents of [0, null, ""]) {
    it(`allowSynchronousEvents: ${JSON.stringify(allowSynchronousEvents)} is off`, async (t) => {
      const { wss, port } = await listening(t, api, { allowSynchronousEvents });
      const seen: string[] = [];
      const done = new Promise<void>((resolve) => {
        wss.on("connection", (socket) => {
          socket.on("ping", () => {
            seen.push("ping");
            setImmediate(() => seen.push("round"));
          });
          socket.on("message", () => {
            seen.push("message");
            resolve();
          });
        });
      });
      const client = await RawClient.open({ port });
      client.send(pingFrame(), textFrame("x"));
      await done;
      assert.deepEqual(seen, ["ping", "round", "message"]);
      await client.destroy();
    });
  }
});
