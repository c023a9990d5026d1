import { utf8ByteLength, utf8Decode, utf8Write } from "../core/utf8-encoding.js";
import { Utf8Validator } from "../core/utf8-validator.js";
import type { EngineHost } from "./engine-host.js";

/**
 * An {@link EngineHost} in plain JavaScript: text needs nothing of the platform, time and chance are given.
 * For browsers, workers, tests; on Node `hawser/server` and `hawser/client` bring a faster one.
 * @param randomMask 32 bits that nobody can predict, say `crypto.getRandomValues(new Int32Array(1))[0]`.
 * @param nowMs a monotonic clock in ms, say `() => performance.now()`.
 */
export function portableHost(platform: Pick<EngineHost, "randomMask" | "nowMs">): EngineHost {
  return {
    allocate: (byteLength) => new Uint8Array(byteLength),
    isUtf8(bytes, start, end) {
      const validator = new Utf8Validator();
      return validator.push(bytes, start, end) && validator.isComplete;
    },
    utf8ByteLength,
    utf8Write,
    utf8Decode,
    randomMask: platform.randomMask,
    nowMs: platform.nowMs,
  };
}
