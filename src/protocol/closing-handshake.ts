import type { HawserError } from "../core/hawser-error.js";
import { CloseCode } from "./close-code.js";

/** What a close frame says (RFC 6455 §5.5.1). */
export interface CloseFrame {
  /** The code; 1005 for a frame without one. */
  readonly code: number;
  /** The reason, possibly empty. */
  readonly reason: string;
}

/** How a connection ended. */
export interface CloseResult {
  /** The code as RFC 6455 §7.1.5 has it: the peer's, 1005 if its close frame had none, 1006 without a close frame. */
  readonly code: number;
  /** The peer's reason (RFC 6455 §7.1.6). */
  readonly reason: string;
  /** Whether both sides sent a close frame before TCP ended (RFC 6455 §7.1.4). */
  readonly wasClean: boolean;
  /** Who ended it: the side that sent the first close frame (for a broken rule, too), or dropped the transport. */
  readonly initiator: "local" | "remote";
  /** The close frame that we sent. */
  readonly sent: CloseFrame | undefined;
  /** The close frame that we received. */
  readonly received: CloseFrame | undefined;
  /** Why it was not a normal closing: a rule broken, a deadline, a lost transport. */
  readonly error: HawserError | undefined;
}

/**
 * The state of the closing handshake (RFC 6455 §7.1). Made when closing begins, since most of the time of most
 * connections there is nothing of it to remember.
 *
 * | sent | received | state |
 * |---|---|---|
 * | yes | no | we began: wait for the peer's close frame |
 * | no | yes | the peer began: answer at once |
 * | yes | yes | done: the server ends TCP, the client waits for that (§7.1.1) |
 * | | failed | a rule was broken: nothing more is read (§7.1.7) |
 */
export class ClosingHandshake {
  readonly initiator: "local" | "remote";
  sent: CloseFrame | undefined = undefined;
  received: CloseFrame | undefined = undefined;
  error: HawserError | undefined = undefined;
  /** A rule was broken or the transport is being dropped: nothing more is read. */
  isFailed = false;

  constructor(initiator: "local" | "remote") {
    this.initiator = initiator;
  }

  /** Whether nothing that the peer still sends matters (RFC 6455 §1.4, §7.1.7). */
  get isDiscarding(): boolean {
    return this.received !== undefined || this.isFailed;
  }

  /** How it ended, once the transport is gone. */
  result(): CloseResult {
    const { sent, received, initiator, error } = this;
    return {
      code: received?.code ?? CloseCode.abnormal,
      reason: received?.reason ?? "",
      wasClean: sent !== undefined && received !== undefined,
      initiator,
      sent,
      received,
      error,
    };
  }
}
