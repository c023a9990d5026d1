import { randomBytes } from "node:crypto";
import { allocatePooled } from "../node/allocate-bytes.js";
import { nowMs, schedule, unschedule } from "../node/clock.js";
import { endOfTurn } from "../node/connection/turn.js";
import { nodeHost } from "../node/node-host.js";
import { warnOf } from "../node/thrown-text.js";
import { utf8Decode } from "../node/utf8-decode.js";
import type { SessionServerHost } from "../session/server/session-server-host.js";

/** What sessions need, on Node. */
export const nodeSessionHost: SessionServerHost = {
  nowMs,
  random: Math.random,
  randomBytes: (byteLength) => randomBytes(byteLength),
  allocate: allocatePooled,
  utf8Write: nodeHost.utf8Write,
  utf8Decode,
  schedule,
  unschedule,
  endOfTurn,
  warn: warnOf,
};
