import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConnectionError, ProtocolError, UsageError } from "#core/hawser-error.js";
import { closeCodeName, isCloseCodeAllowed, isCloseCodeOnWire } from "#protocol/close-code.js";
import { Endpoint, EnginePair, type Role } from "../support/engine-pair.js";
import { closeFrameFor, closePayload, frameFor, OP, readClose } from "../support/frames.js";

const ROLES: readonly Role[] = ["server", "client"];
const DEFINED = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];

function usage(code: string): (error: unknown) => boolean {
  return (error) => error instanceof UsageError && error.code === code;
}

function disconnects(endpoint: Endpoint): string[] {
  return endpoint.events.flatMap((event) => (event.type === "disconnect" ? [event.how] : []));
}

describe("close codes (RFC 6455 §7.4)", () => {
  it("knows of every code from 0 to 5000 whether it may stand in a close frame", () => {
    for (let code = 0; code <= 5000; code++) {
      const expected = DEFINED.includes(code) || (code >= 3000 && code < 5000);
      assert.equal(isCloseCodeOnWire(code), expected, `${code}`);
      assert.equal(isCloseCodeAllowed(code, "client"), expected, `${code}`);
      assert.equal(isCloseCodeAllowed(code, "server"), expected && code !== 1010, `${code}`);
      const endpoint = new Endpoint("server");
      endpoint.receive(closeFrameFor("server", code, "why"));
      const [answer] = endpoint.takeFrames();
      assert.equal(readClose(answer!.payload).code, expected ? code : 1002, `${code}`);
      const result = endpoint.engine.transportClosed();
      assert.equal(result.wasClean, expected);
      assert.equal(result.code, expected ? code : 1006);
      assert.equal(result.reason, expected ? "why" : "");
    }
    for (const code of [-1, 1000.5, Number.NaN, Infinity])
      assert.equal(isCloseCodeAllowed(code, "client"), false);
  });

  it("names codes and ranges", () => {
    for (const [code, name] of [
      [999, "not a close code"],
      [1000, "normal closure"],
      [1006, "abnormal closure"],
      [1015, "TLS handshake failure"],
      [1016, "reserved for the protocol"],
      [2999, "reserved for the protocol"],
      [3000, "unauthorized"],
      [3001, "registered use"],
      [3999, "registered use"],
      [4000, "private use"],
      [4999, "private use"],
      [5000, "not a close code"],
    ] as const) {
      assert.equal(closeCodeName(code), name);
    }
  });
});

describe("close()", () => {
  it("refuses codes that may not be sent, and changes nothing by that", () => {
    for (const role of ROLES) {
      const { engine, events } = new Endpoint(role);
      const forbidden = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1000.5, Number.NaN];
      for (const code of role === "server" ? [...forbidden, 1010] : forbidden) {
        assert.throws(() => engine.close(code), usage("CLOSE_CODE_NOT_ALLOWED"), `${code}`);
      }
      assert.throws(() => engine.close(undefined, "why"), usage("CLOSE_CODE_NOT_ALLOWED"));
      assert.throws(() => engine.close(1000, "x".repeat(124)), usage("CLOSE_REASON_TOO_LONG"));
      assert.throws(() => engine.close(1000, "€".repeat(42)), usage("CLOSE_REASON_TOO_LONG"));
      assert.equal(engine.isOpen, true);
      assert.deepEqual(events, []);
    }
  });

  it("sends the code and the reason, of 123 bytes at most", () => {
    for (const reason of ["", "bye", "€".repeat(41), "x".repeat(123), "\ud800"]) {
      const endpoint = new Endpoint("client");
      endpoint.engine.close(3001, reason);
      const frames = endpoint.takeFrames();
      assert.deepEqual(
        frames.map((f) => [f.opcode, f.fin, f.masked]),
        [[OP.close, true, true]],
      );
      assert.deepEqual(readClose(frames[0]!.payload), {
        code: 3001,
        reason: reason === "\ud800" ? "\ufffd" : reason,
      });
    }
  });

  it("sends an empty frame without a code, and both report 1005", () => {
    const pair = new EnginePair();
    pair.client.engine.close();
    pair.settle();
    assert.deepEqual(pair.results?.client, {
      code: 1005,
      reason: "",
      wasClean: true,
      initiator: "local",
      sent: { code: 1005, reason: "" },
      received: { code: 1005, reason: "" },
      error: undefined,
    });
    assert.equal(pair.results?.server.initiator, "remote");
    assert.equal(pair.results?.server.code, 1005);
  });

  it("does nothing the second time, and nothing can be sent after it", () => {
    const endpoint = new Endpoint("server");
    endpoint.engine.close(1000);
    assert.equal(endpoint.takeFrames().length, 1);
    endpoint.engine.close(1001);
    endpoint.engine.send("x", OP.text);
    endpoint.engine.ping();
    endpoint.engine.pong();
    endpoint.engine.beginMessage(OP.text);
    endpoint.engine.continueMessage("x", true);
    assert.equal(endpoint.take().length, 0);
    assert.equal(endpoint.engine.isSendingMessage, false);
  });

  it("still checks its arguments when closing began", () => {
    const endpoint = new Endpoint("server");
    endpoint.engine.close(1000);
    assert.throws(() => endpoint.engine.close(1006), usage("CLOSE_CODE_NOT_ALLOWED"));
  });
});

