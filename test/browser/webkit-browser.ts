import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../support/free-port.js";
import { withTimeout } from "../support/with-timeout.js";
import { callArgument, callResult, pageCall } from "./page-call.js";
import type { ProofBrowser, ProofPage } from "./proof-browser.js";

const START_MS = 30_000;

/** WebKit, the engine of Safari, in the small browser of WebKitGTK on a display that nobody sees, by WebDriver. */
export class WebKitBrowser implements ProofBrowser {
  name = "WebKitGTK";
  readonly #driver: string;
  readonly #display: ChildProcess;
  readonly #displayName: string;
  readonly #drivers: WebDriver[] = [];

  private constructor(driver: string, display: ChildProcess, displayName: string) {
    this.#driver = driver;
    this.#display = display;
    this.#displayName = displayName;
  }

  static async start(driver: string, xvfb: string): Promise<WebKitBrowser> {
    const display = spawn(xvfb, ["-displayfd", "3", "-nolisten", "tcp"], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    const [number] = (await withTimeout(once(display.stdio[3]!, "data"), START_MS, "a display")) as [Buffer];
    const browser = new WebKitBrowser(driver, display, `:${String(number).trim()}`);
    await browser.open();
    return browser;
  }

  /** A browser of its own: a driver has one at a time. */
  async open(): Promise<ProofPage> {
    const driver = await WebDriver.start(this.#driver, this.#displayName);
    this.#drivers.push(driver);
    this.name = `WebKitGTK ${driver.version}`;
    return new WebKitPage(driver, await driver.ask("GET", "window"));
  }

  async close(): Promise<void> {
    await Promise.all(this.#drivers.map((driver) => driver.end()));
    await ended(this.#display);
  }
}

class WebKitPage implements ProofPage {
  readonly #driver: WebDriver;
  readonly #window: string;

  constructor(driver: WebDriver, window: string) {
    this.#driver = driver;
    this.#window = window;
  }

  async goto(url: string): Promise<void> {
    await this.#ask("POST", "url", { url });
  }

  async back(): Promise<void> {
    await this.#ask("POST", "back", {});
  }

  async call<A, R>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R> {
    const script = `const done = arguments[1];
      (${pageCall(run)})(arguments[0]).then((json) => done({ json }), (error) => done({ error: String(error) }));`;
    const answer = await this.#ask<{ json: string } | { error: string }>("POST", "execute/async", {
      script,
      args: [callArgument(argument)],
    });
    if ("error" in answer) throw new Error(answer.error);
    return callResult(answer.json);
  }

  async beside(): Promise<ProofPage> {
    const { handle } = await this.#driver.ask<{ handle: string }>("POST", "window/new", { type: "tab" });
    return new WebKitPage(this.#driver, handle);
  }

  async close(): Promise<void> {
    if ((await this.#ask<string[]>("DELETE", "window")).length === 0) await this.#driver.end();
  }

  #ask<R>(method: string, command: string, body?: object): Promise<R> {
    return this.#driver.askIn(this.#window, method, command, body);
  }
}

/** A driver with one browser. Commands go one after the other, since each is for the tab that was chosen last. */
class WebDriver {
  readonly version: string;
  readonly #process: ChildProcess;
  readonly #url: string;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(process: ChildProcess, url: string, version: string) {
    this.#process = process;
    this.#url = url;
    this.version = version;
  }

  static async start(program: string, display: string): Promise<WebDriver> {
    const port = await freePort();
    const child = spawn(program, [`--port=${port}`], {
      stdio: "ignore",
      env: { ...process.env, DISPLAY: display, WEBKIT_DISABLE_COMPOSITING_MODE: "1", NO_AT_BRIDGE: "1" },
    });
    const url = `http://127.0.0.1:${port}/session`;
    const startedAt = performance.now();
    for (;;) {
      try {
        const { sessionId, capabilities } = await askDriver<{
          sessionId: string;
          capabilities: { browserVersion: string };
        }>("POST", url, { capabilities: {} });
        return new WebDriver(child, `${url}/${sessionId}`, capabilities.browserVersion);
      } catch (error) {
        if (performance.now() - startedAt > START_MS || child.exitCode !== null) throw error;
        await delay(20);
      }
    }
  }

  askIn<R>(window: string, method: string, command: string, body?: object): Promise<R> {
    return this.#inTurn(async () => {
      await this.#ask("POST", "window", { handle: window });
      return this.#ask<R>(method, command, body);
    });
  }

  ask<R>(method: string, command: string, body?: object): Promise<R> {
    return this.#inTurn(() => this.#ask(method, command, body));
  }

  async end(): Promise<void> {
    await ended(this.#process);
  }

  #ask<R>(method: string, command: string, body?: object): Promise<R> {
    return askDriver(method, `${this.#url}/${command}`, body);
  }

  #inTurn<R>(run: () => Promise<R>): Promise<R> {
    const turn = this.#last.then(run, run);
    this.#last = turn;
    return turn;
  }
}

async function askDriver<R>(method: string, url: string, body?: object): Promise<R> {
  const response = await fetch(url, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
  const { value } = (await response.json()) as { value: R & { error?: string; message?: string } };
  if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await withTimeout(exited, START_MS, "the end of a program");
}
