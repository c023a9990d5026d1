import { clientGroup } from "./client-group.js";

/** Counts connections, in total and by client, against limits. */
export class ConnectionCount {
  readonly #maxTotal: number;
  readonly #maxPerAddress: number;
  readonly #byClient = new Map<string, number>();
  #total = 0;

  constructor(maxTotal: number, maxPerAddress: number) {
    this.#maxTotal = maxTotal;
    this.#maxPerAddress = maxPerAddress;
  }

  /** Counts one more, unless a limit is reached: which one, or undefined. Unix sockets have no address to count. */
  add(address: string): "total" | "address" | undefined {
    if (this.#total >= this.#maxTotal) return "total";
    const client = clientGroup(address);
    const ofClient = this.#byClient.get(client) ?? 0;
    if (client !== "" && ofClient >= this.#maxPerAddress) return "address";
    this.#total++;
    this.#byClient.set(client, ofClient + 1);
    return undefined;
  }

  /** One is gone. */
  remove(address: string): void {
    this.#total--;
    const client = clientGroup(address);
    const left = (this.#byClient.get(client) ?? 1) - 1;
    if (left > 0) this.#byClient.set(client, left);
    else this.#byClient.delete(client);
  }
}
