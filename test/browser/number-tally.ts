/** What message `number` looks like: every fiftieth is longer than a piece. */
export function numberedText(number: number): string {
  return `${number} ${"x".repeat(number % 50 === 0 ? 40_000 : number % 300)}`;
}

/** What became of messages that were numbered. */
export interface TallyCounts {
  readonly got: number;
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  /** Not the text that was sent. */
  readonly altered: number;
}

/** Looks at messages of {@link numberedText} as they arrive, in a page or on Node. */
export class NumberTally {
  readonly #seen = new Set<number>();
  #first = 1;
  #highest = 0;
  #doubled = 0;
  #reordered = 0;
  #altered = 0;

  /** How many different ones have come. */
  get got(): number {
    return this.#seen.size;
  }

  /** The highest that has come. */
  get highest(): number {
    return this.#highest;
  }

  /** The numbers begin here, where an earlier session took those before. */
  beginAt(number: number): void {
    this.#first = number;
  }

  take(data: string | Uint8Array): void {
    const number = Number.parseInt(String(data), 10);
    if (data !== numberedText(number)) this.#altered++;
    if (this.#seen.has(number)) this.#doubled++;
    else if (number < this.#highest) this.#reordered++;
    this.#seen.add(number);
    this.#highest = Math.max(this.#highest, number);
  }

  /** @param sent the number of the last one that was sent. */
  counts(sent: number): TallyCounts {
    let lost = 0;
    for (let number = this.#first; number <= sent; number++) if (!this.#seen.has(number)) lost++;
    return {
      got: this.got,
      lost,
      doubled: this.#doubled,
      reordered: this.#reordered,
      altered: this.#altered,
    };
  }
}
