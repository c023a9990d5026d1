import { AnswerCounter, type ExpectedAnswers } from "./answer-counter.js";
import { loadFrame, OPCODE } from "./load-frame.js";
import type { AnswerReader, LoadCarrier, LoadPeer } from "./load-peer.js";

const MAX_REASONS = 80;

/** An open WebSocket connection of the generator, whichever side asked for it. */
export class LoadConnection implements LoadPeer {
  onAnswers: ((count: number) => void) | undefined;
  onGone: ((reason: string) => void) | undefined;
  greeted: Promise<void> = Promise.resolve();
  #failGreeting: ((reason: Error) => void) | undefined;
  readonly #carrier: LoadCarrier;
  readonly #isMasking: boolean;
  #reader: AnswerReader | undefined;
  #early: Buffer[] = [];
  #receivedBytes = 0;
  #answers = 0;
  #isGone = false;

  constructor(carrier: LoadCarrier, isMasking: boolean) {
    this.#carrier = carrier;
    this.#isMasking = isMasking;
    carrier.on("error", (error: NodeJS.ErrnoException) =>
      this.#gone(`the connection broke (${error.code ?? error.message})`),
    );
    carrier.on("end", () => this.#gone("the peer closed the connection"));
    carrier.on("close", () => this.#gone("the peer closed the connection"));
  }

  /** From here on what is received is counted. */
  expect(expected: ExpectedAnswers): void {
    let greeted = (): void => {};
    if (expected.greetings > 0) greeted = this.awaitGreeting();
    const counter = new AnswerCounter(expected, {
      greeted,
      ping: (payload) => this.writeFrame(OPCODE.pong, payload),
      close: (code, reason) => this.leftWith(code, reason),
    });
    this.readWith(counter);
  }

  /** From here on something else reads what is received. */
  readWith(reader: AnswerReader): void {
    this.#reader = reader;
    for (const chunk of this.#early.splice(0)) this.receive(chunk, chunk.length);
  }

  /** Makes `greeted` a promise that waits; what it gives resolves that. */
  awaitGreeting(): () => void {
    let greeted = (): void => {};
    this.greeted = new Promise((resolve, reject) => {
      greeted = resolve;
      this.#failGreeting = reject;
    });
    this.greeted.catch(() => {}); // Nobody may be waiting yet.
    return greeted;
  }

  /** Takes what came from the socket behind the handshake. */
  receive(bytes: Buffer, end: number): void {
    if (this.#isGone) return;
    const reader = this.#reader;
    if (reader === undefined) {
      this.#early.push(Buffer.from(bytes.subarray(0, end)));
      return;
    }
    const count = reader.push(bytes, end);
    this.#receivedBytes += end;
    this.#answers += count;
    if (count > 0) this.onAnswers?.(count);
    if (reader.fault !== undefined) this.#gone(reader.fault);
  }

  write(bytes: Buffer): void {
    this.#carrier.write(bytes);
  }

  writeText(text: string): void {
    this.writeFrame(OPCODE.text, Buffer.from(text));
  }

  /** Sends a frame that was not built beforehand. */
  writeFrame(opcode: number, payload: Uint8Array): void {
    this.write(this.#frame(opcode, payload));
  }

  /** The peer closed the connection, with a code. */
  leftWith(code: number, reason: string): void {
    const why = reason === "" ? "" : `, ${JSON.stringify(reason.slice(0, MAX_REASONS))}`;
    this.#gone(`the peer closed the connection with ${code}${why}`);
  }

  /** Begins the closing handshake; the server ends TCP. */
  close(): void {
    this.#isGone = true;
    const going = Buffer.alloc(2);
    going.writeUInt16BE(1000);
    this.#carrier.end(this.#frame(OPCODE.close, going));
  }

  destroy(): void {
    this.#isGone = true;
    this.#carrier.destroy();
  }

  /** Stops reading, as a peer that is too slow. */
  pause(): void {
    this.#carrier.pause();
  }

  get received(): { readonly bytes: number; readonly answers: number } {
    return { bytes: this.#receivedBytes, answers: this.#answers };
  }

  /** Whether the transport is gone. */
  get isClosed(): boolean {
    return this.#carrier.destroyed;
  }

  /** Resolves when the transport is gone. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#carrier.destroyed) resolve();
      else this.#carrier.once("close", () => resolve());
    });
  }

  #frame(opcode: number, payload: Uint8Array): Buffer {
    return loadFrame({ opcode, payload, isMasked: this.#isMasking });
  }

  #gone(reason: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#carrier.destroy();
    this.#failGreeting?.(new Error(reason));
    this.onGone?.(reason);
  }
}
