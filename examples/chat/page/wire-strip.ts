import type { WireRecord } from "../messages.js";
import { byId, element } from "./element.js";
import { followEnd } from "./follow-end.js";
import { bytes } from "./state-view.js";

const MAX_ROWS = 200;
const RETRY_MS = 1_000;

type Http = Extract<WireRecord, { type: "http" }>;
type Frame = Extract<WireRecord, { type: "frame" }>;
type Handshake = Extract<WireRecord, { type: "handshake" }>;
type Close = Extract<WireRecord, { type: "close" }>;

/** The strip that shows what happens on the sockets of this tab: a row for each frame, request and answer. */
export class WireStrip {
  readonly #rows = byId("rows", HTMLTableSectionElement);
  readonly #followEnd = followEnd(byId("frames", HTMLElement));
  readonly #totals = byId("wire-totals", HTMLElement);
  readonly #pause = byId("pause", HTMLButtonElement);
  readonly #tab: string;
  #isPaused = false;
  #waiting: HTMLElement[] = [];
  #payloadBytes = 0;
  #headerBytes = 0;

  /** @param tab what the server calls the sockets that are to be watched. */
  constructor(tab: string) {
    this.#tab = tab;
    this.#pause.onclick = () => this.#togglePause();
    this.#watch();
  }

  /** A raw WebSocket, beside the session: when it is gone, records wait at the server. */
  #watch(): void {
    const feed = new WebSocket(new URL(`/wire?tab=${this.#tab}`, location.href.replace(/^http/, "ws")));
    feed.onmessage = ({ data }: MessageEvent<string>) => this.#show(JSON.parse(data) as WireRecord);
    feed.onclose = () => setTimeout(() => this.#watch(), RETRY_MS);
  }

  #show(record: WireRecord): void {
    if (record.type === "frame" || record.type === "http") this.#count(record);
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

  #count({ payloadBytes, headerBytes }: Frame | Http): void {
    this.#payloadBytes += payloadBytes;
    this.#headerBytes += headerBytes;
    this.#totals.textContent = `${bytes(this.#payloadBytes)} payload · ${bytes(this.#headerBytes)} headers`;
  }
}

function rowOf(record: WireRecord): HTMLElement {
  switch (record.type) {
    case "frame":
      return frameRow(record);
    case "http":
      return httpRow(record);
    case "handshake":
      return handshakeRow(record);
    case "close":
      return closeRow(record);
    case "note":
      return wideRow("note", element("p", "", `${seconds(record.atMs)}: ${record.text}`));
  }
}

function httpRow({ atMs, to, what, via, payloadBytes, headerBytes }: Http): HTMLElement {
  return element(
    "tr",
    `http ${what}`,
    element("td", "time", seconds(atMs)),
    direction(to),
    element("td", "", element("span", "opcode", what)),
    element("td", "flags", element("span", "flag", via)),
    element("td", "number", bytes(payloadBytes)),
    element("td", "number", bytes(headerBytes)),
  );
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
    element(
      "p",
      "",
      element("b", "", `${code} ${name}`),
      `${reason === "" ? "" : ` “${reason}”`} at ${seconds(atMs)}`,
    ),
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

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
