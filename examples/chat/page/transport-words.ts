import type { TransportName } from "hawser";

const WORDS: Readonly<Record<TransportName, string>> = {
  websocket: "WebSocket",
  stream: "streaming",
  sse: "Server-Sent Events",
  "long-polling": "long polling",
  polling: "polling",
};

/** `long-polling` as people write it in a sentence. */
export function transportInWords(name: TransportName): string {
  return WORDS[name];
}

/** And where it stands alone. */
export function transportAsTitle(name: TransportName): string {
  const words = WORDS[name];
  return words.charAt(0).toUpperCase() + words.slice(1);
}
