import { describeWith } from "../support/requirements.js";
import { interopSuite } from "./interop-suite.js";
import { ChromiumPage } from "./peers/chromium.js";

describeWith("chromium", "a browser", (path) => interopSuite(new ChromiumPage(path)));
