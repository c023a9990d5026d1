import type { Person, PersonHere } from "../messages.js";
import { avatar } from "./avatar.js";
import { byId, element } from "./element.js";

/** A typing hint that is not renewed is gone after this time; it is sent more often than that while somebody types. */
const TYPING_SHOWN_MS = 4_000;

/** Who is here, and who is typing. */
export class People {
  readonly #list = byId("people", HTMLElement);
  readonly #hint = byId("typing", HTMLElement);
  readonly #typing = new Map<number, { readonly name: string; readonly timer: number }>();

  show(people: readonly PersonHere[], myId: number): void {
    this.#list.replaceChildren(
      ...people.map((person) => {
        const name = element("span", "", person.id === myId ? `${person.name} (you)` : person.name);
        const item = element("li", person.isAway ? "away" : "", avatar(person), name);
        if (person.isAway) item.title = "Not reached just now: messages wait";
        return item;
      }),
    );
    for (const id of this.#typing.keys()) {
      if (!people.some((person) => person.id === id)) this.stoppedTyping(id);
    }
  }

  startedTyping({ id, name }: Person): void {
    clearTimeout(this.#typing.get(id)?.timer);
    const timer = setTimeout(() => this.stoppedTyping(id), TYPING_SHOWN_MS);
    this.#typing.set(id, { name, timer });
    this.#showTyping();
  }

  stoppedTyping(id: number): void {
    clearTimeout(this.#typing.get(id)?.timer);
    this.#typing.delete(id);
    this.#showTyping();
  }

  #showTyping(): void {
    const names = [...this.#typing.values()].map(({ name }) => name);
    if (names.length === 0) this.#hint.textContent = "";
    else if (names.length === 1) this.#hint.textContent = `${names[0]} is typing…`;
    else if (names.length === 2) this.#hint.textContent = `${names[0]} and ${names[1]} are typing…`;
    else this.#hint.textContent = "Several people are typing…";
  }
}
