import type { StreamClasses } from "./stream-scenarios.js";

/** A `WebSocketStream` that reads and writes only when it is told to. Runs in browsers, too. */
export class StreamPressure {
  readonly #reader: ReadableStreamDefaultReader;
  readonly #writer: WritableStreamDefaultWriter;
  /** How many writes have ended. */
  written = 0;

  constructor(readable: ReadableStream, writable: WritableStream) {
    this.#reader = readable.getReader() as ReadableStreamDefaultReader;
    this.#writer = writable.getWriter() as WritableStreamDefaultWriter;
  }

  static async open({ WebSocketStream }: StreamClasses, url: string): Promise<StreamPressure> {
    const { readable, writable } = await new WebSocketStream(url).opened;
    return new StreamPressure(readable, writable);
  }

  /** Reads so many bytes, or to the end. Returns how many there were. */
  async read(byteLength: number): Promise<number> {
    let received = 0;
    while (received < byteLength) {
      const { done, value } = await this.#reader.read();
      if (done) break;
      received += value.byteLength;
    }
    return received;
  }

  /** Writes one message after the other, each when the one before has ended. */
  async write(count: number, byteLength: number): Promise<void> {
    const bytes = new Uint8Array(byteLength);
    for (let i = 0; i < count; i++) {
      await this.#writer.write(bytes);
      this.written++;
    }
  }

  /** Closes the connection. */
  async close(): Promise<void> {
    await this.#writer.close();
  }
}
