import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { type Fate, NumberedMessages, numberedText } from "./numbered-messages.js";

/** What a server does with the messages of its clients. */
export type ServerTask = "echo" | "fan-out" | "numbers" | "nothing";

/** Its settings, as JSON in the last argument. */
export interface ServerSettings {
  readonly task: ServerTask;
  readonly transport: string;
  /** With `numbers`: how many bytes a message has, and how long to wait between two, in ms. */
  readonly bytes: number;
  readonly everyMs: number;
}

/** What a server answers to its runner. */
export interface ServerAnswer {
  readonly port?: number;
  readonly cpuMicros?: number;
  readonly rssBytes?: number;
  readonly fromClient?: Fate;
  readonly sent?: number;
}

/** The one client of a run with numbers, as the server sees it; what `send` says of a client that is away is up to the library. */
export interface NumbersPeer {
  send(text: string): void;
}

/** The side of a server program that talks to the runner. */
export class ServerLink {
  readonly settings: ServerSettings = JSON.parse(process.argv.at(-1)!) as ServerSettings;
  readonly #fromClient = new NumberedMessages();
  #sent = 0;
  #peer: NumbersPeer | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** A message of the client of a run with numbers. */
  received(text: string): void {
    this.#fromClient.take(text);
  }

  /** Whom numbers are sent to from now on. */
  meet(peer: NumbersPeer): void {
    this.#peer = peer;
  }

  /** Tells the runner that the server listens, and answers it from then on. */
  listens(port: number): void {
    process.on("message", (question) => void this.#answer(question));
    process.on("disconnect", () => process.exit(0));
    this.#say({ port });
  }

  async #answer(question: unknown): Promise<void> {
    if (question === "cpu") {
      const { user, system } = process.cpuUsage();
      this.#say({ cpuMicros: user + system });
    } else if (question === "memory") {
      for (let i = 0; i < 3; i++) {
        globalThis.gc?.();
        await delay(100);
      }
      this.#say({ rssBytes: process.memoryUsage().rss });
    } else if (question === "begin") {
      this.#timer = setInterval(() => {
        if (this.#peer !== undefined) this.#peer.send(numberedText(++this.#sent, this.settings.bytes));
      }, this.settings.everyMs);
      this.#say({});
    } else if (question === "end") {
      clearInterval(this.#timer);
      this.#say({ sent: this.#sent });
    } else {
      this.#say({ fromClient: this.#fromClient.fate(Number(question)) });
    }
  }

  #say(answer: ServerAnswer): void {
    process.send?.(answer);
  }
}
