/** The text of an async function that takes its argument as JSON, calls a function with it, and gives what comes out as JSON. */
export function pageCall<A, R>(run: (argument: A) => R | Promise<R>): string {
  return `async (json) => {
    const { argument } = JSON.parse(json);
    return JSON.stringify({ result: await (${run})(argument) });
  }`;
}

export function callArgument(argument: unknown): string {
  return JSON.stringify({ argument });
}

export function callResult<R>(json: string): R {
  return (JSON.parse(json) as { result: R }).result;
}
