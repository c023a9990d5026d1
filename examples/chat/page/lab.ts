import type { TransportName } from "hawser";
import { type LabSettings, RATES, SIZES, WAYS } from "../lab-messages.js";
import { Choice } from "./choice.js";
import { byId } from "./element.js";
import { LabRun } from "./lab-run.js";
import { byteCount, Lane, milliseconds } from "./lane.js";

/** Fifteen pictures a second are smooth enough for dots, and leave the machine to what is measured. */
const FRAME_MS = 66;
/** How often the sentence says something new. */
const FINDING_INTERVAL_MS = 2_000;

const lanes = new Map<TransportName, Lane>();
const rate = new Choice("rates", RATES, 5, () => (run.settings = settings()));
const size = new Choice("sizes", SIZES, 16, () => (run.settings = settings()));
const pause = byId("pause", HTMLButtonElement);
let isPaused = false;
let live = new Set<TransportName>();
/** What to subtract from the clock here to get that of the server. */
let clockAheadMs = Infinity;
let drawnAtMs = 0;

pause.onclick = () => {
  isPaused = !isPaused;
  pause.ariaPressed = String(isPaused);
  pause.textContent = isPaused ? "Go on" : "Pause";
  run.settings = settings();
};

const run = new LabRun(settings(), {
  began() {
    live = new Set();
    clockAheadMs = Infinity;
    for (const way of WAYS) lanes.set(way, new Lane(way));
    byId("lanes", HTMLElement).replaceChildren(...[...lanes.values()].map((lane) => lane.element));
    showState();
  },
  state(way, state) {
    const lane = lanes.get(way);
    if (lane !== undefined) lane.state = state;
    if (state.status === "live") live.add(way);
    else live.delete(way);
    showState();
  },
  report({ atMs, ways }) {
    // The report that took the least time on its way is nearest to the truth.
    clockAheadMs = Math.min(clockAheadMs, performance.now() - atMs);
    for (const [way, lane] of lanes) {
      const report = ways[way];
      if (report !== undefined) lane.add(atMs, report);
    }
    showNumbers();
  },
});
requestAnimationFrame(draw);
setInterval(showFinding, FINDING_INTERVAL_MS);

function settings(): LabSettings {
  return { messagesPerSecond: isPaused ? 0 : rate.value, messageBytes: size.value };
}

function showState(): void {
  const isLive = live.size === WAYS.length;
  byId("state", HTMLElement).dataset["state"] = isLive ? "live" : "connecting";
  byId("state-text", HTMLElement).textContent = `${live.size} of ${WAYS.length} ways are live`;
}

function draw(timeMs: number): void {
  requestAnimationFrame(draw);
  if (timeMs - drawnAtMs < FRAME_MS || clockAheadMs === Infinity) return;
  drawnAtMs = timeMs;
  for (const lane of lanes.values()) lane.draw(performance.now() - clockAheadMs);
}

function showNumbers(): void {
  const costs = [...lanes.values()].flatMap((lane) => lane.costs ?? []);
  const most = {
    requests: Math.max(1, ...costs.map(({ requests }) => requests)),
    overheadBytes: Math.max(1, ...costs.map((each) => each.overheadUpBytes + each.overheadDownBytes)),
  };
  for (const lane of lanes.values()) lane.showNumbers(most);
}

/** What is to be seen, in a sentence. */
function showFinding(): void {
  const overheadOf = (way: TransportName): number => {
    const costs = lanes.get(way)?.costs;
    return costs === undefined ? 0 : costs.overheadUpBytes + costs.overheadDownBytes;
  };
  const [best, stream, longPolling] = [
    overheadOf("websocket"),
    overheadOf("stream"),
    overheadOf("long-polling"),
  ];
  const waitMs = lanes.get("polling")?.medianMs;
  if (!(best > 0 && stream > 0 && longPolling > 0) || waitMs === undefined) return;
  const times = (bytes: number): string => `${Math.round(bytes / best).toLocaleString("en")} times`;
  byId("finding", HTMLElement).textContent =
    `Just now: around one message and its answer, the WebSocket needs ${byteCount(best)}. Streaming needs ${times(stream)} and ` +
    `long polling ${times(longPolling)} as much, and with polling a round trip takes ${milliseconds(waitMs)}.`;
}
