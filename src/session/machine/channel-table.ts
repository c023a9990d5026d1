/**
 * The channels of one direction by their numbers, in the order in which they were set. Nearly every session has one alone,
 * which needs no `Map`: an empty one takes 400 bytes.
 */
export class ChannelTable<Channel extends { readonly number: number }> {
  #only: Channel | undefined = undefined;
  /** All, once there were several. */
  #all: Map<number, Channel> | undefined = undefined;

  get size(): number {
    return this.#all?.size ?? (this.#only === undefined ? 0 : 1);
  }

  get(number: number): Channel | undefined {
    if (this.#all !== undefined) return this.#all.get(number);
    return this.#only?.number === number ? this.#only : undefined;
  }

  set(channel: Channel): void {
    const { number } = channel;
    if (this.#all === undefined && this.#only !== undefined && this.#only.number !== number) {
      this.#all = new Map([[this.#only.number, this.#only]]);
    }
    if (this.#all === undefined) this.#only = channel;
    else this.#all.set(number, channel);
  }

  delete(number: number): void {
    if (this.#all !== undefined) this.#all.delete(number);
    else if (this.#only?.number === number) this.#only = undefined;
  }

  values(): Iterable<Channel> {
    return this.#all?.values() ?? (this.#only === undefined ? [] : [this.#only]);
  }
}
