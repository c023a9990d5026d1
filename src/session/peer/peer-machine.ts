import type { SessionLink } from "../machine/link.js";
import type { SessionConfig } from "../machine/session-config.js";
import type { SessionHandler } from "../machine/session-handler.js";
import type { SessionHost } from "../machine/session-host.js";
import type { SessionMachine } from "../machine/session-machine.js";

/** A session as a `SessionPeer` uses it, whichever side it is. */
export type PeerMachine = Pick<
  SessionMachine<never, SessionHandler<never>>,
  "id" | "channel" | "isEnded" | "roundTripMs" | "openChannel" | "closeChannel" | "refuseChannel"
> &
  Pick<SessionMachine<never, SessionHandler<never>>, "send" | "taken" | "close"> & {
    /** See `ReceivingSide.channelDone`; the client's machine does not count them. */
    channelDone?(): void;
    /** See `SendingSide.isClosing`; the client's machine has channels that know. */
    readonly isClosing?: boolean;
    end(code: number, reason?: string): void;
    readonly active: SessionLink | undefined;
    readonly config: Partial<Pick<SessionConfig<never>, "budget">> & {
      readonly host: Pick<SessionHost, "allocate" | "utf8Decode">;
    };
  };
