import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FuzzSession } from "#fuzz/fuzz-session.js";
import type { FuzzTarget } from "#fuzz/fuzz-target.js";
import { closeTarget } from "#fuzz/targets/close.js";
import { deflateTarget } from "#fuzz/targets/deflate.js";
import { engineTarget } from "#fuzz/targets/engine.js";
import { inflateTarget } from "#fuzz/targets/inflate.js";
import {
  answersPingsTwice,
  forgetsItsWindow,
  forgetsTheSum,
  hidesDeadlines,
  inflatesWithoutLimit,
  leavesItsWindow,
  misrotatesMasks,
  remembersTooMuch,
  skipsUtf8,
  takesAnyMask,
  takesFragmentedControl,
} from "./broken-engines.js";

/** Far above what is needed, and a second or two of work. */
const MAX_EXECUTIONS = 3000;

const FAULTS: readonly (readonly [what: string, target: FuzzTarget])[] = [
  ["does not check UTF-8", engineTarget("engine-server", skipsUtf8)],
  ["rotates masks wrongly where a payload is cut", engineTarget("engine-server", misrotatesMasks)],
  ["forgets the limit of a message in fragments", engineTarget("engine-client", forgetsTheSum)],
  ["takes frames without a mask from a client", engineTarget("engine-server", takesAnyMask)],
  ["takes frames with a mask from a server", engineTarget("engine-client", takesAnyMask)],
  ["takes control frames in fragments", engineTarget("engine-client", takesFragmentedControl)],
  ["answers every ping twice", engineTarget("engine-server", answersPingsTwice)],
  ["does not tell that a deadline is earlier", closeTarget(hidesDeadlines)],
  ["inflates without a limit", inflateTarget(inflatesWithoutLimit)],
  ["forgets its window", inflateTarget(forgetsItsWindow)],
  ["refers to what it was to forget", deflateTarget(remembersTooMuch)],
  ["refers further back than was agreed on", deflateTarget(leavesItsWindow)],
];

describe("the fuzzer finds an engine that", () => {
  for (const [what, target] of FAULTS) {
    it(what, async () => {
      const session = new FuzzSession(target, 1, []);
      let found: Awaited<ReturnType<FuzzSession["step"]>>;
      while (found === undefined && session.executions < MAX_EXECUTIONS) found = await session.step();
      assert.ok(found !== undefined, `nothing found in ${MAX_EXECUTIONS} executions`);
      assert.notEqual(await session.replay(found.input), undefined, "the small input still breaks the rule");
    });
  }
});
