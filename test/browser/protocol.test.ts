import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { it } from "node:test";
import { chromium } from "playwright-core";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import { describeWith } from "../support/requirements.js";
import type { run } from "./protocol-page.js";

/** Module specifiers that a browser cannot resolve by itself. */
const IMPORT_MAP = { imports: { "hawser/protocol": "/dist/entry/protocol.js" } };
const PAGE = `<!doctype html><script type="importmap">${JSON.stringify(IMPORT_MAP)}</script>
<script type="module" src="/build/test/browser/protocol-page.js"></script>`;

describeWith("chromium", "hawser/protocol in a browser", (executablePath) => {
  it("is loaded as it is published, and does a handshake, an echo and a close", async () => {
    const root = new URL("../../../", import.meta.url);
    const http = createServer(async (request, response) => {
      const path = request.url ?? "/";
      if (path === "/") response.setHeader("content-type", "text/html").end(PAGE);
      else if (path.endsWith(".js")) {
        response.setHeader("content-type", "text/javascript").end(await readFile(new URL(`.${path}`, root)));
      } else response.writeHead(404).end();
    }).listen(0, "127.0.0.1");
    await once(http, "listening");
    const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
    try {
      const page = await browser.newPage();
      const failures: string[] = [];
      page.on("pageerror", (error) => failures.push(error.message));
      await page.goto(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`);
      await page.waitForFunction(() => "run" in globalThis);
      const result = await page.evaluate(() => (globalThis as unknown as { run: typeof run }).run());
      assert.deepEqual(failures, []);
      assert.match(result.accept, /^HTTP\/1\.1 101 [\s\S]*Sec-WebSocket-Accept: [\w+/]{27}=\r\n/);
      assert.deepEqual(result.messages, ["hé😀", "echo: hé😀"]);
      assert.deepEqual([result.wasClean, result.code], [true, 1000]);
    } finally {
      await browser.close();
      http.close();
      http.closeAllConnections();
      await once(http, "close");
    }
  });
});
