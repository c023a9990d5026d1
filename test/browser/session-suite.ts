import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { Session, TransportName } from "hawser";
import { BUNDLES, bundle } from "#scripts/bundle.js";
import { projectPath } from "#scripts/project-root.js";
import { HttpFaultProxy } from "#testbed/http-fault-proxy.js";
import { until } from "../support/until.js";
import type { ProofBrowser } from "./proof-browser.js";
import { SCENARIOS, SHORT_PROOF } from "./session-proof.js";
import { SessionSite } from "./session-site.js";
import { SessionTab } from "./session-tab.js";

const TRANSPORTS: readonly TransportName[] = ["websocket", "stream", "sse", "long-polling", "polling"];

export interface BrowserSuite {
  start(): Promise<ProofBrowser>;
  /** Whether its driver can freeze pages and take the network away. */
  readonly isEmulated: boolean;
  /** Whether it keeps a page with a WebSocket for a user who comes back. */
  readonly keepsPages: boolean;
  /** Of how many pages that are left one says so: Firefox may end a page before what it said has left. Default: 1. */
  readonly maxVisits?: number;
}

/** What sessions of pages have to do in every browser, as tests of the suite that this is called in. */
export function sessionsOfPages({ start, isEmulated, keepsPages, maxVisits = 1 }: BrowserSuite): void {
  let browser: ProofBrowser;

  before(async () => {
    browser = await start();
  });

  after(() => browser?.close());

  /** A page with a session. */
  async function open(url: string): Promise<SessionTab> {
    return SessionTab.open(await browser.open(), url);
  }

  /** The server is told that a page was left, which `visit` shows; or the page goes on, and `visit` says so. */
  async function toldOf(
    { sessions, port }: SessionSite,
    visit: (url: string, index: number) => Promise<boolean>,
  ): Promise<void> {
    for (let tabs = 1; ; tabs++) {
      if (await visit(`http://127.0.0.1:${port}/`, tabs - 1)) return;
      assert.equal(sessions.length, tabs);
      const { events } = sessions.at(-1)!;
      try {
        const patienceMs = tabs < maxVisits ? 1_000 : undefined;
        await until(() => events.includes("reset 4400"), "the page said that it was left", patienceMs);
        return;
      } catch (error) {
        if (tabs === maxVisits) throw error;
      }
    }
  }

  // Most of their time they wait.
  describe("lose, double and reorder nothing", { concurrency: 4 }, () => {
    for (const { name, run } of SCENARIOS.filter((one) => isEmulated || one.isEmulated !== true)) {
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
        const tab = await open(`${origin}/`);
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
        await toldOf(site, async (url, index) => {
          const tab = await open(url);
          await tab.start("/live", { transports: [transport] });
          await tab.send(1);
          await until(() => site.sessions[index]?.tally.got === 1, "it has come");
          await tab.page.close();
          return false;
        });
        const told = site.sessions.filter(({ events }) => events.includes("reset 4400"));
        assert.equal(site.hub.sessions.size, site.sessions.length - told.length);
      });
    }

    it("says that it is left also while a request of its is on its way", async () => {
      await using site = await SessionSite.start();
      await using proxy = await HttpFaultProxy.start(site.port);
      await toldOf(site, async (_url, index) => {
        proxy.setFaults({});
        const tab = await open(`http://127.0.0.1:${proxy.port}/`);
        await tab.start("/live", { transports: ["long-polling"] });
        await tab.send(1);
        await until(() => site.sessions[index]?.tally.got === 1, "it has come");
        await tab.until(({ state }) => state.status === "live", "it is live");
        proxy.setFaults({ holdsAnswers: true, holdsRequestsAboveBytes: 10_000 });
        const held = proxy.heldRequests;
        await tab.send(60); // some of them long
        await until(() => proxy.heldRequests > held, "a request is on its way");
        await tab.page.close();
        return false;
      });
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
        const page = await browser.open();
        await page.goto(`http://127.0.0.1:${site.port}/plain`);
        await until(() => page.call(() => "hawser" in globalThis, undefined), "the file has run");
        const send = (text: string): Promise<void> =>
          page.call((data) => {
            const { hawser } = globalThis as unknown as { hawser: typeof import("hawser") };
            const it = globalThis as unknown as { session?: Session };
            it.session ??= hawser.connect("/live", { reconnectDelayMs: 20 });
            it.session.send(data);
          }, text);
        await send("plain");
        await until(() => site.sessions[0]?.raw[0] === "plain", "it has come");
        site.cut();
        await send("again");
        await until(() => site.sessions[0]?.raw[1] === "again", "it has come over another connection");
        await page.close();
      });
    }

    for (const transport of TRANSPORTS) {
      it(`goes on when the user comes back, or tells that it was left: ${transport}`, async () => {
        await using site = await SessionSite.start();
        const transports: TransportName[] = transport === "websocket" ? [transport, "polling"] : [transport];
        await toldOf(site, async (url, index) => {
          const tab = await open(url);
          await tab.start("/live", { transports, reconnectDelayMs: 20 });
          await tab.send(5);
          await until(() => site.sessions[index]?.tally.got === 5, "it has come");
          await tab.page.goto(`${url}other`);
          await site.send(site.sessions[index]!, 5);
          await tab.page.back();
          const isKept = await tab.isKept();
          if (transport === "websocket") assert.equal(isKept, keepsPages);
          if (isKept) {
            const { got, resets } = await tab.until(
              ({ state, got }) => state.status === "live" && got === 5,
              "it is back",
            );
            assert.deepEqual([got, resets], [5, []]);
          }
          await tab.page.close();
          return isKept;
        });
        for (const { tally } of site.sessions) assert.equal(tally.counts(5).lost, 0);
      });
    }
  });
}
