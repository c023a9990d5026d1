import { connect } from "node:net";

/** How long a server may take to accept a connection, in ms. */
const ACCEPT_TIMEOUT_MS = 10_000;

/** Why nobody can be reached at a `ws:` or `wss:` URL, in a few words; undefined where somebody accepts a connection. */
export function unreachable(url: URL): Promise<string | undefined> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (url.protocol === "wss:" ? 443 : 80) : Number(url.port);
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const answer = (why: string | undefined): void => {
      socket.destroy();
      resolve(why);
    };
    socket.setTimeout(ACCEPT_TIMEOUT_MS, () => answer(`no answer within ${ACCEPT_TIMEOUT_MS / 1_000} s`));
    socket.on("connect", () => answer(undefined));
    // Where a name has several addresses, and none of them answers, the message is empty.
    socket.on("error", (error: NodeJS.ErrnoException) => answer(error.code ?? error.message));
  });
}
