import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ZlibInflateContext } from "#node/deflate/inflate-context.js";
import { type Keeper, KeptStreams } from "#node/deflate/kept-streams.js";
import { SlidingWindow } from "#node/deflate/sliding-window.js";
import { hasSyncZlib } from "#node/deflate/sync-zlib.js";
import { hasWasmDeflate } from "#node/deflate/wasm-deflate.js";
import { nodeHost } from "#node/node-host.js";

const HELLO = Buffer.from("f248cdc9c9070000", "hex").subarray(0, 7); // RFC 7692 §7.2.3.1

/** An inflater that has inflated twice, and so keeps a stream. */
function warm(): ZlibInflateContext {
  const context = new ZlibInflateContext(15);
  for (let i = 0; i < 2; i++) assert.equal(text(context.inflate(HELLO, true, 100)), "Hello");
  return context;
}

function text(inflated: Uint8Array | string): string {
  return typeof inflated === "string" ? inflated : Buffer.from(inflated).toString();
}

describe("streams of zlib that are kept between messages", () => {
  it("are there on the Nodes that are supported", () => {
    assert.equal(hasSyncZlib, process.env["HAWSER_PLAIN_IO"] === undefined);
  });

  it("come with the second message, and go when they are not used", () => {
    const context = nodeHost.createDeflate!(15);
    context.deflate(Buffer.from("one message"));
    const window = context.heldBytes!;
    assert.ok(window <= 2048);
    context.deflate(Buffer.from("and another"));
    if (hasWasmDeflate) assert.ok(context.heldBytes! > 80_000);
    context.letGo!();
    assert.ok(context.heldBytes! <= 2048);
    const deflated = context.deflate(Buffer.from("one message and another"));
    assert.ok(deflated.length < 15, "it still refers to what was sent before");
    context.dispose();
  });

  it("give what single calls give, whatever is sent, let go of and reset", () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant("send" as const), size: fc.nat(40_000) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("send" as const), size: fc.nat(40) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constantFrom("let go" as const, "reset" as const), size: fc.nat(9) }),
      },
    );
    fc.assert(
      fc.property(fc.constantFrom(9, 12, 15), fc.array(step, { maxLength: 25 }), (windowBits, steps) => {
        const deflate = nodeHost.createDeflate!(windowBits);
        const inflate = new ZlibInflateContext(windowBits);
        let seed = 1;
        for (const { kind, size } of steps) {
          if (kind === "let go") {
            deflate.letGo!();
            if (size % 2 === 0) inflate.letGo();
          } else if (kind === "reset") {
            deflate.reset();
          } else {
            const message = Buffer.alloc(size);
            for (let i = 0; i < size; i++) message[i] = (seed = (seed * 75 + 74) % 65_537) % 7;
            const deflated = Buffer.from(deflate.deflate(message));
            const inflated = inflate.inflate(deflated.subarray(0, -4), true, size);
            assert.ok(typeof inflated === "object" && message.equals(inflated));
          }
        }
        deflate.dispose();
        inflate.dispose();
      }),
      { numRuns: 60 },
    );
  });

  it("notice a message that was cut, as single calls do", () => {
    for (let length = 1; length < HELLO.length; length++) {
      const cut = HELLO.subarray(0, length);
      const [kept, single] = [warm(), new ZlibInflateContext(15)];
      assert.equal(
        text(kept.inflate(cut, true, 100)),
        text(single.inflate(cut, true, 100)),
        `${length} bytes`,
      );
    }
  });

  it("notice a message cut within the header of a dynamic block, which zlib swallows without a word", () => {
    const header = Buffer.from("04c1310100000040b09c6acae7b06103", "hex").subarray(0, 9);
    assert.equal(warm().inflate(header, true, 100), "invalid");
  });

  it("take the tail for data where a stored block says so", () => {
    const stored = Buffer.from("000900f6ff48656c6c6f", "hex"); // nine bytes, of which five came
    assert.equal(text(warm().inflate(stored, true, 100)), "Hello\0\0\xff\xff".replace(/\xff/g, "\ufffd"));
    assert.equal(warm().inflate(stored, true, 8), "too-big");
  });

  it("go on with the same window behind a block with BFINAL=1", () => {
    const context = warm();
    const final = Buffer.from("f348cdc9c9070000", "hex"); // RFC 7692 §7.2.3.4
    for (let i = 0; i < 3; i++) assert.equal(text(context.inflate(final, true, 100)), "Hello");
    const again = Buffer.from("f200110000", "hex"); // §7.2.3.2: refers to the message before
    assert.equal(text(context.inflate(again, true, 100)), "Hello");
  });

  it("keep the limit while they inflate", () => {
    const deflate = nodeHost.createDeflate!(15);
    const bomb = Buffer.from(deflate.deflate(Buffer.alloc(10_000_000)));
    assert.equal(warm().inflate(bomb.subarray(0, -4), true, 100_000), "too-big");
  });

  it("deflate nothing to an empty block, though there is nothing to flush", () => {
    const context = nodeHost.createDeflate!(15);
    for (let i = 0; i < 3; i++) {
      context.deflate(Buffer.from("something"));
      assert.equal(Buffer.from(context.deflate(new Uint8Array(0))).toString("hex"), "000000ffff");
    }
  });
});

describe("KeptStreams", () => {
  function keeper(): Keeper & { letsGo: number } {
    return {
      letsGo: 0,
      isInUse: false,
      letGo() {
        this.letsGo++;
      },
    };
  }

  it("admits so many, and no more while all of them are in use", () => {
    const kept = new KeptStreams(2);
    const [a, b, c] = [keeper(), keeper(), keeper()];
    assert.ok(kept.admit(a) && kept.admit(b));
    assert.equal(kept.admit(c), false);
    kept.remove(a);
    assert.equal(kept.admit(c), true);
    assert.equal(a.letsGo + b.letsGo, 0);
  });

  it("lets go of those that were not used for two seconds, and of no others", (t) => {
    const kept = new KeptStreams(3);
    const [a, b] = [keeper(), keeper()];
    t.mock.method(performance, "now", () => 1_000_000);
    kept.admit(a);
    kept.admit(b);
    [a.isInUse, b.isInUse] = [false, false];
    t.mock.method(performance, "now", () => 1_001_500);
    b.isInUse = true;
    kept.onDeadline(1_002_500);
    assert.deepEqual([a.letsGo, b.letsGo, kept.size], [1, 0, 1]);
    kept.onDeadline(1_004_600);
    assert.deepEqual([a.letsGo, b.letsGo, kept.size], [1, 1, 0]);
  });
});

describe("SlidingWindow", () => {
  it("is the end of what was appended", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(8, 9, 11),
        fc.array(fc.nat(1500), { maxLength: 20 }),
        (windowBits, sizes) => {
          const window = new SlidingWindow(windowBits);
          let all = Buffer.alloc(0);
          let value = 0;
          for (const size of sizes) {
            const bytes = Buffer.alloc(size);
            for (let i = 0; i < size; i++) bytes[i] = value++;
            window.append(bytes);
            all = Buffer.concat([all, bytes]);
            const expected = all.subarray(Math.max(0, all.length - 2 ** windowBits));
            assert.ok(expected.equals(window.bytes), `after ${all.length} bytes`);
            assert.ok(window.capacity <= 2 ** windowBits);
          }
        },
      ),
    );
  });
});
