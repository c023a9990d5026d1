import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { ClientHost } from "../../session/client-host-port.js";
import { allocatePooled } from "../allocate-bytes.js";
import { nextTick } from "../next-tick.js";
import { warnOf } from "../thrown-text.js";
import { utf8Decode } from "../utf8-decode.js";

/** Node takes no more: 2^31 - 1 ms. */
const MAX_TIMER_MS = 2_147_483_647;

/** The host of client sessions on Node. */
export const nodeClientHost: ClientHost = {
  nowMs: () => performance.now(),
  random: () => Math.random(),
  randomBytes: (byteLength) => randomBytes(byteLength),
  allocate: allocatePooled,
  utf8Encode: (text) => Buffer.from(text),
  utf8Decode,
  setTimer: (call, delayMs) => setTimeout(call, Math.min(MAX_TIMER_MS, delayMs)),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
  afterTurn: (call) => nextTick(call),
  dateMs: () => Date.now(),
  isOffline: () => false,
  watch: () => () => {},
  // An exception that nobody catches would end the process, and a peer may have brought it about.
  report: warnOf,
};
