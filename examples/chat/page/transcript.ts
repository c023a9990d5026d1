import type { ImageType, Person } from "../messages.js";
import { avatar } from "./avatar.js";
import { byId, element } from "./element.js";
import { followEnd } from "./follow-end.js";

const MAX_ENTRIES = 300;

/** The messages, the oldest on top. */
export class Transcript {
  readonly #list = byId("transcript", HTMLElement);
  readonly #followEnd = followEnd(this.#list);
  readonly #sendAgain: (text: string) => void;
  /** What this page has said and has not heard of since, by its number. */
  readonly #pending = new Map<number, HTMLElement>();

  constructor(sendAgain: (text: string) => void) {
    this.#sendAgain = sendAgain;
  }

  addNotice(text: string): void {
    this.#add(element("li", "notice", text));
  }

  addText(from: Person, atMs: number, text: string): void {
    this.#add(entry(from, atMs, false, bubble(text)));
  }

  /** What this page says, before the server has it. */
  addPending(number: number, text: string): void {
    const item = element("li", "entry mine pending", element("p", "byline", "under way…"), bubble(text));
    this.#pending.set(number, item);
    this.#add(item);
  }

  /** The chat has it; from now on it is one of its messages. */
  confirm(number: number, from: Person, atMs: number, text: string): void {
    const confirmed = entry(from, atMs, true, bubble(text));
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    if (pending?.isConnected === true) pending.replaceWith(confirmed);
    else this.#add(confirmed);
  }

  /** Nobody knows whether what was under way has arrived: whoever wrote it decides. */
  failPending(): void {
    for (const item of this.#pending.values()) {
      item.classList.replace("pending", "unsure");
      const again = element("button", "small", "Send again");
      again.type = "button";
      again.onclick = () => {
        item.remove();
        this.#sendAgain(item.querySelector(".bubble")?.textContent ?? "");
      };
      item.querySelector(".byline")?.replaceChildren("may not have arrived ", again);
    }
    this.#pending.clear();
  }

  addImage(from: Person, atMs: number, bytes: Uint8Array, type: ImageType, isMine: boolean): void {
    const image = element("img", "bubble");
    image.alt = `Image from ${from.name}`;
    image.src = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type }));
    image.onerror = () => image.replaceWith(element("p", "bubble", "This image cannot be shown."));
    this.#add(entry(from, atMs, isMine, image));
  }

  #add(item: HTMLElement): void {
    this.#list.append(item);
    if (this.#list.childElementCount > MAX_ENTRIES) this.#removeOldest();
    this.#followEnd();
  }

  #removeOldest(): void {
    const oldest = this.#list.firstElementChild;
    const image = oldest?.querySelector("img");
    if (image) URL.revokeObjectURL(image.src);
    oldest?.remove();
  }
}

function entry(from: Person, atMs: number, isMine: boolean, content: HTMLElement): HTMLElement {
  const date = new Date(atMs);
  const time = element("time", "", date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = date.toISOString();
  const byline = element("p", "byline", element("b", "", from.name), " ", time);
  return element("li", isMine ? "entry mine" : "entry", avatar(from), byline, content);
}

function bubble(text: string): HTMLElement {
  return element("p", "bubble", text);
}
