import { MAX_NAME_LENGTH } from "../messages.js";
import { byId } from "./element.js";

const KEY = "hawser-chat-name";
/** How many names tabs of this browser have taken. */
const TAKEN_KEY = "hawser-chat-names";

/** For who has not chosen a name: things that hold, or are held by, a rope. */
const NAMES = [
  "Anchor",
  "Bollard",
  "Buoy",
  "Capstan",
  "Cleat",
  "Dinghy",
  "Harbour",
  "Ketch",
  "Mooring",
  "Pier",
];

/** The name of this tab. It outlives a reload, and each tab has its own. */
export class OwnName {
  readonly #input = byId("name", HTMLInputElement);

  constructor(changed: (name: string) => void) {
    this.#input.maxLength = MAX_NAME_LENGTH;
    this.#input.value = sessionStorage.getItem(KEY) ?? nextName();
    this.#input.onchange = () => {
      sessionStorage.setItem(KEY, this.value);
      changed(this.value);
    };
    this.#input.onkeydown = ({ key }) => {
      if (key === "Enter") this.#input.blur();
    };
    sessionStorage.setItem(KEY, this.value);
  }

  get value(): string {
    return this.#input.value;
  }

  /** What the server made of it. */
  set value(name: string) {
    if (document.activeElement !== this.#input) this.#input.value = name;
  }
}

/** Another one for each tab: two with the same name would look like one. Which is the first one is left to chance. */
function nextName(): string {
  const taken = Number(localStorage.getItem(TAKEN_KEY) ?? Math.floor(Math.random() * NAMES.length));
  localStorage.setItem(TAKEN_KEY, String(taken + 1));
  return NAMES[taken % NAMES.length]!;
}
