import type { Broker } from "../../pubsub/broker-port.js";
import type { Transport } from "../transport-port.js";
import { AskedRequest, type AskedRequestUser, type AskedResult } from "./asked-request.js";
import { Finding, type FindingUser } from "./finding.js";
import { GateRelay, type GateRelayUser, type RelayFailure } from "./gate-relay.js";
import { HeldRequest } from "./held-request.js";
import type { RelayCounts } from "./relay-counts.js";
import { type RelayMac, readEnvelope, readMessages } from "./relay-envelope.js";
import type { RelayHost } from "./relay-host.js";
import { Findable, NODE_NAME_BYTES, type RelayMessage, RelayMessageType } from "./relay-message.js";
import { RelayTopic } from "./relay-peer.js";
import { RelayPeers, type RelayPeersUser } from "./relay-peers.js";
import { RelayedTransport, type RelayedTransportUser } from "./relayed-transport.js";

/** What a {@link SessionRelay} is made of. */
export interface SessionRelayOptions {
  readonly host: RelayHost;
  readonly broker: Broker;
  /** What the names of the topics begin with. */
  readonly topic: string;
  /** Undefined for envelopes without proof. */
  readonly mac: RelayMac | undefined;
  /** The name of this node, {@link NODE_NAME_BYTES} random bytes. */
  readonly name: Uint8Array;
  /** How long a node may take to answer, in ms. */
  readonly timeoutMs: number;
  /** The most relays each way, and the most requests. */
  readonly maxRelays: number;
  /** How long a request may wait at the node that has its transport, in ms. */
  readonly longestRequestMs: number;
  /** A transport of a client of another node, and what is known of its request. Sets `receiver` before it returns. */
  opened(transport: Transport, request: Uint8Array): void;
  /** Whether this node has the session, or is about to. */
  hasSession(id: Uint8Array): boolean;
  /** Whether this node has the HTTP transport. */
  hasTransport(id: Uint8Array): boolean;
  /** A request for an HTTP transport of this node. The bytes may be kept. */
  requested(body: Uint8Array, request: HeldRequest): void;
}

/**
 * How long all are asked for a session that may have begun, in ms: a client whose first transport brought nothing waits for it.
 * Who misses an answer makes a second session, which that client does not take.
 */
const FIND_SESSION_MS = 250;
/** Of how many HTTP transports it is remembered which node has them. */
const MAX_REMEMBERED = 4_096;

/**
 * Carries transports between the nodes of an application through a broker, so that a client may come to any of them: blocks to
 * the node that has its session, and requests to the node that has its HTTP transport (`docs/wire/relay-v1.md`). The broker may
 * lose, double and reorder what it likes: a transport that misses something is given up, and the session goes on over the next.
 */
