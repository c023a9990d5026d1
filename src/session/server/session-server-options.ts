import type { Authenticate, SessionHandlers } from "./session-handlers.js";
import type { SessionNumbers } from "./session-limits.js";
import type { SessionServerHost } from "./session-server-host.js";
import type { SessionsElsewhere } from "./sessions-elsewhere.js";

/** What a `SessionServer` is made of. */
export interface SessionServerOptions<Data, Request> {
  readonly host: SessionServerHost;
  readonly numbers: SessionNumbers;
  /** What the application does with its sessions: the object itself, since they may be methods. */
  readonly handlers: SessionHandlers<Data, Request>;
  /** Undefined lets everybody in, with `undefined` as `data`. */
  readonly authenticate: Authenticate<Data, Request> | undefined;
  /** Whom a request counts for. */
  addressOf(request: Request): string;
  /** Counts sessions against the limits: which one is reached, or undefined. */
  readonly count: { add(address: string): "total" | "address" | undefined; remove(address: string): void };
  /** The way to sessions of other nodes. Undefined where there are none. */
  readonly elsewhere?: SessionsElsewhere<Request> | undefined;
}
