import type { TimerWheelEntry } from "../../core/timer-wheel.js";
import { type RelayOutlet, RelayPeer } from "./relay-peer.js";

/** While relays go on, a node says to all that it is there this often, in ms. */
const BEAT_MS = 2_000;
/** A node of which nothing was heard for so long is gone, in ms: three beats. */
const SILENT_MS = 6_000;
/** How many nodes that left are remembered. */
const MAX_LEFT = 4_096;

/** What is told of other nodes. */
export interface RelayPeersUser extends RelayOutlet {
  /** The topic of a node, by its name in hexadecimal digits. */
  topicOf(key: string): string;
  /** All are to hear that this node is there. */
  beat(): void;
  /** Nothing was heard of a node that something goes on with. */
  gone(key: string): void;
}

/** The other nodes, as long as something goes on with them: who is there, who is silent, who has left. */
export class RelayPeers implements TimerWheelEntry {
  timerNext: TimerWheelEntry | null = null;
  timerPrevious: TimerWheelEntry | null = null;
  timerSlot = -1;
  readonly #user: RelayPeersUser;
  readonly #peers = new Map<string, RelayPeer>();
  readonly #left = new Set<string>();
  #isBeating = false;

  constructor(user: RelayPeersUser) {
    this.#user = user;
  }

  /** Another node, to say something to; one that nothing goes on with is forgotten again at the end of the turn. */
  get(name: Uint8Array, key: string): RelayPeer {
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    const peer = new RelayPeer(this.#user, this.#user.topicOf(key), new Uint8Array(name), key);
    this.#peers.set(key, peer);
    this.#forgetLater(peer);
    return peer;
  }

  /** Something begins to go on with a node. To be ended by {@link unuse}. */
  use(name: Uint8Array, key: string): RelayPeer {
    const { host } = this.#user;
    const peer = this.get(name, key);
    if (peer.uses++ === 0) peer.heardMs = host.nowMs();
    if (!this.#isBeating) {
      this.#isBeating = true;
      host.schedule(this, host.nowMs() + BEAT_MS);
    }
    return peer;
  }

  /** It has ended. */
  unuse(peer: RelayPeer): void {
    if (--peer.uses === 0) this.#forgetLater(peer);
  }

  /** Something came from a node. */
  heard(key: string, nowMs: number): void {
    this.#left.delete(key); // who speaks is there
    const peer = this.#peers.get(key);
    if (peer !== undefined) peer.heardMs = nowMs;
  }

  /** A node says that it goes. */
  leaves(key: string): void {
    this.#left.add(key);
    if (this.#left.size > MAX_LEFT) this.#left.delete(this.#left.values().next().value!);
  }

  /** Whether a node said that it goes. */
  hasLeft(key: string): boolean {
    return this.#left.has(key);
  }

  /** The end: what is to be said goes out, and nothing is looked at any more. */
  close(): void {
    for (const peer of this.#peers.values()) peer.flush();
    this.#user.host.unschedule(this);
  }

  /** @internal Part of `TimerWheelEntry`. */
  onDeadline(nowMs: number): number {
    this.#isBeating = false;
    for (const peer of [...this.#peers.values()]) {
      if (peer.uses === 0) continue;
      if (nowMs - peer.heardMs >= SILENT_MS) this.#user.gone(peer.key);
      // What it is still asked for may be answered, and goes on then.
      if (peer.uses > 0) this.#isBeating = true;
    }
    if (!this.#isBeating) return Infinity;
    this.#user.beat();
    return nowMs + BEAT_MS;
  }

  #forgetLater(peer: RelayPeer): void {
    this.#user.host.endOfTurn({
      flush: () => {
        if (peer.uses > 0 || this.#peers.get(peer.key) !== peer) return;
        peer.flush();
        this.#peers.delete(peer.key);
      },
    });
  }
}
