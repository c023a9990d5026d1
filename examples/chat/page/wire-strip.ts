import type { WireRecord } from "../messages.js";
import { closeCodeInWords, quoted } from "./close-code-names.js";
import { webSocketUrl } from "./connection.js";
import { byId, element } from "./element.js";
import { followEnd } from "./follow-end.js";

const MAX_ROWS = 200;

type Frame = Extract<WireRecord, { type: "frame" }>;
type Handshake = Extract<WireRecord, { type: "handshake" }>;
type Close = Extract<WireRecord, { type: "close" }>;

/** The strip that shows what happens on the wire, a row for each frame. */
export class WireStrip {
  readonly #rows = byId("rows", HTMLTableSectionElement);
  readonly #followEnd = followEnd(byId("frames", HTMLElement));
  readonly #totals = byId("wire-totals", HTMLElement);
  readonly #pause = byId("pause", HTMLButtonElement);
  #feed: WebSocket | undefined;
  #isPaused = false;
  #waiting: HTMLElement[] = [];
  #frameCount = 0;
  #payloadBytes = 0;
  #headerBytes = 0;

  constructor() {
    this.#pause.onclick = () => this.#togglePause();
    const section = byId("wire", HTMLElement);
    const toggle = byId("wire-toggle", HTMLButtonElement);
    const expand = (isExpanded: boolean): void => {
      toggle.ariaExpanded = String(isExpanded);
      section.classList.toggle("collapsed", !isExpanded);
    };
    toggle.onclick = () => expand(toggle.ariaExpanded !== "true");
    expand(matchMedia("(min-width: 60rem)").matches); // on a phone the chat comes first
  }

  /** Shows the connection that the server calls by this id. */
  watch(wireId: string): void {
    this.#feed?.close();
    const feed = new WebSocket(webSocketUrl(`/wire?id=${encodeURIComponent(wireId)}`));
    feed.onmessage = ({ data }: MessageEvent<string>) => this.#show(JSON.parse(data) as WireRecord);
    this.#feed = feed;
  }

  /** What the page itself is told when its connection is gone, also when nobody is left to tell of frames. */
  closed(code: number, reason: string, wasClean: boolean): void {
    this.#add(
      wideRow(
        "closed",
        element("p", "", element("span", "opcode", "close event"), " in this page"),
        element(
          "p",
          "",
          element("b", "", closeCodeInWords(code)),
          `${quoted(reason)}, ${inWhichWay(wasClean)}`,
        ),
      ),
    );
  }

  #show(record: WireRecord): void {
    if (record.type === "frame") this.#count(record);
    this.#add(rowOf(record));
  }

  #add(row: HTMLElement): void {
    if (this.#isPaused) {
      this.#waiting.push(row);
      if (this.#waiting.length > MAX_ROWS) this.#waiting.shift();
      this.#pause.textContent = `Go on (${this.#waiting.length})`;
    } else {
      this.#append(row);
    }
  }

  #append(...rows: readonly HTMLElement[]): void {
    this.#rows.append(...rows);
    while (this.#rows.childElementCount > MAX_ROWS) this.#rows.firstElementChild?.remove();
    this.#followEnd();
  }

  #togglePause(): void {
    this.#isPaused = !this.#isPaused;
    this.#pause.ariaPressed = String(this.#isPaused);
    this.#pause.textContent = this.#isPaused ? "Go on" : "Pause";
    if (!this.#isPaused) this.#append(...this.#waiting.splice(0));
  }

  #count(frame: Frame): void {
    this.#frameCount++;
    this.#payloadBytes += frame.payloadBytes;
    this.#headerBytes += frame.headerBytes;
    const headers = element("span", "wide-only", ` · ${bytes(this.#headerBytes)} headers`);
    this.#totals.replaceChildren(`${this.#frameCount} frames · ${bytes(this.#payloadBytes)}`, headers);
  }
}

function rowOf(record: WireRecord): HTMLElement {
  if (record.type === "frame") return frameRow(record);
  return record.type === "handshake" ? handshakeRow(record) : closeRow(record);
}

function frameRow(frame: Frame): HTMLElement {
  return element(
    "tr",
    `frame ${frame.opcode}`,
    element("td", "time", seconds(frame.atMs)),
    direction(frame.to),
    element("td", "", element("span", "opcode", frame.opcode)),
    element("td", "flags", flag("FIN", frame.fin), flag("RSV1", frame.rsv1), flag("MASK", frame.masked)),
    element("td", "number", bytes(frame.payloadBytes)),
    element("td", "number", bytes(frame.headerBytes)),
  );
}

function handshakeRow({ request, response }: Handshake): HTMLElement {
  return wideRow(
    "handshake",
    element("p", "", element("span", "opcode", "handshake"), " an HTTP request becomes a WebSocket"),
    head("request", "server", request),
    head("response", "browser", response),
  );
}

/** The head of the request or the response: its first line, and the fields on demand. */
function head(name: string, to: Frame["to"], text: string): HTMLElement {
  const [firstLine = "", ...fields] = text.split("\r\n");
  const summary = element("summary", "", arrow(to), " ", element("code", "", firstLine));
  const details = element("details", name, summary, element("pre", "", fields.join("\n")));
  details.open = name === "response";
  return details;
}

function closeRow({ atMs, by, code, name, reason, wasClean }: Close): HTMLElement {
  return wideRow(
    "closed",
    element("p", "", element("span", "opcode", "closed"), ` by the ${by}, ${inWhichWay(wasClean)}`),
    element("p", "", element("b", "", `${code} ${name}`), `${quoted(reason)} after ${seconds(atMs)}`),
  );
}

function inWhichWay(wasClean: boolean): string {
  return wasClean ? "both sides sent a close frame" : "without a closing handshake";
}

function wideRow(className: string, ...content: readonly HTMLElement[]): HTMLElement {
  const cell = element("td", "", ...content);
  cell.colSpan = 6;
  return element("tr", className, cell);
}

function direction(to: Frame["to"]): HTMLElement {
  return element("td", "", arrow(to), element("span", "visually-hidden", `to the ${to}`));
}

function arrow(to: Frame["to"]): HTMLElement {
  const made = element("b", to === "server" ? "up" : "down", to === "server" ? "↑" : "↓");
  made.ariaHidden = "true";
  return made;
}

/** A bit that is not set is only a place. */
function flag(name: string, isSet: boolean): HTMLElement {
  const made = element("span", isSet ? "flag" : "flag off", name);
  if (!isSet) made.ariaHidden = "true";
  return made;
}

function bytes(count: number): string {
  if (count < 10_000) return `${count} B`;
  return count < 1024 * 1024 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
