import { IMAGE_TYPES, MAX_IMAGE_BYTES, MAX_TEXT_LENGTH } from "../messages.js";
import { byId } from "./element.js";

/** How often others are told that somebody goes on typing. */
const TYPING_INTERVAL_MS = 2_000;

const HINT = `Images: PNG, JPEG, GIF or WebP, at most ${MAX_IMAGE_BYTES / 1024 / 1024} MiB.`;

/** Whom the composer tells. */
export interface ComposerListener {
  text(text: string): void;
  image(file: File): void;
  typing(): void;
  refused(why: string): void;
}

/** Where messages are written: Enter sends, Shift+Enter makes a new line. Also without a connection: it waits. */
export class Composer {
  readonly #form = byId("composer", HTMLFormElement);
  readonly #text = byId("text", HTMLTextAreaElement);
  readonly #image = byId("image", HTMLInputElement);
  readonly #listener: ComposerListener;
  #toldTypingAtMs = -Infinity;

  constructor(listener: ComposerListener) {
    this.#listener = listener;
    this.#text.maxLength = MAX_TEXT_LENGTH;
    this.#image.accept = IMAGE_TYPES.join(",");
    byId("image-hint", HTMLElement).textContent = HINT;

    this.#text.onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    };
    this.#text.oninput = () => this.#tellTyping();
    this.#text.onpaste = (event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (file === undefined) return;
      event.preventDefault();
      this.#sendImage(file);
    };
    this.#image.onchange = () => {
      const [file] = this.#image.files ?? [];
      if (file !== undefined) this.#sendImage(file);
      this.#image.value = ""; // so that the same file can be chosen again
    };
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.#sendText();
    };
  }

  #sendText(): void {
    const text = this.#text.value.trim();
    if (text === "") return;
    this.#listener.text(text);
    this.#text.value = "";
    this.#toldTypingAtMs = -Infinity;
  }

  #sendImage(file: File): void {
    // The server checks both again, by the bytes: what a page says about a file proves nothing.
    if (file.size > MAX_IMAGE_BYTES) this.#listener.refused(`${file.name} is too large. ${HINT}`);
    else if (!IMAGE_TYPES.some((type) => type === file.type)) {
      this.#listener.refused(`${file.name} is no image that can be sent. ${HINT}`);
    } else this.#listener.image(file);
  }

  #tellTyping(): void {
    const nowMs = performance.now();
    if (this.#text.value === "" || nowMs - this.#toldTypingAtMs < TYPING_INTERVAL_MS) return;
    this.#toldTypingAtMs = nowMs;
    this.#listener.typing();
  }
}
