import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Browser, chromium } from "playwright-core";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import { describeWith } from "../support/requirements.js";
import { until } from "../support/until.js";
import { ChatPage } from "./chat-page.js";
import { DemoServer } from "./demo-server.js";

/** A PNG of one transparent pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

/** What asks for a WebSocket. */
const HANDSHAKE: Readonly<Record<string, string>> = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Protocol": "hawser.1",
};

describeWith("chromium", "the demo in Chromium", (executablePath) => {
  let browser: Browser;
  let server: DemoServer;
  let ada: ChatPage;
  let grace: ChatPage;

  before(async () => {
    [browser, server] = await Promise.all([
      chromium.launch({ executablePath, headless: true, args: [...CHROMIUM_FLAGS] }),
      DemoServer.start(),
    ]);
    ada = await ChatPage.open(browser, server.url, "Ada");
    grace = await ChatPage.open(browser, server.url, "Grace");
  });

  after(async () => {
    await browser?.close();
    server?.signal("SIGKILL");
    await server?.ending();
  });

  it("welcomes, and shows what carries the session", async () => {
    await ada.transcript.getByText(/^Welcome, /).waitFor();
    assert.equal(await ada.state.textContent(), "Live over WebSocket");
    assert.equal(await ada.transport.textContent(), "WebSocket");
    await ada.page
      .locator("#round-trip")
      .filter({ hasText: /^\d+\.\d ms$/ })
      .waitFor();
  });

  it("shows a message in both tabs, with its time and the name of who wrote it", async () => {
    await ada.say("Hello, Grace");
    const entry = await grace.entry("Hello, Grace");
    assert.equal(await entry.locator(".byline b").textContent(), "Ada");
    const time = Date.parse((await entry.locator("time").getAttribute("datetime")) ?? "");
    assert.ok(Math.abs(Date.now() - time) < 60_000);
    await ada.entry("Hello, Grace");
    await grace.say("Hello, Ada");
    await ada.entry("Hello, Ada");
  });

  it("shows who is here, who comes, and who goes", async () => {
    assert.deepEqual(await peopleOf(ada), ["Ada (you)", "Grace"]);
    const linus = await ChatPage.open(browser, server.url, "Linus");
    await ada.page.locator("#people").getByText("Linus").waitFor();
    await linus.close();
    await ada.page.locator("#people").getByText("Linus").waitFor({ state: "detached" });
    assert.deepEqual(await peopleOf(grace), ["Ada", "Grace (you)"]);
  });

  it("shows that somebody is typing, until the message is there", async () => {
    await ada.page.getByLabel("Message", { exact: true }).pressSequentially("Wait");
    const hint = grace.page.locator("#typing");
    await hint.filter({ hasText: "Ada is typing…" }).waitFor();
    await ada.page.keyboard.press("Enter");
    await grace.entry("Wait");
    assert.equal(await hint.textContent(), "");
  });

  it("shows an image, sent as a binary message, in the other tab", async () => {
    await ada.page.getByLabel("Send an image").setInputFiles({
      name: "dot.png",
      mimeType: "image/png",
      buffer: PNG,
    });
    const image = grace.transcript.getByAltText("Image from Ada");
    await image.waitFor({ state: "attached" });
    const width = await image.evaluate(async (element: HTMLImageElement) => {
      await element.decode();
      return element.naturalWidth;
    });
    assert.equal(width, 1);
  });

  it("refuses what only claims to be an image", async () => {
    await ada.page.getByLabel("Send an image").setInputFiles({
      name: "evil.png",
      mimeType: "image/png",
      buffer: Buffer.from("<svg onload='alert(1)'/>"),
    });
    await ada.transcript.getByText("That is not a PNG, JPEG, GIF or WebP image.").waitFor();
  });

  it("says in the page that an image is too large, without sending it", async () => {
    await ada.page.getByLabel("Send an image").setInputFiles({
      name: "huge.png",
      mimeType: "image/png",
      buffer: Buffer.concat([PNG, Buffer.alloc(2 * 1024 * 1024)]),
    });
    await ada.transcript.getByText("huge.png is too large").waitFor();
  });

  it("keeps a name that looks like HTML a text", async () => {
    const name = "<img src=x onerror=a()>";
    await ada.rename(name);
    await grace.page.locator("#people").getByText(name, { exact: true }).waitFor();
    await ada.say("<b>bold</b>");
    const entry = await grace.entry("<b>bold</b>");
    assert.equal(await entry.locator(".byline b").textContent(), name);
    assert.equal(await grace.page.locator("#people img, .entry .bubble b").count(), 0);
    await ada.rename("Ada");
  });

  it("keeps the name over a reload", async () => {
    await ada.page.reload();
    await ada.isLive();
    assert.equal(await ada.page.getByLabel("You are").inputValue(), "Ada");
  });

  describe("the wire strip", () => {
    it("shows the handshake", async () => {
      const row = await ada.rowLike(/handshake/);
      assert.match(row, /GET \/chat\?tab=\S+ HTTP\/1\.1/);
      assert.match(row, /Sec-WebSocket-Key: \S{24}/);
      assert.match(row, /HTTP\/1\.1 101 Switching Protocols/);
      assert.match(row, /Sec-WebSocket-Protocol: hawser\.1/);
    });

    it("shows frames with a mask from the browser, and without one from the server", async () => {
      await ada.say("Masked on its way to the server");
      await ada.entry("Masked on its way to the server");
      const masked = '.flags .flag:not(.off):text-is("MASK")';
      const up = ada.page.locator("#rows tr.binary", { has: ada.page.locator(".up") });
      const down = ada.page.locator("#rows tr.binary", { has: ada.page.locator(".down") });
      await up.first().waitFor();
      await down.first().waitFor();
      assert.equal(await up.first().locator(masked).count(), 1);
      assert.equal(await down.first().locator(masked).count(), 0);
    });

    it("can be paused", async () => {
      await ada.click("Pause");
      const before = await ada.rows.count();
      await grace.say("Not in the strip yet");
      const goOn = ada.page.getByRole("button", { name: /^Go on \(\d+\)$/ });
      await goOn.waitFor();
      assert.equal(await ada.rows.count(), before);
      await goOn.click();
      await until(async () => (await ada.rows.count()) > before, "the rows that waited");
    });

    it("is not to be watched without a name that nobody guesses", async () => {
      assert.equal(await statusOf(server.url, "/wire?tab=1", HANDSHAKE), 404);
    });
  });

  describe("what carries the session is broken, and the chat", () => {
    before(async () => {
      await ada.page.getByRole("switch").click();
      await ada.numbersGoOn();
    });

    it("goes on over another socket when its own is cut", async () => {
      await ada.click("Cut the socket");
      await ada.rowLike(/the socket is cut|sockets are cut/);
      await ada.numbersGoOn();
      await ada.say("Said behind the cut");
      await grace.entry("Said behind the cut");
      assert.equal(await ada.transcript.getByText(/session was lost/).count(), 0);
    });

    it("goes on without WebSockets while they are blocked, and comes back to them", async () => {
      await ada.click("Block WebSocket");
      await ada.travelsBy("Streaming");
      await ada.rowLike(/↑to the serverPOSTstream/);
      await ada.rowLike(/↓to the browserpiecestream/);
      await ada.numbersGoOn();
      await ada.say("Said without a WebSocket");
      await grace.entry("Said without a WebSocket");
      await ada.click("Cut the socket"); // those of the requests
      await ada.numbersGoOn();
      await ada.click("Unblock WebSocket");
      await ada.travelsBy("WebSocket");
      await ada.numbersGoOn();
      assert.equal(await ada.page.locator('#timeline [data-kind="stream"]').first().isVisible(), true);
    });

    it("keeps what is written offline, and says it when the network is back", async () => {
      await ada.click("Go offline");
      await ada.page.locator('#state[data-state="waiting"]').waitFor();
      const request = ada.page.evaluate(() => fetch("/icon.svg").then(({ status }) => status));
      await assert.rejects(request, /Failed to fetch/);
      await grace.page.locator("#people .away").getByText("Ada").waitFor();
      await ada.say("Said offline");
      await ada.transcript.locator(".pending").filter({ hasText: "Said offline" }).waitFor();
      await grace.say("Said meanwhile");
      await grace.entry("Said meanwhile");
      assert.equal(await ada.transcript.getByText("Said meanwhile").count(), 0);
      await ada.click("Go online");
      await grace.entry("Said offline");
      await ada.entry("Said meanwhile");
      await until(async () => (await ada.transcript.locator(".pending").count()) === 0, "all is confirmed");
      await ada.numbersGoOn();
    });

    it("says of each image that there is no room for it", async () => {
      const mary = await ChatPage.open(browser, server.url, "Mary");
      await mary.click("Go offline");
      const image = { name: "large.png", mimeType: "image/png", buffer: Buffer.alloc(2 * 1024 * 1024, 7) };
      const notice = mary.transcript.getByText(/^There is no room for more that waits/);
      for (let i = 0; i < 7; i++) {
        await mary.page.getByLabel("Send an image").setInputFiles(image);
        await delay(50); // it is read
      }
      await notice.nth(2).waitFor();
      assert.ok((await notice.count()) <= 4, "some of them wait");
      await mary.close();
    });

    it("has lost, doubled and reordered nothing", async () => {
      await ada.page.getByRole("switch").click();
      await ada.page.locator("#unconfirmed").getByText("0 B", { exact: true }).waitFor();
      assert.deepEqual(await ada.faults(), ["0", "0", "0", "0", "0", "0"]);
      const { up, down } = await ada.arrived();
      assert.ok(up > 15 && down > 15, `${up} up, ${down} down`);
      assert.equal(await grace.transcript.getByText("Said behind the cut").count(), 1);
      assert.equal(await grace.transcript.getByText("Said offline").count(), 1);
    });
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`fits a phone in the ${colorScheme} scheme`, async () => {
      const viewport = { width: 320, height: 640 };
      const phone = await ChatPage.open(browser, server.url, "Phone", {
        viewport,
        colorScheme,
        isMobile: true,
        hasTouch: true,
      });
      await phone.say(`${"unbroken".repeat(30)} `);
      assert.equal(await phone.overflowPx(), 0);
      const toggle = phone.page.locator("#behind-toggle");
      assert.equal(await toggle.getAttribute("aria-expanded"), "false");
      await toggle.tap();
      await phone.page.getByRole("switch").tap();
      await phone.numbersGoOn(1);
      assert.equal(await phone.overflowPx(), 0);
      for (const what of ["#behind-body", "#frames"]) {
        const hiddenPx = await phone.page.locator(what).evaluate((one) => one.scrollWidth - one.clientWidth);
        assert.equal(hiddenPx, 0, `nothing of ${what} is cut off at the side`);
      }
      const background = await phone.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(background, colorScheme === "dark" ? "rgb(13, 18, 24)" : "rgb(243, 245, 248)");
      await phone.close();
    });
  }

  it("logs no error in any page", () => {
    assert.deepEqual([...ada.errors, ...grace.errors], []);
  });

  it("has the tabs wait when it is interrupted, and exits with 0", async () => {
    server.signal("SIGINT");
    for (const { page } of [ada, grace]) await page.locator('#state[data-state="waiting"]').waitFor();
    const { exitCode, errors } = await server.ending();
    assert.equal(exitCode, 0);
    assert.equal(errors, "");
  });

  it("says honestly what may be missing when another server does not know the session", async () => {
    await ada.say("Said to nobody");
    await ada.transcript.locator(".pending").waitFor();
    server = await DemoServer.start({ PORT: new URL(server.url).port });
    const tryNow = ada.page.getByRole("button", { name: "Try now" });
    await tryNow.click({ timeout: 2_000 }).catch(() => {}); // or it has come back by itself
    await ada.transcript.getByText(/^The session was lost .* may not have arrived\.$/).waitFor();
    await ada.isLive();
    await ada.click("Send again");
    await ada.entry("Said to nobody");
    assert.equal(await ada.transcript.getByText("Said to nobody").count(), 1);
  });
});

