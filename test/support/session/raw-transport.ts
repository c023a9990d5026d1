import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { openBlock } from "#session/relay/open-block.js";
import { BlockSplitter, writeBlockHeader } from "#session/wire/block-frames.js";
import { HttpRequestKind, writeHttpRequestHead } from "#session/wire/http-request.js";
import { WireReader } from "#session/wire/wire-reader.js";
import { type Answer, type AskOptions, ask } from "./ask.js";

/** What an `open` says, where a test does not say it. */
export function openOf(more: Partial<Parameters<typeof openBlock>[0]> = {}): Uint8Array {
  // A copy: a block that was encoded is valid until the next one.
  return Buffer.from(
    openBlock({
      isResume: false,
      isProbe: false,
      id: randomBytes(16),
      token: randomBytes(16),
      epoch: 1,
      received: 0,
      windowBytes: 262_144,
      maxMessageBytes: 1_000_000,
      owner: new Uint8Array(0),
      credentials: new Uint8Array(0),
      ...more,
    }),
  );
}

/** Blocks behind their lengths. */
export function framed(...blocks: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    blocks.flatMap((block) => {
      const header = Buffer.alloc(3);
      return [header.subarray(0, writeBlockHeader(header, 0, block.length)), block];
    }),
  );
}

/** A row of requests by hand: good ones, repeated ones, and bad ones. */
export class RawTransport {
  readonly id: Buffer = randomBytes(16);
  readonly url: string;

  constructor(url: string, via = "long-polling") {
    this.url = `${url}?via=${via}`;
  }

  body(kind: number, number: number, got: number, ...blocks: readonly Uint8Array[]): Buffer {
    const head = Buffer.alloc(64);
    const at = writeHttpRequestHead(head, { kind, transport: this.id, number, got });
    return Buffer.concat([head.subarray(0, at), framed(...blocks)]);
  }

  down(
    number: number,
    got: number,
    blocks: readonly Uint8Array[] = [],
    more: AskOptions = {},
  ): Promise<Answer> {
    return ask(this.url, { ...more, body: this.body(HttpRequestKind.down, number, got, ...blocks) });
  }

  up(number: number, ...blocks: readonly Uint8Array[]): Promise<Answer> {
    return ask(this.url, { body: this.body(HttpRequestKind.up, number, 0, ...blocks) });
  }
}

/** The number of a poll's answer, and its blocks. */
export function readAnswer({ body }: Answer): { readonly number: number; readonly blocks: Buffer[] } {
  const reader = new WireReader(body, 0, body.length);
  const number = reader.varint();
  const blocks: Buffer[] = [];
  new BlockSplitter((bytes, start, end) => {
    blocks.push(Buffer.from(bytes.subarray(start, end)));
    return true;
  }).push(body, reader.at, body.length);
  return { number, blocks };
}