describe("the closing handshake (RFC 6455 §7.1)", () => {
  for (const role of ROLES) {
    it(`begun by the ${role}: the same code comes back, the server ends TCP first`, () => {
      for (const sizes of [[Infinity], [1]]) {
        const pair = new EnginePair();
        const [mine, other] = role === "server" ? [pair.server, pair.client] : [pair.client, pair.server];
        mine.engine.send("last words", OP.text);
        mine.engine.close(4321, "done");
        assert.deepEqual(disconnects(mine), []);
        pair.carry(role, sizes);
        assert.deepEqual(other.texts, ["last words"]);
        assert.deepEqual(
          disconnects(other),
          role === "client" ? ["end"] : [],
          "a client waits for the server",
        );
        assert.deepEqual(
          other.events.find((event) => event.type === "closing"),
          {
            type: "closing",
            code: 4321,
            reason: "done",
          },
        );
        pair.carry(role === "client" ? "server" : "client", sizes);
        assert.deepEqual(disconnects(mine), role === "server" ? ["end"] : []);
        pair.settle();
        const results = pair.results!;
        assert.deepEqual(results[role], {
          code: 4321,
          reason: "",
          wasClean: true,
          initiator: "local",
          sent: { code: 4321, reason: "done" },
          received: { code: 4321, reason: "" },
          error: undefined,
        });
        const peer = results[role === "client" ? "server" : "client"];
        assert.deepEqual(
          [peer.code, peer.reason, peer.wasClean, peer.initiator],
          [4321, "done", true, "remote"],
        );
        assert.equal(peer.error, undefined);
      }
    });
  }

  it("begun by both at once: each reports the code of the other, cleanly, and answers nothing", () => {
    const pair = new EnginePair();
    pair.client.engine.close(4001, "client");
    pair.server.engine.close(4002, "server");
    pair.settle();
    const { client, server } = pair.results!;
    assert.deepEqual(
      [client.code, client.reason, client.initiator, client.wasClean],
      [4002, "server", "local", true],
    );
    assert.deepEqual(
      [server.code, server.reason, server.initiator, server.wasClean],
      [4001, "client", "local", true],
    );
    assert.equal(pair.client.take().length + pair.server.take().length, 0);
  });

  it("still delivers what the peer sent before it saw our close frame", () => {
    const pair = new EnginePair();
    pair.server.engine.send("on its way", OP.text);
    pair.client.engine.close(1000);
    pair.settle();
    assert.deepEqual(pair.client.texts, ["on its way"]);
    assert.equal(pair.results?.client.wasClean, true);
  });

  it("discards what comes behind the peer's close frame, valid or not", () => {
    for (const role of ROLES) {
      for (const rest of [
        frameFor(role, { opcode: OP.text, payload: "late" }),
        frameFor(role, { opcode: OP.ping }),
        closeFrameFor(role, 4000),
        Buffer.from("ffffffffffffffffffffffff", "hex"),
      ]) {
        for (const together of [true, false]) {
          const endpoint = new Endpoint(role);
          const close = closeFrameFor(role, 1000);
          if (together) endpoint.receive(Buffer.concat([close, rest]));
          else endpoint.receive(close, rest);
          assert.deepEqual(endpoint.texts, []);
          assert.equal(endpoint.takeFrames().length, 1);
          assert.ok(!endpoint.events.some((event) => event.type === "ping"));
          const result = endpoint.engine.transportClosed();
          assert.deepEqual([result.code, result.wasClean, result.error], [1000, true, undefined]);
        }
      }
    }
  });

  it("answers a close frame inside a fragmented message, and forgets the message", () => {
    const endpoint = new Endpoint("server");
    endpoint.receive(
      frameFor("server", { opcode: OP.text, fin: false, payload: "half" }),
      closeFrameFor("server", 1000),
      frameFor("server", { opcode: OP.more, payload: "other half" }),
    );
    assert.deepEqual(endpoint.texts, []);
    assert.equal(readClose(endpoint.takeFrames()[0]!.payload).code, 1000);
  });

  it("reports a rule broken while closing, and sends no second close frame", () => {
    const endpoint = new Endpoint("server");
    endpoint.engine.close(1000);
    endpoint.take();
    endpoint.receive(frameFor("server", { opcode: 3 }));
    assert.equal(endpoint.take().length, 0);
    assert.deepEqual(disconnects(endpoint), ["end"]);
    const result = endpoint.engine.transportClosed();
    assert.ok(result.error instanceof ProtocolError);
    assert.deepEqual([result.error.code, result.code, result.wasClean], ["RESERVED_OPCODE", 1006, false]);
    assert.deepEqual(result.sent, { code: 1000, reason: "" });
  });

  it("reads a close frame cut at any byte", () => {
    const bytes = frameFor("server", { opcode: OP.close, payload: closePayload(4999, "r€ason") });
    for (let cut = 0; cut <= bytes.length; cut++) {
      const endpoint = new Endpoint("server");
      endpoint.receive(bytes.subarray(0, cut), bytes.subarray(cut));
      const { code, reason } = endpoint.engine.transportClosed();
      assert.deepEqual([code, reason], [4999, "r€ason"]);
    }
  });

  it("answers pings behind its own close frame, until the peer's is there (§5.5.2)", () => {
    const endpoint = new Endpoint("server");
    endpoint.engine.close(1000);
    endpoint.take();
    endpoint.receive(frameFor("server", { opcode: OP.ping, payload: "x" }));
    assert.deepEqual([...endpoint.take()], [0x8a, 0x01, 0x78]);
    endpoint.receive(frameFor("server", { opcode: OP.close }));
    endpoint.receive(frameFor("server", { opcode: OP.ping, payload: "y" }));
    assert.equal(endpoint.take().length, 0);
  });
});

