import { connect, type Session, type SessionState, type TransportName } from "hawser";
import { type LabReport, type LabSettings, WAYS } from "../lab-messages.js";
import { randomName } from "./random-name.js";

/** Whom a run tells. */
export interface LabRunListener {
  /** All is new: what was measured before is over. */
  began(): void;
  /** The state of one way. */
  state(way: TransportName, state: SessionState): void;
  report(report: LabReport): void;
}

/**
 * One session for each way, which may use nothing else, and one that steers and reports, over whatever works. Each message that
 * comes is sent back; all else the server does.
 */
export class LabRun {
  readonly #listener: LabRunListener;
  #settings: LabSettings;
  #sessions: Session[] = [];

  constructor(settings: LabSettings, listener: LabRunListener) {
    this.#settings = settings;
    this.#listener = listener;
    // A page that nobody sees is slowed down by the browser, and would keep three of the six connections that it allows.
    document.addEventListener("visibilitychange", () => this.#begin());
    this.#begin();
  }

  set settings(settings: LabSettings) {
    this.#settings = settings;
    this.#sessions[0]?.send(JSON.stringify(settings));
  }

  #begin(): void {
    for (const session of this.#sessions.splice(0)) void session.close();
    if (document.visibilityState !== "visible") return;
    this.#listener.began();
    const url = `/lab/live?run=${randomName()}`;
    const steering = connect(url, {
      message: (_session, data) => {
        if (this.#sessions[0] === steering) this.#listener.report(JSON.parse(String(data)) as LabReport);
      },
      reset: () => this.#begin(), // the server has forgotten this run
    });
    steering.send(JSON.stringify(this.#settings));
    const ways = WAYS.map((way) =>
      connect(`${url}&way=${way}`, {
        transports: [way],
        message: (session, data) => void session.send(data),
        state: (session, state) => {
          if (this.#sessions.includes(session)) this.#listener.state(way, state);
        },
      }),
    );
    this.#sessions = [steering, ...ways];
  }
}
