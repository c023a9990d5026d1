import type { ClientHost, HostChange } from "../session/client-host-port.js";

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
};

function watchPage(listener: (change: HostChange) => void): () => void {
  const stop = new AbortController();
  const page = globalThis.document as Document | undefined;
  const on = (
    target: EventTarget | undefined,
    type: string,
    change: (event: Event) => HostChange | false,
  ): void =>
    target?.addEventListener(
      type,
      (event) => {
        const what = change(event);
        if (what) listener(what);
      },
      stop,
    );
  const isPersisted = (event: Event): boolean => (event as PageTransitionEvent).persisted;
  on(globalThis as unknown as EventTarget, "online", () => "online");
  on(globalThis as unknown as EventTarget, "offline", () => "offline");
  on(globalThis as unknown as EventTarget, "pageshow", (event) => isPersisted(event) && "restored");
  on(globalThis as unknown as EventTarget, "pagehide", (event) => !isPersisted(event) && "unload");
  on(page, "visibilitychange", () => page?.visibilityState === "visible" && "visible");
  on(page, "resume", () => "visible");
  return () => stop.abort();
}
