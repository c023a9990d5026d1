import type { EventEmitter } from "node:events";
import * as ws from "ws";
import type { ModelEvent, ReceiveRules } from "./reference/frame-model.js";

/** What `ws` made of a stream: what it handed out, and the code it would close with. */
export interface WsOutcome {
  readonly events: readonly ModelEvent[];
  readonly failure: number | undefined;
  /** It took a part of the stream and never went on. */
  readonly isStuck: boolean;
}

/** The parts of `ws` that its types leave out. */
interface WsInternals {
  readonly Receiver: new (options: {
    readonly isServer: boolean;
    readonly maxPayload: number;
    readonly extensions: { readonly [name: string]: unknown };
  }) => EventEmitter & { write(chunk: Buffer, done: () => void): boolean };
  readonly PerMessageDeflate: new (options: {
    readonly isServer: boolean;
    readonly maxPayload: number;
  }) => { params: { readonly [name: string]: number | boolean }; cleanup(): void };
}

const { Receiver, PerMessageDeflate } = ws as unknown as WsInternals;

/** After this long without a word it is taken to be stuck: zlib works in threads of its own. */
const STUCK_AFTER_MS = 3000;

/** Feeds the receiver of the `ws` package. */
export async function receiveWithWs(chunks: readonly Buffer[], rules: ReceiveRules): Promise<WsOutcome> {
  const isServer = rules.role === "server";
  const options = { isServer, maxPayload: rules.maxMessageBytes };
  const deflate = rules.deflate === null ? undefined : new PerMessageDeflate(options);
  if (deflate !== undefined) deflate.params = paramsOf(rules);
  const extensions = deflate === undefined ? {} : { "permessage-deflate": deflate };
  const receiver = new Receiver({ ...options, extensions });
  const events: ModelEvent[] = [];
  let failure: number | undefined;
  let isOver = false;
  receiver.on("message", (data: Buffer, isBinary: boolean) =>
    events.push({ type: "message", opcode: isBinary ? 2 : 1, hex: data.toString("hex") }),
  );
  receiver.on("ping", (data: Buffer) => events.push({ type: "ping", hex: data.toString("hex") }));
  receiver.on("pong", (data: Buffer) => events.push({ type: "pong", hex: data.toString("hex") }));
  const ended = new Promise<void>((resolve) => {
    receiver.on("conclude", (code: number, reason: Buffer) => {
      events.push({ type: "closing", code, reason: reason.toString() });
      isOver = true;
      resolve();
    });
    receiver.on("error", (error: Error) => {
      failure ??= statusCodeOf(error);
      isOver = true;
      resolve();
    });
  });
  let isStuck = false;
  for (const chunk of chunks) {
    if (isOver) break;
    const written = new Promise<void>((resolve) => receiver.write(chunk, resolve));
    isStuck = !(await within(Promise.race([ended, written])));
    if (isStuck) break;
  }
  await new Promise(setImmediate); // an error is emitted a tick behind the callback of its write
  // While it is inflating, ws must not be cleaned up: it throws later.
  if (!isStuck) deflate?.cleanup();
  return { events, failure, isStuck };
}

async function within(done: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, STUCK_AFTER_MS, false);
  });
  const isDone = await Promise.race([done.then(() => true), late]);
  clearTimeout(timer);
  return isDone;
}

function paramsOf({ deflate }: ReceiveRules): { readonly [name: string]: number | boolean } {
  const { windowBits, takeover } = deflate!;
  const bits = { client_max_window_bits: windowBits, server_max_window_bits: windowBits };
  return takeover ? bits : { ...bits, client_no_context_takeover: true, server_no_context_takeover: true };
}

/** The code stands under a symbol of its own. */
function statusCodeOf(error: Error): number {
  for (const symbol of Object.getOwnPropertySymbols(error)) {
    const value: unknown = Reflect.get(error, symbol);
    if (typeof value === "number") return value;
  }
  throw error;
}
