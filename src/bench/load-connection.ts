import type { Socket } from "node:net";
import { AnswerCounter, type ExpectedAnswers } from "./answer-counter.js";
import { loadFrame, OPCODE } from "./load-frame.js";

const MAX_REASONS = 80;

/** An open WebSocket connection of the generator, whichever side asked for it. */
export class LoadConnection {
  /** Told of answers, as often as a chunk completes some. */
  onAnswers: ((count: number) => void) | undefined;
  /** Told once that the connection is no use any more, and why. */
  onGone: ((reason: string) => void) | undefined;
  /** Resolves when the messages came that are no answers; is rejected if the connection is gone before. */
  greeted: Promise<void> = Promise.resolve();
  #failGreeting: ((reason: Error) => void) | undefined;
  readonly #socket: Socket;
  readonly #isMasking: boolean;
  #counter: AnswerCounter | undefined;
  #early: Buffer[] = [];
  #receivedBytes = 0;
  #answers = 0;
  #isGone = false;

  constructor(socket: Socket, isMasking: boolean) {
    this.#socket = socket;
    this.#isMasking = isMasking;
    socket.on("error", (error: NodeJS.ErrnoException) =>
      this.#gone(`the connection broke (${error.code ?? error.message})`),
    );
    socket.on("end", () => this.#gone("the peer closed the connection"));
    socket.on("close", () => this.#gone("the peer closed the connection"));
  }

  /** From here on what is received is counted. */
  expect(expected: ExpectedAnswers): void {
    let greeted = (): void => {};
    if (expected.greetings > 0) {
      this.greeted = new Promise((resolve, reject) => {
        greeted = resolve;
        this.#failGreeting = reject;
      });
      this.greeted.catch(() => {}); // Nobody may be waiting yet.
    }
    this.#counter = new AnswerCounter(expected, {
      greeted: () => greeted(),
      ping: (payload) => this.write(this.#frame(OPCODE.pong, payload)),
      close: (code, reason) => {
        const why = reason === "" ? "" : `, ${JSON.stringify(reason.slice(0, MAX_REASONS))}`;
        this.#gone(`the peer closed the connection with ${code}${why}`);
      },
    });
    for (const chunk of this.#early.splice(0)) this.receive(chunk, chunk.length);
  }

  /** Takes what came from the socket behind the handshake. */
  receive(bytes: Buffer, end: number): void {
    if (this.#isGone) return;
    const counter = this.#counter;
    if (counter === undefined) {
      this.#early.push(Buffer.from(bytes.subarray(0, end)));
      return;
    }
    const count = counter.push(bytes, end);
    this.#receivedBytes += end;
    this.#answers += count;
    if (count > 0) this.onAnswers?.(count);
    if (counter.fault !== undefined) this.#gone(counter.fault);
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Sends a text that no answer is expected to. */
  writeText(text: string): void {
    this.write(this.#frame(OPCODE.text, Buffer.from(text)));
  }

  /** Begins the closing handshake; the server ends TCP. */
  close(): void {
    this.#isGone = true;
    const going = Buffer.alloc(2);
    going.writeUInt16BE(1000);
    this.#socket.end(this.#frame(OPCODE.close, going));
  }

  /** Drops the connection, and tells nobody. */
  destroy(): void {
    this.#isGone = true;
    this.#socket.destroy();
  }

  /** Stops reading, as a peer that is too slow. */
  pause(): void {
    this.#socket.pause();
  }

  /** What was received since answers are expected, frames and all, and how many answers that was. */
  get received(): { readonly bytes: number; readonly answers: number } {
    return { bytes: this.#receivedBytes, answers: this.#answers };
  }

  /** Whether the transport is gone. */
  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Resolves when the transport is gone. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) resolve();
      else this.#socket.once("close", () => resolve());
    });
  }

  #frame(opcode: number, payload: Uint8Array): Buffer {
    return loadFrame({ opcode, payload, isMasked: this.#isMasking });
  }

  #gone(reason: string): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#socket.destroy();
    this.#failGreeting?.(new Error(reason));
    this.onGone?.(reason);
  }
}
