import { setTimeout as delay } from "node:timers/promises";
import type { ConnectOptions } from "hawser";
import { until } from "../support/until.js";
import type { TallyCounts } from "./number-tally.js";
import type { ProofPage } from "./proof-browser.js";
import type { PageReport, PageSession } from "./session-page.js";

/** Far more than anything here takes. */
const PATIENCE_MS = 60_000;

type WithPage = { readonly page: PageSession };

/** A tab with a page of {@link PageSession} in it. */
export class SessionTab {
  readonly page: ProofPage;

  private constructor(page: ProofPage) {
    this.page = page;
  }

  static async open(page: ProofPage, url: string): Promise<SessionTab> {
    await page.goto(url);
    await until(() => page.call(() => "page" in globalThis, undefined), "the page's script has run");
    return new SessionTab(page);
  }

  start(url: string, options: ConnectOptions = {}): Promise<void> {
    return this.page.call(({ to, with_ }) => (globalThis as unknown as WithPage).page.start(to, with_), {
      to: url,
      with_: options as object,
    });
  }

  send(count: number): Promise<void> {
    return this.page.call((n) => (globalThis as unknown as WithPage).page.send(n), count);
  }

  pump(count: number, everyMs: number): Promise<void> {
    return this.page.call(({ n, ms }) => (globalThis as unknown as WithPage).page.pump(n, ms), {
      n: count,
      ms: everyMs,
    });
  }

  report(): Promise<PageReport> {
    return this.page.call(() => (globalThis as unknown as WithPage).page.report(), undefined);
  }

  counts(sent: number): Promise<TallyCounts> {
    return this.page.call((n) => (globalThis as unknown as WithPage).page.counts(n), sent);
  }

  /** Whether the page is the one that it was, behind a step in the tab's history. Waits until it is there. */
  async isKept(): Promise<boolean> {
    let isKept: boolean | undefined;
    await until(async () => {
      try {
        isKept = await this.page.call(() => {
          const { page } = globalThis as unknown as { page?: PageSession };
          return page === undefined ? undefined : page.session !== undefined;
        }, undefined);
      } catch {
        // It is on its way.
      }
      return isKept !== undefined;
    }, "the page is there");
    return isKept!;
  }

  /** Waits until what the page says fits. */
  async until(fits: (report: PageReport) => boolean, what: string): Promise<PageReport> {
    const givesUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      const report = await this.report();
      if (fits(report)) return report;
      if (performance.now() > givesUpAt)
        throw new Error(`never happened: ${what}; ${JSON.stringify(report)}`);
      await delay(20);
    }
  }
}
