/** What became of numbered messages: those that are missing, that came twice, or behind a later one. */
export interface NumberCounts {
  /** How many came. */
  readonly arrived: number;
  /** How many numbers were skipped, and have not come since. */
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
}

/** Counts messages that are numbered 1, 2, 3... What a session promises is 0, 0, 0. */
export class NumberTally {
  readonly #missing = new Set<number>();
  #highest = 0;
  #arrived = 0;
  #doubled = 0;
  #reordered = 0;

  get counts(): NumberCounts {
    return {
      arrived: this.#arrived,
      lost: this.#missing.size,
      doubled: this.#doubled,
      reordered: this.#reordered,
    };
  }

  take(number: number): void {
    this.#arrived++;
    if (number > this.#highest) {
      for (let skipped = this.#highest + 1; skipped < number; skipped++) this.#missing.add(skipped);
      this.#highest = number;
    } else if (this.#missing.delete(number)) this.#reordered++;
    else this.#doubled++;
  }
}
