import type { ClientMachine } from "../machine/client-machine.js";
import type { PeerMachine } from "../peer/peer-machine.js";
import { SessionPeer } from "../peer/session-peer.js";
import type { PeerChannel, SendStatus } from "../peer-port.js";

/** One session of a client, from its beginning to its end; behind a reset another one follows. */
export class ClientPeer extends SessionPeer {
  protected override readonly machine: PeerMachine;
  readonly #report: (error: unknown) => void;
  readonly #main: PeerChannel;

  /** @param report is told what receivers throw. */
  constructor(machine: ClientMachine<never>, report: (error: unknown) => void) {
    super();
    this.machine = machine as unknown as PeerMachine;
    this.#report = report;
    this.#main = this.channel("");
  }

  /** Sends on the channel that every session has. */
  send(data: string | Uint8Array): SendStatus {
    return this.#main.send(data);
  }

  protected override take(): "refused" {
    return "refused";
  }

  protected override admits(): boolean {
    return false;
  }

  protected override receiverFailed(error: unknown): void {
    this.#report(error);
  }

  protected override finished(): void {}
}
