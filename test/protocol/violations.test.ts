import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ProtocolError } from "#core/hawser-error.js";
import { Endpoint, type EndpointOptions, type Role } from "../support/engine-pair.js";
import { closeFrameFor, type FrameSpec, frame, frameFor, KEY, OP, readClose } from "../support/frames.js";

const ROLES: readonly Role[] = ["server", "client"];

/** The engine failed the connection as RFC 6455 §7.1.7 says, and says why. */
function assertFailed(endpoint: Endpoint, code: string, closeCode: number): void {
  const frames = endpoint.takeFrames();
  const close = frames.at(-1);
  assert.equal(close?.opcode, OP.close, "the last frame is a close frame");
  assert.equal(readClose(close.payload).code, closeCode);
  assert.ok(close.payload.length <= 125);
  assert.equal(endpoint.engine.isOpen, false);
  assert.ok(endpoint.events.some((event) => event.type === "disconnect" && event.how === "end"));
  const result = endpoint.engine.transportClosed();
  assert.ok(result.error instanceof ProtocolError);
  assert.equal(result.error.code, code);
  assert.equal(result.error.closeCode, closeCode);
  assert.equal(result.sent?.code, closeCode);
  assert.equal(result.received, undefined);
  assert.equal(result.code, 1006);
  assert.equal(result.wasClean, false);
}

/** The violation is found in one piece and byte by byte, behind a good message and before another one. */
function violates(
  name: string,
  code: string,
  closeCode: number,
  bytes: (role: Role) => Uint8Array,
  options: EndpointOptions = {},
  roles: readonly Role[] = ROLES,
): void {
  for (const role of roles) {
    it(`${name} (${role}): ${code}, ${closeCode}`, () => {
      for (const host of ["portable", "node"] as const) {
        const before = frameFor(role, { opcode: OP.text, payload: "before" });
        const after = frameFor(role, { opcode: OP.text, payload: "after" });
        const stream = Buffer.concat([before, bytes(role), after, frameFor(role, { opcode: OP.ping })]);
        for (const bytewise of [false, true]) {
          const endpoint = new Endpoint(role, { host, ...options });
          if (bytewise) endpoint.receiveBytewise(stream);
          else endpoint.receive(stream);
          assert.equal(endpoint.texts[0], "before");
          assert.ok(!endpoint.texts.includes("after"), "what follows is discarded");
          assert.ok(!endpoint.events.some((event) => event.type === "ping"));
          assertFailed(endpoint, code, closeCode);
        }
      }
    });
  }
}

const of =
  (...specs: FrameSpec[]) =>
  (role: Role): Buffer =>
    Buffer.concat(specs.map((spec) => frameFor(role, spec)));

describe("a frame that breaks RFC 6455 §5.2", () => {
  for (const rsv of [1, 2, 3, 4, 5, 6, 7]) {
    for (const opcode of [OP.text, OP.binary, OP.close, OP.ping, OP.pong]) {
      violates(`RSV ${rsv} on opcode ${opcode}`, "RESERVED_BITS", 1002, of({ opcode, rsv }));
    }
    violates(
      `RSV ${rsv} on a continuation`,
      "RESERVED_BITS",
      1002,
      of({ opcode: OP.text, fin: false, payload: "a" }, { opcode: OP.more, rsv, payload: "b" }),
    );
  }
  for (const rsv of [1, 2, 3, 5, 6, 7]) {
    violates(`RSV ${rsv} with permessage-deflate`, "RESERVED_BITS", 1002, of({ opcode: OP.text, rsv }), {
      host: "node",
      deflate: {},
    });
  }
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    violates(`opcode ${opcode}`, "RESERVED_OPCODE", 1002, of({ opcode }));
    violates(
      `opcode ${opcode} inside a message`,
      "RESERVED_OPCODE",
      1002,
      of({ opcode: OP.binary, fin: false }, { opcode, payload: "x" }),
    );
  }
  for (const opcode of Object.values(OP)) {
    violates(`opcode ${opcode} without a mask`, "UNMASKED_FRAME", 1002, () => frame({ opcode }), {}, [
      "server",
    ]);
    violates(`opcode ${opcode} with a mask`, "MASKED_FRAME", 1002, () => frame({ opcode, mask: KEY }), {}, [
      "client",
    ]);
    violates(
      `opcode ${opcode} with a mask of zeros`,
      "MASKED_FRAME",
      1002,
      () => frame({ opcode, mask: [0, 0, 0, 0] }),
      {},
      ["client"],
    );
  }
  for (const [payload, lengthBits] of [
    ["", 16],
    ["x".repeat(125), 16],
    ["", 64],
    ["x".repeat(125), 64],
    ["x".repeat(126), 64],
    ["x".repeat(65_535), 64],
  ] as const) {
    const name = `${payload.length} bytes announced with ${lengthBits} bits`;
    violates(name, "NON_MINIMAL_LENGTH", 1002, of({ opcode: OP.text, payload, lengthBits }));
  }
  for (const announce of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    violates(`a length of ${announce}`, "LENGTH_OVERFLOW", 1002, of({ opcode: OP.binary, announce }));
  }
});

