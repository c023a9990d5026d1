import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageQueue } from "#session/machine/message-queue.js";
import type { QueuedMessage } from "#session/machine/queued-message.js";
import { SeededRandom } from "#testbed/seeded-random.js";

const message = (data: string): QueuedMessage => ({
  data,
  isText: true,
  id: undefined,
  key: undefined,
  cost: 0,
  counted: 0,
  offset: 0,
});

describe("MessageQueue", () => {
  it("is as a list of which the first two are taken out", () => {
    const random = new SeededRandom(5);
    const queue = new MessageQueue();
    const list: QueuedMessage[] = [];
    for (let i = 0; i < 20_000; i++) {
      // It grows for a while, and then becomes empty, again and again.
      if (list.length === 0 || random.chance(i % 2_000 < 1_000 ? 0.7 : 0.3)) {
        const added = message(String(i));
        queue.push(added);
        list.push(added);
      } else if (list.length > 1 && random.chance(0.3)) {
        assert.equal(queue.shiftSecond(), list.splice(1, 1)[0]);
      } else {
        assert.equal(queue.shift(), list.shift());
      }
      assert.equal(queue.length, list.length);
      if (list.length > 0) assert.equal(queue.first, list[0]);
      if (i % 100 === 0) assert.deepEqual([...queue], list);
    }
  });
});
