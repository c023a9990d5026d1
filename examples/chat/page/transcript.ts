import type { ImageType, Person } from "../messages.js";
import { avatar } from "./avatar.js";
import { byId, element } from "./element.js";
import { followEnd } from "./follow-end.js";

const MAX_ENTRIES = 300;

/** The messages, the oldest on top. */
export class Transcript {
  readonly #list = byId("transcript", HTMLElement);
  readonly #followEnd = followEnd(this.#list);

  addNotice(text: string): void {
    this.#add(element("li", "notice", text));
  }

  addText(from: Person, atMs: number, text: string, isMine: boolean): void {
    this.#add(entry(from, atMs, isMine, element("p", "bubble", text)));
  }

  addImage(from: Person, atMs: number, bytes: ArrayBuffer, type: ImageType, isMine: boolean): void {
    const image = element("img", "bubble");
    image.alt = `Image from ${from.name}`;
    image.src = URL.createObjectURL(new Blob([bytes], { type }));
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
