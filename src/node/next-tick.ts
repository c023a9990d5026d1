/**
 * `process.nextTick` as it was when this was loaded. Fake timers of tests, such as those of Jest, put one in its place that stands
 * still; what is sent has to leave nevertheless, and what was received to be handed out.
 */
export const nextTick: typeof process.nextTick = process.nextTick;
