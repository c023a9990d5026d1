import { Buffer, isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import { asBuffer } from "../node/as-buffer.js";
import { nowMs, schedule, unschedule } from "../node/clock.js";
import { endOfTurn } from "../node/connection/turn.js";
import { nodeHost } from "../node/node-host.js";
import { warnOf } from "../node/thrown-text.js";
import type { SessionServerHost } from "../session/server/session-server-host.js";

/** What sessions need, on Node. */
export const nodeSessionHost: SessionServerHost = {
  nowMs,
  random: Math.random,
  randomBytes: (byteLength) => randomBytes(byteLength),
  allocate: (byteLength) => Buffer.allocUnsafe(byteLength),
  utf8Write: nodeHost.utf8Write,
  utf8Decode(bytes, start, end) {
    const buffer = asBuffer(bytes);
    try {
      return isUtf8(buffer.subarray(start, end)) ? buffer.toString("utf8", start, end) : undefined;
    } catch {
      return undefined; // above what a string of V8 can hold: half a GiB
    }
  },
  schedule,
  unschedule,
  endOfTurn,
  warn: warnOf,
};
