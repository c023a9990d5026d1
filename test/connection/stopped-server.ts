import { serve } from "hawser/server";

// A server in a process of its own, to be stopped and continued: it says its port, and later how connections ended.
const server = await serve({
  port: 0,
  pingIntervalMs: 100,
  pongTimeoutMs: 2_000,
  close: (_socket, { code, error }) => void process.send?.(`${code} ${error?.code}`),
});
process.send?.(server.port);
