import { engineConfig } from "../../protocol/engine-config.js";
import { nodeHost } from "../node-host.js";
import { Connection, type ConnectionContext } from "./connection.js";
import type { ConnectionHandlers, ConnectionOptions } from "./connection-options.js";
import { connectionSettings } from "./connection-settings.js";
import { frameTrace } from "./diagnostics.js";
import type { MemoryBudget } from "./memory-budget.js";

/**
 * Makes what all connections of an endpoint share. `Socket` is the kind of connection that its handlers are given.
 * @param handlers the object that they are called on; by default the one with the options.
 * @param memory what they share with other endpoints, if they do.
 * @throws `UsageError` `INVALID_OPTION`.
 */
export function connectionContext<Socket extends Connection<unknown>>(
  role: "client" | "server",
  options: ConnectionOptions & ConnectionHandlers<Socket>,
  handlers: ConnectionHandlers<Socket> = options,
  memory?: MemoryBudget,
): ConnectionContext {
  return {
    config: engineConfig({
      ...options,
      role,
      host: nodeHost,
      handler: Connection.engineHandler,
      streaming: handlers.messageChunk !== undefined,
      trace: frameTrace,
    }),
    settings: connectionSettings(options),
    handlers,
    memory,
  };
}
