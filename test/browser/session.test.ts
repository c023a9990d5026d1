import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { TransportName } from "hawser";
import { type Browser, chromium } from "playwright-core";
import { BUNDLES, bundle } from "#scripts/bundle.js";
import { projectPath } from "#scripts/project-root.js";
import { HttpFaultProxy } from "#testbed/http-fault-proxy.js";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import { describeWith } from "../support/requirements.js";
import { until } from "../support/until.js";
import { SCENARIOS, SHORT_PROOF } from "./session-proof.js";
import { SessionSite } from "./session-site.js";
import { SessionTab } from "./session-tab.js";

const TRANSPORTS: readonly TransportName[] = ["websocket", "stream", "sse", "long-polling", "polling"];

describeWith("chromium", "sessions in Chromium", (executablePath) => {
  let browser: Browser;

  before(async () => {
    browser = await chromium.launch({
      executablePath,
      args: [...CHROMIUM_FLAGS],
      ignoreDefaultArgs: ["--disable-back-forward-cache"], // a browser of a user has it
    });
  });

  after(() => browser?.close());

  // Most of their time they wait.
  describe("lose, double and reorder nothing", { concurrency: 4 }, () => {
    for (const { name, run } of SCENARIOS) {
      it(name, async () => {
        const { counts, resets, errors } = await run(browser, SHORT_PROOF);
        assert.deepEqual(counts, { lost: 0, doubled: 0, reordered: 0, altered: 0 });
        assert.deepEqual(errors, []);
        assert.equal(resets, name.startsWith("the server is killed") ? 1 : 0);
      });
    }
  });

  describe("where pages come from and go to", { concurrency: 4 }, () => {
    for (const transport of TRANSPORTS) {
      it(`has a session with another origin over ${transport}, if that is allowed`, async () => {
        await using pages = await SessionSite.start();
        const origin = `http://localhost:${pages.port}`;
        await using site = await SessionSite.start({ origins: [origin] });
        const tab = await SessionTab.open(await browser.newContext(), `${origin}/`);
        await tab.start(`http://127.0.0.1:${site.port}/live`, { transports: [transport] });
        await tab.send(20);
        await until(() => site.sessions[0]?.tally.got === 20, "all has come");
        await site.send(site.sessions[0]!, 20);
        const { state } = await tab.until(({ got }) => got === 20, "all has come");
        assert.deepEqual(state, { status: "live", transport });
        await tab.page.close();
      });

      it(`is closed at the server when its tab is, over ${transport}`, async () => {
        await using site = await SessionSite.start();
        const tab = await SessionTab.open(await browser.newContext(), `http://127.0.0.1:${site.port}/`);
        await tab.start("/live", { transports: [transport] });
        await tab.send(1);
        await until(() => site.sessions[0]?.tally.got === 1, "it has come");
        await tab.page.close({ runBeforeUnload: true });
        const { events } = site.sessions[0]!;
        await until(() => events.includes("reset 4400"), "the page said that it was left");
        assert.equal(site.hub.sessions.size, 0);
      });
    }

    it("says that it is left also while a request of its is on its way", async () => {
      await using site = await SessionSite.start();
      await using proxy = await HttpFaultProxy.start(site.port);
      const tab = await SessionTab.open(await browser.newContext(), `http://127.0.0.1:${proxy.port}/`);
      await tab.start("/live", { transports: ["long-polling"] });
      await tab.send(1);
      await until(() => site.sessions[0]?.tally.got === 1, "it has come");
      await tab.until(({ state }) => state.status === "live", "it is live");
      proxy.setFaults({ holdsAnswers: true, holdsRequestsAboveBytes: 10_000 });
      await tab.send(60); // some of them long
      await until(() => proxy.heldRequests > 0, "a request is on its way");
      await tab.page.close({ runBeforeUnload: true });
      await until(() => site.sessions[0]!.events.includes("reset 4400"), "the page said that it was left");
    });

    const module = 'type="module">import * as hawser from "FILE"; globalThis.hawser = hawser;';
    for (const [name, source, format, script] of [
      ["a module", BUNDLES.everything, "esm", module],
      ["a script with a global", BUNDLES.everything, "iife", 'src="FILE">'],
      ["a module with a WebSocket only", BUNDLES.webSocketOnly, "esm", module],
    ] as const) {
      it(`is one file for a page without a bundler: ${name}`, async () => {
        const file = ["build", "test", "browser", `hawser.${name.replaceAll(" ", "-")}.js`];
        await writeFile(projectPath(...file), await bundle(source, format));
        await using site = await SessionSite.start({}, 0, {
          "/plain": `<script ${script.replace("FILE", `/${file.join("/")}`)}</script>`,
        });
        const page = await browser.newPage();
        await page.goto(`http://127.0.0.1:${site.port}/plain`);
        await page.waitForFunction(() => "hawser" in globalThis);
        const session = await page.evaluateHandle(() =>
          (globalThis as unknown as { hawser: typeof import("hawser") }).hawser.connect("/live", {
            reconnectDelayMs: 20,
          }),
        );
        await session.evaluate((one) => one.send("plain"));
        await until(() => site.sessions[0]?.raw[0] === "plain", "it has come");
        site.cut();
        await session.evaluate((one) => one.send("again"));
        await until(() => site.sessions[0]?.raw[1] === "again", "it has come over another connection");
        await page.close();
      });
    }

    it("goes on behind the back/forward cache", async () => {
      await using site = await SessionSite.start();
      const url = `http://127.0.0.1:${site.port}/`;
      const tab = await SessionTab.open(await browser.newContext(), url);
      await tab.start("/live", { transports: ["websocket"] });
      await tab.send(5);
      await tab.page.goto(`${url}other`);
      await site.send(site.sessions[0]!, 5);
      await tab.page.evaluate(() => history.back());
      await tab.page.waitForURL(url, { waitUntil: "commit" });
      const { got, resets } = await tab.until(
        ({ state, got }) => state.status === "live" && got === 5,
        "it is back",
      );
      assert.deepEqual([got, resets], [5, []]);
      assert.deepEqual(site.sessions[0]!.tally.counts(5).lost, 0);
      assert.equal(site.sessions.length, 1);
      await tab.page.close();
    });
  });
});
