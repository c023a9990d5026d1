import { assertFunctions } from "../../core/assert-functions.js";
import { assertObject } from "../../core/assert-object.js";
import { UsageError } from "../../core/hawser-error.js";
import { utf8ByteLength } from "../../core/utf8-encoding.js";
import { MAX_NAME_BYTES } from "../machine/session-rules.js";
import type { ChannelOptions, OverflowPolicy, PeerReceiver } from "../peer-port.js";

/** Of a record, so that none can be forgotten. */
const POLICIES: readonly unknown[] = Object.keys({
  block: true,
  "drop-oldest": true,
  "drop-newest": true,
  "latest-per-key": true,
  disconnect: true,
} satisfies Record<OverflowPolicy, true>);

/** Throws a `UsageError` `INVALID_OPTION` for what cannot be the name of a channel. */
export function checkChannelName(name: string): void {
  if (typeof name !== "string" || utf8ByteLength(name) > MAX_NAME_BYTES)
    throw new UsageError(
      "INVALID_OPTION",
      `the name of a channel is a string of ${MAX_NAME_BYTES} bytes at most`,
    );
}

/** Throws a `UsageError` `INVALID_OPTION` for a channel that cannot be opened. */
export function checkChannel(name: string, options: ChannelOptions | undefined): void {
  checkChannelName(name);
  if (options === undefined) return;
  assertObject(options, "options");
  const { policy } = options;
  if (policy !== undefined && !POLICIES.includes(policy))
    throw new UsageError("INVALID_OPTION", `policy must be one of ${POLICIES.join(", ")}`);
  for (const option of ["maxQueuedBytes", "highWaterMarkBytes"] as const) {
    const value: unknown = options[option];
    if (value !== undefined && !(typeof value === "number" && value >= 0))
      throw new UsageError("INVALID_OPTION", `${option} cannot be ${String(value)}`);
  }
}

/** Throws a `UsageError` `INVALID_OPTION` for what cannot take the messages of a channel. */
export function checkReceiver(name: string, receiver: PeerReceiver | undefined): void {
  checkChannelName(name);
  if (receiver === undefined) return;
  assertObject(receiver, "receiver");
  assertFunctions(receiver, ["message", "ended", "refused"]);
  if (receiver.message === undefined) throw new UsageError("INVALID_OPTION", "receiver has no message");
}
