import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ProtocolError } from "#core/hawser-error.js";
import { engineConfig } from "#protocol/engine-config.js";
import { Endpoint } from "../support/engine-pair.js";
import { closeFrameFor, closePayload, type FrameSpec, frameFor, OP, readClose } from "../support/frames.js";

const BAD_TEXT = Buffer.from([0xff, 0xfe, 0x80]);

describe("what an endpoint may choose against the letter of RFC 6455", () => {
  it("checksText: false hands out text as it came, whole, in fragments and cut anywhere", () => {
    const whole = new Endpoint("server", { checksText: false });
    whole.receive(frameFor("server", { opcode: OP.text, payload: BAD_TEXT }));
    assert.deepEqual(whole.messages, [{ opcode: OP.text, data: BAD_TEXT }]);

    const cut = new Endpoint("server", { checksText: false });
    cut.receiveBytewise(frameFor("server", { opcode: OP.text, payload: BAD_TEXT, fin: false }));
    cut.receiveBytewise(frameFor("server", { opcode: OP.more, payload: BAD_TEXT }));
    assert.deepEqual(cut.messages, [{ opcode: OP.text, data: Buffer.concat([BAD_TEXT, BAD_TEXT]) }]);
  });

  it("checksText: false takes a close frame whatever its reason, and a bad one for none", () => {
    const endpoint = new Endpoint("server", { checksText: false });
    endpoint.receive(closeFrameFor("server", 1000, BAD_TEXT));
    const { code, reason } = endpoint.engine.transportClosed();
    assert.deepEqual([code, reason], [1000, ""]);
  });

  it("explainsFailures: false fails with an empty reason", () => {
    const endpoint = new Endpoint("server", { explainsFailures: false });
    endpoint.receive(frameFor("server", { opcode: 3 }));
    const [close] = endpoint.takeFrames();
    assert.deepEqual(readClose(close!.payload), { code: 1002, reason: "" });
  });

  it("repeatsCloseReason: true answers with the reason that came", () => {
    const endpoint = new Endpoint("server", { repeatsCloseReason: true });
    endpoint.receive(closeFrameFor("server", 3000, "see you"));
    const [close] = endpoint.takeFrames();
    assert.deepEqual(readClose(close!.payload), { code: 3000, reason: "see you" });
    const silent = new Endpoint("server", { repeatsCloseReason: true });
    silent.receive(closeFrameFor("server"));
    assert.equal(silent.takeFrames()[0]!.payload.length, 0);
  });

  it("reconfigure sets other limits while a connection is open", () => {
    const endpoint = new Endpoint("server", { maxMessageBytes: 3 });
    const { config } = endpoint.engine;
    endpoint.engine.reconfigure(engineConfig({ ...config, maxMessageBytes: 10, maxFrameBytes: 10 }));
    endpoint.receive(frameFor("server", { opcode: OP.text, payload: "longer" }));
    assert.equal(endpoint.messages[0]?.data.toString(), "longer");
    endpoint.receive(frameFor("server", { opcode: OP.text, payload: "much too long" }));
    assert.equal(readClose(endpoint.takeFrames()[0]!.payload).code, 1009);
  });
});

describe("the number that was wrong", () => {
  const cases: readonly (readonly [string, FrameSpec, number | undefined])[] = [
    ["RESERVED_BITS", { opcode: OP.text, rsv: 2 }, 0xa1],
    ["RESERVED_OPCODE", { opcode: 11 }, 0x8b],
    ["UNEXPECTED_CONTINUATION", { opcode: OP.more }, 0x80],
    ["CONTROL_FRAME_TOO_LONG", { opcode: OP.ping, payload: "x".repeat(126) }, 126],
    ["INVALID_CLOSE_PAYLOAD", { opcode: OP.close, payload: "x" }, 1],
    ["INVALID_CLOSE_CODE", { opcode: OP.close, payload: closePayload(999) }, 999],
    ["INVALID_UTF8", { opcode: OP.text, payload: BAD_TEXT }, undefined],
  ];
  for (const [code, spec, detail] of cases) {
    it(`is the detail of ${code}`, () => {
      const endpoint = new Endpoint("server");
      endpoint.receive(frameFor("server", spec));
      const error = endpoint.engine.transportClosed().error as ProtocolError;
      assert.deepEqual([error.code, error.detail], [code, detail]);
      assert.equal("detail" in error, detail !== undefined);
    });
  }

  it("is told with the failure, as it happens, to a handler that wants to know", () => {
    const told: string[] = [];
    const handler = new Endpoint("server").engine.config.handler;
    const endpoint = new Endpoint("server");
    endpoint.engine.reconfigure({
      ...endpoint.engine.config,
      handler: { ...handler, failed: (_owner, error) => told.push(error.code) },
    });
    endpoint.receive(frameFor("server", { opcode: 3 }));
    assert.deepEqual(told, ["RESERVED_OPCODE"]);
  });
});
