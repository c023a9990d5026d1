import type { ClientHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { HandshakeError } from "../../core/hawser-error.js";
import { HeaderList } from "../../protocol/handshake/header-list.js";
import type { Opening } from "./opening.js";
import type { AnswerHead } from "./read-head.js";

/** `NGHTTP2_REFUSED_STREAM`: the server has done nothing for it, and another session may be tried (RFC 9113 §8.7). */
const REFUSED_STREAM = 7;

/** An open stream, and the head of the answer on it. */
export interface AnsweredStream {
  readonly stream: Duplex;
  readonly head: AnswerHead;
}

/**
 * Opens a stream with an extended CONNECT, and waits for the head of the answer. Afterwards the stream is paused. Undefined
 * where the session takes no more streams: that may be on its way (GOAWAY) while we ask.
 */
export function openStream(
  opening: Opening,
  session: ClientHttp2Session,
  fields: readonly string[],
): Promise<AnsweredStream | undefined> {
  return opening.step((resolve) => {
    if (session.closed || session.destroyed) {
      resolve(undefined);
      return;
    }
    const stream = session.request(headersOf(fields), { endStream: false });
    opening.own(stream, () => {
      if (stream.rstCode !== REFUSED_STREAM) return false;
      resolve(undefined);
      return true;
    });
    const onEnd = (): void => {
      if (!stream.closed) opening.lost();
    };
    stream.once("response", (headers, _flags, rawHeaders?: readonly string[]) => {
      stream.off("end", onEnd);
      const list = rawHeaders ?? Object.entries(headers).flatMap(([name, value]) => [name, String(value)]);
      resolve({ stream, head: headOf(list) });
    });
    stream.once("end", onEnd);
  });
}

/** Waits until the server has said whether it takes WebSocket over HTTP/2 (`SETTINGS_ENABLE_CONNECT_PROTOCOL`, RFC 8441 §3). */
export function isConnectEnabled(opening: Opening, session: ClientHttp2Session): Promise<boolean> {
  return opening.step((resolve) => {
    if (session.remoteSettings.enableConnectProtocol === true) {
      resolve(true);
      return;
    }
    if (session.closed || session.destroyed) {
      opening.lost();
      return;
    }
    const onClose = (): void => opening.lost();
    const done = (): void => {
      session.off("remoteSettings", done);
      session.off("close", onClose);
      resolve(session.remoteSettings.enableConnectProtocol === true);
    };
    session.once("close", onClose);
    // Its settings come first of all (RFC 9113 §3.4), so that they are there when anything else is answered. A session
    // that was given to us may have had them long ago, and does not say so.
    session.once("remoteSettings", done);
    const ping = (): void => {
      if (!session.destroyed) session.ping((error) => error ?? done());
    };
    if (session.connecting) session.once("connect", ping);
    else ping();
  });
}

/** There is no other way, and this one does not work. */
export function unsupported(opening: Opening): Error {
  const message = "the server takes no WebSocket over HTTP/2";
  const cause = new HandshakeError("EXTENDED_CONNECT_UNSUPPORTED", 0, message);
  return opening.failWith("HANDSHAKE_FAILED", message, { cause });
}

function headersOf(fields: readonly string[]): Record<string, string | string[]> {
  const headers = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const before = headers[name];
    headers[name] = before === undefined ? fields[i + 1]! : [before, fields[i + 1]!].flat();
  }
  return headers;
}

function headOf(raw: readonly string[]): AnswerHead {
  const fields: string[] = [];
  let status = 0;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i] === ":status") status = Number(raw[i + 1]);
    else fields.push(raw[i]!, raw[i + 1]!);
  }
  return { status, reason: "", httpVersion: "2", headers: new HeaderList(fields) };
}
