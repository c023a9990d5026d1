// Drawn by hand on a canvas: dots, a line and some bars need no library, and a page without a build has none to load.
import type { Trip } from "../lab-messages.js";
import { TRIPS_SHOWN_MS } from "./way-stats.js";

/** The scale, in ms; what is outside is drawn at its edge. */
const LEAST_MS = 0.5;
const MOST_MS = 2_000;
const LINES_MS = [1, 10, 100, 1_000];
const SPAN = Math.log(MOST_MS / LEAST_MS);

const LEFT_PX = 52;
const PAD_PX = 8;
const DOT_PX = 1.8;
const BINS = 30;
/** The part of the width in which the bars are. */
const BARS_SHARE = 0.16;

/** When and how long: a dot for each round trip, and at the right how often each time came. */
export class TripChart {
  readonly canvas: HTMLCanvasElement = document.createElement("canvas");
  #width = 0;
  #height = 0;

  constructor() {
    this.canvas.role = "img";
    new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      this.#width = entry.contentRect.width;
      this.#height = entry.contentRect.height;
      this.canvas.width = Math.round(this.#width * devicePixelRatio);
      this.canvas.height = Math.round(this.#height * devicePixelRatio);
    }).observe(this.canvas);
  }

  /** @param nowMs the right edge, on the clock of the trips. */
  draw(trips: readonly Trip[], nowMs: number, medianMs: number | undefined): void {
    const context = this.canvas.getContext("2d");
    if (context === null || this.#width === 0) return;
    const style = getComputedStyle(this.canvas);
    const colour = style.getPropertyValue("--kind");
    const barsPx = Math.round(this.#width * BARS_SHARE);
    const right = this.#width - barsPx - PAD_PX;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.#width, this.#height);
    this.#drawScale(context, style.getPropertyValue("--line"), style.getPropertyValue("--muted"));

    context.fillStyle = colour;
    context.globalAlpha = 0.7;
    context.beginPath();
    const bins = new Array<number>(BINS).fill(0);
    for (const { atMs, tookMs } of trips) {
      const place = placeOf(tookMs);
      const bin = Math.min(BINS - 1, Math.floor(place * BINS));
      bins[bin] = (bins[bin] ?? 0) + 1;
      const x = right - ((nowMs - atMs) / TRIPS_SHOWN_MS) * (right - LEFT_PX);
      if (x < LEFT_PX || x > right) continue;
      const y = this.#y(place);
      context.moveTo(x + DOT_PX, y);
      context.arc(x, y, DOT_PX, 0, 2 * Math.PI);
    }
    context.fill();

    const most = Math.max(1, ...bins);
    const barPx = (this.#height - 2 * PAD_PX) / BINS;
    context.globalAlpha = 0.85;
    bins.forEach((count, bin) => {
      const length = (count / most) * barsPx;
      context.fillRect(right + PAD_PX, this.#y((bin + 1) / BINS) + 0.5, length, Math.max(1, barPx - 1));
    });
    if (medianMs !== undefined) {
      context.globalAlpha = 0.5;
      context.fillRect(LEFT_PX, this.#y(placeOf(medianMs)) - 0.5, right - LEFT_PX, 1);
    }
    context.globalAlpha = 1;
  }

  #drawScale(context: CanvasRenderingContext2D, lines: string, words: string): void {
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const ms of LINES_MS) {
      const y = Math.round(this.#y(placeOf(ms))) - 0.5;
      context.fillStyle = lines;
      context.fillRect(LEFT_PX, y, this.#width - LEFT_PX, 1);
      context.fillStyle = words;
      context.fillText(ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`, LEFT_PX - 8, y);
    }
  }

  /** Where a place of the scale is, from the top. */
  #y(place: number): number {
    return this.#height - PAD_PX - place * (this.#height - 2 * PAD_PX);
  }
}

/** Where on the scale a time is: 0 at its bottom, 1 at its top. */
function placeOf(ms: number): number {
  return Math.min(1, Math.max(0, Math.log(ms / LEAST_MS) / SPAN));
}
