// Takes the network away from this page, and gives it back: what flight mode does, for one tab.

const NativeWebSocket = globalThis.WebSocket;
const nativeFetch = globalThis.fetch;

/** Aborted as long as there is no network. */
let offline = new AbortController();
let isOffline = false;
const open = new Set<SwitchedWebSocket>();

class SwitchedWebSocket extends NativeWebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    open.add(this);
    this.addEventListener("close", () => open.delete(this));
  }

  /** It is gone, and nothing of it is heard any more. */
  vanish(): void {
    open.delete(this);
    this.dispatchEvent(new CloseEvent("close", { code: 1006 }));
    this.onopen = this.onmessage = this.onclose = this.onerror = null;
    this.close();
  }
}

/** What a WebSocket is without a network: it never opens. No request leaves. */
class UnreachableWebSocket {
  readonly bufferedAmount = 0;
  binaryType: BinaryType = "blob";
  readyState: number = NativeWebSocket.CONNECTING;
  onopen: unknown = null;
  onmessage: unknown = null;
  onclose: ((event: CloseEvent) => void) | null = null;

  constructor() {
    setTimeout(() => {
      this.readyState = NativeWebSocket.CLOSED;
      this.onclose?.(new CloseEvent("close", { code: 1006 }));
    });
  }

  send(): void {}
  close(): void {}
}

/** Puts the switch before everything in this page that uses the network from now on. */
export function installNetworkSwitch(): void {
  globalThis.WebSocket = new Proxy(NativeWebSocket, {
    construct: (_class, [url, protocols]: [string | URL, (string | string[])?]) =>
      isOffline ? new UnreachableWebSocket() : new SwitchedWebSocket(url, protocols),
  });
  globalThis.fetch = (input, init = {}) => {
    const signals = [offline.signal, ...(init.signal ? [init.signal] : [])];
    return nativeFetch(input, { ...init, signal: AbortSignal.any(signals) });
  };
  Object.defineProperty(navigator, "onLine", { get: () => !isOffline, configurable: true });
}

/** Switches it, and tells the page so, as a browser does. */
export function setOffline(value: boolean): void {
  if (isOffline === value) return;
  isOffline = value;
  if (isOffline) {
    offline.abort(new TypeError("Failed to fetch: offline"));
    for (const socket of open) socket.vanish();
  } else {
    offline = new AbortController();
  }
  dispatchEvent(new Event(isOffline ? "offline" : "online"));
}
