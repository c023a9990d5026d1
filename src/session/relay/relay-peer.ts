import { EnvelopeWriter, type RelayMac } from "./relay-envelope.js";
import type { RelayHost } from "./relay-host.js";

/** Above this an envelope does not wait for the end of the turn, in bytes: brokers have limits of a megabyte. */
const FULL_BYTES = 131_072;

/** How what a node says gets out. */
export interface RelayOutlet {
  readonly host: RelayHost;
  /** The name of this node. */
  readonly name: Uint8Array;
  readonly mac: RelayMac | undefined;
  /** Publishes; never throws. */
  publish(topic: string, bytes: Uint8Array): void;
}

/** A topic that this node writes to: what is said in one turn leaves in one envelope. */
export class RelayTopic {
  readonly topic: string;
  readonly #outlet: RelayOutlet;
  readonly #writer: EnvelopeWriter;
  #isDirty = false;

  constructor(outlet: RelayOutlet, topic: string) {
    this.#outlet = outlet;
    this.topic = topic;
    this.#writer = new EnvelopeWriter((byteLength) => outlet.host.allocate(byteLength), outlet.name);
  }

  /** Whether something waits for the end of the turn. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** Says something: the bytes are copied. */
  say(type: number, ...fields: readonly (number | Uint8Array)[]): void {
    this.#writer.add(type, fields);
    if (this.#writer.byteLength > FULL_BYTES) this.#publish();
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#outlet.host.endOfTurn(this);
  }

  /** At the end of the turn. */
  flush(): void {
    this.#isDirty = false;
    if (this.#writer.byteLength > 0) this.#publish();
  }

  #publish(): void {
    this.#outlet.publish(this.topic, this.#writer.take(this.topic, this.#outlet.mac));
  }
}

/** Another node, as long as something goes on with it. */
export class RelayPeer extends RelayTopic {
  /** Its name, as it stands in messages. */
  readonly name: Uint8Array;
  /** Its name, as a key. */
  readonly key: string;
  /** How many relays and requests there are with it. */
  uses = 0;
  /** When something was last heard of it. */
  heardMs: number;

  constructor(outlet: RelayOutlet, topic: string, name: Uint8Array, key: string) {
    super(outlet, topic);
    this.name = name;
    this.key = key;
    this.heardMs = outlet.host.nowMs();
  }
}
