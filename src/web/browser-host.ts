import type { ClientHost, HostChange } from "../session/client-host-port.js";

/** Where pages of one origin remember things, until the browser is closed. */
const MEMORY_PREFIX = "hawser ";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The host of sessions in a page or a worker. */
export const browserHost: ClientHost = {
  nowMs: () => performance.now(),
  random: () => Math.random(),
  randomBytes: (byteLength) => crypto.getRandomValues(new Uint8Array(byteLength)),
  allocate: (byteLength) => new Uint8Array(byteLength),
  utf8Write: (text, bytes, position) => encoder.encodeInto(text, bytes.subarray(position)).written,
  utf8Decode(bytes, start, end) {
    try {
      return decoder.decode(bytes.subarray(start, end) as Uint8Array<ArrayBuffer>);
    } catch {
      return undefined;
    }
  },
  setTimer: (call, delayMs) => setTimeout(call, delayMs),
  clearTimer: (timer) => clearTimeout(timer as number),
  afterTurn: (call) => queueMicrotask(call),
  // Not from `timeOrigin`: clocks are set, and the other one stands still while the machine sleeps.
  dateMs: (nowMs) => Date.now() + nowMs - performance.now(),
  isOffline: () => navigator.onLine === false,
  watch: watchPage,
  // As what a listener throws: it is in the console, and `window.onerror` hears of it.
  report(error) {
    setTimeout(() => {
      throw error;
    });
  },
  recall(key) {
    try {
      return localStorage.getItem(MEMORY_PREFIX + key) ?? undefined;
    } catch {
      return undefined; // a worker, or a page that may not
    }
  },
  remember(key, value) {
    try {
      localStorage.setItem(MEMORY_PREFIX + key, value);
    } catch {
      // It is only a hint.
    }
  },
};

function watchPage(listener: (change: HostChange) => void): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const on = (target: EventTarget | undefined, type: string, tell: (event: Event) => void): void =>
    target?.addEventListener(type, tell, { signal });
  const page = globalThis.document as Document | undefined;
  on(globalThis as unknown as EventTarget, "online", () => listener("online"));
  on(globalThis as unknown as EventTarget, "offline", () => listener("offline"));
  on(page, "visibilitychange", () => {
    if (page?.visibilityState === "visible") listener("visible");
  });
  on(page, "resume", () => listener("visible"));
  on(globalThis as unknown as EventTarget, "pageshow", (event) => {
    if ((event as PageTransitionEvent).persisted) listener("restored");
  });
  on(globalThis as unknown as EventTarget, "pagehide", (event) => {
    if (!(event as PageTransitionEvent).persisted) listener("unload");
  });
  return () => stop.abort();
}
