/** Things that arrive before or after somebody waits for them. */
export class Arrivals<T> {
  readonly #there: T[] = [];
  readonly #waiting: ((one: T) => void)[] = [];

  add(one: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#there.push(one);
    else waiting(one);
  }

  next(): Promise<T> {
    const one = this.#there.shift();
    return one === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(one);
  }
}
