import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { useMessages, useSession, useSessionState } from "hawser/react";
import { chromium } from "playwright-core";
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
  it("has a session as long as its component, also in strict mode", async () => {
    await bundlePage();
    await using site = await SessionSite.start({}, 0, {
      "/react": `<body></body><script type="module" src="/${BUNDLE.join("/")}"></script>`,
    });
    await using browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] });
    const page = await browser.newPage();
    const failures: string[] = [];
    page.on("pageerror", (error) => failures.push(error.message));
    page.on("console", (message) => message.type() === "error" && failures.push(message.text()));
    await page.goto(`http://127.0.0.1:${site.port}/react`);
    await page.waitForFunction(() => "reactPage" in globalThis);
    const show = (url: string | undefined, prefix: string): Promise<void> =>
      page.evaluate((props) => (globalThis as unknown as WithPage).reactPage.show(props), {
        url,
        prefix,
      } as const);
    const line = (text: string): Promise<void> => page.getByText(text, { exact: true }).waitFor();

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
