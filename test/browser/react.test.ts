import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { useMessages, useSession, useSessionState } from "hawser/react";
import { type Browser, chromium } from "playwright-core";
import { createElement, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { rolldown } from "rolldown";
import { projectPath } from "#scripts/project-root.js";
import { CHROMIUM_FLAGS } from "../support/chromium-flags.js";
import { describeWith } from "../support/requirements.js";
import { until } from "../support/until.js";
import type { hide, show } from "./react-page.js";
import { SessionSite } from "./session-site.js";

type WithPage = { readonly reactPage: { readonly show: typeof show; readonly hide: typeof hide } };

const BUNDLE = ["build", "test", "browser", "react-page.bundle.js"];

async function bundlePage(): Promise<void> {
  const build = await rolldown({
    input: projectPath("build", "test", "browser", "react-page.js"),
    platform: "browser",
    transform: { define: { "process.env.NODE_ENV": '"development"' } }, // in which strict mode is strict
  });
  const { output } = await build.generate({ format: "esm" });
  await build.close();
  await writeFile(projectPath(...BUNDLE), output[0].code);
}

describeWith("chromium", "hawser/react in Chromium", (executablePath) => {
  const open = async (site: SessionSite, browser: Browser) => {
    const page = await browser.newPage();
    const failures: string[] = [];
    page.on("pageerror", (error) => failures.push(error.message));
    page.on("console", (message) => message.type() === "error" && failures.push(message.text()));
    await page.goto(`http://127.0.0.1:${site.port}/react`);
    await page.waitForFunction(() => "reactPage" in globalThis);
    return {
      page,
      failures,
      show: (url: string | undefined, prefix: string, listeners: readonly string[] = []): Promise<void> =>
        page.evaluate((props) => (globalThis as unknown as WithPage).reactPage.show(props), {
          url,
          prefix,
          listeners,
        } as const),
      line: (text: string): Promise<void> => page.getByText(text, { exact: true }).first().waitFor(),
      lines: (): Promise<string[]> => page.locator("li").allTextContents(),
    };
  };
  const start = async (): Promise<SessionSite> => {
    await bundlePage();
    return await SessionSite.start({}, 0, {
      "/react": `<body></body><script type="module" src="/${BUNDLE.join("/")}"></script>`,
    });
  };

  it("leaves a channel to the component that took it, and tells nobody of a session that is let go of", async () => {
    await using site = await start();
    await using browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
    const { show, line, lines, failures } = await open(site, browser);
    await show("/live?1", "a ", ["A"]);
    await line("a is live");
    const first = await lines();
    assert.ok(!first.includes("a is closed"), "the session of strict mode is none");
    const asked = first.filter((text) => text === "a is asked who it is");
    assert.equal(asked.length, 1, "and nobody is asked for its credentials");
    await show("/live?1", "a ", ["A", "B"]);
    await show("/live?1", "a ", ["B"]);
    const { session } = site.sessions[0]!;
    session.channel("side").send("to B");
    await line("a B: to B");

    const flood = setInterval(() => session.send("of the first"), 1);
    await line("a of the first");
    await show("/live?2", "b ");
    await line("b is live");
    await until(() => site.sessions[0]!.events.includes("closed 4400"), "the first session is closed");
    clearInterval(flood);
    site.sessions[1]!.session.send("last");
    await line("b last");
    const strays = (await lines()).filter((text) => text === "b is closed" || text === "b of the first");
    assert.deepEqual([strays, failures], [[], []]);
  });

  it("has a session as long as its component, also in strict mode", async () => {
    await using site = await start();
    await using browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
    const { page, failures, show, line } = await open(site, browser);
    await show(undefined, "");
    await page.locator("#state", { hasText: "connecting" }).waitFor();
    await show("/live", "a ");
    await page.locator("#state", { hasText: "live" }).waitFor();
    assert.equal(site.sessions.length, 1, "the session of the first, strict mounting was never there");
    const { session, events } = site.sessions[0]!;
    session.send("hello");
    await line("a hello");
    session.channel("news").send("rain");
    await line("a news: rain");

    await show("/live", "b "); // the handlers of the last rendering count
    session.send("again");
    await line("b again");
    await page.getByRole("button").click();
    await until(() => site.sessions[0]!.raw.at(-1) === "clicked", "a click was sent");

    await show("/live?other", "c ");
    await until(() => events.includes("closed 4400"), "the session of the other URL is closed");
    await until(() => site.sessions.length === 2, "there is another session");
    site.sessions[1]!.session.send("new");
    await line("c new");

    await page.evaluate(() => (globalThis as unknown as WithPage).reactPage.hide());
    await until(() => site.sessions[1]!.events.includes("closed 4400"), "it is closed without its component");
    assert.equal(site.hub.sessions.size, 0);
    assert.deepEqual(failures, []);
  });
});

describe("hawser/react on a server that renders", () => {
  it("has no session, and says that it connects", () => {
    function App(): ReactNode {
      const session = useSession("wss://example.com/live", { message() {} });
      useMessages(session, "news", () => {});
      const { status } = useSessionState(session);
      return createElement("p", null, `${status}, ${session === undefined ? "no session" : "a session"}`);
    }
    assert.equal(renderToString(createElement(App)), "<p>connecting, no session</p>");
  });
});
