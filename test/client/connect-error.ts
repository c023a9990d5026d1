import assert from "node:assert/strict";
import { ConnectError } from "hawser/client";

/** The `ConnectError` that a promise must be rejected with. */
export async function connectErrorOf(promise: Promise<unknown>): Promise<ConnectError> {
  const outcome = await promise.then(
    () => assert.fail("it was opened"),
    (error: unknown) => error,
  );
  if (!(outcome instanceof ConnectError)) throw outcome;
  return outcome;
}
