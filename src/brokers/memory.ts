import { TopicListeners } from "../core/topic-listeners.js";
import type { Broker } from "../pubsub/broker-port.js";

/**
 * A broker within one process: for several servers in it (on two ports, say), and for tests of what has a broker. Bytes
 * are handed on as they are, in a microtask.
 */
export function memoryBroker(): Broker {
  const listeners = new TopicListeners<Uint8Array>();
  let isClosed = false;
  return {
    publish(topic, bytes) {
      queueMicrotask(() => listeners.deliver(topic, bytes));
    },
    subscribe: (topic, listener) => (isClosed ? () => {} : listeners.add(topic, listener)),
    close() {
      isClosed = true;
      listeners.clear();
    },
  };
}