describe("a control frame that breaks RFC 6455 §5.5", () => {
  for (const opcode of [OP.close, OP.ping, OP.pong]) {
    violates(
      `opcode ${opcode} with 126 bytes`,
      "CONTROL_FRAME_TOO_LONG",
      1002,
      of({ opcode, payload: "x".repeat(126) }),
    );
    violates(
      `opcode ${opcode} with 65,536 bytes`,
      "CONTROL_FRAME_TOO_LONG",
      1002,
      of({ opcode, announce: 65_536n }),
    );
    violates(`opcode ${opcode} without FIN`, "FRAGMENTED_CONTROL_FRAME", 1002, of({ opcode, fin: false }));
    violates(
      `opcode ${opcode} with RSV1 and permessage-deflate`,
      "RESERVED_BITS",
      1002,
      of({ opcode, rsv: 4 }),
      {
        host: "node",
        deflate: {},
      },
    );
  }
});

describe("fragments that break RFC 6455 §5.4", () => {
  for (const fin of [true, false]) {
    violates(
      `a continuation of nothing, FIN ${fin}`,
      "UNEXPECTED_CONTINUATION",
      1002,
      of({ opcode: OP.more, fin }),
    );
    violates(
      `a continuation behind a whole message, FIN ${fin}`,
      "UNEXPECTED_CONTINUATION",
      1002,
      of(
        { opcode: OP.text, fin: false, payload: "a" },
        { opcode: OP.more, payload: "b" },
        { opcode: OP.more, fin, payload: "c" },
      ),
    );
    for (const opcode of [OP.text, OP.binary]) {
      violates(
        `opcode ${opcode} inside a message, FIN ${fin}`,
        "EXPECTED_CONTINUATION",
        1002,
        of({ opcode: OP.text, fin: false }, { opcode, fin, payload: "b" }),
      );
    }
  }
  violates(
    "RSV1 on a continuation with permessage-deflate",
    "RESERVED_BITS",
    1002,
    of({ opcode: OP.text, rsv: 4, fin: false, payload: "a" }, { opcode: OP.more, rsv: 4, payload: "b" }),
    { host: "node", deflate: {} },
  );
});

describe("a close frame that breaks RFC 6455 §5.5.1 or §7.4", () => {
  violates("one byte of payload", "INVALID_CLOSE_PAYLOAD", 1002, of({ opcode: OP.close, payload: "x" }));
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) {
    violates(`code ${code}`, "INVALID_CLOSE_CODE", 1002, (role) => closeFrameFor(role, code));
  }
  for (const reason of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    violates(`a reason of ${reason}`, "INVALID_UTF8", 1007, (role) =>
      closeFrameFor(role, 1000, Uint8Array.from(reason)),
    );
  }
});

