import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { TimerWheel, type TimerWheelEntry } from "#core/timer-wheel.js";

const TICK_MS = 50;
const HORIZON_MS = 511 * TICK_MS;

/** Acts at its deadline, and is not deceived by being asked before. */
class Alarm implements TimerWheelEntry {
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  deadlineMs = Infinity;
  readonly rangAtMs: number[] = [];
  earlyCalls = 0;
  /** What it does when it rings: its next deadline. */
  onRing: (nowMs: number) => number = () => Infinity;

  onDeadline(nowMs: number): number {
    if (nowMs < this.deadlineMs) {
      this.earlyCalls++;
      return this.deadlineMs;
    }
    this.rangAtMs.push(nowMs);
    this.deadlineMs = this.onRing(nowMs);
    return this.deadlineMs;
  }
}

type Step =
  | { readonly kind: "set"; readonly alarm: number; readonly inMs: number }
  | { readonly kind: "remove"; readonly alarm: number }
  | { readonly kind: "pass"; readonly ms: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("set" as const),
    alarm: fc.nat(4),
    inMs: fc.oneof(fc.integer({ min: -100, max: 500 }), fc.nat(4 * HORIZON_MS), fc.constant(Infinity)),
  }),
  fc.record({ kind: fc.constant("remove" as const), alarm: fc.nat(4) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.oneof(fc.nat(400), fc.nat(3 * HORIZON_MS)) }),
);

/** Lets time pass as a host does that sleeps exactly until `nextMs`. */
function pass(wheel: TimerWheel, fromMs: number, toMs: number): void {
  wheel.advance(fromMs);
  for (let next = wheel.nextMs(); next <= toMs; next = wheel.nextMs()) {
    assert.ok(next > fromMs - TICK_MS, "the wheel does not stand still");
    wheel.advance(Math.max(next, fromMs));
  }
}

describe("TimerWheel", () => {
  it("rings as a naive list does: once for each deadline, never early, less than a tick late", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.array(anyStep, { maxLength: 40 }),
        (t0, steps) => {
          let nowMs = t0;
          const wheel = new TimerWheel(nowMs, TICK_MS);
          const alarms = Array.from({ length: 5 }, () => new Alarm());
          const due: number[] = alarms.map(() => Infinity); // the model
          for (const step of steps) {
            if (step.kind === "set") {
              const alarm = alarms[step.alarm]!;
              alarm.deadlineMs = nowMs + step.inMs;
              // What is overdue when it is set counts from then.
              due[step.alarm] = Math.max(alarm.deadlineMs, nowMs);
              wheel.set(alarm, alarm.deadlineMs);
            } else if (step.kind === "remove") {
              due[step.alarm] = Infinity;
              wheel.remove(alarms[step.alarm]!);
            } else {
              const untilMs = nowMs + step.ms;
              pass(wheel, nowMs, untilMs);
              for (const [i, alarm] of alarms.entries()) {
                const deadlineMs = due[i]!;
                const [rangAtMs, ...again] = alarm.rangAtMs.splice(0);
                assert.deepEqual(again, [], "rings once");
                if (rangAtMs === undefined) {
                  assert.ok(deadlineMs > untilMs - TICK_MS, `${deadlineMs} was missed at ${untilMs}`);
                } else {
                  assert.ok(rangAtMs >= deadlineMs, "never early");
                  assert.ok(rangAtMs < Math.max(deadlineMs, nowMs) + TICK_MS + 1e-6, "less than a tick late");
                  due[i] = Infinity;
                }
              }
              nowMs = untilMs;
            }
            assert.equal(wheel.size, alarms.filter((alarm) => alarm.timerSlot >= 0).length);
            assert.equal(wheel.size, due.filter((deadlineMs) => deadlineMs !== Infinity).length);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("asks an entry beyond the horizon once a turn of the wheel, and rings it in time", () => {
    const wheel = new TimerWheel(0, TICK_MS);
    const alarm = new Alarm();
    alarm.deadlineMs = 10 * HORIZON_MS + 7;
    wheel.set(alarm, alarm.deadlineMs);
    pass(wheel, 0, 11 * HORIZON_MS);
    assert.deepEqual(alarm.rangAtMs, [10 * HORIZON_MS + TICK_MS]);
    assert.ok(alarm.earlyCalls <= 10, `${alarm.earlyCalls} calls before the deadline`);
  });

  it("asks once too much, no more, after nothing was on the wheel for long", () => {
    const wheel = new TimerWheel(0, TICK_MS);
    const alarm = new Alarm();
    const nowMs = 3_600_000;
    alarm.deadlineMs = nowMs + 5000;
    wheel.set(alarm, alarm.deadlineMs);
    pass(wheel, nowMs, nowMs + 10_000);
    assert.deepEqual(alarm.rangAtMs, [nowMs + 5000]);
    assert.ok(alarm.earlyCalls <= 1);
  });

  it("finds every slot after a sleep of any length", () => {
    for (let ticks = 505; ticks < 520; ticks++) {
      const wheel = new TimerWheel(0, TICK_MS);
      const alarms = Array.from({ length: 505 }, () => new Alarm());
      for (const [i, alarm] of alarms.entries()) {
        alarm.deadlineMs = (i + 1) * TICK_MS;
        wheel.set(alarm, alarm.deadlineMs);
      }
      wheel.advance(ticks * TICK_MS);
      assert.ok(alarms.every(({ rangAtMs }) => rangAtMs.length === 1));
    }
  });

  it("meets an entry that sets itself again once a round, and again in the next", () => {
    const wheel = new TimerWheel(0, TICK_MS);
    const alarm = new Alarm();
    alarm.onRing = (nowMs) => nowMs;
    alarm.deadlineMs = 10;
    wheel.set(alarm, 10);
    wheel.advance(50);
    assert.equal(alarm.rangAtMs.length, 1);
    wheel.advance(100);
    assert.equal(alarm.rangAtMs.length, 2);
  });

  it("does not call an entry that another one removed in the same round", () => {
    const wheel = new TimerWheel(0, TICK_MS);
    const [a, b] = [new Alarm(), new Alarm()];
    const removeOther = (other: Alarm) => () => {
      wheel.remove(other);
      return Infinity;
    };
    a.onRing = removeOther(b);
    b.onRing = removeOther(a);
    for (const alarm of [a, b]) {
      alarm.deadlineMs = 20;
      wheel.set(alarm, 20);
    }
    wheel.advance(50);
    assert.equal(a.rangAtMs.length + b.rangAtMs.length, 1);
    assert.equal(wheel.size, 0);
  });

  it("leaves an entry where its own call has put it", () => {
    const wheel = new TimerWheel(0, TICK_MS);
    const alarm = new Alarm();
    alarm.deadlineMs = 20;
    alarm.onRing = () => {
      wheel.set(alarm, 500);
      return 100;
    };
    wheel.set(alarm, 20);
    wheel.advance(50);
    assert.equal(wheel.nextMs(), 500);
  });

  it("has nothing to wait for while it is empty, and knows its ticks", () => {
    const wheel = new TimerWheel(0);
    assert.equal(wheel.tickMs, 100);
    assert.equal(wheel.nextMs(), Infinity);
    const alarm = new Alarm();
    wheel.remove(alarm);
    wheel.set(alarm, 150);
    assert.equal(wheel.nextMs(), 200);
    wheel.set(alarm, Infinity);
    assert.equal(wheel.nextMs(), Infinity);
    assert.equal(wheel.size, 0);
  });
});
