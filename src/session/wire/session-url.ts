/**
 * A URL with the id of a session in its query, by which a balancer can keep the session on one node
 * (`docs/wire/session-v1.md` §2.4). The id is not secret.
 */
export function sessionUrl(url: string, sessionId: string): string {
  return `${url}${url.includes("?") ? "&" : "?"}session=${sessionId}`;
}
