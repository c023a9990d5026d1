import type { TransportName } from "../transport-port.js";

/**
 * What a client's session is doing, for user interfaces:
 * - `connecting`: it was never connected;
 * - `live`: a transport carries it;
 * - `recovering`: its transport is gone, and it looks for another one. What is sent waits, and nothing is lost;
 * - `waiting`: it will look for one again, at `untilMs`;
 * - `closed`: it has ended, and does not come back.
 *
 * A state is one object as long as it lasts, and never changes.
 */
export type SessionState =
  | { readonly status: "connecting" }
  | { readonly status: "live"; readonly transport: TransportName }
  | { readonly status: "recovering"; readonly reason: string }
  | {
      readonly status: "waiting";
      /** When it goes on, in ms since 1970. */
      readonly untilMs: number;
      readonly reason: string;
    }
  | {
      readonly status: "closed";
      /** A session code (`SessionCode`). */
      readonly code: number;
      readonly reason: string;
    };