describe("the end of the transport", () => {
  it("while open is a lost connection: 1006, by the peer", () => {
    for (const cause of [undefined, new Error("ECONNRESET"), "text"]) {
      const { engine } = new Endpoint("client");
      const result = engine.transportClosed(cause);
      assert.deepEqual([result.code, result.wasClean, result.initiator], [1006, false, "remote"]);
      assert.ok(result.error instanceof ConnectionError);
      assert.equal(result.error.code, cause === undefined ? "CONNECTION_LOST" : "TRANSPORT_ERROR");
      assert.equal(result.error.cause, cause);
      assert.equal(engine.isOpen, false);
      assert.equal(engine.deadlineMs, Infinity);
    }
  });

  it("in the peer's direction ends ours too", () => {
    const endpoint = new Endpoint("server");
    endpoint.receive(frameFor("server", { opcode: OP.text, fin: false, payload: "half" }));
    endpoint.engine.receiveEnd();
    assert.deepEqual(disconnects(endpoint), ["end"]);
    endpoint.engine.send("x", OP.text);
    assert.equal(endpoint.take().length, 0);
    const result = endpoint.engine.transportClosed();
    assert.ok(result.error instanceof ConnectionError);
    assert.deepEqual([result.error.code, result.code, result.initiator], ["CONNECTION_LOST", 1006, "remote"]);
  });

  it("after our close frame without an answer is not clean", () => {
    const { engine } = new Endpoint("server");
    engine.close(1001, "bye");
    engine.receiveEnd();
    const result = engine.transportClosed();
    assert.deepEqual([result.code, result.wasClean, result.initiator], [1006, false, "local"]);
    assert.deepEqual(result.sent, { code: 1001, reason: "bye" });
    assert.equal(result.error?.code, "CONNECTION_LOST");
  });

  it("after a full handshake is clean, whatever the transport says", () => {
    const endpoint = new Endpoint("client");
    endpoint.receive(closeFrameFor("client", 1000));
    const result = endpoint.engine.transportClosed(new Error("ECONNRESET"));
    assert.deepEqual([result.code, result.wasClean, result.error], [1000, true, undefined]);
  });

  it("can be told twice, and nothing is received or sent after it", () => {
    const endpoint = new Endpoint("server");
    const first = endpoint.engine.transportClosed();
    assert.deepEqual(endpoint.engine.transportClosed(new Error("later")), first);
    endpoint.receive(frameFor("server", { opcode: OP.text, payload: "x" }));
    endpoint.engine.send("x", OP.text);
    endpoint.engine.close(1000);
    assert.equal(endpoint.take().length, 0);
    assert.deepEqual(endpoint.events, []);
  });
});

