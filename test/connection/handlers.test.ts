import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { ConnectionError, serve } from "hawser/server";
import { type ConnectedOptions, connected } from "../support/connected.js";
import { leakCheck } from "../support/leak-check.js";
import { closeFrame, pingFrame, pongFrame, RawClient, textFrame } from "../support/raw-client.js";
import { rounds } from "../support/until.js";
import { warnings } from "../support/warnings.js";

const broken = (): never => {
  throw new Error("broken");
};
const rejects = async (): Promise<never> => broken();

describe("a handler that throws", () => {
  after(leakCheck());

  const cases: Record<string, { options: ConnectedOptions; frame: Buffer }> = {
    "throws for a message": { options: { message: broken }, frame: textFrame("x") },
    "rejects for a message": { options: { message: rejects }, frame: textFrame("x") },
    "throws for a piece of a message": { options: { messageChunk: broken }, frame: textFrame("x") },
    "throws for a ping": { options: { ping: broken }, frame: pingFrame() },
    "rejects for a pong": { options: { pong: rejects }, frame: pongFrame(Buffer.alloc(0)) },
    "rejects when it opens": { options: { open: rejects }, frame: Buffer.alloc(0) },
    "throws when it opens": { options: { open: broken }, frame: Buffer.alloc(0) },
  };
  for (const [what, { options, frame }] of Object.entries(cases)) {
    it(`has \`error\` told and the connection closed with 1011 where it ${what}`, async () => {
      const { client, errors, closes, end } = await connected(options);
      client.send(frame);
      const error = await errors.next();
      assert.ok(error instanceof ConnectionError);
      assert.equal(error.code, "HANDLER_ERROR");
      assert.match(error.message, /broken/);
      assert.equal((error.cause as Error).message, "broken");
      assert.deepEqual(await client.finish(), { code: 1011, reason: "internal error" });
      assert.equal((await closes.next()).sent?.code, 1011);
      await end();
    });
  }

  it("has `error` told where it throws at the end, which is the end all the same", async () => {
    const { socket, client, errors, end } = await connected({ close: broken });
    const closed = socket.closed;
    client.send(closeFrame(1000));
    assert.equal((await errors.next()).code, "HANDLER_ERROR");
    assert.equal((await closed).wasClean, true);
    await end();
  });

  it("is told by a warning where it fails when `close` has been called, which is the last", async () => {
    using seen = warnings();
    let fail = (_error: Error): void => {};
    const { server, socket, client, closes, errors, end } = await connected({
      message: () =>
        new Promise<void>((_resolve, reject) => {
          fail = reject;
        }),
    });
    client.send(textFrame("x"));
    await rounds(5);
    void socket.close();
    await client.finish();
    await closes.next();
    assert.equal(server.connections.size, 0);
    fail(new Error("too late"));
    await rounds(3);
    assert.equal(errors.size, 0);
    assert.deepEqual(seen.messages, ["too late"]);
    await end();
  });

  it("leaves the other connections alone", async () => {
    const { server, client, errors, end } = await connected({
      message(socket, data) {
        if (data === "break") broken();
        socket.send("fine");
      },
    });
    const other = await RawClient.open({ port: server.port });
    client.send(textFrame("break"), textFrame("not read"));
    await errors.next();
    await client.finish();
    other.send(textFrame("work"));
    assert.equal(await other.nextText(), "fine");
    await other.destroy();
    await end();
  });

  it("may be `error` itself, of which a warning tells", async () => {
    for (const error of [broken, rejects]) {
      using seen = warnings();
      const { client, errors, end } = await connected({
        message: () => Promise.reject(new Error("first")),
        error,
      });
      client.send(textFrame("x"));
      await errors.next();
      await client.finish();
      await rounds(3);
      assert.deepEqual(seen.messages, ["broken"]);
      await end();
    }
  });

  it("is told in a warning where there is no `error`", async () => {
    using seen = warnings();
    const server = await serve({ message: broken });
    const client = await RawClient.open({ port: server.port });
    client.send(textFrame("x"));
    assert.equal((await client.finish()).code, 1011);
    assert.deepEqual(seen.messages, ["broken"]);
    await server.shutdown();
  });
});

describe("handlers of JavaScript callers", () => {
  after(leakCheck());

  it("may return whatever they like", async () => {
    using seen = warnings();
    const anything = (value: unknown) => value as undefined;
    const { client, errors, messages, end } = await connected({
      message: () => anything(null),
      ping: () => anything(7),
      error: () => anything(errorsTold++),
      close: () => anything({}),
    });
    client.send(pingFrame(), textFrame("a"), textFrame("b"));
    assert.deepEqual([await messages.next(), await messages.next()], ["a", "b"]);
    client.socket.resetAndDestroy();
    await errors.next();
    assert.deepEqual(seen.messages, []);
    assert.equal(errors.size, 0);
    await end();
  });
  let errorsTold = 0;

  it("may throw what is no error and has no text", async () => {
    const { client, errors, end } = await connected({
      message() {
        throw Object.create(null);
      },
    });
    client.send(textFrame("x"));
    assert.equal((await errors.next()).code, "HANDLER_ERROR");
    assert.equal((await client.finish()).code, 1011);
    await end();
  });
});
