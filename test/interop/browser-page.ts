// Runs in the page of a browser, where `peers/chromium.ts` calls `interop`.
import { W3cEnd, type W3cSocket } from "./w3c-end.js";

declare const WebSocket: new (url: string, protocols: readonly string[]) => W3cSocket;

/** What the page tells of an end that it has opened. */
export interface PageEnd {
  readonly index: number;
  readonly protocol: string;
  readonly extensions: string;
}

const ends: W3cEnd[] = [];

/** What the page offers to the test. */
export const interop = {
  async connect(url: string, protocols: readonly string[]): Promise<PageEnd> {
    const end = await new W3cEnd(new WebSocket(url, protocols)).opened();
    ends.push(end);
    return { index: ends.length - 1, protocol: end.protocol, extensions: end.extensions };
  },
  call(index: number, method: "send" | "receive" | "close" | "closed", ...values: never[]): Promise<unknown> {
    const action: (...values: never[]) => Promise<unknown> = ends[index]![method];
    return action.apply(ends[index], values);
  },
};

Object.assign(globalThis, { interop });
