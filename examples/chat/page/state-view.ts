import type { Session, SessionState } from "hawser";
import { byId } from "./element.js";
import { transportAsTitle, transportInWords } from "./transport-words.js";

const REFRESH_MS = 250;

/** Says what the session does, over what it does it, and what is under way. */
export class StateView {
  readonly #box = byId("state", HTMLElement);
  readonly #text = byId("state-text", HTMLElement);
  readonly #transport = byId("transport", HTMLElement);
  readonly #summary = byId("behind-summary", HTMLElement);
  readonly #roundTrip = byId("round-trip", HTMLElement);
  readonly #unconfirmed = byId("unconfirmed", HTMLElement);
  readonly #retry = byId("retry", HTMLButtonElement);
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.#retry.onclick = () => {
      // A session that was closed does not come back: the page is what begins another one.
      if (session.state.status === "closed") location.reload();
      else session.reconnect();
    };
    session.subscribe((state) => this.#show(state));
    this.#show(session.state);
    setInterval(() => this.#showNumbers(), REFRESH_MS);
  }

  #show(state: SessionState): void {
    this.#box.dataset["state"] = state.status;
    this.#transport.textContent = state.status === "live" ? transportAsTitle(state.transport) : "None";
    this.#transport.dataset["kind"] = state.status === "live" ? state.transport : state.status;
    this.#retry.hidden = state.status !== "waiting" && state.status !== "closed";
    this.#retry.textContent = state.status === "closed" ? "Begin again" : "Try now";
    this.#text.textContent = inWords(state);
    this.#showNumbers();
  }

  #showNumbers(): void {
    const { state, roundTripMs, unconfirmedBytes } = this.#session;
    if (state.status === "waiting") this.#text.textContent = inWords(state);
    const isLive = state.status === "live";
    const roundTrip = isLive && roundTripMs !== undefined ? `${roundTripMs.toFixed(1)} ms` : "–";
    this.#roundTrip.textContent = roundTrip;
    this.#unconfirmed.textContent = bytes(unconfirmedBytes);
    this.#summary.textContent = isLive
      ? `${transportAsTitle(state.transport)} · ${roundTrip}`
      : inWords(state);
  }
}

function inWords(state: SessionState): string {
  switch (state.status) {
    case "connecting":
      return "Connecting…";
    case "live":
      return `Live over ${transportInWords(state.transport)}`;
    case "recovering":
      return "Recovering…";
    case "waiting": {
      const seconds = Math.max(0, Math.ceil((state.untilMs - Date.now()) / 1_000));
      return `No connection, next try in ${seconds} s`;
    }
    case "closed":
      return `Closed: ${state.code}${state.reason === "" ? "" : ` “${state.reason}”`}`;
  }
}

/** `1,204 B`, `3.4 KiB` */
export function bytes(count: number): string {
  if (count < 10_000) return `${count.toLocaleString("en")} B`;
  return count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1024 / 1024).toFixed(1)} MiB`;
}
