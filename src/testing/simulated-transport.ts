import {
  DRAIN_ABOVE_BYTES,
  type Transport,
  type TransportName,
  type TransportReceiver,
} from "../session/transport-port.js";
import type { VirtualClock } from "./virtual-clock.js";

/** How a simulated transport carries blocks in one direction. */
export interface SimulatedDirection {
  /** How long a block is on its way, in ms. */
  latencyMs(): number;
  /** How many bytes leave in a ms; Infinity for at once. */
  readonly bytesPerMs: number;
  /** How many bytes that wait count as the most that a session puts into a transport. */
  readonly drainAboveBytes: number;
  /** Whether a block, and all behind it, is lost, as with a response that nobody fetches; then the sender is told. */
  loses(): boolean;
  /** Whether a block of data arrives twice. */
  doubles(): boolean;
  /** Whether a block of data vanishes without a word, against what a transport promises; soon it breaks. */
  vanishes(): boolean;
  /** How long it takes until the sender knows of a loss, in ms. */
  noticeMs(): number;
}

/** Runs what happens at one end, at once or later: a machine that sleeps wakes up first. */
export type RunAtEnd = (run: () => void) => void;

/** What is told of a simulated transport, for a trace. */
export type TransportTrace = (what: string, bytes?: Uint8Array) => void;

const DATA_PACKET = 0x01;

/** One end of a transport that exists in memory, over a virtual clock. See {@link simulatedPair}. */
export class SimulatedTransport implements Transport {
  readonly name: TransportName;
  receiver: TransportReceiver;
  /** Called for what happens to blocks on the way, if set. */
  trace: TransportTrace | undefined = undefined;
  /** Called for each block that is sent, with its length, if set. */
  onSend: ((byteLength: number) => void) | undefined = undefined;
  /** Called before and behind the handing over of a block, if set. */
  onDeliver: ((isDelivering: boolean) => void) | undefined = undefined;
  #peer!: SimulatedTransport;
  readonly #clock: VirtualClock;
  readonly #direction: SimulatedDirection;
  readonly #run: RunAtEnd;
  #departsMs = 0;
  #arrivesMs = 0;
  #buffered = 0;
  #isClosing = false;
  #isToldClosed = false;
  /** Nothing that is sent from here arrives any more, and nobody is told. */
  #isSilent = false;
  #isLosing = false;

  /** @internal See {@link simulatedPair}. */
  constructor(name: TransportName, clock: VirtualClock, direction: SimulatedDirection, run: RunAtEnd) {
    this.name = name;
    this.#clock = clock;
    this.#direction = direction;
    this.#run = run;
    this.receiver = nobody;
  }

  /** @internal */
  static connect(one: SimulatedTransport, other: SimulatedTransport): void {
    one.#peer = other;
    other.#peer = one;
  }

