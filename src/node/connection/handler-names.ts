import type { ConnectionHandlers } from "./connection-options.js";

type HandlerName = keyof ConnectionHandlers<never>;

/** The names of all handlers of a connection; of a record, so that none can be forgotten. */
export const HANDLER_NAMES: readonly HandlerName[] = Object.keys({
  open: true,
  message: true,
  messageChunk: true,
  ping: true,
  pong: true,
  drain: true,
  close: true,
  error: true,
} satisfies Record<HandlerName, true>) as HandlerName[];
