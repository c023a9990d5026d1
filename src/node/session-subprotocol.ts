/** The subprotocol of WebSockets that carry sessions (`docs/wire/session-v1.md` §2.1). */
export const SESSION_SUBPROTOCOL = "hawser.1";
