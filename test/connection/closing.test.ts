import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { CloseCode, type CloseResult, ConnectionError, ProtocolError } from "hawser/server";
import { connected } from "../support/connected.js";
import { leakCheck } from "../support/leak-check.js";
import { binaryFrame, closeFrame, maskedFrame, textFrame } from "../support/raw-client.js";
import { rounds } from "../support/until.js";

/** What a result says, without the error. */
function said({ code, reason, wasClean, initiator, sent, received }: CloseResult): object {
  return { code, reason, wasClean, initiator, sent, received };
}

describe("closing", () => {
  after(leakCheck());

  it("resolves with both sides' codes and who began: here it is us", async () => {
    const { socket, client, closes, end } = await connected();
    socket.send("last words");
    assert.equal(socket.state, "open");
    const closing = socket.close(4001, "bye");
    assert.equal(socket.state, "closing");
    assert.equal(socket.send("too late"), "closed");
    assert.equal(await client.nextText(), "last words");
    assert.deepEqual(await client.nextClose(), { code: 4001, reason: "bye" });
    client.send(closeFrame(4002, "ok"));
    const result = await closing;
    assert.deepEqual(said(result), {
      code: 4002,
      reason: "ok",
      wasClean: true,
      initiator: "local",
      sent: { code: 4001, reason: "bye" },
      received: { code: 4002, reason: "ok" },
    });
    assert.equal(result.error, undefined);
    assert.equal(socket.state, "closed");
    assert.equal(await closes.next(), result);
    assert.equal(await socket.closed, result);
    assert.equal(await socket.close(), result);
    await end();
  });

  it("resolves with both sides' codes and who began: here it is the peer", async () => {
    const { socket, client, errors, end } = await connected();
    const closed = socket.closed;
    client.send(closeFrame(3001, "going"));
    assert.deepEqual(await client.nextClose(), { code: 3001, reason: "" });
    assert.deepEqual(said(await closed), {
      code: 3001,
      reason: "going",
      wasClean: true,
      initiator: "remote",
      sent: { code: 3001, reason: "" },
      received: { code: 3001, reason: "going" },
    });
    assert.equal(errors.size, 0);
    await end();
  });

  it("answers a close frame without a code with one without a code, and ends TCP first", async () => {
    const { client, closes, end } = await connected();
    client.send(closeFrame());
    assert.deepEqual(await client.nextClose(), { code: 1005, reason: "" });
    await client.gone; // we have not ended our side
    assert.equal((await closes.next()).code, CloseCode.noStatus);
    await end();
  });

  it("still hands out what the peer sent before its close frame", async () => {
    const { socket, client, messages, end } = await connected();
    void socket.close();
    await client.nextClose();
    client.send(textFrame("on its way"), closeFrame(1000), textFrame("behind it"));
    assert.equal(await messages.next(), "on its way");
    await socket.closed;
    assert.equal(messages.size, 0);
    await end();
  });

  it("is 1006 where the peer leaves without a word", async () => {
    for (const how of ["end", "resetAndDestroy"] as const) {
      const { client, closes, errors, end } = await connected();
      client.socket[how]();
      const result = await closes.next();
      assert.deepEqual([result.code, result.wasClean, result.initiator], [1006, false, "remote"]);
      const error = await errors.next();
      assert.ok(error instanceof ConnectionError);
      assert.equal(error, result.error);
      assert.equal(error.code, how === "end" ? "CONNECTION_LOST" : "TRANSPORT_ERROR");
      if (how === "resetAndDestroy") assert.equal((error.cause as NodeJS.ErrnoException).code, "ECONNRESET");
      await end();
    }
  });

  it("drops a peer that never answers, after the close timeout", async () => {
    const { socket, client, errors, end } = await connected({ closeTimeoutMs: 60 });
    const result = await socket.close(1000);
    assert.deepEqual([result.code, result.wasClean, result.sent?.code], [1006, false, 1000]);
    assert.equal((await errors.next()).code, "CLOSE_TIMEOUT");
    await client.gone;
    await end();
  });

  it("drops a peer that answers and keeps TCP open, and calls that clean", async () => {
    const { socket, client, end } = await connected({ closeTimeoutMs: 1_000 }); // enough for the answer to come
    const closing = socket.close(1000);
    await client.nextClose();
    client.socket.pause();
    client.send(closeFrame(1000));
    assert.equal((await closing).wasClean, true);
    await client.destroy();
    await end();
  });

  it("drops the connection with `terminate()`", async () => {
    const { socket, client, errors, closes, end } = await connected();
    socket.send("never sent");
    socket.terminate();
    socket.terminate();
    assert.equal(socket.send("x"), "closed");
    await client.gone;
    assert.equal(client.frames.size, 0);
    const result = await closes.next();
    assert.deepEqual([result.code, result.wasClean, result.initiator], [1006, false, "local"]);
    assert.equal((await errors.next()).code, "TERMINATED");
    await end();
  });

  it("refuses codes that may not be sent and reasons that are too long, and stays open", async () => {
    const { socket, client, end } = await connected();
    for (const code of [0, 999, 1004, 1005, 1006, 1010, 1015, 1016, 2999, 5000, 1000.5, Number.NaN]) {
      assert.throws(
        () => socket.close(code),
        { name: "UsageError", code: "CLOSE_CODE_NOT_ALLOWED" },
        `${code}`,
      );
    }
    assert.throws(() => socket.close(1000, "é".repeat(62)), { code: "CLOSE_REASON_TOO_LONG" });
    assert.equal(socket.state, "open");
    const closing = socket.close(3000, "é".repeat(61));
    assert.deepEqual(await client.finish(), { code: 3000, reason: "é".repeat(61) });
    await closing;
    await end();
  });

  it("throws nothing and does nothing when a connection that has gone is used", async () => {
    const { socket, client, closes, end } = await connected({ pulled: true });
    await client.destroy();
    const result = await closes.next();
    assert.equal(socket.state, "closed");
    assert.equal(socket.send("x"), "closed");
    assert.equal(socket.send(Buffer.alloc(1e6)), "closed");
    assert.equal(await socket.ping(), undefined);
    socket.pong("x");
    socket.pause();
    socket.resume();
    socket.terminate();
    const writer = socket.startMessage();
    assert.equal(writer.write("x"), "closed");
    assert.equal(writer.end(), "closed");
    assert.equal(await socket.ready(), false);
    assert.equal(await socket.close(1000), result);
    assert.equal(socket.bufferedBytes, 0);
    for await (const _message of socket) assert.fail("a message");
    await end();
  });

  it("fails for a broken rule with its code, and tells the error", async () => {
    for (const [bytes, closeCode, code] of [
      [Buffer.from([0x81, 0x01, 0x41]), 1002, "UNMASKED_FRAME"],
      [maskedFrame(0xc1, Buffer.from("x")), 1002, "RESERVED_BITS"],
      [maskedFrame(0x81, Buffer.from([0xff])), 1007, "INVALID_UTF8"],
      [binaryFrame(Buffer.alloc(101)), 1009, "MESSAGE_TOO_BIG"],
    ] as const) {
      const { client, errors, closes, end } = await connected({ maxMessageBytes: 100 });
      client.send(bytes, textFrame("not read any more"));
      assert.equal((await client.nextClose()).code, closeCode);
      const error = await errors.next();
      assert.ok(error instanceof ProtocolError);
      assert.deepEqual([error.code, error.closeCode], [code, closeCode]);
      client.socket.end();
      const result = await closes.next();
      assert.deepEqual([result.code, result.sent?.code, result.wasClean], [1006, closeCode, false]);
      await end();
    }
  });

  it("ends TCP after a failure even if the peer sends on and on", async () => {
    const { client, closes, end } = await connected({ maxMessageBytes: 10, closeTimeoutMs: 60 });
    client.socket.pause();
    client.send(textFrame("above ten bytes"));
    let isOver = false;
    void closes.next().then(() => (isOver = true));
    while (!isOver) {
      if (client.socket.writable) client.send(binaryFrame(Buffer.alloc(1_000)));
      await rounds(1);
    }
    await end();
  });
});
