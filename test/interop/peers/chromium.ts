import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { projectPath } from "#scripts/project-root.js";
import { CHROMIUM_FLAGS } from "../../support/chromium-flags.js";
import type { PageEnd } from "../browser-page.js";
import type { Payload, Received } from "../payload.js";
import type { Closed, End, EndOptions, Peer } from "../peer.js";

/** The `WebSocket` of a page in Chromium. */
export class ChromiumPage implements Peer {
  readonly name = "Chromium";
  readonly abilities: Peer["abilities"] = new Set(["tls", "empty-close", "deflate", "lone-surrogates"]);
  readonly #executablePath: string;
  readonly #server = createServer((request, response) => {
    const name = basename(request.url ?? "");
    response.setHeader("content-type", name === "" ? "text/html" : "text/javascript");
    response.end(name === "" ? PAGE : readFileSync(projectPath("build", "test", "interop", name)));
  });
  #browser: Browser | undefined;
  #page: Page | undefined;

  /** @param executablePath the path of the browser. */
  constructor(executablePath: string) {
    this.#executablePath = executablePath;
  }

  /** A browser with a profile of its own, and a page of 127.0.0.1 in it. */
  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const { port } = this.#server.address() as AddressInfo;
    const executablePath = this.#executablePath;
    this.#browser = await chromium.launch({
      executablePath,
      args: [...CHROMIUM_FLAGS, "--ignore-certificate-errors"],
      headless: true,
    });
    this.#page = await this.#browser.newPage();
    await this.#page.goto(`http://127.0.0.1:${port}/`);
    await this.#page.waitForFunction("globalThis.interop");
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async connect(url: string, { protocols }: EndOptions): Promise<End> {
    const { index, ...agreed } = (await this.#call("connect", url, protocols)) as PageEnd;
    const call = (...values: unknown[]): Promise<unknown> => this.#call("call", index, ...values);
    return {
      ...agreed,
      send: async (...messages: readonly Payload[]) => void (await call("send", ...messages)),
      receive: async (count) => (await call("receive", count)) as Received[],
      close: async (...values: unknown[]) => void (await call("close", ...values)),
      closed: async () => (await call("closed")) as Closed,
      sendFragments: missing,
      ping: missing,
      receivePing: missing,
      terminate: missing,
    };
  }

  async #call(name: string, ...values: unknown[]): Promise<unknown> {
    return this.#page?.evaluate(`interop.${name}(${values.map((value) => JSON.stringify(value)).join()})`);
  }
}

const PAGE = `<!doctype html><link rel="icon" href="data:,"><title>interop</title><script type="module" src="/browser-page.js"></script>`;

async function missing(): Promise<never> {
  throw new Error("the web's API cannot do this");
}
