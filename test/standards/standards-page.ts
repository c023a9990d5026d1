// Runs in the page of a browser, for `chromium.test.ts`.
import { interfaceShapes } from "./interface-shape.js";
import { StreamPressure } from "./stream-pressure.js";
import { type StreamClasses, streamScenarios } from "./stream-scenarios.js";

const names = ["WebSocket", "CloseEvent", "WebSocketStream", "WebSocketError"] as const;
const classes = Object.fromEntries(
  names.map((name) => [name, (globalThis as unknown as Record<string, { prototype: object }>)[name]!]),
);

let pressure: StreamPressure | undefined;

/** What the page offers to the test. */
export const standards = {
  shapes: () => interfaceShapes(classes),
  scenarios: (url: string, deadUrl: string) =>
    streamScenarios(classes as unknown as StreamClasses, url, deadUrl),
  open: async (url: string) => {
    pressure = await StreamPressure.open(classes as unknown as StreamClasses, url);
  },
  written: () => pressure!.written,
  // The page is not to be waited for.
  startWriting: (count: number, byteLength: number) => void pressure!.write(count, byteLength),
  read: (byteLength: number) => pressure!.read(byteLength),
  close: () => pressure!.close(),
};

Object.assign(globalThis, { standards });
