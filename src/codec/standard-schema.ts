import { isThenable } from "../core/is-thenable.js";
import { thrownMessage } from "../core/thrown-message.js";

/**
 * A schema of any library that follows Standard Schema (standardschema.dev): zod, valibot, arktype and others. Values of
 * `Input` are accepted, and become those of `Output`.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** What the specification puts under this name. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** For the compiler only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says: the value that came out, or what is wrong with the one that went in. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  /** In words of the library. */
  readonly message: string;
  /** Where it is, from the outside in; each key may stand in an object of its own. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema accepts. */
export type SchemaInput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["input"];

/** What comes out of a schema. */
export type SchemaOutput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["output"];

/**
 * Asks a schema about a value. Never throws and never rejects: what the library throws is an issue. Without a schema any
 * value will do, and it becomes undefined.
 * @returns a promise only where the schema gives one.
 */
export function checkValue(
  schema: StandardSchema | undefined,
  value: unknown,
): SchemaResult<unknown> | PromiseLike<SchemaResult<unknown>> {
  if (schema === undefined) return NOTHING;
  try {
    const result = schema["~standard"].validate(value);
    return isThenable(result) ? result.then((settled) => settled, threw) : result;
  } catch (error) {
    return threw(error);
  }
}

const NOTHING: SchemaResult<undefined> = { value: undefined };

function threw(error: unknown): SchemaResult<never> {
  return { issues: [{ message: `the schema threw: ${thrownMessage(error)}` }] };
}
