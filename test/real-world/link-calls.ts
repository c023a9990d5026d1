import process from "node:process";

/** What a process at an end of a bad link does for the test. */
export type LinkMethods = Readonly<Record<string, (...values: never[]) => unknown>>;

export interface LinkCall {
  readonly id: number;
  readonly method: string;
  readonly values: readonly unknown[];
}

export interface LinkAnswer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Does what the test asks for over the channel to its process, until that is closed. */
export function answerCalls(methods: LinkMethods): void {
  process.on("message", async ({ id, method, values }: LinkCall) => {
    let answer: LinkAnswer;
    try {
      answer = { id, value: await methods[method]!(...(values as never[])) };
    } catch (error) {
      answer = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    process.send?.(answer);
  });
  process.on("disconnect", () => process.exit());
  process.send?.({ id: 0 } satisfies LinkAnswer);
}
