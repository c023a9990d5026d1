import assert from "node:assert/strict";
import type { Session } from "hawser";
import type { HubSession } from "hawser/hub";

/**
 * Numbered messages in both directions, and what became of them: each is the next one that is expected, or it was lost,
 * doubled or came out of order.
 */
export class NumberedTraffic {
  readonly wrong: string[] = [];
  toServer = 0;
  toClient = 0;
  #sentByClient = 0;
  #sentByServer = 0;

  /** What the server got. */
  atServer(data: string | Uint8Array): void {
    this.#take("server", data, ++this.toServer);
  }

  /** What the client got. */
  atClient(data: string | Uint8Array): void {
    this.#take("client", data, ++this.toClient);
  }

  /** Sends some each way; waits where there is no room. */
  async send(count: number, client: Session, server: HubSession<unknown>): Promise<void> {
    for (let i = 0; i < count; i++) {
      if (client.send(textOf(++this.#sentByClient)) !== "sent") await client.ready();
      if (server.send(textOf(++this.#sentByServer)) !== "sent") await server.ready();
    }
  }

  /** Whether all that was sent has come. */
  get isComplete(): boolean {
    return this.toServer >= this.#sentByClient && this.toClient >= this.#sentByServer;
  }

  /** Fails if anything went wrong. */
  check(): void {
    assert.deepEqual(this.wrong, []);
    assert.deepEqual([this.toServer, this.toClient], [this.#sentByClient, this.#sentByServer]);
  }

  #take(where: string, data: string | Uint8Array, expected: number): void {
    if (data !== textOf(expected))
      this.wrong.push(`${where}: ${String(data).slice(0, 20)} instead of ${expected}`);
  }
}

/** Some are longer than a piece. */
function textOf(number: number): string {
  return `${number} ${"x".repeat(number % 50 === 0 ? 40_000 : number % 300)}`;
}
