import { UsageError } from "../core/hawser-error.js";

/**
 * Carries bytes between the nodes of an application: processes, or machines. A node is whoever holds a `Broker` of its
 * own; several servers of one process may share one.
 *
 * What an implementation promises:
 *
 * - **To all**: what is published to a topic goes to every listener that was subscribed to it before, on every node, the
 *   publisher's own listeners too. Who publishes knows its own messages by what it wrote into them.
 * - **At most once**: nothing comes twice. What cannot be delivered is lost: the network was gone, a node was too slow,
 *   or subscribed a moment later. Nothing is kept.
 * - **In order, for each publisher**: a listener hears what one node published to one topic in that order, perhaps with
 *   gaps. Between two publishers there is no order.
 * - **Later**: no listener is called before `publish` returns, so that a listener may publish.
 * - **Bounded**: what waits for a node that does not read has a limit; above it, messages for that node are lost.
 * - **As they are**: bytes arrive unchanged, and what is published is not changed.
 *
 * What a caller promises: not to change bytes that it published or was given; listeners do not throw.
 */
export interface Broker {
  /**
   * Sends bytes to all who listen to a topic. It does not throw for what happens on the way, and does not wait; a promise
   * that it may return says when the bytes are on their way, and is rejected if they never will be.
   */
  publish(topic: string, bytes: Uint8Array): void | Promise<void>;
  /**
   * Calls `listener` with what is published to a topic, from now on. One function may be subscribed more than once.
   * @returns what ends the subscription, after which the listener is not called again. A second call does nothing.
   */
  subscribe(topic: string, listener: BrokerListener): () => void;
  /** Ends all subscriptions and gives up what the broker holds. Afterwards, nothing is sent and nothing comes. */
  close(): void | Promise<void>;
}

/** What a subscription calls. The bytes may come from a network: the listener checks them. It does not throw. */
export type BrokerListener = (bytes: Uint8Array) => void;

/** Throws a {@link UsageError} `INVALID_OPTION` unless `broker` can carry something. */
export function assertBroker(broker: Broker | undefined): asserts broker is Broker {
  if (typeof broker?.publish !== "function" || typeof broker.subscribe !== "function")
    throw new UsageError("INVALID_OPTION", "broker must have publish and subscribe");
}
