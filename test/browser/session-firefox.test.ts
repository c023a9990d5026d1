import { describeWith } from "../support/requirements.js";
import { FirefoxBrowser } from "./firefox-browser.js";
import { sessionsOfPages } from "./session-suite.js";

describeWith("firefox", "sessions in Firefox", (path) => {
  sessionsOfPages({
    start: () => FirefoxBrowser.start(path),
    isEmulated: false,
    keepsPages: false,
    maxVisits: 4,
  });
});
