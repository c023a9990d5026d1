import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Browser, chromium } from "playwright-core";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import { describeWith } from "../support/requirements.js";
import { ChatPage } from "./chat-page.js";
import { DemoServer } from "./demo-server.js";

/** A PNG of one transparent pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

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

  it("welcomes, and shows that the connection is open", async () => {
    await ada.transcript.getByText(/^Welcome, /).waitFor();
    assert.equal(await ada.state.textContent(), "Open");
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
    assert.match(await grace.rowLike(/↓to the browserbinary/), /FIN/);
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
    await ada.isOpen();
    assert.equal(await ada.page.getByLabel("You are").inputValue(), "Ada");
  });

  describe("the wire strip", () => {
    it("shows the handshake", async () => {
      const row = await ada.rowLike(/handshake/);
      assert.match(row, /GET \/chat\?name=\S+ HTTP\/1\.1/);
      assert.match(row, /Sec-WebSocket-Key: \S{24}/);
      assert.match(row, /HTTP\/1\.1 101 Switching Protocols/);
      assert.match(row, /Sec-WebSocket-Accept: \S{28}/);
    });

    it("shows frames with a mask from the browser, and without one from the server", async () => {
      await ada.say("Masked on its way to the server");
      await ada.entry("Masked on its way to the server");
      const flags = '.flags .flag:not(.off):text-is("MASK")';
      const up = ada.page.locator("#rows tr.text", { has: ada.page.locator(".up") });
      const down = ada.page.locator("#rows tr.text", { has: ada.page.locator(".down") });
      await up.first().waitFor();
      assert.equal(await up.locator(flags).count(), await up.count());
      assert.equal(await down.locator(flags).count(), 0);
      assert.ok((await down.count()) > 0);
    });

    it("marks compressed frames, and counts what went over the wire", async () => {
      const text = "A long text is worth compressing. ".repeat(60).trim();
      await ada.say(text);
      await grace.entry(text);
      const row = grace.page.locator("#rows tr.text", { has: grace.page.locator(".down") }).last();
      const flags = await row.locator(".flag:not(.off)").allTextContents();
      assert.deepEqual(flags, ["FIN", "RSV1"]);
      const [payload] = await row.locator(".number").allTextContents();
      assert.ok(Number.parseInt(payload ?? "", 10) < 300, payload);
    });

    it("shows a ping, its pong and the latency", async () => {
      await ada.page.getByRole("button", { name: "Ping" }).click();
      await ada.rowLike(/↓to the browserping/);
      await ada.rowLike(/↑to the serverpong/);
      await ada.page
        .locator("#latency")
        .filter({ hasText: /^\d+\.\d ms$/ })
        .waitFor();
    });

    it("can be paused", async () => {
      await ada.page.getByRole("button", { name: "Pause" }).click();
      const before = await ada.rows.count();
      await grace.say("Not in the strip yet");
      const goOn = ada.page.getByRole("button", { name: /^Go on \(\d+\)$/ });
      await goOn.waitFor();
      assert.equal(await ada.rows.count(), before);
      await goOn.click();
      assert.ok((await ada.rows.count()) > before);
    });

    it("is not to be watched without knowing the id", async () => {
      const url = new URL("/wire?id=1", server.url);
      const answer = await fetch(url);
      assert.equal(answer.status, 404);
    });
  });

  describe("closing with a code", () => {
    it("of the server is shown in words, with its reason, and the page comes back", async () => {
      await closeWith(grace, "4000", "to see it", "Server closes");
      assert.match(await grace.isClosed(), /^Closed: 4000 private use “to see it”, next try in 1 s$/);
      assert.match(
        await grace.rowLike(/closed by the server/),
        /both sides sent a close frame4000 private use “to see it”/,
      );
      await grace.rowLike(/close event in this page4000 private use/);
      await grace.isOpen();
    });

    it("of the browser stays closed if it is a normal closure, until somebody reconnects", async () => {
      await closeWith(grace, "1000", "", "Browser closes");
      assert.equal(await grace.isClosed(), "Closed: 1000 normal closure");
      await grace.rowLike(/closed by the browser, both sides sent a close frame1000 normal closure/);
      await grace.page.getByRole("button", { name: "Reconnect" }).click();
      await grace.isOpen();
    });

    it("is left to the server where the browser may not", async () => {
      await grace.page.getByLabel("Code").selectOption("1011");
      assert.equal(await grace.page.getByRole("button", { name: "Browser closes" }).isDisabled(), true);
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
      const toggle = phone.page.locator("#wire-toggle");
      assert.equal(await toggle.getAttribute("aria-expanded"), "false");
      await toggle.tap();
      await phone.page.locator("#close-toggle").tap();
      await phone.page.locator("#frames").waitFor();
      assert.equal(await phone.overflowPx(), 0);
      const background = await phone.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(background, colorScheme === "dark" ? "rgb(13, 18, 24)" : "rgb(243, 245, 248)");
      await phone.close();
    });
  }

  it("logs no error in any page", () => {
    assert.deepEqual([...ada.errors, ...grace.errors], []);
  });

  it("tells every tab with 1001 when it is interrupted, and exits with 0", async () => {
    server.signal("SIGINT");
    const closed = /^Closed: 1001 going away “server shutting down”/;
    assert.match(await ada.isClosed(), closed);
    assert.match(await grace.isClosed(), closed);
    await ada.rowLike(/close event in this page1001 going away “server shutting down”, both sides/);
    const { exitCode, errors } = await server.ending();
    assert.equal(exitCode, 0);
    assert.equal(errors, "");
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
    const startMs = performance.now();
    server.signal("SIGINT");
    assert.equal((await server.ending()).exitCode, 1);
    assert.ok(performance.now() - startMs < 1_500);
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
  const fields = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
  const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
  socket.write(["GET /chat HTTP/1.1", `Host: ${host}`, ...fields, key, "", ""].join("\r\n"));
  await once(socket, "data");
  return socket;
}

/** `fetch` would tidy the path up; this sends it as it is. */
function statusOf(base: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    request({ hostname, port, path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
}

async function closeWith(chat: ChatPage, code: string, reason: string, button: string): Promise<void> {
  const form = chat.page.locator("#close-form");
  if (!(await form.isVisible())) await chat.page.locator("#close-toggle").click();
  await chat.page.getByLabel("Code").selectOption(code);
  await chat.page.getByLabel("Reason").fill(reason);
  await chat.page.getByRole("button", { name: button }).click();
}