describe("text that is not UTF-8 (RFC 6455 §8.1)", () => {
  const BAD: readonly (readonly number[])[] = [
    [0x80],
    [0xbf],
    [0xc0, 0xaf],
    [0xc1, 0xbf],
    [0xe0, 0x80, 0xaf],
    [0xe0, 0x9f, 0xbf],
    [0xf0, 0x80, 0x80, 0xaf],
    [0xf0, 0x8f, 0xbf, 0xbf],
    [0xf8, 0x88, 0x80, 0x80, 0x80],
    [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80],
    [0xed, 0xa0, 0x80],
    [0xed, 0xbf, 0xbf],
    [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
    [0xfe],
    [0xff],
    [0xc3],
    [0xe2, 0x82],
    [0xf0, 0x9f, 0x98],
    [0xc3, 0x41],
    [0xc3, 0x41, 0xa9],
  ];
  for (const bad of BAD) {
    const name = bad.map((byte) => byte.toString(16)).join(" ");
    const payload = Buffer.concat([Buffer.from("κόσμε"), Buffer.from(bad)]);
    violates(`${name} in one frame`, "INVALID_UTF8", 1007, of({ opcode: OP.text, payload }));
    violates(
      `${name} in a long frame`,
      "INVALID_UTF8",
      1007,
      of({
        opcode: OP.text,
        payload: Buffer.concat([Buffer.alloc(200, "a"), payload]),
      }),
    );
    violates(
      `${name} in one-byte fragments`,
      "INVALID_UTF8",
      1007,
      of(
        ...[...payload].map((byte, i) => ({
          opcode: i === 0 ? OP.text : OP.more,
          fin: i === payload.length - 1,
          payload: Uint8Array.of(byte),
        })),
      ),
    );
  }

  /** Autobahn 6.3 and 6.4: text, how many bytes of it are right, and the rest. */
  const FAIL_FAST: readonly (readonly [string, number])[] = [
    ["cebae1bdb9cf83cebcceb5eda080656469746564", 12],
    ["cebae1bdb9cf83cebcceb5f4908080656469746564", 12],
    ["61c0af", 1],
    ["61f880808080", 1],
  ];
  for (const streaming of [false, true]) {
    for (const [hex, right] of FAIL_FAST) {
      it(`fails at the first wrong byte of ${hex}, ${streaming ? "streaming" : "whole"}`, () => {
        const payload = Buffer.from(hex, "hex");
        for (const host of ["portable", "node"] as const) {
          const endpoint = new Endpoint("server", { host, streaming });
          const bytes = frameFor("server", { opcode: OP.text, payload });
          const headerLength = bytes.length - payload.length;
          endpoint.receiveBytewise(bytes.subarray(0, headerLength + right));
          assert.equal(endpoint.engine.isOpen, true, "up to here it could become text");
          endpoint.receiveBytewise(bytes.subarray(headerLength + right, headerLength + right + 1));
          assertFailed(endpoint, "INVALID_UTF8", 1007);
        }
      });
    }
  }

  it("accepts characters at the ends of all ranges, cut anywhere, in frames and in fragments", () => {
    const points = [
      0, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0xd7ff, 0xe000, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x10ffff,
    ];
    const text = String.fromCodePoint(...points);
    const payload = Buffer.from(text);
    for (const role of ROLES) {
      const whole = new Endpoint(role);
      whole.receiveBytewise(frameFor(role, { opcode: OP.text, payload }));
      assert.deepEqual(whole.texts, [text]);
      for (let cut = 0; cut <= payload.length; cut++) {
        const endpoint = new Endpoint(role, { host: "node" });
        endpoint.receive(
          of(
            { opcode: OP.text, fin: false, payload: payload.subarray(0, cut) },
            { opcode: OP.ping },
            { opcode: OP.more, payload: payload.subarray(cut) },
          )(role),
        );
        assert.deepEqual(endpoint.texts, [text]);
      }
    }
  });

  it("lets binary be anything", () => {
    const payload = Uint8Array.from({ length: 256 }, (_, i) => i);
    const endpoint = new Endpoint("server");
    endpoint.receive(frameFor("server", { opcode: OP.binary, payload }));
    assert.deepEqual([...endpoint.messages[0]!.data], [...payload]);
  });
});

describe("limits of what is received", () => {
  const limits = { maxMessageBytes: 100, maxFrameBytes: 60 };

  it("fails by the header alone, before any payload came", () => {
    for (const [options, specs, code] of [
      [{ maxMessageBytes: 100 }, [{ opcode: OP.binary, announce: 101n }], "MESSAGE_TOO_BIG"],
      [
        { maxMessageBytes: 100, maxFrameBytes: 500 },
        [{ opcode: OP.binary, announce: 101n }],
        "MESSAGE_TOO_BIG",
      ],
      [limits, [{ opcode: OP.binary, announce: 61n }], "FRAME_TOO_BIG"],
      [{}, [{ opcode: OP.binary, announce: 2n ** 53n - 1n }], "MESSAGE_TOO_BIG"],
      [
        limits,
        [
          { opcode: OP.text, fin: false, payload: "x".repeat(60) },
          { opcode: OP.more, announce: 41n },
        ],
        "MESSAGE_TOO_BIG",
      ],
      [
        limits,
        [
          { opcode: OP.text, fin: false, payload: "x".repeat(60) },
          { opcode: OP.more, fin: false, payload: "x".repeat(40) },
          { opcode: OP.ping },
          { opcode: OP.more, announce: 1n },
        ],
        "MESSAGE_TOO_BIG",
      ],
      [
        limits,
        [
          { opcode: OP.text, fin: false, payload: "x" },
          { opcode: OP.more, announce: 61n },
        ],
        "FRAME_TOO_BIG",
      ],
    ] as const) {
      for (const role of ROLES) {
        for (const streaming of [false, true]) {
          const endpoint = new Endpoint(role, { ...options, streaming });
          endpoint.receive(of(...specs)(role));
          assert.deepEqual(endpoint.messages, []);
          assertFailed(endpoint, code, 1009);
        }
      }
    }
  });

  it("lets a message at the limit pass, and the next one too", () => {
    const endpoint = new Endpoint("server", limits);
    for (let i = 0; i < 2; i++) {
      endpoint.receive(
        of(
          { opcode: OP.binary, fin: false, payload: new Uint8Array(60) },
          { opcode: OP.more, fin: false, payload: new Uint8Array(40) },
          { opcode: OP.more },
        )("server"),
      );
    }
    assert.deepEqual(
      endpoint.messages.map(({ data }) => data.length),
      [100, 100],
    );
  });

  it("lets 4 MiB in 16,385 frames pass with the defaults", () => {
    const endpoint = new Endpoint("server");
    const payload = new Uint8Array(256).fill(7);
    endpoint.receive(frameFor("server", { opcode: OP.binary, fin: false, payload }));
    const next = frameFor("server", { opcode: OP.more, fin: false, payload });
    for (let i = 0; i < 16_383; i++) endpoint.receive(next);
    endpoint.receive(frameFor("server", { opcode: OP.more }));
    assert.equal(endpoint.messages[0]?.data.length, 4 * 1024 * 1024);
    assert.equal(endpoint.engine.isOpen, true);
  });

  it("fails empty fragments without end", () => {
    for (const streaming of [false, true]) {
      const endpoint = new Endpoint("server", { streaming });
      endpoint.receive(frameFor("server", { opcode: OP.text, fin: false }));
      const next = Buffer.concat(Array(64).fill(frameFor("server", { opcode: OP.more, fin: false })));
      let sent = 1;
      for (; endpoint.engine.isOpen && sent < 100_000; sent += 64) endpoint.receive(next);
      assert.ok(sent <= 65_536 + 64);
      assert.equal(
        endpoint.events.filter((event) => event.type === "chunk").length,
        0,
        "an empty piece is none",
      );
      assertFailed(endpoint, "TOO_MANY_FRAGMENTS", 1008);
    }
  });

  it("counts fragments exactly, and anew for each message", () => {
    const options = { maxFragmentOverheadBytes: 3 * 64 };
    const message = (fragments: number): Buffer =>
      of(
        ...Array.from({ length: fragments }, (_, i) => ({
          opcode: i === 0 ? OP.text : OP.more,
          fin: i === fragments - 1,
          payload: "x",
        })),
      )("server");
    const endpoint = new Endpoint("server", options);
    endpoint.receive(message(3), message(3), message(3));
    assert.deepEqual(endpoint.texts, ["xxx", "xxx", "xxx"]);
    endpoint.receive(message(4));
    assertFailed(endpoint, "TOO_MANY_FRAGMENTS", 1008);
  });
});
