import type { SessionState, TransportName } from "hawser";
import type { WayReport } from "../lab-messages.js";
import { element } from "./element.js";
import { transportAsTitle } from "./transport-words.js";
import { TripChart } from "./trip-chart.js";
import { type RoundTripCosts, WayStats } from "./way-stats.js";

const HOW: Readonly<Record<TransportName, string>> = {
  websocket: "One connection, both directions.",
  stream: "Down in an answer that never ends, up in a request for each message.",
  sse: "As streaming, but as text: bytes in base64, a third longer.",
  "long-polling": "A request waits until there is a message, and then the next one.",
  polling: "A request now and then, whether there is a message or not.",
};

/** One way: its chart, and its costs in numbers and bars. */
export class Lane {
  readonly element: HTMLElement;
  readonly #name: string;
  readonly #stats = new WayStats();
  readonly #chart = new TripChart();
  readonly #state = element("span", "lane-state");
  readonly #median = element("b", "figure", "–");
  readonly #slowest = element("span", "detail");
  readonly #requests = element("b", "figure", "–");
  readonly #requestRate = element("span", "detail");
  readonly #requestBar = element("span", "part");
  readonly #overhead = element("b", "figure", "–");
  readonly #overheadParts = element("span", "detail");
  readonly #up = element("span", "part up-part");
  readonly #down = element("span", "part down-part");

  constructor(way: TransportName) {
    this.#name = transportAsTitle(way);
    const name = element("h3", "", this.#name, " ", this.#state);
    this.element = element(
      "article",
      "lane",
      element("div", "lane-name", name, element("p", "", HOW[way])),
      element("div", "lane-chart", this.#chart.canvas),
      cell("Median", this.#median, this.#slowest),
      cell("Requests", this.#requests, this.#requestRate, bar(this.#requestBar)),
      cell("Overhead", this.#overhead, this.#overheadParts, bar(this.#up, this.#down)),
    );
    this.element.dataset["kind"] = way;
    this.#chart.canvas.ariaLabel = `${this.#name}: no round trips yet`;
  }

  get costs(): RoundTripCosts | undefined {
    return this.#stats.costs;
  }

  get medianMs(): number | undefined {
    return this.#stats.quantileMs(0.5);
  }

  set state({ status }: SessionState) {
    this.#state.textContent = status === "live" ? "" : `${status}…`;
  }

  add(atMs: number, report: WayReport): void {
    this.#stats.add(atMs, report);
  }

  draw(nowMs: number): void {
    this.#chart.draw(this.#stats.trips, nowMs, this.medianMs);
  }

  /** @param most what the longest bars stand for. */
  showNumbers(most: { readonly requests: number; readonly overheadBytes: number }): void {
    const { medianMs, costs } = this;
    const slowestMs = this.#stats.quantileMs(0.99);
    if (medianMs !== undefined && slowestMs !== undefined) {
      this.#median.textContent = milliseconds(medianMs);
      this.#slowest.textContent = `99 % within ${milliseconds(slowestMs)}`;
      this.#chart.canvas.ariaLabel = `${this.#name}: round trips in the last 30 seconds, half of them within ${milliseconds(medianMs)}, 99 % within ${milliseconds(slowestMs)}`;
    }
    if (costs === undefined) return;
    const { requests, requestsPerSecond, overheadUpBytes, overheadDownBytes } = costs;
    this.#requests.textContent = requests < 0.005 ? "0" : requests.toFixed(requests < 0.1 ? 2 : 1);
    this.#requestRate.textContent = `${Math.round(requestsPerSecond)} a second`;
    this.#requestBar.style.width = `${(100 * requests) / most.requests}%`;
    this.#overhead.textContent = byteCount(overheadUpBytes + overheadDownBytes);
    this.#overheadParts.textContent = `${byteCount(overheadUpBytes)} up, ${byteCount(overheadDownBytes)} down`;
    this.#up.style.width = `${(100 * overheadUpBytes) / most.overheadBytes}%`;
    this.#down.style.width = `${(100 * overheadDownBytes) / most.overheadBytes}%`;
  }
}

function cell(name: string, ...content: readonly HTMLElement[]): HTMLElement {
  return element("div", "lane-cell", element("span", "cell-name", name), ...content);
}

function bar(...parts: readonly HTMLElement[]): HTMLElement {
  return element("span", "bar", ...parts);
}

export function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms).toLocaleString("en")} ms`;
}

export function byteCount(count: number): string {
  return `${Math.round(count).toLocaleString("en")} B`;
}
