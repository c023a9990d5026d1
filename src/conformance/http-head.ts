import { createHash, randomBytes } from "node:crypto";

/** The head of an HTTP message, read without any judgement. */
export interface HttpHead {
  /** `GET / HTTP/1.1` or `HTTP/1.1 101 Switching Protocols`. */
  readonly startLine: string;
  /** The fields in their order, names in lower case, values trimmed. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** Above this a head is not read any further. */
export const MAX_HEAD_BYTES = 65_536;

/** Splits the head off what was received; undefined as long as it is not complete. */
export function takeHead(received: Buffer): { head: HttpHead; rest: Buffer } | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [startLine = "", ...lines] = received.subarray(0, end).toString("latin1").split("\r\n");
  const fields = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    return colon === -1
      ? [line.toLowerCase(), ""]
      : [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { head: { startLine, fields }, rest: received.subarray(end + 4) };
}

/** The values of a field, one for each line. */
export function fieldValues({ fields }: HttpHead, name: string): string[] {
  return fields.filter(([candidate]) => candidate === name).map(([, value]) => value);
}

/** The status of a response head; undefined if it has none. */
export function statusOf({ startLine }: HttpHead): number | undefined {
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(startLine)?.[1];
  return status === undefined ? undefined : Number(status);
}

/** The target of a request head. */
export function targetOf({ startLine }: HttpHead): string {
  return startLine.split(" ")[1] ?? "/";
}

/** A head as text: a start line, then the fields. */
export function headText(startLine: string, fields: readonly (readonly [string, string])[]): string {
  return `${[startLine, ...fields.map(([name, value]) => `${name}: ${value}`)].join("\r\n")}\r\n\r\n`;
}

/** A new `Sec-WebSocket-Key`. */
export function newKey(): string {
  return randomBytes(16).toString("base64");
}

/** `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2 item 5.4). */
export function acceptFor(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}
