import { closeCodeInWords, quoted } from "./close-code-names.js";
import type { ConnectionState } from "./connection.js";
import { byId } from "./element.js";

/** Says at the top of the page whether the connection is open, and if not, why. */
export class StateView {
  readonly #box = byId("state", HTMLElement);
  readonly #text = byId("state-text", HTMLElement);
  readonly #reconnect = byId("reconnect", HTMLButtonElement);

  constructor(reconnect: () => void) {
    this.#reconnect.onclick = reconnect;
  }

  show(state: ConnectionState): void {
    this.#box.dataset["state"] = state.name;
    this.#reconnect.hidden = state.name !== "closed";
    this.#text.textContent = inWords(state);
  }
}

function inWords(state: ConnectionState): string {
  if (state.name === "connecting") return "Connecting…";
  if (state.name === "open") return "Open";
  const { code, reason, retryInMs } = state;
  const retry = retryInMs === undefined ? "" : `, next try in ${Math.round(retryInMs / 1000)} s`;
  return `Closed: ${closeCodeInWords(code)}${quoted(reason)}${retry}`;
}