export class SessionRelay
  implements RelayPeersUser, GateRelayUser, RelayedTransportUser, FindingUser, AskedRequestUser
{
  readonly host: RelayHost;
  readonly name: Uint8Array;
  readonly mac: RelayMac | undefined;
  readonly #options: SessionRelayOptions;
  readonly #key: string;
  readonly #own: RelayTopic;
  readonly #all: RelayTopic;
  readonly #peers: RelayPeers = new RelayPeers(this);
  readonly #gates = new Map<number, GateRelay>();
  readonly #served = new Map<string, RelayedTransport>();
  readonly #asked = new Map<number, AskedRequest>();
  readonly #held = new Map<string, HeldRequest>();
  readonly #findings = new Map<number, Finding>();
  /** Which node has an HTTP transport. */
  readonly #places = new Map<string, string>();
  readonly #unsubscribe: readonly (() => void)[];
  #number = 0;
  #heardMs = -Infinity;
  #isClosed = false;
  #hasWarned = false;
  #onEmpty: (() => void) | undefined = undefined;
  #relayed = 0;
  #lost = 0;
  #requests = 0;
  #malformed = 0;

  constructor(options: SessionRelayOptions) {
    const { host, broker, topic, mac, name } = options;
    this.#options = options;
    this.host = host;
    this.mac = mac;
    this.name = name;
    this.#key = keyOf(name);
    this.#own = new RelayTopic(this, `${topic}.relay.${this.#key}`);
    this.#all = new RelayTopic(this, `${topic}.relay.all`);
    this.#unsubscribe = [this.#own, this.#all].map((own) =>
      broker.subscribe(own.topic, (bytes) => this.#received(own.topic, bytes)),
    );
  }

  /** What was counted so far. */
  get counts(): RelayCounts {
    return {
      gates: this.#gates.size,
      served: this.#served.size,
      relayed: this.#relayed,
      lost: this.#lost,
      requests: this.#requests,
      malformed: this.#malformed,
    };
  }

  // --- What this node wants of others ----------------------------------------------------------------------------

  /**
   * Has the owner of a session carry on with a transport. It becomes the receiver of the transport.
   * @param failed called at most once, perhaps before this returns, if the owner did not take it.
   */
  relay(
    transport: Transport,
    owner: Uint8Array,
    request: Uint8Array,
    block: Uint8Array,
    failed: (why: RelayFailure) => void,
  ): void {
    const key = keyOf(owner);
    if (owner.length !== NODE_NAME_BYTES || this.#peers.hasLeft(key)) failed("gone");
    else if (this.#isClosed || this.#gates.size >= this.#options.maxRelays) failed("full");
    else {
      const peer = this.#peers.use(owner, key);
      const id = ++this.#number;
      const open = [request, new Uint8Array(block)] as const;
      this.#gates.set(id, new GateRelay(this, id, peer, transport, open, this.#options.timeoutMs, failed));
    }
  }

  /** Looks for the node that has a session, or is about to. */
  findSession(id: Uint8Array, done: (owner: Uint8Array | undefined) => void): void {
    this.#find(Findable.session, id, FIND_SESSION_MS, (node) =>
      done(node === undefined ? undefined : nameOf(node)),
    );
  }

  /** Whether it is known which node has an HTTP transport. */
  knows(transport: Uint8Array): boolean {
    return this.#places.has(keyOf(transport));
  }

  /**
   * Asks the node that has an HTTP transport to answer a request.
   * @param done called once, unless it is cancelled before.
   * @returns what cancels it.
   */
  ask(transport: Uint8Array, body: Uint8Array, done: (result: AskedResult) => void): () => void {
    if (this.#isClosed || this.#asked.size + this.#findings.size >= this.#options.maxRelays) {
      done("full");
      return () => {};
    }
    const place = keyOf(transport);
    const known = this.#places.get(place);
    if (known !== undefined) return this.#askAt(known, place, body, done);
    let cancel: (() => void) | undefined;
    let isCancelled = false;
    const startedMs = this.host.nowMs();
    this.#find(Findable.transport, transport, this.#options.timeoutMs, (node) => {
      if (isCancelled) return;
      if (node === undefined) done(this.hasHeardSince(startedMs) ? "gone" : "silent");
      else {
        remember(this.#places, place, node);
        cancel = this.#askAt(node, place, body, done);
      }
    });
    return () => {
      isCancelled = true;
      cancel?.();
    };
  }

  #askAt(node: string, place: string, body: Uint8Array, done: (result: AskedResult) => void): () => void {
    if (this.#peers.hasLeft(node)) {
      this.#places.delete(place);
      done("gone");
      return () => {};
    }
    const { timeoutMs, longestRequestMs } = this.#options;
    const peer = this.#peers.use(nameOf(node), node);
    const number = ++this.#number;
    this.#requests++;
    const request = new AskedRequest(this, number, peer, body, timeoutMs, longestRequestMs, (result) => {
      if (typeof result === "string" || result.status === 410) this.#places.delete(place);
      done(result);
    });
    this.#asked.set(number, request);
    return () => request.cancel();
  }

  #find(what: number, id: Uint8Array, timeoutMs: number, done: (node: string | undefined) => void): void {
    const finding = new Finding(this, ++this.#number, what, new Uint8Array(id), timeoutMs, done);
    this.#findings.set(finding.number, finding);
    this.lookFor(finding);
  }

  // --- The end ---------------------------------------------------------------------------------------------------

  /** Sends the clients away whose sessions are elsewhere: they find them again through another node. */
  sendAway(code: number, reason: string, notBeforeMs: number, spreadMs: number): void {
    for (const gate of [...this.#gates.values()]) gate.sendAway(code, reason, notBeforeMs, spreadMs);
  }

  /** Takes no more transports and requests of others; tells them not to ask. */
  leave(): void {
    this.#all.say(RelayMessageType.leaving);
  }

  /** Resolves when no transport of another node is left. */
  emptied(): Promise<void> {
    if (this.#served.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Says and hears nothing any more. What still goes on is given up. */
  close(): void {
    if (this.#isClosed) return;
    for (const request of [...this.#asked.values()]) request.fail();
    for (const gate of [...this.#gates.values()]) gate.giveUp("the node has left", false);
    for (const served of [...this.#served.values()]) served.drop("the node has left", false);
    for (const held of [...this.#held.values()]) held.cancel();
    for (const finding of [...this.#findings.values()]) this.notFound(finding);
    // That it leaves is the last that others hear: who speaks behind that is taken for one that is there.
    this.#peers.close();
    for (const topic of [this.#own, this.#all]) topic.flush();
    this.#isClosed = true;
    for (const end of this.#unsubscribe) end();
  }

  // --- What comes from the broker --------------------------------------------------------------------------------

  #received(topic: string, bytes: Uint8Array): void {
    try {
      const envelope = readEnvelope(bytes, topic, this.mac);
      if (envelope === undefined) {
        this.#refuse(topic);
        return;
      }
      const nowMs = this.host.nowMs();
      this.#heardMs = nowMs;
      const sender = keyOf(envelope.sender);
      if (sender === this.#key) return; // an echo
      this.#peers.heard(sender, nowMs);
      const isRight = readMessages(bytes, envelope, (message) =>
        this.#take(envelope.sender, sender, message, bytes),
      );
      if (!isRight) this.#refuse(topic);
    } catch (error) {
      this.host.warn(error); // of what the application does in a handler, say: it must not end the broker
    }
  }

  #take(name: Uint8Array, sender: string, message: RelayMessage, bytes: Uint8Array): void {
    const { type, id } = message;
    switch (type) {
      case RelayMessageType.open:
        this.#opened(name, sender, message, bytes);
        break;
      case RelayMessageType.upBlock:
      case RelayMessageType.upLost:
      case RelayMessageType.upClose:
      case RelayMessageType.upCredit:
      case RelayMessageType.upGone: {
        const served = this.#served.get(`${sender}/${id}`);
        if (served !== undefined) served.take(message, bytes);
        else if (type === RelayMessageType.upBlock || type === RelayMessageType.upLost)
          this.#peers.get(name, sender).say(RelayMessageType.downGone, id);
        break;
      }
      case RelayMessageType.accepted:
      case RelayMessageType.downBlock:
      case RelayMessageType.downClose:
      case RelayMessageType.downCredit:
      case RelayMessageType.downGone: {
        const gate = this.#gates.get(id);
        if (gate !== undefined && gate.peer.key === sender) gate.take(message, bytes);
        else if (
          gate === undefined &&
          (type === RelayMessageType.downBlock || type === RelayMessageType.accepted)
        )
          this.#peers.get(name, sender).say(RelayMessageType.upGone, id);
        break;
      }
      case RelayMessageType.request:
        this.#requested(name, sender, message, bytes);
        break;
      case RelayMessageType.cancel:
        this.#held.get(`${sender}/${id}`)?.cancel();
        break;
      case RelayMessageType.held:
      case RelayMessageType.answer: {
        const asked = this.#asked.get(id);
        if (asked === undefined || asked.peer.key !== sender) break;
        if (type === RelayMessageType.held) asked.held();
        else asked.end({ status: message.code, body: bytes.subarray(message.start, message.end) });
        break;
      }
      case RelayMessageType.find: {
        const { hasSession, hasTransport } = this.#options;
        const isHere =
          message.code === Findable.session ? hasSession(message.field) : hasTransport(message.field);
        if (isHere) this.#peers.get(name, sender).say(RelayMessageType.found, id);
        break;
      }
      case RelayMessageType.found: {
        const finding = this.#findings.get(id);
        if (finding === undefined) break;
        this.#endFinding(finding);
        finding.done(sender);
        break;
      }
      case RelayMessageType.leaving:
        this.#peers.leaves(sender);
        break;
      default: // `beat` and `echo`: that they came was what they say
    }
  }

  #opened(name: Uint8Array, sender: string, message: RelayMessage, bytes: Uint8Array): void {
    const key = `${sender}/${message.id}`;
    const before = this.#served.get(key);
    if (before !== undefined && !before.isEnded) {
      before.opened();
      return;
    }
    before?.forget(); // its last word was lost: the answer will be the same
    if (this.#served.size >= this.#options.maxRelays) {
      this.#peers.get(name, sender).say(RelayMessageType.downGone, message.id);
      return;
    }
    const transport = new RelayedTransport(
      this,
      this.#peers.use(name, sender),
      message.id,
      message.transport,
    );
    this.#served.set(key, transport);
    this.#relayed++;
    transport.opened();
    this.#options.opened(transport, message.field);
    transport.receiver.block(bytes, message.start, message.end);
  }

  #requested(name: Uint8Array, sender: string, message: RelayMessage, bytes: Uint8Array): void {
    const key = `${sender}/${message.id}`;
    const before = this.#held.get(key);
    const peer = before?.peer ?? this.#peers.use(name, sender);
    peer.say(RelayMessageType.held, message.id);
    if (before !== undefined) return;
    const request = new HeldRequest(peer, message.id, () => {
      this.#held.delete(key);
      this.#peers.unuse(peer);
    });
    this.#held.set(key, request);
    this.#options.requested(new Uint8Array(bytes.subarray(message.start, message.end)), request);
  }

  // --- What relays and requests tell -----------------------------------------------------------------------------

  /** @internal Part of `RelayOutlet`. */
  publish(topic: string, bytes: Uint8Array): void {
    if (this.#isClosed) return;
    try {
      const sent = this.#options.broker.publish(topic, bytes);
      if (sent instanceof Promise) sent.catch((error: unknown) => this.#warn(error));
    } catch (error) {
      this.#warn(error);
    }
  }

  /** @internal Something was asked: what we say to ourselves has to come, if the broker is there. */
  asked(): void {
    this.#own.say(RelayMessageType.echo);
  }

  /** @internal Whether anything came from the broker since then. */
  hasHeardSince(timeMs: number): boolean {
    return this.#heardMs >= timeMs;
  }

  /** @internal Part of `GateRelayUser`. */
  ended(relay: GateRelay, isLost: boolean): void {
    if (isLost) this.#lost++;
    this.#gates.delete(relay.id);
    this.#peers.unuse(relay.peer);
  }

  /** @internal Part of `RelayedTransportUser`. */
  forgotten(transport: RelayedTransport, isLost: boolean): void {
    if (isLost) this.#lost++;
    this.#served.delete(`${transport.peer.key}/${transport.id}`);
    this.#peers.unuse(transport.peer);
    if (this.#served.size === 0) this.#onEmpty?.();
  }

  /** @internal Part of `AskedRequestUser`. */
  answered(request: AskedRequest): void {
    this.#asked.delete(request.number);
    this.#peers.unuse(request.peer);
  }

  /** @internal Part of `FindingUser`. */
  lookFor(finding: Finding): void {
    this.asked();
    this.#all.say(RelayMessageType.find, finding.number, finding.what, finding.id);
  }

  /** @internal Part of `FindingUser`. */
  notFound(finding: Finding): void {
    this.#endFinding(finding);
    finding.done(undefined);
  }

  #endFinding(finding: Finding): void {
    this.#findings.delete(finding.number);
    this.host.unschedule(finding);
  }

  // --- Other nodes -----------------------------------------------------------------------------------------------

  /** @internal Part of `RelayPeersUser`. */
  topicOf(key: string): string {
    return `${this.#options.topic}.relay.${key}`;
  }

  /** @internal Part of `RelayPeersUser`. */
  beat(): void {
    this.#all.say(RelayMessageType.beat);
  }

  /** @internal Part of `RelayPeersUser`. */
  gone(key: string): void {
    for (const gate of [...this.#gates.values()])
      if (gate.peer.key === key && !gate.isAsking) gate.giveUp("nothing was heard of the owner", true);
    for (const served of [...this.#served.values()])
      if (served.peer.key === key) served.drop("nothing was heard of the gate", true);
    for (const request of [...this.#asked.values()]) if (request.peer.key === key) request.fail();
    for (const held of [...this.#held.values()]) if (held.peer.key === key) held.cancel();
  }

  #refuse(topic: string): void {
    this.#malformed++;
    this.#warn(new Error(`broker, topic ${JSON.stringify(topic)}: something was published that is no relay`));
  }

  /** Once: it goes on for each message, and a log full of it helps nobody. */
  #warn(error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.host.warn(error);
  }
}

function remember(map: Map<string, string>, key: string, value: string): void {
  map.set(key, value);
  if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value!);
}

function keyOf(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}

function nameOf(key: string): Uint8Array {
  return Uint8Array.from({ length: key.length / 2 }, (_, i) =>
    Number.parseInt(key.slice(2 * i, 2 * i + 2), 16),
  );
}
