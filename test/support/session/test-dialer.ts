import type { Transport, TransportName } from "#session/transport-port.js";

/** A transport of a test, which can be made to break. */
export interface TestTransport extends Transport {
  /** Breaks it as a network does: without a word, at once. */
  cut(): void;
}

/** Opens transports of one kind to a URL. */
export interface TestDialer {
  readonly name: TransportName;
  /** Rejects if it does not come to a transport. */
  dial(url: string, headers?: Readonly<Record<string, string>>): Promise<TestTransport>;
}
