import { randomBytes } from "node:crypto";
import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { TransportName, TransportReceiver } from "#session/transport-port.js";
import { BlockSplitter, writeBlockHeader } from "#session/wire/block-frames.js";
import { HttpRequestKind, MAX_HTTP_REQUEST_BYTES, writeHttpRequestHead } from "#session/wire/http-request.js";
import { WireReader } from "#session/wire/wire-reader.js";
import type { TestDialer, TestTransport } from "./test-dialer.js";

const NOBODY: TransportReceiver = { block() {}, drained() {}, lost() {}, closed() {} };
const POLL_EVERY_MS = 20;

/** A client of the HTTP transports as `docs/wire/session-v1.md` §2.4 has it, with as little around it as can be. */
export class TestHttpTransport implements TestTransport {
  readonly name: TransportName;
  receiver: TransportReceiver = NOBODY;
  readonly id: Buffer = randomBytes(16);
  /** How many requests there were. */
  requests = 0;
  /** Makes the next answer with blocks of a poll, or the answer to blocks, get lost on its way. */
  losesAnswers = 0;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent = new Agent({ keepAlive: true });
  #waiting: Buffer[] = [];
  #number = 0;
  #got = 0;
  #isSending = false;
  #isEnded = false;
  #stream: IncomingMessage | undefined;

  constructor(name: TransportName, url: string, headers: Readonly<Record<string, string>>) {
    this.name = name;
    this.#url = `${url.replace(/^ws/, "http")}?via=${name}`;
    this.#headers = headers;
  }

  get bufferedBytes(): number {
    return this.#waiting.reduce((sum, { length }) => sum + length, 0);
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isEnded) return;
    const block = Buffer.alloc(3 + end - start);
    const at = writeBlockHeader(block, 0, end - start);
    block.set(bytes.subarray(start, end), at);
    this.#waiting.push(block.subarray(0, at + end - start));
    queueMicrotask(() => void (this.#number === 0 ? this.#begin() : this.#sendUp()));
  }

  close(code: number, reason: string): void {
    if (this.#isEnded) return;
    void this.#sendUp().finally(() => this.#end(code, reason));
  }

  cut(): void {
    this.#agent.destroy();
    this.#end(0, "cut");
  }

  #end(code: number, reason: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#stream?.destroy();
    this.#agent.destroy();
    const { receiver } = this;
    setImmediate(() => receiver.closed(code, reason));
  }

  #body(kind: number, hasBlocks: boolean): Buffer {
    const head = Buffer.alloc(64);
    const number = hasBlocks ? ++this.#number : 0;
    const got = kind === HttpRequestKind.down ? this.#got : 0;
    const at = writeHttpRequestHead(head, { kind, transport: this.id, number, got });
    const blocks: Buffer[] = [];
    let room = MAX_HTTP_REQUEST_BYTES - 64;
    while (hasBlocks && this.#waiting.length > 0 && this.#waiting[0]!.length <= room) {
      room -= this.#waiting[0]!.length;
      blocks.push(this.#waiting.shift()!);
    }
    return Buffer.concat([head.subarray(0, at), ...blocks]);
  }

  #post(body: Buffer): Promise<IncomingMessage> {
    this.requests++;
    return new Promise((resolve, reject) => {
      const asked = request(
        this.#url,
        { method: "POST", agent: this.#agent, headers: this.#headers },
        resolve,
      );
      asked.on("error", reject);
      asked.end(body);
    });
  }

  /** The first request has the `open` alone. */
  async #begin(): Promise<void> {
    if (this.#number > 0) return;
    const body = this.#body(HttpRequestKind.down, true);
    if (this.name === "stream" || this.name === "sse") await this.#readStream(body);
    else await this.#poll(body);
  }

  async #sendUp(): Promise<void> {
    if (this.#isSending || this.#isEnded || this.#waiting.length === 0) return;
    this.#isSending = true;
    const wasHigh = this.bufferedBytes > 65_536;
    try {
      const answer = await this.#post(this.#body(HttpRequestKind.up, true));
      answer.resume();
      if (answer.statusCode !== 204) this.#end(0, `status ${answer.statusCode}`);
      else if (this.losesAnswers > 0) {
        this.losesAnswers--;
        this.receiver.lost();
      }
    } catch {
      this.#end(0, "no answer");
    }
    this.#isSending = false;
    if (wasHigh && this.bufferedBytes <= 65_536) this.receiver.drained();
    await this.#sendUp();
  }

  async #readStream(body: Buffer): Promise<void> {
    try {
      const answer = await this.#post(body);
      this.#stream = answer;
      if (answer.statusCode !== 200) return this.#end(0, `status ${answer.statusCode}`);
      const give = this.name === "sse" ? this.#eventReader() : this.#blockReader();
      for await (const piece of answer) give(piece);
      this.#end(0, "the answer ended");
    } catch (error) {
      this.#end(0, `the answer broke: ${error}`);
    }
  }

  #blockReader(): (piece: Buffer) => void {
    const splitter = new BlockSplitter((bytes, start, end) => {
      this.receiver.block(bytes, start, end);
      return true;
    }, true);
    return (piece) => void splitter.push(piece, 0, piece.length);
  }

  #eventReader(): (piece: Buffer) => void {
    let text = "";
    return (piece) => {
      text += piece.toString("latin1");
      const events = text.split("\n\n");
      text = events.pop()!;
      for (const event of events) {
        if (!event.startsWith("data: ")) continue;
        const block = Buffer.from(event.slice("data: ".length), "base64");
        this.receiver.block(block, 0, block.length);
      }
    };
  }

  async #poll(first: Buffer): Promise<void> {
    let body = first;
    while (!this.#isEnded) {
      try {
        const answer = await this.#post(body);
        const pieces: Buffer[] = [];
        for await (const piece of answer) pieces.push(piece);
        if (answer.statusCode !== 200) return this.#end(0, `status ${answer.statusCode}`);
        this.#takeAnswer(Buffer.concat(pieces));
      } catch {
        return this.#end(0, "no answer");
      }
      if (this.name === "polling") await delay(POLL_EVERY_MS);
      body = this.#body(HttpRequestKind.down, false);
    }
  }

  #takeAnswer(answer: Buffer): void {
    const reader = new WireReader(answer, 0, answer.length);
    const number = reader.varint();
    if (number > 0 && this.losesAnswers > 0) {
      this.losesAnswers--;
      return;
    }
    if (number > 0) this.#got = number;
    const splitter = new BlockSplitter((bytes, start, end) => {
      this.receiver.block(bytes, start, end);
      return true;
    });
    splitter.push(answer, reader.at, answer.length);
  }
}

/** One of the ways over HTTP. */
export function httpDialer(name: TransportName): TestDialer {
  return { name, dial: async (url, headers = {}) => new TestHttpTransport(name, url, headers) };
}
