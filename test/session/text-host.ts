import { isUtf8 } from "node:buffer";
import type { SessionHost } from "#session/machine/session-host.js";

/** What a session needs from Node, with numbers in the place of chance: 1, 2, 3... for each byte. */
export const textHost: Omit<SessionHost, "nowMs"> = {
  random: () => 0.5,
  randomBytes: (length) => Uint8Array.from({ length }, (_, i) => i + 1),
  allocate: (length) => Buffer.allocUnsafeSlow(length),
  utf8Write: (text, bytes, position) => Buffer.from(bytes.buffer, bytes.byteOffset).write(text, position),
  utf8Decode: (bytes, start, end) => {
    const part = bytes.subarray(start, end);
    return isUtf8(part) ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(part) : undefined;
  },
};
