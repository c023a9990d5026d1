import type { TimerWheelEntry } from "#core/timer-wheel.js";
import type { RelayHost } from "#session/relay/relay-host.js";
import type { SeededRandom } from "#testbed/seeded-random.js";
import type { VirtualClock, VirtualEvent } from "#testing/virtual-clock.js";
import type { SimulatedEnd } from "./simulated-end.js";

/** What relays need, on a virtual clock. */
export function relayHost(clock: VirtualClock, end: SimulatedEnd, random: SeededRandom): RelayHost {
  const events = new Map<TimerWheelEntry, VirtualEvent>();
  const unschedule = (entry: TimerWheelEntry): void => {
    const event = events.get(entry);
    if (event !== undefined) event.run = undefined;
    events.delete(entry);
  };
  const schedule = (entry: TimerWheelEntry, deadlineMs: number): void => {
    unschedule(entry);
    if (deadlineMs === Infinity) return;
    // As a wheel does: up to a tick late.
    const event = clock.at(deadlineMs + random.integer(0, 50), () =>
      end.run(() => {
        if (events.get(entry) !== event) return;
        events.delete(entry);
        const nextMs = entry.onDeadline(clock.nowMs);
        if (!events.has(entry)) schedule(entry, nextMs);
      }),
    );
    events.set(entry, event);
  };
  return {
    nowMs: () => clock.nowMs,
    allocate: (length) => Buffer.allocUnsafe(length),
    utf8Write: (text, bytes, position) => (bytes as Buffer).write(text, position),
    utf8Decode: (bytes, start, until) =>
      Buffer.from(bytes.buffer, bytes.byteOffset).toString("utf8", start, until),
    schedule,
    unschedule,
    endOfTurn: (flushable) => end.atTurnEnd(() => flushable.flush()),
    warn: (error) => {
      throw error;
    },
  };
}
