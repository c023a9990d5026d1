import type { Buffer } from "node:buffer";
import { constants, deflateRawSync } from "node:zlib";
import type { DeflateContext } from "../../protocol/engine-host.js";
import { KeptStreams, type RepeatedKeeper } from "./kept-streams.js";
import { NOTHING_DEFLATED } from "./nothing-deflated.js";
import { SlidingWindow } from "./sliding-window.js";
import { hasSyncZlib, SyncZlib, type SyncZlibOptions } from "./sync-zlib.js";

/** zlib cannot deflate raw data with a window of 256 bytes; with 512 it refers back 250 bytes at most, which fits. */
const MIN_ZLIB_WINDOW_BITS = 9;
/** Level 1 takes a third of the time of level 6 and makes some 25 % more bytes of JSON. */
const LEVEL = constants.Z_BEST_SPEED;
/** How zlib is to deflate, where somebody chose. */
export interface DeflateTuning {
  /** 0 to 9, or -1 for zlib's own choice. Default 1: a third of the time of 6, for some 25 % more bytes of JSON. */
  readonly level?: number | undefined;
  /** 1 to 9: how much memory its tables take. Default 8, as in zlib. */
  readonly memLevel?: number | undefined;
  /** One of zlib's strategies. Default 0, as in zlib. */
  readonly strategy?: number | undefined;
}

/** What zlib says a stream takes at the largest window, and Node's object. */
const STREAM_BYTES = 272 * 1024;
/** 68 MiB at most. */
const kept = new KeptStreams(256);

/**
 * Deflates what one direction of a connection sends (RFC 7692 §7.2.1). While messages follow each other closely a stream
 * of zlib is kept; otherwise each takes one call of zlib, and between two only the window is held, as the dictionary of
 * the next: 32 KiB at most, where a stream takes 268.
 */
export class ZlibDeflateContext implements DeflateContext, RepeatedKeeper {
  readonly #options: Omit<SyncZlibOptions, "dictionary"> & { readonly finishFlush: number };
  readonly #window: SlidingWindow;
  #stream: SyncZlib | undefined = undefined;
  hasBeenUsed = false;
  isInUse = false;

  constructor(windowBits: number, tuning: DeflateTuning = {}) {
    const { level = LEVEL, memLevel, strategy } = tuning;
    this.#window = new SlidingWindow(windowBits);
    this.#options = {
      windowBits: Math.max(windowBits, MIN_ZLIB_WINDOW_BITS),
      finishFlush: constants.Z_SYNC_FLUSH,
      level,
      ...(memLevel !== undefined && { memLevel }),
      ...(strategy !== undefined && { strategy }),
    };
  }

  get heldBytes(): number {
    return this.#window.capacity + (this.#stream === undefined ? 0 : STREAM_BYTES);
  }

  deflate(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return NOTHING_DEFLATED;
    const stream = this.#stream ?? this.#openStream();
    const deflated = stream === undefined ? this.#deflateOnce(bytes) : this.#deflateOn(stream, bytes);
    this.#window.append(bytes);
    return deflated;
  }

  reset(): void {
    this.letGo();
    this.#window.clear();
  }

  dispose(): void {
    this.reset();
  }

  letGo(): void {
    if (this.#stream === undefined) return;
    kept.remove(this);
    this.#stream.close();
    this.#stream = undefined;
    this.hasBeenUsed = false;
  }

  #openStream(): SyncZlib | undefined {
    if (!hasSyncZlib || !kept.admitRepeated(this)) return undefined;
    this.#stream = new SyncZlib("deflate", { ...this.#options, dictionary: this.#window.bytes });
    return this.#stream;
  }

  #deflateOn(stream: SyncZlib, bytes: Uint8Array): Buffer {
    this.isInUse = true;
    const step = stream.write(bytes);
    if (typeof step === "object") return step.output;
    this.letGo(); // it cannot happen: any bytes can be deflated
    return this.#deflateOnce(bytes);
  }

  #deflateOnce(bytes: Uint8Array): Buffer {
    const dictionary = this.#window.bytes;
    return deflateRawSync(bytes, dictionary.length === 0 ? this.#options : { ...this.#options, dictionary });
  }
}
