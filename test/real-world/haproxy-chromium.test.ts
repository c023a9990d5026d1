import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { type Browser, chromium } from "playwright-core";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import { describeWith } from "../support/requirements.js";
import { Backend } from "./backend.js";
import { freeLowPort } from "./free-low-port.js";
import { haproxyFiles } from "./haproxy-files.js";
import { RealProgram } from "./real-program.js";

/** What the page does, in the browser. */
interface PageSocket {
  onmessage: (event: { data: unknown }) => void;
  onclose: (event: { code: number; reason: string }) => void;
  onopen: () => void;
  send(text: string): void;
  readonly extensions: string;
}
declare const WebSocket: new (url: string) => PageSocket;

describeWith("chromium", "a browser behind HAProxy", (executablePath) => {
  describeWith("haproxy", "over HTTP/2", (haproxy) => {
    let browser: Browser;
    let backend: Backend;
    let program: RealProgram;
    let tlsPort = 0;

    before(async () => {
      browser = await chromium.launch({ executablePath, headless: true, args: [...CHROMIUM_FLAGS] });
      backend = await Backend.start("behind");
      const port = await freeLowPort();
      tlsPort = await freeLowPort();
      const { port: backendPort } = backend.server;
      program = await RealProgram.start({
        program: haproxy,
        programArguments: () => ["-db", "-f", "haproxy.cfg"],
        ports: [tlsPort],
        files: (directory) =>
          haproxyFiles(directory, {
            port,
            tlsPort,
            backendPorts: [backendPort, backendPort],
            replacements: {
              "  default_backend chat\n":
                "  http-request set-header X-Front-Version %[fc_http_major]\n  default_backend chat\n",
            },
          }),
      });
    });

    after(async () => {
      await browser?.close();
      await backend?.end();
      await program?.end();
    });

    it("opens a WebSocket on the connection that the page came over, of the same origin", async () => {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      await page.goto(`https://localhost:${tlsPort}/`);
      const seen = await page.evaluate(async (url) => {
        const socket = new WebSocket(url);
        return await new Promise<string>((resolve) => {
          let message = "";
          socket.onopen = () => socket.send("from the page");
          socket.onmessage = ({ data }) => {
            message = String(data);
            socket.send("close");
          };
          socket.onclose = ({ code }) => resolve(`${message}, ${socket.extensions}, ${code}`);
          setTimeout(() => resolve("nothing happened"), 10_000);
        });
      }, `wss://localhost:${tlsPort}/until-close`);
      assert.equal(seen, "from the page, permessage-deflate, 4006");
      const { request } = await backend.sockets.next();
      assert.equal(request.headers.get("x-front-version"), "2");
      assert.equal(request.origin, `https://localhost:${tlsPort}`);
      await context.close();
    });
  });
});
