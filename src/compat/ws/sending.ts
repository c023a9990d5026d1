import { Buffer } from "node:buffer";
import { nextTick } from "../../node/next-tick.js";
import { notOpenMessage, ReadyState, type ReadyStateValue } from "./ready-state.js";
import type { NegotiatedExtensions, Sender, SendOptions } from "./sender.js";
import type { SentCallback } from "./sent-callback.js";
import { isBlob, toBuffer } from "./to-buffer.js";

/** What of a socket sending is about. */
export interface SendingSocket {
  readonly _extensions: NegotiatedExtensions;
  readonly _isServer: boolean;
  readonly _readyState: ReadyStateValue;
  readonly _sender: Sender | null;
  _bufferedAmount: number;
}

const DEFLATE = "permessage-deflate";
const EMPTY: Buffer = Buffer.alloc(0);

/** What `send` of a socket does. @throws Error while connecting; TypeError for what has no bytes. */
export function sendMessage(
  socket: SendingSocket,
  data: unknown,
  options: SendOptions | SentCallback | undefined,
  callback: SentCallback | undefined,
): void {
  const given = typeof options === "function" ? undefined : options;
  const done = typeof options === "function" ? options : callback;
  const payload = withoutNothing(data);
  if (!canSend(socket, payload, done)) return;
  socket._sender!.send(
    payload,
    {
      binary: optionOf(given, "binary", typeof data !== "string" && typeof data !== "number"),
      mask: optionOf(given, "mask", !socket._isServer),
      compress: optionOf(given, "compress", true) && socket._extensions[DEFLATE] !== undefined,
      fin: optionOf(given, "fin", true),
    },
    done,
  );
}

/** What `ping` and `pong` of a socket do. @throws Error while connecting; RangeError for more than 125 bytes. */
export function sendControl(
  socket: SendingSocket,
  kind: "ping" | "pong",
  data: unknown,
  mask: boolean | SentCallback | undefined,
  callback: SentCallback | undefined,
): void {
  const hasData = typeof data !== "function";
  const done = !hasData ? (data as SentCallback) : typeof mask === "function" ? mask : callback;
  const payload = withoutNothing(hasData ? data : undefined);
  if (!canSend(socket, payload, done)) return;
  const isMasked = hasData && typeof mask !== "function" && mask !== undefined ? mask : !socket._isServer;
  socket._sender![kind](payload, isMasked, done);
}

function canSend(socket: SendingSocket, data: unknown, callback: SentCallback | undefined): boolean {
  const { _readyState: state, _sender: sender } = socket;
  if (state === ReadyState.OPEN) return true;
  if (state === ReadyState.CONNECTING) throw new Error(notOpenMessage(state));
  // As in browsers, what is sent too late counts as buffered for ever.
  const byteLength = isBlob(data) ? data.size : toBuffer(data).length;
  if (sender === null) socket._bufferedAmount += byteLength;
  else sender._bufferedBytes += byteLength;
  if (callback) nextTick(callback, new Error(notOpenMessage(state)));
  return false;
}

/** As `ws` reads its options, by spreading them: only one that is left out has its default. */
function optionOf(
  options: SendOptions | null | undefined,
  name: keyof SendOptions,
  standard: boolean,
): boolean {
  const value = options?.[name];
  if (value !== undefined) return Boolean(value);
  return options !== undefined && options !== null && Object.hasOwn(options, name) ? false : standard;
}

/** Numbers as text; null, undefined and the empty string as no bytes. */
function withoutNothing(data: unknown): unknown {
  if (typeof data === "number") return data.toString();
  return data || EMPTY;
}
