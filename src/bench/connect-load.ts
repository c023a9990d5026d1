import { type DialOptions, dial } from "./dial.js";
import type { LoadMeter } from "./load-meter.js";

/** After so many failures in a row there is no server any more. */
const MAX_FAILURES = 20;

/** Opens a connection, closes it, and so on, in so many lines at a time. Resolves when all lines are at their end. */
export async function runConnect(
  lines: number,
  options: (index: number) => DialOptions,
  meter: LoadMeter,
): Promise<void> {
  let failures = 0;
  let index = 0;
  await Promise.all(
    Array.from({ length: lines }, async () => {
      while (meter.isRunning && failures < MAX_FAILURES) {
        const startedAt = performance.now();
        try {
          const { connection } = await dial(options(index++));
          const latency = performance.now() - startedAt;
          connection.expect(NOTHING_EXPECTED);
          const closed = connection.closed();
          connection.close();
          await closed;
          meter.record(latency, 1);
          failures = 0;
        } catch (error) {
          failures++;
          if (meter.isRunning) meter.fault(error instanceof Error ? error.message : String(error));
        }
      }
    }),
  );
  meter.onStall?.();
}

const NOTHING_EXPECTED = {
  payloads: [],
  lengths: new Int32Array(0),
  opcode: 0,
  isMasked: false,
  mayBeCompressed: false,
  greetings: Infinity,
} as const;
