/** Functions by the topic that they listen to. */
export class TopicListeners<Message> {
  readonly #topics = new Map<string, Set<Subscription<Message>>>();

  /** Adds a listener, and returns what takes it away again. */
  add(topic: string, listener: (message: Message) => void): () => void {
    const subscription: Subscription<Message> = { listener }; // one object each: a function may be here twice
    const subscriptions = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, subscriptions.add(subscription));
    return () => {
      if (!subscriptions.delete(subscription) || subscriptions.size > 0) return;
      if (this.#topics.get(topic) === subscriptions) this.#topics.delete(topic);
    };
  }

  /** Calls all listeners of a topic, but none that another one took away meanwhile. */
  deliver(topic: string, message: Message): void {
    const subscriptions = this.#topics.get(topic);
    if (subscriptions === undefined) return;
    for (const subscription of [...subscriptions]) {
      if (subscriptions.has(subscription)) subscription.listener(message);
    }
  }

  /** Takes all listeners away. */
  clear(): void {
    for (const subscriptions of this.#topics.values()) subscriptions.clear();
    this.#topics.clear();
  }
}

interface Subscription<Message> {
  readonly listener: (message: Message) => void;
}
