import { describeWith } from "../support/requirements.js";
import { sessionsOfPages } from "./session-suite.js";
import { WebKitBrowser } from "./webkit-browser.js";

describeWith("xvfb", "on a display", (xvfb) => {
  describeWith("webkit", "sessions in WebKit", (driver) => {
    sessionsOfPages({ start: () => WebKitBrowser.start(driver, xvfb), isEmulated: false, keepsPages: true });
  });
});
