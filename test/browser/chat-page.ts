import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { until } from "../support/until.js";

/** A tab with the demo in it, in a browser profile of its own. */
export class ChatPage {
  readonly page: Page;
  readonly state: Locator;
  readonly transport: Locator;
  readonly transcript: Locator;
  readonly rows: Locator;
  /** Whatever went wrong in the page. */
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    this.state = page.locator("#state-text");
    this.transport = page.locator("#transport");
    this.transcript = page.locator("#transcript");
    this.rows = page.locator("#rows tr");
    page.on("pageerror", (error) => this.errors.push(error.message));
    page.on("console", (message) => {
      // The browser itself tells of what the buttons break: sockets that were cut, and transports that ended with them.
      const isBroken = /^WebSocket connection to .* failed|^Failed to load resource: (net::ERR_|.* 410 )/;
      if (message.type() === "error" && !isBroken.test(message.text())) this.errors.push(message.text());
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
    await chat.isLive();
    await chat.rename(name);
    return chat;
  }

  async isLive(): Promise<void> {
    await this.page.locator('#state[data-state="live"]').waitFor();
  }

  /** Waits until the session travels this way. */
  async travelsBy(transport: string): Promise<void> {
    await this.transport.filter({ hasText: transport }).waitFor();
  }

  async click(button: string): Promise<void> {
    await this.page.getByRole("button", { name: button, exact: true }).click();
  }

  /** How many numbered messages have come, each way. */
  async arrived(): Promise<{ up: number; down: number; sent: number }> {
    const up = (await this.page.locator("#up-arrived").textContent()) ?? "";
    const down = (await this.page.locator("#down-arrived").textContent()) ?? "";
    const [seen = NaN, sent = NaN] = up.split(" of ").map(Number);
    return { up: seen, sent, down: Number(down) };
  }

  /** Waits until so many more numbered messages have come, both ways. */
  async numbersGoOn(count = 3): Promise<void> {
    const before = await this.arrived();
    await until(async () => {
      const { up, down } = await this.arrived();
      return up >= before.up + count && down >= before.down + count;
    }, "more numbered messages, both ways");
  }

  /** What was lost, doubled and reordered: to the server, and to the page. */
  async faults(): Promise<string[]> {
    return this.page.locator(".numbers .count").allTextContents();
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
