import type { TransportName } from "../transport-port.js";
import type { SessionCounts } from "./session-counts.js";

/** What a server of sessions counts as it goes: {@link SessionCounts} says what each is. */
export class SessionCounters {
  opened = 0;
  resumed = 0;
  suspensions = 0;
  suspended = 0;
  closed = 0;
  dropped = 0;
  received = 0;
  readonly resets: Map<string, number> = new Map();
  readonly refused: Map<string, number> = new Map();
  readonly transports: Map<TransportName, number> = new Map();

  /** As it stands now. `sessions` and `heldBytes` are counted elsewhere. */
  counts(sessions: number, heldBytes: number): SessionCounts {
    return {
      sessions,
      suspended: this.suspended,
      heldBytes,
      opened: this.opened,
      resumed: this.resumed,
      suspensions: this.suspensions,
      closed: this.closed,
      resets: Object.fromEntries(this.resets),
      refused: Object.fromEntries(this.refused),
      dropped: this.dropped,
      received: this.received,
      transports: Object.fromEntries(this.transports),
    };
  }
}
