import { randomBytes } from "node:crypto";
import { UsageError } from "../../core/hawser-error.js";
import { Opcode } from "../../protocol/opcode.js";
import { PreparedMessage } from "../../protocol/prepared-message.js";
import { assertBroker, type Broker } from "../../pubsub/broker-port.js";
import { nodeHost } from "../node-host.js";
import { thrownText } from "../thrown-text.js";
import { decodeEnvelope, encodeEnvelope, SENDER_BYTES } from "./broadcast-envelope.js";

/** Brings the broadcasts of one server to the servers of the other nodes, and theirs here, through a broker. */
export class BroadcastRelay {
  readonly #broker: Broker;
  readonly #topic: string;
  /** By which this server knows its own messages. */
  readonly #sender: Uint8Array = randomBytes(SENDER_BYTES);
  readonly #received: (message: PreparedMessage) => void;
  readonly #unsubscribe: () => void;
  #hasWarned = false;

  /**
   * @param received called with each broadcast of another server.
   * @throws UsageError `INVALID_OPTION`.
   */
  constructor(broker: Broker, topic: string, received: (message: PreparedMessage) => void) {
    assertBroker(broker);
    if (typeof topic !== "string" || topic === "") {
      throw new UsageError("INVALID_OPTION", "brokerTopic must be a string that is not empty");
    }
    this.#broker = broker;
    this.#topic = topic;
    this.#received = received;
    this.#unsubscribe = broker.subscribe(topic, this.#onBytes);
  }

  /** Sends a message to all other servers of the topic. */
  publish({ opcode, compress, payload }: PreparedMessage): void {
    try {
      const sent = this.#broker.publish(
        this.#topic,
        encodeEnvelope({ sender: this.#sender, opcode, compress, payload }),
      );
      if (sent instanceof Promise) sent.catch((error: unknown) => this.#warn(thrownText(error)));
    } catch (error) {
      this.#warn(thrownText(error));
    }
  }

  /** Brings nothing more here. The broker stays its owner's. */
  close(): void {
    try {
      this.#unsubscribe();
    } catch (error) {
      this.#warn(thrownText(error)); // what it brings all the same goes to nobody
    }
  }

  readonly #onBytes = (bytes: Uint8Array): void => {
    const envelope = decodeEnvelope(bytes);
    if (envelope === undefined) {
      this.#warn("something was published to the topic that is no broadcast");
    } else if (Buffer.compare(envelope.sender, this.#sender) !== 0) {
      const { payload, opcode, compress } = envelope;
      this.#received(new PreparedMessage(payload, nodeHost, { binary: opcode === Opcode.binary, compress }));
    }
  };

  /** Once: it goes on for each message, and a log full of it helps nobody. */
  #warn(what: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(`broker, topic ${JSON.stringify(this.#topic)}: ${what}`, { code: "HAWSER_BROKER" });
  }
}
