import type { TestContext } from "node:test";
import { type ListeningServer, type ServeOptions, serve } from "hawser/server";

/** The server that the scenarios want: see `streamScenarios`. */
export async function streamServer(t: TestContext, options: ServeOptions = {}): Promise<ListeningServer> {
  const server = await serve({
    origins: "dangerously-allow-any-origin",
    protocols: ["a"],
    message(socket, data) {
      if (data === "close") void socket.close(4001, "why");
      else if (data === "drop") socket.terminate();
      else socket.send(data);
    },
    ...options,
  });
  t.after(() => server.shutdown({ drainTimeoutMs: 0 }));
  return server;
}