describe("the demo's server", () => {
  it("says in one line that the port is taken, and what to do", async () => {
    const server = await DemoServer.start();
    const port = new URL(server.url).port;
    const { exitCode, output, errors } = await DemoServer.run({ PORT: port });
    server.signal("SIGTERM");
    assert.equal((await server.ending()).exitCode, 0);
    assert.equal(exitCode, 1);
    assert.equal(output, "");
    assert.match(
      errors,
      new RegExp(`^[^\\n]*127\\.0\\.0\\.1:${port}[^\\n]*taken[^\\n]*PORT=\\d+ npm start\\n$`),
    );
  });

  it("does not wait for a client that never answers the close frame", async () => {
    const server = await DemoServer.start();
    const client = await silentClient(server.url);
    server.signal("SIGINT");
    assert.equal((await server.ending()).exitCode, 0);
    client.destroy();
  });

  it("ends at once when it is interrupted again", async () => {
    const server = await DemoServer.start();
    const client = await silentClient(server.url);
    server.signal("SIGINT");
    await server.says(/Stopping/);
    await delay(500); // at once, it would be the same Ctrl-C, passed on by npm
    server.signal("SIGINT");
    assert.equal((await server.ending()).exitCode, 1);
    client.destroy();
  });

  for (const port of ["eighty", "65536", "-1", "80.5"]) {
    it(`refuses PORT=${port}`, async () => {
      const { exitCode, errors } = await DemoServer.run({ PORT: port });
      assert.equal(exitCode, 1);
      assert.equal(errors, `PORT must be a number from 0 to 65535, not "${port}".\n`);
    });
  }

  it("serves the page and nothing else", async () => {
    const server = await DemoServer.start();
    try {
      const page = await fetch(server.url);
      assert.equal(page.status, 200);
      assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
      assert.equal(page.headers.get("cache-control"), "no-store");
      assert.match(page.headers.get("content-security-policy") ?? "", /script-src 'self' 'sha256-\S+';/);
      assert.equal((await fetch(new URL("/lab", server.url))).status, 200);
      assert.equal((await fetch(new URL("/hawser/entry/session-web.js", server.url))).status, 200);
      const script = await fetch(new URL("/page/main.js?x", server.url));
      assert.equal(script.headers.get("content-type"), "text/javascript; charset=utf-8");
      for (const path of [
        "/../server.js",
        "/%2e%2e/server.js",
        "/..%2fserver.js",
        "/page",
        "/messages.d.ts",
      ]) {
        assert.equal(await statusOf(server.url, path), 404, path);
      }
      assert.equal((await fetch(server.url, { method: "POST" })).status, 405);
    } finally {
      server.signal("SIGTERM");
      await server.ending();
    }
  });
});

async function peopleOf(chat: ChatPage): Promise<string[]> {
  return chat.page.locator("#people li > span:last-child").allTextContents();
}

/** Opens a WebSocket and then says nothing more, not even an answer to a close frame. */
async function silentClient(base: string): Promise<Socket> {
  const { hostname, port, host } = new URL(base);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {}); // the server drops it
  const fields = Object.entries(HANDSHAKE).map(([name, value]) => `${name}: ${value}`);
  socket.write(["GET /chat HTTP/1.1", `Host: ${host}`, ...fields, "", ""].join("\r\n"));
  await once(socket, "data");
  return socket;
}

/** `fetch` would tidy the path up; this sends it as it is. */
function statusOf(
  base: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    request({ hostname, port, path, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
}
