import type { ClientHost, HostChange } from "../session/client-host-port.js";

/** Browsers take no more: 2^31 - 1 ms. */
const MAX_TIMER_MS = 2_147_483_647;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The host of sessions in a page or a worker. */
export const browserHost: ClientHost = {
  nowMs: () => performance.now(),
  random: () => Math.random(),
  randomBytes: (byteLength) => crypto.getRandomValues(new Uint8Array(byteLength)),
  allocate: (byteLength) => new Uint8Array(byteLength),
  utf8Encode: (text) => encoder.encode(text),
  utf8Decode(bytes, start, end) {
    try {
      return decoder.decode(bytes.subarray(start, end) as Uint8Array<ArrayBuffer>);
    } catch {
      return undefined;
    }
  },
  setTimer: (call, delayMs) => setTimeout(call, Math.min(MAX_TIMER_MS, delayMs)),
  clearTimer: (timer) => clearTimeout(timer as number),
  afterTurn: (call) => queueMicrotask(call),
  dateMs: () => Date.now(),
  isOffline: () => globalThis.navigator?.onLine === false,
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
    change: HostChange,
    counts: (event: Event) => boolean = () => true,
  ): void => target?.addEventListener?.(type, (event) => void (counts(event) && listener(change)), stop);
  const world = globalThis as unknown as EventTarget;
  const isPersisted = (event: Event): boolean => (event as PageTransitionEvent).persisted;
  const isLeft = (event: Event): boolean => !isPersisted(event);
  on(world, "online", "online");
  on(world, "offline", "offline");
  on(world, "pageshow", "restored", isPersisted);
  // Firefox cuts off the first script that runs in a page that is left, in the middle and with nothing to catch. The next one runs.
  on(world, "pagehide", "unload", isLeft);
  on(world, "pagehide", "unload", isLeft);
  on(page, "visibilitychange", "visible", () => !page!.hidden);
  on(page, "resume", "visible");
  return () => stop.abort();
}
