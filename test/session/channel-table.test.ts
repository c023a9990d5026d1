import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ChannelTable } from "#session/machine/channel-table.js";

describe("ChannelTable", () => {
  it("is a Map by number, in the order of setting, whether it has one channel or several", () => {
    const table = new ChannelTable<{ readonly number: number; readonly name: string }>();
    const map = new Map<number, { readonly number: number; readonly name: string }>();
    const steps = [
      ..."=0",
      ..."=0",
      ..."-5",
      ..."-0",
      ..."=3",
      ..."=0",
      ..."=7",
      ..."=3",
      ..."-0",
      ..."=0",
      ..."-3",
      ..."-7",
      ..."-0",
      ..."=1",
    ];
    for (let i = 0; i < steps.length; i += 2) {
      const number = Number(steps[i + 1]);
      if (steps[i] === "=") {
        const channel = { number, name: `step ${i}` };
        table.set(channel);
        map.set(number, channel);
      } else {
        table.delete(number);
        map.delete(number);
      }
      assert.deepEqual([...table.values()], [...map.values()], `step ${i}`);
      assert.equal(table.size, map.size);
      for (let one = 0; one < 8; one++) assert.equal(table.get(one), map.get(one));
    }
  });
});
