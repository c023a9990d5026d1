/**
 * An error that a contract declares: a handler throws it with `throw context.error(code, data)`, and whoever called gets it
 * with its code and its data. Nothing else that a handler throws travels.
 */
export class DeclaredError<Code extends string = string, Data = unknown> extends Error {
  override readonly name = "DeclaredError";
  /** The name of the error in the contract. */
  readonly code: Code;
  /** What its schema says; undefined where it has none. */
  readonly data: Data;

  constructor(code: Code, data: Data) {
    super(code);
    this.code = code;
    this.data = data;
  }
}
