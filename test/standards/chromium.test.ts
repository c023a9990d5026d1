import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { basename } from "node:path";
import { it, type TestContext } from "node:test";
import { CloseEvent, WebSocket, WebSocketError, WebSocketStream } from "hawser/client";
import { chromium, type Page } from "playwright-core";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import { describeWith } from "../support/requirements.js";
import { interfaceShapes } from "./interface-shape.js";
import { backpressureBothWays } from "./stream-pressure-test.js";
import { type Outcomes, type StreamClasses, streamScenarios } from "./stream-scenarios.js";
import { streamServer } from "./stream-server.js";

const PAGE = `<!doctype html><link rel="icon" href="data:,"><script type="module" src="/standards-page.js"></script>`;

/** Starts the browser; what is returned opens a page in it. */
async function startBrowser(t: TestContext, executablePath: string): Promise<() => Promise<Page>> {
  const http = createServer(async (request, response) => {
    const name = basename(request.url ?? "");
    if (name === "") response.setHeader("content-type", "text/html").end(PAGE);
    else {
      const script = await readFile(new URL(name, import.meta.url));
      response.setHeader("content-type", "text/javascript").end(script);
    }
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
  t.after(async () => {
    await browser.close();
    http.close();
    http.closeAllConnections();
  });
  return async () => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`);
    await page.waitForFunction("globalThis.standards");
    return page;
  };
}

/**
 * Chromium 156 crashes now and then in its own WebSocketStream, which says nothing of ours: then it begins anew, in another
 * page.
 */
async function withoutCrash<T>(open: () => Promise<Page>, use: (page: Page) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const page = await open();
    try {
      return await use(page);
    } catch (error) {
      if (attempt === 5 || !(error instanceof Error && /crashed/.test(error.message))) throw error;
    }
  }
}

describeWith("chromium", "the interfaces beside those of Chromium", (executablePath) => {
  it("have the same members; a WebSocketStream does the same in every scenario, with the same backpressure", async (t) => {
    const open = await startBrowser(t, executablePath);
    const shapes = await (await open()).evaluate("standards.shapes()");
    // Property by property, in any order.
    assert.deepEqual(interfaceShapes({ WebSocket, CloseEvent, WebSocketStream, WebSocketError }), shapes);

    const server = await streamServer(t);
    // Not a free port, which some other test may have taken by then.
    const mute = createTcpServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    t.after(() => mute.close());
    await once(mute, "listening");
    const deadUrl = `ws://127.0.0.1:${(mute.address() as AddressInfo).port}/`;
    const [url, dead] = [JSON.stringify(server.url), JSON.stringify(deadUrl)];
    const theirs = await withoutCrash(
      open,
      (page) => page.evaluate(`standards.scenarios(${url}, ${dead})`) as Promise<Outcomes>,
    );
    const classes = { WebSocketStream, WebSocketError } as unknown as StreamClasses;
    const ours = JSON.parse(JSON.stringify(await streamScenarios(classes, server.url, deadUrl)));
    assert.deepEqual(Object.keys(ours), Object.keys(theirs));
    assert.deepEqual(ours, theirs);
    assert.ok(Object.keys(ours).length > 100);

    await withoutCrash(open, async (page) => {
      const call = (name: string, ...values: unknown[]): Promise<never> =>
        page.evaluate(`standards.${name}(${values.map((value) => JSON.stringify(value)).join()})`);
      await backpressureBothWays(t, {
        open: (...values) => call("open", ...values),
        startWriting: (...values) => call("startWriting", ...values),
        written: () => call("written"),
        read: (...values) => call("read", ...values),
        close: () => call("close"),
      });
    });
  });
});
