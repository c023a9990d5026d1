import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { TransportName } from "hawser";
import { memoryBroker } from "hawser/server";
import { describeWith } from "../support/requirements.js";
import { RoundRobin } from "../support/session/round-robin.js";
import { until } from "../support/until.js";
import { ChromiumBrowser } from "./chromium-browser.js";
import type { ProofBrowser } from "./proof-browser.js";
import { SessionSite } from "./session-site.js";
import { SessionTab } from "./session-tab.js";

const TRANSPORTS: readonly TransportName[] = ["websocket", "stream", "sse", "long-polling", "polling"];
const NOTHING_WRONG = { lost: 0, doubled: 0, reordered: 0, altered: 0 };

describeWith("chromium", "sessions of pages over several nodes", (executablePath) => {
  let browser: ProofBrowser;

  before(async () => {
    browser = await ChromiumBrowser.start(executablePath);
  });

  after(() => browser?.close());

  describe("and a balancer that is not sticky", { concurrency: 3 }, () => {
    for (const transport of TRANSPORTS) {
      it(`lose, double and reorder nothing, and end when the page is left: ${transport}`, async () => {
        const broker = memoryBroker();
        await using one = await SessionSite.start({ broker });
        await using other = await SessionSite.start({ broker });
        const sites = [one, other];
        const balancer = await RoundRobin.open(sites.map(({ port }) => port));
        const tab = await SessionTab.open(await browser.open(), balancer.url.replace("ws:", "http:"));
        await tab.start("/live", { transports: [transport] });
        const seen = (): (typeof one.sessions)[0] | undefined => sites.flatMap(({ sessions }) => sessions)[0];
        for (let round = 0; round < 3; round++) {
          const sent = 40 * (round + 1);
          await tab.send(40);
          await until(() => seen() !== undefined, "it is there");
          const sending = one.send(seen()!, 40);
          if (round < 2) balancer.cut();
          await sending;
          await until(() => seen()!.tally.got === sent, "all came to the server");
          await tab.until(({ got }) => got === sent, "all came to the page");
        }
        const { got: _up, ...up } = seen()!.tally.counts(120);
        const { got: _down, ...down } = await tab.counts(120);
        assert.deepEqual([up, down], [NOTHING_WRONG, NOTHING_WRONG]);
        const { resets, errors } = await tab.report();
        assert.deepEqual([resets, errors, sites.flatMap(({ sessions }) => sessions).length], [[], [], 1]);
        const relayed = sites.reduce(
          (sum, { hub }) => sum + hub.counts.relays.relayed + hub.counts.relays.requests,
          0,
        );
        assert.ok(relayed > 0, "it was at both nodes");
        await tab.page.close();
        await until(() => seen()!.events.includes("reset 4400"), "the page said that it was left");
        await balancer.close();
      });
    }
  });
});
