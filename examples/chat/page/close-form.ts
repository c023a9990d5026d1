import type { CloseCodeInWords } from "../messages.js";
import { byId, element } from "./element.js";

/** Who is to close, with what. */
export type CloseRequest = (by: "server" | "browser", code: number, reason: string) => void;

/** Closes the connection with a code of choice, to see the closing handshake. */
export class CloseForm {
  readonly #form = byId("close-form", HTMLFormElement);
  readonly #code = byId("close-code", HTMLSelectElement);

  constructor(close: CloseRequest) {
    const toggle = byId("close-toggle", HTMLButtonElement);
    toggle.onclick = () => {
      this.#form.hidden = !this.#form.hidden;
      toggle.ariaExpanded = String(!this.#form.hidden);
    };
    this.#code.onchange = () => this.#showWhoMay();
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      const by = event.submitter?.getAttribute("value") === "browser" ? "browser" : "server";
      close(by, Number(this.#code.value), byId("close-reason", HTMLInputElement).value);
    };
  }

  offer(codes: readonly CloseCodeInWords[]): void {
    const chosen = this.#code.value;
    const options = codes.filter(({ canBeSent }) => canBeSent);
    this.#code.replaceChildren(
      ...options.map(({ code, name }) => {
        const option = element("option", "", `${code} ${name}`);
        option.value = String(code);
        return option;
      }),
    );
    if (chosen !== "") this.#code.value = chosen;
    this.#showWhoMay();
  }

  /** Browsers let a page close with 1000 and 3000-4999 only. */
  #showWhoMay(): void {
    const code = Number(this.#code.value);
    byId("close-by-browser", HTMLButtonElement).disabled = code !== 1000 && code < 3000;
  }
}
