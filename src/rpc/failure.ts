import { checkValue } from "../codec/standard-schema.js";
import type { CallErrorCode } from "../core/error-codes.js";
import { thrownMessage } from "../core/thrown-message.js";
import { CallError, isCallErrorCode } from "./call-error.js";
import { DeclaredError } from "./declared-error.js";
import type { ErrorDefinitions } from "./definitions.js";
import { issuesFromWire, wireIssues } from "./wire-issues.js";

/** How a call or a stream failed, as it is told to the other side, and what is told to the application here. */
export interface Failure {
  readonly code: string;
  readonly data?: unknown;
  readonly report?: CallError;
}

/**
 * Something that does not fit its schema. An input is the other side's to mend, and it is told what is wrong; an output is
 * the business of this one.
 */
export function failure(code: CallErrorCode, error: CallError): Failure {
  if (code !== "INVALID_INPUT") return { code, report: error };
  return error.issues === undefined ? { code } : { code, data: wireIssues(error.issues) };
}

/** What a handler threw: an error of the contract travels, anything else stays here, and only that it happened travels. */
export async function failureOf(thrown: unknown, errors: ErrorDefinitions, what: string): Promise<Failure> {
  if (!(thrown instanceof DeclaredError)) {
    return handlerFailed(`${what}: the handler threw: ${thrownMessage(thrown)}`, { cause: thrown });
  }
  const { code, data } = thrown;
  const schema = Object.hasOwn(errors, code) ? errors[code] : undefined;
  if (schema === undefined) {
    return handlerFailed(`${what}: the contract has no error ${code}`, { cause: thrown });
  }
  if (schema === null) return { code };
  const { issues } = await checkValue(schema, data);
  if (issues === undefined) return { code, data };
  return handlerFailed(`${what}: the data of the error ${code} does not fit its schema`, {
    cause: thrown,
    issues,
  });
}

function handlerFailed(message: string, details: ConstructorParameters<typeof CallError>[2]): Failure {
  return { code: "HANDLER_FAILED", report: new CallError("HANDLER_FAILED", message, details) };
}

/** What the other side told of a failure, as the error that the application gets. */
export async function errorFromWire(
  code: string,
  data: unknown,
  errors: ErrorDefinitions,
  what: string,
): Promise<CallError | DeclaredError> {
  const schema = Object.hasOwn(errors, code) ? errors[code] : undefined;
  if (schema === null) return new DeclaredError(code, undefined);
  if (schema !== undefined) {
    const checked = await checkValue(schema, data);
    if (checked.issues === undefined) return new DeclaredError(code, checked.value);
    return new CallError(
      "INVALID_OUTPUT",
      `${what}: the data of the error ${code} does not fit its schema`,
      checked,
    );
  }
  if (!isCallErrorCode(code)) {
    return new CallError("HANDLER_FAILED", `${what}: an error that this contract does not have: ${code}`);
  }
  const issues = code === "INVALID_INPUT" ? issuesFromWire(data) : undefined;
  return new CallError(code, `${what}: the other side says ${code}`, { issues });
}
