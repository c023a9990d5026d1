import type { ProcessSample } from "#testbed/process-watch.js";

/** How often something happened, by name. */
export type Tally = Record<string, number>;

/** What the server or the clients say of themselves. */
export interface SoakReport extends ProcessSample {
  readonly connections: number;
  readonly messages: number;
  readonly bytes: number;
  /** How connections ended, or did not begin. */
  readonly ends: Tally;
  /** Promises that were broken. */
  readonly problems: readonly string[];
}

/** What the processes are told. */
export type SoakCommand =
  | { readonly call: "report" }
  | { readonly call: "stop" }
  | ({ readonly call: "start" } & SoakTargets);

/** Where the clients connect to: the proxies. */
export interface SoakTargets {
  readonly plainPort: number;
  readonly securePort: number;
  readonly ca: string;
}

/** What the server says first. */
export interface SoakServerAddress {
  readonly plainPort: number;
  readonly securePort: number;
  readonly ca: string;
}

/** Only so many problems are kept: one would do. */
export const MAX_PROBLEMS = 20;

/** The paths of the server: one for each way to compress, one whose application takes messages itself, one that refuses. */
export const PATHS = [
  "/plain",
  "/deflate",
  "/deflate-small-windows",
  "/deflate-no-context",
  "/pull",
  "/refused",
] as const;

/** Where the sessions are. */
export const SESSION_PATH = "/session";
