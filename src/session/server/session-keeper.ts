import type { ServerDeadlines, SessionConfig } from "../machine/session-config.js";
import type { SessionHandler } from "../machine/session-handler.js";
import type { SessionEnd } from "../peer-port.js";
import type { SessionServerHost } from "./session-server-host.js";

/** The server of a session, as the session sees it. */
export interface SessionKeeper<Session> {
  /** What all sessions share. */
  readonly config: SessionConfig<SessionHandler<Session>>;
  readonly deadlines: ServerDeadlines;
  /** What clients are to say when they come back: which process has their session. */
  readonly ownerName: Uint8Array;
  readonly host: SessionServerHost;
  /** A message that no receiver of the session takes. */
  message(
    session: Session,
    data: string | Uint8Array,
    id: Uint8Array | undefined,
    channel: string,
  ): undefined | Promise<void> | "refused";
  /** What the application says of a channel; undefined if it does not want to be asked. */
  admits(session: Session, channel: string): boolean | Promise<boolean> | undefined;
  /** The session has written what it had. */
  flushed(): void;
  /** The client takes nothing on a channel, and no receiver wants to know. */
  refused(session: Session, channel: string, code: number): void;
  /** One of the application's handlers or receivers failed. */
  failed(session: Session, error: unknown): void;
  /** The session has ended, and all that it received was handed over. */
  finished(session: Session, end: SessionEnd): void;
}
