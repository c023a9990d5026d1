/** What became of the messages of one direction. */
export interface Fate {
  readonly sent: number;
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
}

/** Which of the numbers 1, 2, 3... came, and how. */
export class NumberedMessages {
  readonly #seen = new Set<number>();
  #doubled = 0;
  #reordered = 0;
  #highest = 0;
  /** When the last one came, in ms. */
  lastAtMs = 0;

  /** Takes a message: a number, a blank and padding. */
  take(text: string): void {
    this.lastAtMs = performance.now();
    const number = Number.parseInt(text, 10);
    if (this.#seen.has(number)) this.#doubled++;
    else if (number < this.#highest) this.#reordered++;
    this.#seen.add(number);
    this.#highest = Math.max(this.#highest, number);
  }

  /** How many different ones came. */
  get count(): number {
    return this.#seen.size;
  }

  /** @param sent how many there were. */
  fate(sent: number): Fate {
    return { sent, lost: sent - this.#seen.size, doubled: this.#doubled, reordered: this.#reordered };
  }
}

/** A message of so many bytes. */
export function numberedText(number: number, bytes: number): string {
  return `${number} `.padEnd(bytes, "x");
}
