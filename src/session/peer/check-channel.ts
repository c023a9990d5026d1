import { assertFunctions } from "../../core/assert-functions.js";
import { assertObject } from "../../core/assert-object.js";
import { cannotBe } from "../../core/cannot-be.js";
import { UsageError } from "../../core/hawser-error.js";
import { utf8ByteLength } from "../../core/utf8-encoding.js";
import { OVERFLOW_POLICIES } from "../machine/overflow-policies.js";
import { MAX_NAME_BYTES } from "../machine/session-rules.js";
import type { ChannelOptions, PeerReceiver } from "../peer-port.js";

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
  if (policy !== undefined && !OVERFLOW_POLICIES.includes(policy))
    throw new UsageError("INVALID_OPTION", `policy must be one of ${OVERFLOW_POLICIES.join(", ")}`);
  for (const option of ["maxQueuedBytes", "highWaterMarkBytes"] as const) {
    const value: unknown = options[option];
    if (value !== undefined && !(typeof value === "number" && value >= 0))
      throw cannotBe("INVALID_OPTION", option, value);
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
