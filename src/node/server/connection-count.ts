/** Counts connections, in total and by address, against limits. */
export class ConnectionCount {
  readonly #maxTotal: number;
  readonly #maxPerAddress: number;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(maxTotal: number, maxPerAddress: number) {
    this.#maxTotal = maxTotal;
    this.#maxPerAddress = maxPerAddress;
  }

  /** Counts one more, unless a limit is reached: which one, or undefined. Unix sockets have no address to count. */
  add(address: string): "total" | "address" | undefined {
    if (this.#total >= this.#maxTotal) return "total";
    const ofAddress = this.#byAddress.get(address) ?? 0;
    if (address !== "" && ofAddress >= this.#maxPerAddress) return "address";
    this.#total++;
    this.#byAddress.set(address, ofAddress + 1);
    return undefined;
  }

  /** One is gone. */
  remove(address: string): void {
    this.#total--;
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }
}
