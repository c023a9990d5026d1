import type { Peer } from "../session/peer-port.js";

/**
 * How one side counts what it begins on a channel: for the other side it is the same one as long as the session lives, also
 * where a contract's client was closed and another one was made.
 */
export class CallNumbers {
  /** What tells this client's calls from those of others; undefined where calls are not sent again. */
  readonly key: string | undefined;
  /** The number of the next call. */
  nextCall = 1;
  /** The highest number of a call that was sent. */
  highestSent = 0;
  /** How many sessions had a hello. */
  sessions = 0;
  /** Whether this session had its hello. */
  saidHello = false;
  /** The number of the last stream in this session. */
  lastStream = 0;
  #peer: Peer | undefined;

  constructor(key: string | undefined) {
    this.key = key;
  }

  /** A session is spoken in: another one than before, or the same. */
  begin(peer: Peer): void {
    if (this.#peer === peer) return;
    this.#peer = peer;
    this.saidHello = false;
    this.lastStream = 0;
  }
}
