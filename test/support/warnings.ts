/** The warnings of the process, which are not printed meanwhile. */
export interface Warnings extends Disposable {
  readonly messages: string[];
}

/** Collects what `process.emitWarning` is called with until the end of the block: `using seen = warnings()`. */
export function warnings(): Warnings {
  const messages: string[] = [];
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error): void => {
    messages.push(typeof warning === "string" ? warning : warning.message);
  };
  return {
    messages,
    [Symbol.dispose]() {
      process.emitWarning = emitWarning;
    },
  };
}
