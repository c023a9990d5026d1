import cluster, { type Worker } from "node:cluster";
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { cannotBe } from "../core/cannot-be.js";
import { TopicListeners } from "../core/topic-listeners.js";
import type { Broker, BrokerListener } from "../pubsub/broker-port.js";

/** What {@link clusterBroker} can be told. */
export interface ClusterBrokerOptions {
  /**
   * The most bytes that may wait for one process that does not read; above it, messages for that process are lost, and
   * the first time a warning of the process says so. Default 16 MiB: a second of a heavy load, and little memory for each
   * worker. It holds for the whole process: the last that was given counts.
   */
  readonly maxBufferedBytes?: number | undefined;
}

/** Payload bytes as a string with a character for each: the channel takes those as they are, however it serializes. */
type ChannelText = string;

/**
 * What goes over the channel between a worker and the primary: topics and payloads in turns, or that a worker takes part,
 * which the primary answers with the same.
 */
interface ChannelMessage {
  readonly hawserBroker: readonly ChannelText[] | "joined";
}

const DEFAULT_MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
/** What a message costs in a queue besides its bytes. */
const MESSAGE_OVERHEAD_BYTES = 256;
/** How long a primary may be too busy to answer a worker that takes part, before that one says that there is no broker. */
const JOIN_TIMEOUT_MS = 30_000;

/**
 * A broker between the workers of `node:cluster`. Workers reach each other through the primary, so that one must be made
 * in the primary, too (`startWorkers` does that); it may publish and listen as well. All that are made in one process are
 * one node.
 *
 * The cost: a message goes over a pipe to the primary, and from there to every other worker, copied each time. What is
 * published in one turn of the event loop goes as one.
 *
 * @throws `UsageError` `INVALID_OPTION`.
 */
export function clusterBroker(options: ClusterBrokerOptions = {}): Broker {
  const { maxBufferedBytes } = options;
  if (maxBufferedBytes !== undefined && !(maxBufferedBytes >= 0)) {
    throw cannotBe("INVALID_OPTION", "maxBufferedBytes", maxBufferedBytes);
  }
  if (node === undefined && !isMainThread) warnOfThread();
  node ??= cluster.isPrimary ? new PrimaryNode() : new WorkerNode();
  if (maxBufferedBytes !== undefined) node.maxBufferedBytes = maxBufferedBytes;
  return new ClusterBroker(node);
}

/** What this process has to do with the cluster. Once: two in the primary would relay everything twice. */
let node: ClusterNode | undefined;

/** A thread has no channel to the primary, and takes itself for one: nothing that is published there leaves it. */
function warnOfThread(): void {
  process.emitWarning("clusterBroker is between processes: from a worker thread it reaches nobody else", {
    code: "HAWSER_BROKER",
  });
}

/** A primary that the program, or a process manager, started without a broker: it passes nothing on. */
function warnOfPrimary(): void {
  if (!process.connected) return;
  process.emitWarning(
    "the primary of this cluster has no clusterBroker(): what is published here reaches no other worker. " +
      "Make one there, or use startWorkers",
    { code: "HAWSER_BROKER" },
  );
}

class ClusterBroker implements Broker {
  readonly #node: ClusterNode;
  readonly #subscriptions = new Set<() => void>();
  #isClosed = false;

  constructor(node: ClusterNode) {
    this.#node = node;
  }

