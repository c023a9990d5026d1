import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";

/** A tab with the demo in it, in a browser profile of its own. */
export class ChatPage {
  readonly page: Page;
  readonly state: Locator;
  readonly transcript: Locator;
  readonly rows: Locator;
  /** Whatever went wrong in the page. */
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    this.state = page.locator("#state-text");
    this.transcript = page.locator("#transcript");
    this.rows = page.locator("#rows tr");
    page.on("pageerror", (error) => this.errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
  }

  static async open(
    browser: Browser,
    url: string,
    name: string,
    options: BrowserContextOptions = {},
  ): Promise<ChatPage> {
    const context = await browser.newContext(options);
    const chat = new ChatPage(await context.newPage());
    await chat.page.goto(url);
    await chat.isOpen();
    await chat.rename(name);
    return chat;
  }

  async isOpen(): Promise<void> {
    await this.page.locator('#state[data-state="open"]').waitFor();
  }

  async isClosed(): Promise<string> {
    await this.page.locator('#state[data-state="closed"]').waitFor();
    return (await this.state.textContent()) ?? "";
  }

  async rename(name: string): Promise<void> {
    await this.page.getByLabel("You are").fill(name);
    await this.page.keyboard.press("Enter");
    await this.page.locator("#people").getByText(`${name} (you)`, { exact: true }).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** The message with this text, once it is there. */
  async entry(text: string): Promise<Locator> {
    const entry = this.transcript.locator(".entry").filter({ hasText: text });
    await entry.waitFor();
    return entry;
  }

  /** The texts of the rows of the strip, once one of them fits. */
  async rowLike(pattern: RegExp): Promise<string> {
    const row = this.rows.filter({ hasText: pattern }).first();
    await row.waitFor({ state: "attached" });
    return (await row.textContent()) ?? "";
  }

  async overflowPx(): Promise<number> {
    return this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
