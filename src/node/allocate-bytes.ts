import { Buffer } from "node:buffer";
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { NodeBuffer } from "./node-buffer.js";
import { isPlainIo } from "./plain-io.js";

/** After so many bytes of buffers V8's young generation is collected. V8 itself collects all there is after 16 MiB and more. */
const COLLECT_EVERY_BYTES = 12 * 1024 * 1024;
/** Since when a buffer counts for V8 as if it were old. */
const FIRST_NODE = 22;

/** What Node takes from its pool. */
const POOLED_UP_TO_BYTES = 4_096;
/** They have no V8, or one whose flags must not be touched once it runs. */
const OTHERS = ["bun", "deno", "electron"];

type CollectYoung = (options: { readonly type: "minor" }) => void;

let bytesSince = 0;
/** Null where there is none, and none is needed. */
let collectYoung: CollectYoung | null | undefined;

/**
 * Bytes for one large message or frame, zeroed. Small ones lie together in buffers that do not come from here: the
 * objects around them have what is young collected often enough.
 *
 * Their memory is outside of V8's heap. V8 counts it, and from Node 22 on collects the whole of its heap, some ten
 * milliseconds of work with even the smallest, for each 16 MiB of it: large messages cost more than twice of what they
 * should. As nearly all of them are garbage by then, it is enough to collect what is young, in less than one. V8 does
 * that by itself too, but as things are too late.
 */
export function allocateBytes(byteLength: number): Buffer {
  bytesSince += byteLength;
  if (bytesSince >= COLLECT_EVERY_BYTES) {
    bytesSince = 0;
    if (collectYoung === undefined) collectYoung = findCollector();
    collectYoung?.({ type: "minor" });
  }
  return new NodeBuffer(byteLength);
}

/** The same, but what is short lies in the pool that Node has for it, with others: who keeps some of it keeps all. */
export function allocatePooled(byteLength: number): Buffer {
  return byteLength > POOLED_UP_TO_BYTES ? allocateBytes(byteLength) : Buffer.allocUnsafe(byteLength);
}

/** V8's own function, which is in each context that is made while a flag is set; nobody else gets to see it. */
function findCollector(): CollectYoung | null {
  if (isPlainIo || OTHERS.some((name) => name in process.versions)) return null;
  if (Number.parseInt(process.versions.node, 10) < FIRST_NODE) return null;
  const wasExposed = "gc" in globalThis;
  try {
    setFlagsFromString("--expose-gc");
    const found: unknown = runInNewContext("gc");
    return typeof found === "function" ? (found as CollectYoung) : null;
  } catch {
    return null;
  } finally {
    if (!wasExposed) setFlagsFromString("--no-expose-gc");
  }
}