  publish(topic: string, bytes: Uint8Array): void {
    if (!this.#isClosed) this.#node.publish(topic, bytes);
  }

  subscribe(topic: string, listener: BrokerListener): () => void {
    if (this.#isClosed) return () => {};
    const end = this.#node.listeners.add(topic, listener);
    this.#subscriptions.add(end);
    return () => {
      this.#subscriptions.delete(end);
      end();
    };
  }

  close(): void {
    this.#isClosed = true;
    for (const end of this.#subscriptions) end();
    this.#subscriptions.clear();
  }
}

/** What both sides do: gather what is published in a turn, and deliver to the listeners of this process. */
abstract class ClusterNode {
  readonly listeners: TopicListeners<Uint8Array> = new TopicListeners();
  /** The most bytes that may wait for another process. */
  maxBufferedBytes: number = DEFAULT_MAX_BUFFERED_BYTES;
  #batch: [topic: string, bytes: Uint8Array][] = [];

  publish(topic: string, bytes: Uint8Array): void {
    if (this.#batch.length === 0) setImmediate(this.#flush);
    this.#batch.push([topic, bytes]);
  }

  /** Hands a batch that came over a channel to the listeners of this process. */
  protected deliver(batch: readonly ChannelText[]): void {
    for (let i = 0; i + 1 < batch.length; i += 2) {
      this.listeners.deliver(batch[i]!, Buffer.from(batch[i + 1]!, "latin1"));
    }
  }

  /** Sends a batch to the other processes. */
  protected abstract sendOut(batch: readonly ChannelText[]): void;

  readonly #flush = (): void => {
    const batch = this.#batch;
    this.#batch = [];
    this.sendOut(batch.flatMap(([topic, bytes]) => [topic, textOf(bytes)]));
    for (const [topic, bytes] of batch) this.listeners.deliver(topic, bytes);
  };
}

class WorkerNode extends ClusterNode {
  readonly #outbox: Outbox = new Outbox(cluster.worker!, "the primary");

  constructor() {
    super();
    process.on("message", (message) => {
      const batch = batchIn(message);
      if (batch !== undefined) this.deliver(batch);
      else if (hasJoined(message)) clearTimeout(joining);
    });
    const joining = setTimeout(warnOfPrimary, JOIN_TIMEOUT_MS);
    joining.unref();
    if (process.connected)
      cluster.worker!.send({ hawserBroker: "joined" } satisfies ChannelMessage, () => {});
  }

  protected override sendOut(batch: readonly ChannelText[]): void {
    this.#outbox.send(batch, this.maxBufferedBytes);
  }
}

class PrimaryNode extends ClusterNode {
  /** The workers that take part, with what waits for each. */
  readonly #outboxes = new Map<Worker, Outbox>();

  constructor() {
    super();
    cluster.on("message", (worker, message: unknown) => this.#relay(worker, message));
    cluster.on("disconnect", (worker) => void this.#outboxes.delete(worker));
  }

  protected override sendOut(batch: readonly ChannelText[]): void {
    for (const outbox of this.#outboxes.values()) outbox.send(batch, this.maxBufferedBytes);
  }

  #relay(sender: Worker, message: unknown): void {
    if (hasJoined(message)) {
      this.#outboxes.set(sender, new Outbox(sender, `worker ${sender.process.pid}`));
      if (sender.isConnected()) sender.send({ hawserBroker: "joined" } satisfies ChannelMessage, () => {});
      return;
    }
    const batch = batchIn(message);
    if (batch === undefined) return;
    for (const [worker, outbox] of this.#outboxes) {
      if (worker !== sender) outbox.send(batch, this.maxBufferedBytes);
    }
    this.deliver(batch);
  }
}

/** Sends over a channel, as long as the other side reads: Node itself would queue without end. */
class Outbox {
  readonly #channel: Worker;
  readonly #name: string;
  #bufferedBytes = 0;
  #hasWarned = false;

  constructor(channel: Worker, name: string) {
    this.#channel = channel;
    this.#name = name;
  }

  send(batch: readonly ChannelText[], maxBufferedBytes: number): void {
    if (!this.#channel.isConnected()) return;
    const bytes = batch.reduce((sum, text) => sum + text.length, MESSAGE_OVERHEAD_BYTES);
    // Something always fits where nothing waits, or a large message could never be sent.
    if (this.#bufferedBytes > 0 && this.#bufferedBytes + bytes > maxBufferedBytes) {
      this.#warn();
      return;
    }
    this.#bufferedBytes += bytes;
    // With a callback, a channel that is gone is no `error` event, which nobody would hear.
    this.#channel.send({ hawserBroker: batch } satisfies ChannelMessage, () => {
      this.#bufferedBytes -= bytes;
    });
  }

  #warn(): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(`${this.#name} reads too slowly: messages between workers are lost`, {
      code: "HAWSER_BROKER",
    });
  }
}

function textOf(bytes: Uint8Array): ChannelText {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function hasJoined(message: unknown): boolean {
  return isOurs(message) && message.hawserBroker === "joined";
}

/** The batch in a message, if it is one: the channel carries what others send, too. */
function batchIn(message: unknown): readonly ChannelText[] | undefined {
  if (!isOurs(message) || !Array.isArray(message.hawserBroker)) return undefined;
  return message.hawserBroker.every((part) => typeof part === "string") ? message.hawserBroker : undefined;
}

function isOurs(message: unknown): message is { readonly hawserBroker: unknown } {
  return typeof message === "object" && message !== null && "hawserBroker" in message;
}