describe("fail()", () => {
  it("sends the message of the error as the reason, where it fits into a close frame", () => {
    for (const message of ["short", "x".repeat(123), "x".repeat(124), "€".repeat(42)]) {
      const endpoint = new Endpoint("server");
      endpoint.engine.fail(new ProtocolError("TOO_MANY_PENDING_PONGS", 1008, message));
      const [close] = endpoint.takeFrames();
      assert.deepEqual(readClose(close!.payload), {
        code: 1008,
        reason: message.length > 123 || message.startsWith("€") ? "" : message,
      });
    }
  });
});

describe("terminate()", () => {
  it("drops the transport without a close frame", () => {
    const endpoint = new Endpoint("client");
    endpoint.engine.terminate();
    assert.equal(endpoint.take().length, 0);
    assert.deepEqual(disconnects(endpoint), ["destroy"]);
    endpoint.receive(frameFor("client", { opcode: OP.text, payload: "late" }));
    assert.deepEqual(endpoint.texts, []);
    const result = endpoint.engine.transportClosed();
    assert.deepEqual([result.error?.code, result.code, result.initiator], ["TERMINATED", 1006, "local"]);
  });

  it("gives up a closing handshake, keeping what was said", () => {
    const { engine } = new Endpoint("client");
    engine.close(1000);
    engine.terminate();
    const result = engine.transportClosed();
    assert.deepEqual([result.error?.code, result.sent?.code, result.wasClean], ["TERMINATED", 1000, false]);
  });

  it("takes nothing back from a handshake that is done", () => {
    const endpoint = new Endpoint("client");
    endpoint.receive(closeFrameFor("client", 1000));
    endpoint.engine.terminate();
    const result = endpoint.engine.transportClosed();
    assert.deepEqual([result.error, result.code, result.wasClean], [undefined, 1000, true]);
  });

  it("reports the error it was given, and the first one stays", () => {
    const { engine } = new Endpoint("server");
    const error = new ConnectionError("BUFFER_OVERFLOW", "too slow");
    engine.terminate(error);
    engine.terminate();
    assert.equal(engine.transportClosed(new Error("x")).error, error);
  });
});
