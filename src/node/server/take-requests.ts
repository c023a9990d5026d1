import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "./server.js";

/**
 * Has the endpoints of `server` answer the ordinary requests at their paths before the listeners for `request` hear of them,
 * whoever adds these, before or after: a listener that was merely called first could not keep the others from answering, too.
 * Returns what ends that.
 */
export function takeRequests(http: EventEmitter, server: Server): () => void {
  const { emit } = http;
  let isTaking = true;
  const ours: typeof emit = function (this: EventEmitter, event: string | symbol, ...args: unknown[]) {
    if (event === "request" && isTaking) {
      const [incoming, response] = args as [IncomingMessage, ServerResponse];
      if (server.handleRequest(incoming, response)) return true;
    }
    return emit.call(this, event, ...args);
  };
  http.emit = ours;
  return () => {
    isTaking = false;
    // Who has stepped in front of us meanwhile calls us: then we stay, and take nothing.
    if (http.emit === ours) http.emit = emit;
  };
}
