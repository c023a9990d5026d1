import { setTimeout as delay } from "node:timers/promises";
import type { ConnectOptions } from "hawser";
import type { BrowserContext, CDPSession, Page } from "playwright-core";
import type { TallyCounts } from "./number-tally.js";
import type { PageReport, PageSession } from "./session-page.js";

/** Far more than anything here takes. */
const PATIENCE_MS = 60_000;

type WithPage = { readonly page: PageSession };

/** A tab with a page of {@link PageSession} in it. */
export class SessionTab {
  readonly page: Page;
  readonly cdp: CDPSession;

  private constructor(page: Page, cdp: CDPSession) {
    this.page = page;
    this.cdp = cdp;
  }

  static async open(context: BrowserContext, url: string): Promise<SessionTab> {
    const page = await context.newPage();
    const tab = new SessionTab(page, await context.newCDPSession(page));
    await page.goto(url);
    await page.waitForFunction(() => "page" in globalThis);
    return tab;
  }

  start(url: string, options: ConnectOptions = {}): Promise<void> {
    return this.page.evaluate(([to, with_]) => (globalThis as unknown as WithPage).page.start(to, with_), [
      url,
      options as object,
    ] as const);
  }

  send(count: number): Promise<void> {
    return this.page.evaluate((n) => (globalThis as unknown as WithPage).page.send(n), count);
  }

  pump(count: number, everyMs: number): Promise<void> {
    return this.page.evaluate(([n, ms]) => (globalThis as unknown as WithPage).page.pump(n, ms), [
      count,
      everyMs,
    ] as const);
  }

  report(): Promise<PageReport> {
    return this.page.evaluate(() => (globalThis as unknown as WithPage).page.report());
  }

  counts(sent: number): Promise<TallyCounts> {
    return this.page.evaluate((n) => (globalThis as unknown as WithPage).page.counts(n), sent);
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
