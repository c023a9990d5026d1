import assert from "node:assert/strict";
import { it } from "node:test";
import type { Broker } from "hawser/server";
import { rounds } from "../support/until.js";

/** Tests that every `Broker` passes. `make` gives brokers of one node, or of two that hear each other. */
export function brokerContract(
  make: () => { readonly publisher: Broker; readonly subscriber: Broker },
): void {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

  it("brings bytes to all listeners of their topic, and to no other, unchanged", async () => {
    const { publisher, subscriber } = make();
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const heard: Uint8Array[][] = [[], [], []];
    subscriber.subscribe("a", (bytes) => heard[0]!.push(bytes));
    publisher.subscribe("a", (bytes) => heard[1]!.push(bytes));
    subscriber.subscribe("b", (bytes) => heard[2]!.push(bytes));
    const published = all.slice();
    publisher.publish("a", published);
    publisher.publish("a", new Uint8Array());
    publisher.publish("nobody", published);
    await rounds(3);
    for (const bytes of heard.slice(0, 2)) {
      assert.deepEqual(
        bytes.map((one) => [...one]),
        [[...all], []],
      );
    }
    assert.deepEqual(heard[2], []);
    assert.deepEqual(published, all);
    await Promise.all([publisher.close(), subscriber.close()]);
  });

  it("takes a view into a larger buffer for what it shows", async () => {
    const { publisher, subscriber } = make();
    const heard: string[] = [];
    subscriber.subscribe("a", (bytes) => heard.push(text(bytes)));
    publisher.publish("a", Buffer.from("xxhelloxx").subarray(2, 7));
    await rounds(3);
    assert.deepEqual(heard, ["hello"]);
    await Promise.all([publisher.close(), subscriber.close()]);
  });

  it("keeps the order of what one publishes, and calls nobody before `publish` returns", async () => {
    const { publisher, subscriber } = make();
    const heard: string[] = [];
    subscriber.subscribe("a", (bytes) => {
      heard.push(text(bytes));
      if (heard.length === 1) {
        publisher.publish("a", Buffer.from("from a listener"));
        heard.push("published");
      }
    });
    for (let i = 0; i < 3; i++) publisher.publish("a", Buffer.from(String(i)));
    assert.deepEqual(heard, []);
    await rounds(6);
    assert.deepEqual(heard, ["0", "published", "1", "2", "from a listener"]);
    await Promise.all([publisher.close(), subscriber.close()]);
  });

  it("does not call a listener whose subscription has ended, and knows a function that is there twice", async () => {
    const { publisher, subscriber } = make();
    let calls = 0;
    const listener = (): void => void calls++;
    const end = subscriber.subscribe("a", listener);
    subscriber.subscribe("a", listener);
    end();
    end();
    publisher.publish("a", Buffer.from("1"));
    await rounds(3);
    assert.equal(calls, 1);
    await Promise.all([publisher.close(), subscriber.close()]);
  });

  it("does not call a listener that another one has ended", async () => {
    const { publisher, subscriber } = make();
    const heard: string[] = [];
    subscriber.subscribe("a", () => {
      heard.push("first");
      end();
    });
    const end = subscriber.subscribe("a", () => heard.push("second"));
    publisher.publish("a", Buffer.from("1"));
    await rounds(3);
    assert.deepEqual(heard, ["first"]);
    await Promise.all([publisher.close(), subscriber.close()]);
  });

  it("is silent once it is closed", async () => {
    const { publisher, subscriber } = make();
    const heard: string[] = [];
    subscriber.subscribe("a", (bytes) => heard.push(text(bytes)));
    await subscriber.close();
    await subscriber.close();
    subscriber.subscribe("a", (bytes) => heard.push(text(bytes)));
    publisher.publish("a", Buffer.from("1"));
    await rounds(3);
    assert.deepEqual(heard, []);
    subscriber.publish("a", Buffer.from("2"));
    await publisher.close();
  });
}
