import { acceptFor, fieldValues, type HttpHead, headText, statusOf } from "./http-head.js";
import type { ServerTarget } from "./tested-end.js";

/** Fields of an HTTP head as they are written. */
export type HeadFields = readonly (readonly [name: string, value: string])[];

/** A request to the server: what every valid one has, then more fields (RFC 6455 §4.1). */
export function openingRequest({ host, path }: ServerTarget, fields: HeadFields, key: string): string {
  return headText(`GET ${path} HTTP/1.1`, [
    ["Host", host],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", key],
    ["Sec-WebSocket-Version", "13"],
    ...fields,
  ]);
}

/** The fields that every valid answer to the request of a client has (RFC 6455 §4.2.2). */
export function openingAnswerFields(request: HttpHead): (readonly [string, string])[] {
  return [
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Accept", acceptFor(fieldValues(request, "sec-websocket-key")[0] ?? "")],
  ];
}

/** What is wrong with a server's answer, apart from extensions (RFC 6455 §4.1). `asked` is what we had sent. */
export function answerProblem(head: HttpHead, key: string, asked: HeadFields): string | undefined {
  if (statusOf(head) !== 101)
    return `the server answers the opening handshake with ${JSON.stringify(head.startLine)}`;
  if (fieldValues(head, "upgrade").join().toLowerCase() !== "websocket")
    return "its Upgrade is not websocket";
  const connection = fieldValues(head, "connection").join().toLowerCase().split(",");
  if (!connection.some((token) => token.trim() === "upgrade")) return "its Connection does not name Upgrade";
  if (fieldValues(head, "sec-websocket-accept").join() !== acceptFor(key)) {
    return "its Sec-WebSocket-Accept is not the one for the key";
  }
  const [protocol] = fieldValues(head, "sec-websocket-protocol");
  if (protocol !== undefined) {
    const offered = asked
      .filter(([name]) => name === "Sec-WebSocket-Protocol")
      .flatMap(([, value]) => value.split(/, */));
    if (!offered.includes(protocol)) return `it chose the subprotocol ${protocol}, which was not offered`;
  }
  return undefined;
}
