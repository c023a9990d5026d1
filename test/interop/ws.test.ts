import { interopSuite } from "./interop-suite.js";
import { ws } from "./peers/ws.js";

interopSuite(ws);
