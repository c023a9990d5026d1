import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClientConnection, connect } from "hawser/client";
import { withTimeout } from "../support/with-timeout.js";
import { callArgument, callResult, pageCall } from "./page-call.js";
import type { ProofBrowser, ProofPage } from "./proof-browser.js";

const START_MS = 30_000;
/** Firefox looks for updates and tells its makers what it does. */
const PREFERENCES = {
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
  "toolkit.telemetry.enabled": false,
};

type Answer =
  | { readonly type: "success"; readonly id: number; readonly result: unknown }
  | { readonly type: "error"; readonly id: number; readonly error: string; readonly message: string }
  | { readonly type: "event" };

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Firefox, by WebDriver BiDi, which is JSON over a WebSocket. */
export class FirefoxBrowser implements ProofBrowser {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #bidi: Bidi;

  private constructor(name: string, process: ChildProcess, profile: string, bidi: Bidi) {
    this.name = name;
    this.#process = process;
    this.#profile = profile;
    this.#bidi = bidi;
  }

  static async start(executablePath: string): Promise<FirefoxBrowser> {
    const profile = mkdtempSync(join(tmpdir(), "hawser-firefox-"));
    const lines = Object.entries(PREFERENCES).map(
      ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
    );
    writeFileSync(join(profile, "user.js"), lines.join(""));
    const process = spawn(
      executablePath,
      ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const bidi = await Bidi.open(await withTimeout(addressOf(process), START_MS, "Firefox listens"));
    const { capabilities } = await bidi.ask<{ capabilities: { browserVersion: string } }>("session.new", {
      capabilities: {},
    });
    return new FirefoxBrowser(`Firefox ${capabilities.browserVersion}`, process, profile, bidi);
  }

  async open(): Promise<ProofPage> {
    const { userContext } = await this.#bidi.ask<{ userContext: string }>("browser.createUserContext", {});
    return FirefoxPage.open(this.#bidi, userContext);
  }

  async close(): Promise<void> {
    const exited = once(this.#process, "exit");
    await this.#bidi.ask("browser.close", {});
    await withTimeout(exited, START_MS, "the end of Firefox");
    rmSync(this.#profile, { recursive: true, force: true });
  }
}

/** Where Firefox says that it listens. */
function addressOf({ stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    stderr!.on("data", (text) => {
      said += text;
      const address = /BiDi listening on (ws:\S+)/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
}

class FirefoxPage implements ProofPage {
  readonly #bidi: Bidi;
  readonly #userContext: string;
  readonly #context: string;

  private constructor(bidi: Bidi, userContext: string, context: string) {
    this.#bidi = bidi;
    this.#userContext = userContext;
    this.#context = context;
  }

  static async open(bidi: Bidi, userContext: string): Promise<FirefoxPage> {
    const { context } = await bidi.ask<{ context: string }>("browsingContext.create", {
      type: "window", // timers of a tab behind another one have to wait
      userContext,
    });
    return new FirefoxPage(bidi, userContext, context);
  }

  async goto(url: string): Promise<void> {
    await this.#bidi.ask("browsingContext.navigate", { context: this.#context, url, wait: "complete" });
  }

  async back(): Promise<void> {
    await this.#bidi.ask("browsingContext.traverseHistory", { context: this.#context, delta: -1 });
  }

  async call<A, R>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R> {
    const answer = await this.#bidi.ask<{
      type: string;
      result: { value: string };
      exceptionDetails?: { text: string };
    }>("script.callFunction", {
      target: { context: this.#context },
      awaitPromise: true,
      functionDeclaration: pageCall(run),
      arguments: [{ type: "string", value: callArgument(argument) }],
    });
    if (answer.type !== "success") throw new Error(answer.exceptionDetails?.text);
    return callResult(answer.result.value);
  }

  beside(): Promise<ProofPage> {
    return FirefoxPage.open(this.#bidi, this.#userContext);
  }

  async close(): Promise<void> {
    await this.#bidi.ask("browsingContext.close", { context: this.#context, promptUnload: true });
  }
}

/** Commands of WebDriver BiDi, and their answers. */
class Bidi {
  readonly #socket: ClientConnection;
  readonly #waiting: Map<number, Waiting>;
  #last = 0;

  private constructor(socket: ClientConnection, waiting: Map<number, Waiting>) {
    this.#socket = socket;
    this.#waiting = waiting;
  }

  static async open(url: string): Promise<Bidi> {
    const waiting = new Map<number, Waiting>();
    const socket = await connect(`${url}/session`, {
      pingIntervalMs: 0,
      idleTimeoutMs: 0,
      message(_socket, data) {
        const answer = JSON.parse(String(data)) as Answer;
        if (answer.type === "event") return;
        const asked = waiting.get(answer.id);
        waiting.delete(answer.id);
        if (answer.type === "success") asked?.resolve(answer.result);
        else asked?.reject(new Error(`${answer.error}: ${answer.message}`));
      },
      close() {
        for (const { reject } of waiting.values()) reject(new Error("Firefox is gone"));
      },
    });
    return new Bidi(socket, waiting);
  }

  ask<R>(method: string, params: object): Promise<R> {
    const id = ++this.#last;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (result) => resolve(result as R), reject });
    });
  }
}
