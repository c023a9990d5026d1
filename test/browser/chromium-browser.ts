import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import type { PageEmulation, ProofBrowser, ProofPage } from "./proof-browser.js";

/** Chromium, by playwright. */
export class ChromiumBrowser implements ProofBrowser {
  readonly browser: Browser;

  private constructor(browser: Browser) {
    this.browser = browser;
  }

  static async start(executablePath: string): Promise<ChromiumBrowser> {
    return new ChromiumBrowser(
      await chromium.launch({
        executablePath,
        args: [...CHROMIUM_FLAGS],
        ignoreDefaultArgs: ["--disable-back-forward-cache"], // a browser of a user has it
      }),
    );
  }

  get name(): string {
    return `Chromium ${this.browser.version()}`;
  }

  async open(): Promise<ProofPage> {
    const context = await this.browser.newContext();
    return ChromiumPage.of(await context.newPage());
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}

class ChromiumPage implements ProofPage {
  readonly emulation: PageEmulation;
  readonly #page: Page;

  private constructor(page: Page, emulation: PageEmulation) {
    this.#page = page;
    this.emulation = emulation;
  }

  static async of(page: Page): Promise<ChromiumPage> {
    const cdp = await page.context().newCDPSession(page);
    return new ChromiumPage(page, {
      async setFrozen(isFrozen) {
        await cdp.send("Page.setWebLifecycleState", { state: isFrozen ? "frozen" : "active" });
      },
      setOffline: (isOffline) => page.context().setOffline(isOffline),
    });
  }

  async goto(url: string): Promise<void> {
    await this.#page.goto(url);
  }

  async back(): Promise<void> {
    const { pathname } = new URL(this.#page.url());
    await this.#page.evaluate(() => history.back());
    await this.#page.waitForURL((url) => url.pathname !== pathname, { waitUntil: "commit" });
  }

  call<A, R>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R> {
    return this.#page.evaluate(run as (argument: unknown) => R | Promise<R>, argument);
  }

  async beside(): Promise<ProofPage> {
    return ChromiumPage.of(await this.#page.context().newPage());
  }

  close(): Promise<void> {
    return this.#page.close({ runBeforeUnload: true });
  }
}
