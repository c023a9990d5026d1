import { Buffer } from "node:buffer";

/**
 * Frames given by reference, in order. Who got the same frames has the same object, as after broadcasts: adding one more
 * compares it with what others got there, and joining all of them is done once.
 */
export class SharedFrames {
  /** What the latest list of this turn begins with. */
  static #latest: SharedFrames | undefined = undefined;
  readonly count: number;
  readonly byteLength: number;
  readonly #frame: Uint8Array;
  readonly #before: SharedFrames | undefined;
  /** What the latest one had behind this. */
  #next: SharedFrames | undefined = undefined;
  #joined: Uint8Array | undefined = undefined;

  private constructor(frame: Uint8Array, before: SharedFrames | undefined) {
    this.#frame = frame;
    this.#before = before;
    this.count = before === undefined ? 1 : before.count + 1;
    this.byteLength = frame.length + (before === undefined ? 0 : before.byteLength);
  }

  /** The turn is over: nobody adds to its lists any more. */
  static forget(): void {
    SharedFrames.#latest = undefined;
  }

  /** A list of one. */
  static of(frame: Uint8Array): SharedFrames {
    const latest = SharedFrames.#latest;
    if (latest !== undefined && latest.#frame === frame) return latest;
    return (SharedFrames.#latest = new SharedFrames(frame, undefined));
  }

  /** This list with one more. */
  with(frame: Uint8Array): SharedFrames {
    const next = this.#next;
    if (next !== undefined && next.#frame === frame) return next;
    return (this.#next = new SharedFrames(frame, this));
  }

  /** One after the other. */
  get frames(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let at: SharedFrames | undefined = this; at !== undefined; at = at.#before) frames.push(at.#frame);
    return frames.reverse();
  }

  /** All of them as one. */
  get joined(): Uint8Array {
    if (this.#before === undefined) return this.#frame;
    return (this.#joined ??= Buffer.concat(this.frames, this.byteLength));
  }
}
