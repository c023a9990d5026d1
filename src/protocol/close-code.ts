/** The close codes of RFC 6455 §7.4.1 and those registered with IANA since, by name. */
export const CloseCode = {
  /** The purpose of the connection is fulfilled. */
  normal: 1000,
  /** A server goes down, or a page is left. */
  goingAway: 1001,
  /** A protocol error. */
  protocolError: 1002,
  /** A kind of data that the endpoint cannot accept. */
  unsupportedData: 1003,
  /** Reported, never sent: the close frame had no code. */
  noStatus: 1005,
  /** Reported, never sent: there was no close frame. */
  abnormal: 1006,
  /** Data that does not fit the type of the message, such as text that is not UTF-8. */
  invalidData: 1007,
  /** A message against the policy of the endpoint, where no other code fits. */
  policyViolation: 1008,
  /** A message too big to process. */
  messageTooBig: 1009,
  /** The client needs an extension that the server did not accept. Only a client sends it. */
  mandatoryExtension: 1010,
  /** The endpoint met a condition that it did not expect. */
  internalError: 1011,
  /** The service restarts: try again after a short random time. */
  serviceRestart: 1012,
  /** The service is overloaded: try again later or elsewhere. */
  tryAgainLater: 1013,
  /** A gateway got a bad answer from the server behind it. */
  badGateway: 1014,
  /** Reported, never sent: the TLS handshake failed. */
  tlsHandshake: 1015,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  [1000, "normal closure"],
  [1001, "going away"],
  [1002, "protocol error"],
  [1003, "unsupported data"],
  [1004, "reserved"],
  [1005, "no status received"],
  [1006, "abnormal closure"],
  [1007, "invalid frame payload data"],
  [1008, "policy violation"],
  [1009, "message too big"],
  [1010, "mandatory extension"],
  [1011, "internal error"],
  [1012, "service restart"],
  [1013, "try again later"],
  [1014, "bad gateway"],
  [1015, "TLS handshake failure"],
  [3000, "unauthorized"],
  [3003, "forbidden"],
  [3008, "timeout"],
]);

/** The code in words, as IANA registered it; "private use" and the like for a range. */
export function closeCodeName(code: number): string {
  const name = NAMES.get(code);
  if (name !== undefined) return name;
  if (code >= 4000 && code <= 4999) return "private use";
  if (code >= 3000 && code <= 3999) return "registered use";
  if (code >= 1000 && code <= 2999) return "reserved for the protocol";
  return "not a close code";
}

/**
 * Whether a close frame may carry this code (RFC 6455 §7.4): what RFC 6455 and IANA define except 1004, 1005,
 * 1006 and 1015, and 3000-4999. The rest of 1000-2999 is reserved for revisions of the protocol.
 */
export function isCloseCodeOnWire(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/**
 * Whether an application may close with this code. As {@link isCloseCodeOnWire}, and 1010 is left to clients
 * (RFC 6455 §7.4.1).
 */
export function isCloseCodeAllowed(code: number, role: "client" | "server"): boolean {
  return Number.isInteger(code) && isCloseCodeOnWire(code) && !(code === 1010 && role === "server");
}
