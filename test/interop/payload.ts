// No import of Node here: this also runs in the page of a browser.

/** What a message contains, said so that a peer in another process or in a page can make it, too. */
export interface Payload {
  readonly isText: boolean;
  /** Text as it is, bytes in hex; a number stands for that many bytes of a pattern. */
  readonly content: string | number;
}

/** What arrived. Long messages are compared by hash: 64 MiB are no good to carry between processes, nor to print. */
export interface Received {
  readonly isText: boolean;
  readonly byteLength: number;
  /** The first bytes in hex: all of them, unless there is a hash. */
  readonly beginning: string;
  /** SHA-256; empty for messages that are short enough to be compared whole. */
  readonly hash: string;
}

const COMPARED_WHOLE_BYTES = 64;

/** A text message. */
export function text(content: string | number): Payload {
  return { isText: true, content };
}

/** A binary message, in hex. */
export function binary(content: string | number): Payload {
  return { isText: false, content };
}

/** A prime: no boundary of frames or blocks falls on the same place of the pattern twice. */
const BINARY_PERIOD = 251;
const PRINTABLE: string = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");

/** The message itself. */
export function contentOf({ isText, content }: Payload): string | Uint8Array<ArrayBuffer> {
  if (typeof content === "string") return isText ? content : fromHex(content);
  if (isText) return PRINTABLE.repeat(Math.ceil(content / PRINTABLE.length)).slice(0, content);
  const bytes = new Uint8Array(content);
  for (let i = 0; i < Math.min(content, BINARY_PERIOD); i++) bytes[i] = i;
  for (let done = BINARY_PERIOD; done < content; done *= 2) bytes.copyWithin(done, 0, done);
  return bytes;
}

/** What must arrive where `message` was sent. */
export async function receivedAs(message: string | Uint8Array<ArrayBuffer>): Promise<Received> {
  const isText = typeof message === "string";
  const bytes = isText ? new TextEncoder().encode(message) : message;
  const hash =
    bytes.length <= COMPARED_WHOLE_BYTES ? new ArrayBuffer(0) : await crypto.subtle.digest("SHA-256", bytes);
  return {
    isText,
    byteLength: bytes.length,
    beginning: toHex(bytes.subarray(0, COMPARED_WHOLE_BYTES)),
    hash: toHex(new Uint8Array(hash)),
  };
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
