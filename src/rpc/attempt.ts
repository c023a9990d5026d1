import { CallError } from "./call-error.js";
import type { CallPromise, ErrorOf } from "./contract-types.js";
import { DeclaredError } from "./declared-error.js";
import type { CallDefinition, StreamDefinition } from "./definitions.js";

/** How a call came out. */
export type Attempt<Value, Failure> =
  | { readonly ok: true; readonly value: Value; readonly error?: undefined }
  | { readonly ok: false; readonly error: Failure; readonly value?: undefined };

/**
 * Waits for a call without throwing, and with the types of its errors:
 * `const { ok, value, error } = await attempt(remote.call.join({ room }))`.
 */
export async function attempt<Value, Failure>(
  promise: CallPromise<Value, Failure>,
): Promise<Attempt<Value, Failure>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    if (error instanceof CallError || error instanceof DeclaredError)
      return { ok: false, error: error as Failure };
    throw error;
  }
}

/** Whether something that was caught is an error that this call, or this stream, may end with; and which. */
export function isErrorOf<Definition extends CallDefinition | StreamDefinition>(
  definition: Definition,
  error: unknown,
): error is ErrorOf<Definition> {
  if (error instanceof CallError) return true;
  return error instanceof DeclaredError && Object.hasOwn(definition.errors, error.code);
}
