import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import { describeWith } from "../support/requirements.js";
import { until } from "../support/until.js";
import { DemoServer } from "./demo-server.js";

const WAYS = ["websocket", "stream", "sse", "long-polling", "polling"] as const;

describeWith("chromium", "the transport lab in Chromium", (executablePath) => {
  let browser: Browser;
  let server: DemoServer;
  let page: Page;
  const errors: string[] = [];

  before(async () => {
    [browser, server] = await Promise.all([
      chromium.launch({ executablePath, headless: true, args: [...CHROMIUM_FLAGS] }),
      DemoServer.start(),
    ]);
    page = await browser.newPage();
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      // A transport that ends tells the requests that are still under way so.
      const isOver = /^Failed to load resource: (net::ERR_|.* 410 )/.test(message.text());
      if (message.type() === "error" && !isOver) errors.push(message.text());
    });
    await page.goto(`${server.url}/lab`);
  });

  after(async () => {
    await browser?.close();
    server?.signal("SIGKILL");
    await server?.ending();
  });

  /** The numbers of one way, once there are all of them. */
  async function figuresOf(
    way: string,
  ): Promise<{ medianMs: number; requests: number; overheadBytes: number }> {
    let figures: number[] = [];
    await until(async () => {
      const texts = await page.locator(`.lane[data-kind="${way}"] .figure`).allTextContents();
      figures = texts.map((text) => Number.parseFloat(text.replaceAll(",", "")));
      return figures.length === 3 && !figures.some(Number.isNaN);
    }, `the numbers of ${way}`);
    const [medianMs = NaN, requests = NaN, overheadBytes = NaN] = figures;
    return { medianMs, requests, overheadBytes };
  }

  it("has all five ways live at once, and says what each costs", async () => {
    await page.getByText("5 of 5 ways are live").waitFor();
    for (const way of WAYS) {
      const { medianMs, overheadBytes } = await figuresOf(way);
      assert.ok(medianMs > 0, `${way}: ${medianMs} ms`);
      assert.ok(overheadBytes > 0, `${way}: ${overheadBytes} B`);
      await page
        .getByRole("img", { name: /round trips in the last 30 seconds, half of them within/ })
        .nth(WAYS.indexOf(way))
        .waitFor();
    }
    await page
      .locator("#finding")
      .filter({ hasText: /^Just now: .* WebSocket needs \d+ B/ })
      .waitFor();
  });

  it("shows that a WebSocket needs no requests and few bytes, and the others many", async () => {
    await until(async () => {
      const webSocket = await figuresOf("websocket");
      return webSocket.requests < 0.1 && webSocket.overheadBytes < 100;
    }, "the opening is no longer counted");
    for (const way of ["stream", "sse", "long-polling"]) {
      const { requests, overheadBytes } = await figuresOf(way);
      assert.ok(requests > 0.1, `${way}: ${requests} requests`);
      assert.ok(overheadBytes > 100, `${way}: ${overheadBytes} B`);
    }
  });

  it("draws every round trip", async () => {
    for (const canvas of await page.locator(".lane canvas").all()) {
      const colours = await canvas.evaluate((element: HTMLCanvasElement) => {
        const { data } = element.getContext("2d")!.getImageData(0, 0, element.width, element.height);
        return new Set(new Uint32Array(data.buffer)).size;
      });
      assert.ok(colours > 5, `${colours} colours`);
    }
  });

  it("sends longer messages when it is told to, and pauses", async () => {
    await page.getByLabel("4,096").focus();
    await page.keyboard.press("Space");
    await until(async () => (await figuresOf("sse")).overheadBytes > 1_500, "base64 of 4,096 bytes shows");
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Go on" }).waitFor();
  });

  it("is not ended by requests of somebody else, which are refused", async () => {
    for (let i = 0; i < 100; i++) {
      const query = `run=${"z".repeat(16)}${i}`;
      const { status } = await fetch(`${server.url}/lab/live?${query}`, { method: "POST", body: "x" });
      assert.equal(status, 400);
    }
    await page.waitForTimeout(300);
    await page.getByText("5 of 5 ways are live").waitFor({ timeout: 5_000 });
    const [lab] = await page.locator("#finding").allTextContents();
    assert.match(lab ?? "", /^Just now: /);
  });

  it("fits a phone", async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it("begins again when the tab is shown again", async () => {
    await page.evaluate(() => {
      const show = (visibilityState: string): void => {
        Object.defineProperty(document, "visibilityState", { value: visibilityState, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      };
      show("hidden");
      show("visible");
    });
    await page.getByText("5 of 5 ways are live").waitFor();
    assert.equal(await page.locator(".lane").count(), 5);
  });

  it("logs no error", () => {
    assert.deepEqual(errors, []);
  });
});
