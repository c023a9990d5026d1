// Command: `npm run bench:deflaters`. Time and size of deflating alone, without a socket: zlib at the level of old and at
// the one that `ws` uses, and our own. One stream, so all of it lies warm in the caches: a server needs more.
import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { documentTexts, jsonText } from "#bench/json-text.js";
import { seededRandom } from "#bench/seeded-random.js";
import { WasmDeflate } from "#node/deflate/wasm-deflate.js";

/** What Node's synchronous functions use underneath. */
interface Handle {
  readonly _handle: {
    writeSync(
      flush: number,
      input: Uint8Array,
      at: number,
      length: number,
      output: Uint8Array,
      to: number,
      room: number,
    ): void;
  };
  readonly _writeState: Uint32Array;
}

const CYCLE_BYTES = 128 * 1024;
const SAMPLES = 9;
const SAMPLE_BYTES = 4e6;
const output = Buffer.allocUnsafeSlow(2 * CYCLE_BYTES);

function zlibWriter(stream: unknown): (bytes: Uint8Array) => Buffer {
  const { _handle: handle, _writeState: state } = stream as Handle;
  return (bytes) => {
    handle.writeSync(constants.Z_SYNC_FLUSH, bytes, 0, bytes.length, output, 0, output.length);
    return output.subarray(0, output.length - state[0]!);
  };
}

function contentOf(kind: string, bytes: number): Buffer[] {
  const random = seededRandom(1);
  const count = Math.ceil(CYCLE_BYTES / bytes);
  if (kind === "document") return documentTexts(bytes, count, random);
  return Array.from({ length: count }, () => jsonText(bytes, random));
}

/** The least of several samples: what others on the machine do only ever adds. */
function microsOf(messages: readonly Buffer[], write: (message: Buffer) => unknown): number {
  const rounds = Math.ceil(SAMPLE_BYTES / CYCLE_BYTES);
  let least = Infinity;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const began = performance.now();
    for (let round = 0; round < rounds; round++) for (const message of messages) write(message);
    least = Math.min(least, ((performance.now() - began) * 1000) / (rounds * messages.length));
  }
  return least;
}

console.log("content   bytes  deflater  µs     size   µs to inflate it (zlib)");
for (const kind of ["JSON", "document"]) {
  for (const bytes of [64, 256, 1_024, 16_384]) {
    const messages = contentOf(kind, bytes);
    const ours = WasmDeflate.open(15, Buffer.alloc(0))!;
    const deflaters = {
      "zlib 1": zlibWriter(createDeflateRaw({ level: 1 })),
      "zlib 6": zlibWriter(createDeflateRaw({ level: 6 })),
      ours: (message: Buffer) => ours.write(message),
    };
    for (const [name, deflate] of Object.entries(deflaters)) {
      const inflate = zlibWriter(createInflateRaw());
      for (const message of messages) inflate(Buffer.from(deflate(message)));
      const deflated = messages.map((message) => Buffer.from(deflate(message)));
      const size = deflated.reduce((sum, { length }) => sum + length - 4, 0) / (bytes * messages.length);
      const inflateMicros = microsOf(deflated, inflate);
      const micros = microsOf(messages, deflate);
      const cells = [kind.padEnd(8), `${bytes}`.padStart(6), name.padEnd(8), micros.toFixed(2).padStart(6)];
      console.log([...cells, size.toFixed(3), inflateMicros.toFixed(2)].join("  "));
    }
    ours.close();
  }
}
