import type { SchemaIssue } from "../codec/standard-schema.js";
import type { CallErrorCode } from "../core/error-codes.js";
import { HawserError } from "../core/hawser-error.js";

/** One thing that is wrong with a value. */
export interface CallIssue {
  /** In words of the schema library. */
  readonly message: string;
  /** Where it is in the value, from the outside in: names of properties and indices. */
  readonly path: readonly PropertyKey[];
}

/** A call, a stream or an event of a contract came to nothing, for a reason that every contract has. */
export class CallError extends HawserError {
  override readonly name = "CallError";
  override readonly code: CallErrorCode;
  /**
   * Whether the handler may have run, wholly or in part. With false, the same may be tried again and cannot happen twice.
   */
  readonly mayHaveRun: boolean;
  /** With `INVALID_INPUT` and `INVALID_OUTPUT`: what is wrong; the first few things, if the other side says it. */
  readonly issues: readonly CallIssue[] | undefined;

  constructor(
    code: CallErrorCode,
    message: string,
    details: { mayHaveRun?: boolean; issues?: readonly SchemaIssue[] | undefined; cause?: unknown } = {},
  ) {
    const issues = details.issues?.map(({ message: text, path = [] }) => ({
      message: text,
      path: Array.from(path, (part) => (typeof part === "object" ? part.key : part)),
    }));
    super(withFirst(message, issues?.[0]), details.cause);
    this.code = code;
    this.mayHaveRun = details.mayHaveRun ?? MAY_HAVE_RUN[code];
    this.issues = issues;
  }
}

/** A log has the message alone, and what is wrong first is mostly all of it. It may be words of the other side: on one line. */
function withFirst(message: string, issue: CallIssue | undefined): string {
  if (issue === undefined) return message;
  const at = issue.path.length > 0 ? `${issue.path.map(String).join(".")}: ` : "";
  return `${message}: ${`${at}${issue.message}`.slice(0, 200).replace(/[\p{Cc}\u2028\u2029]+/gu, " ")}`;
}

/** What is true of a code where nobody knows better; and the list of codes, which a contract may not take for its own. */
const MAY_HAVE_RUN: Readonly<Record<CallErrorCode, boolean>> = {
  INVALID_INPUT: false,
  INVALID_OUTPUT: true,
  UNKNOWN_NAME: false,
  HANDLER_FAILED: true,
  SOURCE_FAILED: true,
  DEADLINE_EXCEEDED: true,
  ABORTED: true,
  TOO_MANY_CALLS: false,
  TOO_MANY_STREAMS: false,
  OUTCOME_UNKNOWN: true,
  SESSION_RESET: true,
  SESSION_CLOSED: true,
  INVALID_MESSAGE: true,
};

/** Whether it is a code of {@link CallError}. */
export function isCallErrorCode(code: string): code is CallErrorCode {
  return Object.hasOwn(MAY_HAVE_RUN, code);
}
