import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { type ListeningServer, type ServerConnection, serve } from "hawser/server";
import { type Browser, chromium, type Page } from "playwright-core";
import { testCertificate } from "../support/certificate.js";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import { describeWith } from "../support/requirements.js";
import { until } from "../support/until.js";

const SOCKETS = 20;
const PAGE = `<!doctype html><link rel="icon" href="data:,"><title>over HTTP/2</title>`;

describeWith("chromium", "Chromium over HTTP/2", (executablePath) => {
  let browser: Browser;
  let page: Page;
  let server: ListeningServer;
  /** The ports that its TCP connections come from. */
  const ports = new Set<number | undefined>();
  const closes: number[] = [];

  before(async () => {
    server = await serve({
      tls: testCertificate(),
      http2: true,
      compression: true,
      protocols: ["chat"],
      request: (request, response) => {
        ports.add(request.socket.remotePort);
        response.setHeader("content-type", "text/html");
        response.end(PAGE);
      },
      message: (socket, data) => void socket.send(data),
      close: (_socket, { code }) => void closes.push(code),
      error() {},
    });
    browser = await chromium.launch({
      executablePath,
      headless: true,
      args: [...CHROMIUM_FLAGS, "--ignore-certificate-errors"],
    });
    page = await browser.newPage();
    await page.goto(server.url.replace("wss:", "https:"));
  });

  after(async () => {
    await browser?.close();
    await server?.shutdown({ drainTimeoutMs: 0 });
  });

  it("opens many WebSockets on the one connection that the page came over", async () => {
    const entry = "performance.getEntriesByType('navigation')[0].nextHopProtocol";
    assert.equal(await page.evaluate(entry), "h2");
    const opened = (await page.evaluate(`(async () => {
      globalThis.sockets = Array.from({ length: ${SOCKETS} }, () =>
        new WebSocket(location.href.replace("https:", "wss:") + "chat?x=1", ["other", "chat"]));
      await Promise.all(sockets.map((socket) => new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = () => reject(new Error("not opened"));
      })));
      return sockets.map(({ protocol, extensions }) => [protocol, extensions].join());
    })()`)) as string[];
    assert.deepEqual([...new Set(opened)], ["chat,permessage-deflate"]);
    const sockets = [...server.connections];
    assert.equal(sockets.length, SOCKETS);
    assert.deepEqual(
      [...new Set(sockets.map(({ request }) => request.httpVersion + request.target + request.isSecure))],
      ["2/chat?x=1true"],
    );
    assert.equal(ports.size, 1);
  });

  it("sends text and binary both ways, compressed, on each of them", async () => {
    const lengths = await page.evaluate(`(async () => Promise.all(sockets.map(async (socket, i) => {
      socket.binaryType = "arraybuffer";
      const echo = (data) => new Promise((resolve) => {
        socket.onmessage = (event) => resolve(event.data);
        socket.send(data);
      });
      const text = ("socket " + i + " ").repeat(20000);
      if (await echo(text) !== text) return "another text";
      return (await echo(new Uint8Array(100000 + i))).byteLength - i;
    })))()`);
    assert.deepEqual(lengths, new Array(SOCKETS).fill(100_000));
  });

  it("is closed by either side, and each end tells the other why", async () => {
    const code = await page.evaluate(`new Promise((resolve) => {
      sockets[0].onclose = ({ code, wasClean }) => resolve([code, wasClean]);
      sockets[0].close(4001, "enough");
    })`);
    assert.deepEqual(code, [4001, true]);
    await until(() => closes.includes(4001), "the server knows, too");
    await page.evaluate(`globalThis.told = new Promise((resolve) => {
      for (const socket of sockets.slice(1)) socket.onclose = ({ code, reason }) => resolve([code, reason]);
    }), undefined`);
    const [socket] = server.connections as ReadonlySet<ServerConnection>;
    void socket!.close(4002, "yours");
    assert.deepEqual(await page.evaluate("told"), [4002, "yours"]);
  });

  it("resets its streams when the page goes, which is 1006 here", async () => {
    await page.goto("about:blank");
    await until(() => server.connections.size === 0, "all of them are gone");
    assert.equal(closes.length, SOCKETS);
  });

  it("is refused with an event `error`, and the page goes on", async () => {
    await page.goto(server.url.replace("wss:", "https:"));
    const outcome = await page.evaluate(`new Promise((resolve) => {
      const socket = new WebSocket(location.href.replace("https:", "wss:"), ["other"]);
      socket.onopen = () => resolve("open");
      socket.onclose = ({ code }) => resolve(code);
    })`);
    // The server chose none of the subprotocols, with which a browser is not content.
    assert.equal(outcome, 1006);
    assert.equal(await page.evaluate("fetch(location.href).then((response) => response.status)"), 200);
  });
});
