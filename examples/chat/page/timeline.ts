import type { SessionState } from "hawser";
import { byId, element } from "./element.js";
import { transportAsTitle } from "./transport-words.js";

/** How much of the past is shown. */
const SHOWN_MS = 60_000;
const REFRESH_MS = 250;
/** Between two labels, in pixels. */
const LABEL_GAP = 3;

/** Something that lasted, or a moment. */
interface Item {
  readonly element: HTMLElement;
  readonly sinceMs: number;
  /** Undefined as long as it lasts; a moment ends when it begins. */
  untilMs: number | undefined;
}

/** What carried the session, over the last minute, and what was done to it. */
export class Timeline {
  readonly #list = byId("timeline", HTMLElement);
  #items: Item[] = [];
  #lasting: Item | undefined;

  constructor() {
    setInterval(() => this.#draw(), REFRESH_MS);
  }

  /** From now on it is like this. */
  show(state: SessionState): void {
    const kind = kindOf(state);
    if (this.#lasting?.element.dataset["kind"] === kind) return;
    const words = inWords(state);
    const item = this.#add("span", words);
    item.element.dataset["kind"] = kind;
    item.element.title = words;
    if (this.#lasting !== undefined) this.#lasting.untilMs = item.sinceMs;
    this.#lasting = item;
    this.#draw();
  }

  /** This was done just now. */
  mark(words: string): void {
    const item = this.#add("mark", words);
    item.untilMs = item.sinceMs;
    item.element.title = words;
    this.#draw();
  }

  #add(className: string, words: string): Item {
    const item: Item = {
      element: element("li", className, element("span", "", words)),
      sinceMs: performance.now(),
      untilMs: undefined,
    };
    this.#items.push(item);
    this.#list.append(item.element);
    return item;
  }

  #draw(): void {
    const nowMs = performance.now();
    const fromMs = nowMs - SHOWN_MS;
    this.#items = this.#items.filter((item) => {
      const isPast = item.untilMs !== undefined && item.untilMs < fromMs;
      if (isPast) item.element.remove();
      return !isPast;
    });
    for (const {
      element: { style },
      sinceMs,
      untilMs = nowMs,
    } of this.#items) {
      const from = Math.max(0, (sinceMs - fromMs) / SHOWN_MS);
      style.left = `${100 * from}%`;
      style.width = `${100 * ((untilMs - fromMs) / SHOWN_MS - from)}%`;
    }
    this.#arrange();
  }

  /** Labels have two rows, the latest the first choice, and do not cover one another: for which there is no room is not shown. */
  #arrange(): void {
    const rows = { low: [] as DOMRect[], high: [] as DOMRect[] };
    for (const { element } of this.#items.toReversed()) {
      if (!element.classList.contains("mark")) continue;
      const label = element.firstElementChild!.getBoundingClientRect();
      const isFree = (row: readonly DOMRect[]): boolean =>
        row.every(({ left, right }) => label.right + LABEL_GAP <= left || right + LABEL_GAP <= label.left);
      const row = (["low", "high"] as const).find((name) => isFree(rows[name]));
      if (row !== undefined) rows[row].push(label);
      element.classList.toggle("high", row === "high");
      element.classList.toggle("crowded", row === undefined);
    }
  }
}

/** What has a colour of its own; looking for a transport and waiting before that are one. */
function kindOf(state: SessionState): string {
  if (state.status === "live") return state.transport;
  return state.status === "waiting" ? "recovering" : state.status;
}

function inWords(state: SessionState): string {
  switch (state.status) {
    case "live":
      return transportAsTitle(state.transport);
    case "connecting":
      return "Connecting";
    case "recovering":
    case "waiting":
      return "Recovering";
    case "closed":
      return "Closed";
  }
}