  get bufferedBytes(): number {
    return (this.#buffered * DRAIN_ABOVE_BYTES) / this.#direction.drainAboveBytes;
  }

  /** Whether its receiver was told that it is gone. */
  get isClosed(): boolean {
    return this.#isToldClosed;
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isClosing || this.#isToldClosed) return;
    this.#send(new Uint8Array(bytes.subarray(start, end))); // not `slice`: that of a Buffer does not copy
  }

  sendShared(block: Uint8Array): void {
    if (this.#isClosing || this.#isToldClosed) return;
    this.#send(block);
  }

  #send(block: Uint8Array): void {
    const direction = this.#direction;
    const size = block.length;
    if (direction.bytesPerMs < Infinity) this.#depart(size);
    if (this.#isSilent) return;
    if (this.#isLosing || direction.loses()) {
      this.trace?.("lost", block);
      this.#beginToLose();
      return;
    }
    if (block[0] === DATA_PACKET && direction.vanishes()) {
      this.trace?.("loses without a word", block);
      this.isBad = this.#peer.isBad = true;
      this.#clock.after(direction.noticeMs(), () => this.break(0, 0, 0));
      return;
    }
    this.trace?.("sends", block);
    this.onSend?.(size);
    this.#arrive(() => this.#peer.#deliver(block, 0, size));
    if (block[0] === DATA_PACKET && direction.doubles())
      this.#arrive(() => this.#peer.#deliver(block, 0, size));
  }

  close(code: number, reason: string): void {
    if (this.#isClosing || this.#isToldClosed) return;
    this.#isClosing = true;
    this.trace?.(`closes with ${code} ${reason}`);
    // What is on its way still comes until then.
    this.#clock.after(this.#direction.latencyMs(), () => this.#run(() => this.#tellClosed(code, reason)));
    if (!this.#isSilent) this.#arrive(() => this.#peer.#tellClosed(code, reason));
  }

  /**
   * The transport breaks.
   * @param ownMs when this end learns of it, in ms from now, and `peerMs` the other one; Infinity for never.
   * @param cutBytes how much of the last block that is on its way from here still arrives, if one is; 0 for nothing.
   */
  break(ownMs: number, peerMs: number, cutBytes: number): void {
    this.trace?.(`breaks; told after ${ownMs} and ${peerMs} ms`);
    for (const [end, afterMs] of [
      [this, ownMs],
      [this.#peer, peerMs],
    ] as const) {
      end.#isSilent = true;
      if (cutBytes === 0 || end !== this) end.#epoch++;
      else end.#cutBytes = cutBytes;
      if (afterMs < Infinity) this.#clock.after(afterMs, () => end.#run(() => end.#tellClosed(0, "broken")));
    }
  }

  /** Blocks of an earlier epoch are not delivered. */
  #epoch = 0;
  #cutBytes = 0;

  #arrive(run: () => void): void {
    const { latencyMs } = this.#direction;
    this.#arrivesMs = Math.max(this.#arrivesMs, Math.max(this.#clock.nowMs, this.#departsMs) + latencyMs());
    const epoch = this.#epoch;
    this.#clock.at(this.#arrivesMs, () => {
      if (epoch === this.#epoch) this.#peer.#run(run);
    });
  }

  #deliver(block: Uint8Array, start: number, end: number): void {
    if (this.#isToldClosed) return;
    const cut = this.#peer.#cutBytes;
    if (cut > 0) {
      this.#peer.#cutBytes = 0;
      this.#peer.#epoch++;
      if (cut < end) {
        this.trace?.(`gets ${cut} bytes of`, block);
        this.isBad = this.#peer.isBad = true;
        this.#hand(block, start, cut);
        return;
      }
    }
    this.trace?.("gets", block);
    this.#hand(block, start, end);
  }

  #hand(block: Uint8Array, start: number, end: number): void {
    this.onDeliver?.(true);
    this.receiver.block(block, start, end);
    this.onDeliver?.(false);
  }

  /** Whether it did what no transport may: handed over a part of a block, or lost one without a word. */
  isBad = false;

  #tellClosed(code: number, reason: string): void {
    if (this.#isToldClosed) return;
    this.#isToldClosed = true;
    this.trace?.(`is closed with ${code} ${reason}`);
    this.receiver.closed(code, reason);
  }

  #depart(size: number): void {
    const { bytesPerMs } = this.#direction;
    this.#departsMs = Math.max(this.#departsMs, this.#clock.nowMs) + size / bytesPerMs;
    this.#buffered += size;
    this.#clock.at(this.#departsMs, () => {
      const wasAbove = this.bufferedBytes > DRAIN_ABOVE_BYTES;
      this.#buffered -= size;
      if (wasAbove && this.bufferedBytes <= DRAIN_ABOVE_BYTES)
        this.#run(() => {
          if (!this.#isToldClosed) this.receiver.drained();
        });
    });
  }

  #beginToLose(): void {
    if (this.#isLosing) return;
    this.#isLosing = true;
    this.#clock.after(this.#direction.noticeMs(), () =>
      this.#run(() => {
        this.#isLosing = false;
        if (!this.#isToldClosed && !this.#isClosing) this.receiver.lost();
      }),
    );
  }
}

const nobody: TransportReceiver = { block() {}, drained() {}, lost() {}, closed() {} };

/** A transport that exists in memory: both its ends. */
export function simulatedPair(
  name: TransportName,
  clock: VirtualClock,
  client: { readonly direction: SimulatedDirection; readonly run: RunAtEnd },
  server: { readonly direction: SimulatedDirection; readonly run: RunAtEnd },
): { readonly client: SimulatedTransport; readonly server: SimulatedTransport } {
  const pair = {
    client: new SimulatedTransport(name, clock, client.direction, client.run),
    server: new SimulatedTransport(name, clock, server.direction, server.run),
  };
  SimulatedTransport.connect(pair.client, pair.server);
  return pair;
}
