import { describeWith } from "../support/requirements.js";
import { ChromiumBrowser } from "./chromium-browser.js";
import { sessionsOfPages } from "./session-suite.js";

describeWith("chromium", "sessions in Chromium", (path) => {
  sessionsOfPages({ start: () => ChromiumBrowser.start(path), isEmulated: true, keepsPages: true });
});
